"""After a default: what the collateral fetched, who was paid from it, and what each facility lost.

Worked out in float64 from the engine's own accounts at default and its price impact, by the functions the engine uses;
the losses themselves are the engine's. The two differ by the rounding of the engine's arithmetic.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rackrisk.kernels.arrays import Book, State
from rackrisk.kernels.recovery import estate, facility_losses, sale_prices, waterfall
from rackrisk.models.book import RANKS
from rackrisk.models.market import channel_units

from ._life import Life

CLAIMS_USD = 1e-3


@dataclass(frozen=True)
class Recovery:
    """From a default to the losses; money in USD of the as-of date unless said.

    Attributes:
        discount: value of a dollar of the default month.
        assets: a row an asset of the estate: `channel, unit, units, pledged_units, price_at_default` (market), `impact`
            (factor), `lag_months, price_at_sale` (market, undiscounted), `kept_share` (after haircut and costs),
            `discount` (from the sale), `pledged_usd, free_usd` (proceeds).
        accounts: `name` (cash, guarantee), `usd`.
        claims: a row a rank with claims: `rank, claim_usd, from_collateral_usd, from_rest_usd, unpaid_usd`.
        facilities: `facility_id, rank, exposure_usd` (principal at default, not discounted), `claim_usd` (discounted),
            `from_collateral_usd, from_rest_usd, elsewhere_usd` (`unsecured_recovery`), `lost_usd` (these figures) and
            `loss_quanta, loss_usd` (the engine's).
    """

    discount: float
    assets: pl.DataFrame
    accounts: pl.DataFrame
    claims: pl.DataFrame
    facilities: pl.DataFrame

    @property
    def difference_usd(self) -> float:
        """Largest difference of a facility's loss between these figures and the engine's."""
        both = self.facilities.select("lost_usd", "loss_usd").iter_rows()
        return max(abs(figured - engine) for figured, engine in both)


def recovery_of(life: Life) -> Recovery | None:
    """The recovery after an obligor's default; None without one."""
    if not life.default_month:
        return None
    book, paths, end = life.scene.book, life.scene.paths, life.state_at_end
    impact = np.asarray(life.told.replay.impact, np.float64)[None]
    left = estate(np, book, paths, impact, end)
    flow = waterfall(np, book, left, end)
    claims = np.array([claim[0, 0] for claim in flow.claims])
    unpaid, covered = np.array([rest[0, 0] for rest in flow.unpaid]), float(flow.covered[0, 0])
    by_rank = pl.DataFrame(
        {
            "rank": RANKS,
            "claim_usd": claims,
            "from_collateral_usd": claims - unpaid,
            "from_rest_usd": unpaid * covered,
            "unpaid_usd": unpaid * (1 - covered),
        }
    )
    discount = float(left.discount[0, 0])
    accounts = {"cash": float(end.cash_usd[0, 0]) * discount, "guarantee": float(end.guarantee_usd[0, 0]) * discount}
    return Recovery(
        discount=discount,
        assets=_assets(life, impact, end),
        accounts=pl.DataFrame({"name": list(accounts), "usd": list(accounts.values())}),
        claims=by_rank.filter(pl.col("claim_usd") > CLAIMS_USD),
        facilities=_facilities(life, by_rank, impact, end),
    )


def _assets(life: Life, impact: np.ndarray, end: State) -> pl.DataFrame:
    book, paths, t = life.scene.book, life.scene.paths, life.default_month
    units, pledged = _units(book, end)
    lag, units_of = book.liquidation.lag_months, channel_units(life.told.opened.market)
    price = sale_prices(np, book, paths, impact)[0, t]
    rows: list[dict[str, Any]] = []
    for v in np.flatnonzero(units):
        later = t + int(lag[v])
        name = life.told.value_names[v]
        rows.append(
            {
                "channel": name,
                "unit": units_of[name],
                "units": units[v],
                "pledged_units": pledged[v],
                "price_at_default": paths.price[0, t, v],
                "impact": impact[0, t, v],
                "lag_months": int(lag[v]),
                "price_at_sale": paths.price[0, later, v],
                "kept_share": book.liquidation.kept_share[v],
                "discount": paths.discount[0, later],
                "pledged_usd": price[v] * pledged[v],
                "free_usd": price[v] * (units[v] - pledged[v]),
            }
        )
    return pl.DataFrame(rows, schema=_ASSETS)


_ASSETS = {
    "channel": pl.String, "unit": pl.String, "units": pl.Float64, "pledged_units": pl.Float64,
    "price_at_default": pl.Float64, "impact": pl.Float64, "lag_months": pl.Int64, "price_at_sale": pl.Float64,
    "kept_share": pl.Float64, "discount": pl.Float64, "pledged_usd": pl.Float64, "free_usd": pl.Float64,
}  # fmt: skip


def _units(book: Book, end: State) -> tuple[np.ndarray, np.ndarray]:
    """Units of the estate and those of them that are pledged, coins included: [V] each."""
    units, pledged = book.assets.units[:, 0].copy(), book.assets.pledged_units[:, 0].copy()
    units[book.coin_channel] += float((end.coins + end.pledged_coins)[0, 0])
    pledged[book.coin_channel] += float(end.pledged_coins[0, 0])
    return units, pledged


def _facilities(life: Life, by_rank: pl.DataFrame, impact: np.ndarray, end: State) -> pl.DataFrame:
    """Each facility's part of its rank; `loss_usd` is the engine's."""
    told, book = life.told, life.scene.book
    here = told.opened.built.book.facilities.obligor == life.place
    found, rank = facility_losses(np, book, life.scene.paths, impact, end), book.facilities.rank
    claim = found.exposure_pv_usd[0]
    whole = np.maximum(by_rank["claim_usd"].to_numpy()[rank], CLAIMS_USD)
    part = {name: by_rank[name].to_numpy()[rank] * claim / whole for name in ("from_collateral_usd", "from_rest_usd")}
    unpaid = claim - part["from_collateral_usd"] - part["from_rest_usd"]
    quanta = told.replay.tally.facility_loss[here]
    return pl.DataFrame(
        {
            "facility_id": told.opened.built.facilities["facility_id"].filter(pl.Series(here)),
            "rank": [RANKS[number] for number in rank],
            "exposure_usd": found.exposure_usd[0],
            "claim_usd": claim,
            **part,
            "elsewhere_usd": unpaid * book.facilities.unsecured_recovery,
            "lost_usd": found.loss_usd[0],
            "loss_quanta": quanta,
            "loss_usd": quanta * told.quantum_usd,
        }
    )
