"""One scenario: its world, its loss and who lost it."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from rackrisk.models.tables import CAUSES

from ._told import Told
from ._world import World, world_of

OBLIGORS = {
    "obligor_id": pl.String, "segment": pl.String, "facilities": pl.Int64, "balance_usd": pl.Float64,
    "default_month": pl.Int64, "cause": pl.String, "exposure_usd": pl.Float64, "loss_quanta": pl.Int64,
    "loss_usd": pl.Float64, "lgd": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class ScenarioStory:
    """One scenario of a run.

    Attributes:
        loss_usd: of the whole book, discounted.
        world: what happened in the market.
        scopes: `scope, exposure_usd` (at the as-of date), `loss_quanta, loss_usd`.
        causes: defaulted obligors of the portfolio by what failed first.
        obligors: a row an obligor, the largest loss first: `obligor_id, segment, facilities, balance_usd,
            default_month` and `cause` (null without default or where not known), `exposure_usd` (principal at default,
            discounted), `loss_quanta, loss_usd, lgd`.
        quantum_usd: what losses are counted in.
        exact: causes are those of the run's own engine, not of the reference's months beside it.
    """

    scenario: int
    loss_usd: float
    world: World
    scopes: pl.DataFrame
    causes: dict[str, int]
    obligors: pl.DataFrame
    quantum_usd: float
    exact: bool

    @property
    def defaults(self) -> int:
        """Obligors that default."""
        return sum(self.causes.values())


def scenario_story(told: Told) -> ScenarioStory:
    """What happened in a scenario."""
    built, tally = told.opened.built, told.replay.tally
    exposure = built.scale.facility_in_group @ built.scale.first_balance_usd
    columns = {"exposure_usd": exposure, "loss_quanta": tally.loss[0], "loss_usd": tally.loss[0] * told.quantum_usd}
    return ScenarioStory(
        scenario=told.scenario,
        loss_usd=float(tally.loss[0, 0]) * told.quantum_usd,
        world=world_of(told),
        scopes=pl.DataFrame({"scope": built.scopes, **columns}),
        causes=dict(zip(CAUSES, tally.causes[:, 0].tolist(), strict=True)),
        obligors=_obligors(told),
        quantum_usd=told.quantum_usd,
        exact=told.replay.exact,
    )


def _obligors(told: Told) -> pl.DataFrame:
    facilities, tally = told.opened.built.facilities, told.replay.tally
    lost = facilities.select("obligor_id", "facility_id", "segment", "balance_usd").with_columns(
        exposure_usd=tally.facility_exposure_pv * told.quantum_usd, loss_quanta=tally.facility_loss
    )
    sums = [pl.col(name).sum() for name in ("balance_usd", "exposure_usd", "loss_quanta")]
    count = pl.len().cast(pl.Int64).alias("facilities")
    by_name = lost.group_by("obligor_id", maintain_order=True).agg(pl.col("segment").first(), count, *sums)
    loss = pl.col("loss_quanta") * told.quantum_usd
    month = told.replay.default_month.astype(np.int64).tolist()
    known = by_name.with_columns(
        default_month=pl.Series([m or None for m in month], dtype=pl.Int64),
        cause=pl.Series([CAUSES[number - 1] if number else None for number in told.replay.cause], dtype=pl.String),
        loss_usd=loss,
        lgd=pl.when(pl.col("exposure_usd") > 0).then(loss / pl.col("exposure_usd")),
    )
    order = ["loss_quanta", "default_month", "obligor_id"]
    return known.select(list(OBLIGORS)).sort(order, descending=[True, False, False], nulls_last=True)
