"""The worst scenarios of a run, what happened in their worlds, and who lost most in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rackrisk.models.stages import StageReport, told, unheard

from ._scenario import OBLIGORS, ScenarioStory, scenario_story
from ._told import Teller
from ._world import HAPPENINGS, MOVES

WORST, LOSERS = 5, 10  # scenarios; obligors of each
_REGIMES = ("calm", "boom", "stress")
_SCENARIOS = {
    "rank": pl.Int64, "scenario": pl.Int64, "loss_usd": pl.Float64, "loss_share": pl.Float64,
    **{f"months_{name}": pl.Int64 for name in _REGIMES}, "first_stress_month": pl.Int64,
    "defaults": pl.Int64, "defaults_payment": pl.Int64, "defaults_margin": pl.Int64, "defaults_refinancing": pl.Int64,
    "exposure_at_default_usd": pl.Float64, "offtaker_defaults": pl.Int64, "guarantor_defaults": pl.Int64,
    "lowest_impact": pl.Float64, "lowest_impact_channel": pl.String,
}  # fmt: skip
_RANK: dict[str, Any] = {"rank": pl.Int64, "scenario": pl.Int64}


@dataclass(frozen=True)
class WorstScenarios:
    """Worst scenarios, the worst first; every frame has `rank` (1, 2, ...) and `scenario`.

    Attributes:
        scenarios: a row a scenario: loss, months by regime, defaults by cause, counterparties that default, the lowest
            price impact factor and whose.
        moves: a row a scenario and channel, as `World.moves`.
        happenings: a row an event, as `World.happenings`.
        losers: the obligors that lose most, as `ScenarioStory.obligors`.
    """

    scenarios: pl.DataFrame
    moves: pl.DataFrame
    happenings: pl.DataFrame
    losers: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """The frames by the names that they have in a run folder."""
        return {
            "worst_scenarios": self.scenarios,
            "worst_moves": self.moves,
            "worst_happenings": self.happenings,
            "worst_losers": self.losers,
        }


def worst_numbers(loss: np.ndarray, count: int = WORST) -> list[int]:
    """Numbers of the scenarios with the largest losses, the largest first, of equals the first; none without loss.

    Args:
        loss: [S], in any unit.
    """
    most = np.argsort(-loss, kind="stable")[:count]
    return [int(number) for number in most if loss[number] > 0]


def worst_scenarios(tell: Teller, numbers: Sequence[int], report: StageReport = unheard) -> WorstScenarios:
    """Frames of some scenarios, ranked in the order in which they are given; `report` hears how many are done."""
    rows, moves, happenings, losers = [], [], [], []
    for rank, number in enumerate(told(report, "worst scenarios", numbers, len(numbers)), start=1):
        story = scenario_story(tell(number, 0))  # one at a time: each has a row for every obligor
        rows.append(_row(rank, story))
        moves.append((rank, number, story.world.moves))
        happenings.append((rank, number, story.world.happenings))
        losers.append((rank, number, _losers(story)))
        del story
    return WorstScenarios(
        scenarios=pl.DataFrame(rows, schema=_SCENARIOS),
        moves=_stacked(MOVES, moves),
        happenings=_stacked(HAPPENINGS, happenings),
        losers=_stacked(OBLIGORS, losers),
    )


def _row(rank: int, story: ScenarioStory) -> dict[str, Any]:
    world, scopes = story.world, story.scopes
    impact = world.moves.filter(kind="impact").sort("low", "channel").row(0, named=True)
    died = world.happenings["kind"].to_list()
    return {
        "rank": rank,
        "scenario": story.scenario,
        "loss_usd": story.loss_usd,
        "loss_share": story.loss_usd / scopes["exposure_usd"][0],
        **{f"months_{name}": world.months_in(name) for name in _REGIMES},
        "first_stress_month": world.first_month_of("stress"),
        "defaults": story.defaults,
        **{f"defaults_{cause}": number for cause, number in story.causes.items()},
        "exposure_at_default_usd": story.obligors["exposure_usd"].sum(),
        "offtaker_defaults": died.count("offtaker_default"),
        "guarantor_defaults": died.count("guarantor_default"),
        "lowest_impact": impact["low"],
        "lowest_impact_channel": impact["channel"] if impact["low"] < 1 else None,
    }


def _losers(story: ScenarioStory) -> pl.DataFrame:
    return story.obligors.filter(pl.col("loss_quanta") > 0).head(LOSERS)


def _stacked(columns: dict[str, Any], frames: Iterable[tuple[int, int, pl.DataFrame]]) -> pl.DataFrame:
    """Frames of several scenarios under each other; with its columns also where there is none."""
    nothing = pl.DataFrame(schema=_RANK | columns)
    ranked = [
        frame.select(pl.lit(rank, pl.Int64).alias("rank"), pl.lit(scenario, pl.Int64).alias("scenario"), pl.all())
        for rank, scenario, frame in frames
    ]
    return pl.concat([nothing, *ranked])
