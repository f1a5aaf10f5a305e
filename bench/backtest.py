"""The tables of docs/backtest.md: what the model says of two stretches of history, next to what happened.

    python -m bench.backtest            2021-22 and 2025-26; about five minutes on two cores
    python -m bench.backtest --quick    a tenth of the scenarios

Each world is an experiment of conf/experiment with at most one change, so that `rackrisk run experiment=...` gives the
same figures as a run folder.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from rackrisk.config import structural_settings
from rackrisk.data import load_portfolio
from rackrisk.models.measures import ratio
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.results import SEGMENT_LOSS_PREFIX, SimulationResult
from rackrisk.models.simulate import simulate

from .evidence import PUBLIC, made_as
from .record import say, table

SCENARIOS_2021, SCENARIOS_2025, SCENARIOS_FIVE_YEARS = 4_000, 20_000, 4_000
FIVE_YEARS = "months=60"

RIGS = "experiment=backtest_2021_2022"
BEFORE = (RIGS, "market.replay={}")
WORLDS_2021: Mapping[str, tuple[str, ...]] = {
    "given what happened": (RIGS,),
    "- price floor 0.60 instead of 0.30": (RIGS, "recovery.asics.default.floor=0.6"),
    "- sold at the index price, at once": (RIGS, "mechanisms.vacuum=false"),
    "before it was known": BEFORE,
    "- the sector sells too": (*BEFORE, "recovery.system_multiple=12"),
}
TODAY = "experiment=backtest_2025_2026"
RENTS_TOO = "market.replay.rent=[0.937,0.879,0.824,0.772,0.724]"  # one over what they did
WORLDS_2025: Mapping[str, tuple[str, ...]] = {
    "nothing known": (TODAY, "market.replay={}"),
    "as it happened": (TODAY,),
    "had rents fallen too": (TODAY, RENTS_TOO),
}
KINDS: Mapping[str, pl.Expr] = {
    "public neoclouds": PUBLIC & (pl.col("segment") == "neoclouds"),
    "public miners": PUBLIC & (pl.col("segment") == "miners"),
    "public data centres": PUBLIC & (pl.col("segment") == "data_centres"),
    "GPU loans, unrated tenants": made_as("gpu_unrated"),
    "GPU fleets let by the hour": made_as("gpu_merchant"),
    "hybrid miners": made_as("hybrid_miner"),
    "loans on mining machines": made_as("asic_loan"),
    "loans on coins": made_as("btc_loan"),
}
OTHERS = "others"


class Answer(NamedTuple):
    """What the model says of one group of loans: estimates with standard errors.

    Attributes:
        pd: share of obligors that default until the last month.
        middle: first month by which half of them have; None if half never do.
        recovery: 1 - LGD; None without a default.
    """

    pd: float
    pd_error: float
    middle: int | None
    recovery: float | None
    recovery_error: float | None


def simulated(scenarios: int, *overrides: str, kinds: bool = False, engine: str = "auto") -> SimulationResult:
    """One world; with `kinds` the shipped book is reported by `KINDS`."""
    settings = structural_settings(*overrides)
    market = settings.market
    book = load_portfolio(
        settings.portfolio,
        as_of=settings.as_of,
        generations=tuple(market.generations),
        asic_classes=tuple(market.asics),
    )
    return simulate(
        by_kind(book) if kinds else book,
        market=market,
        recovery=settings.recovery,
        mechanisms=Mechanisms(**settings.mechanisms.model_dump()),
        months=settings.months,
        scenarios=scenarios,
        seed=settings.seed,
        as_of=settings.as_of,
        engine=engine,
        precision="float64" if engine == "reference" else settings.engine.precision,
    )


def by_kind(book: pl.DataFrame) -> pl.DataFrame:
    """The book with the kind of each obligor's first row as its segment."""
    label: pl.Expr = pl.lit(OTHERS)
    for name, chosen in KINDS.items():
        label = pl.when(chosen).then(pl.lit(name)).otherwise(label)
    return book.with_columns(label.first().over("obligor_id").alias("segment"))


def answers(result: SimulationResult) -> dict[str, Answer]:
    """The model's answer for every scope."""
    found: dict[str, Answer] = {}
    losses = {row["scope"]: row for row in result.loss_given_default.iter_rows(named=True)}
    for scope in result.scopes:
        term = result.pd_term.filter(pl.col("scope") == scope).sort("month")
        half = term.filter(pl.col("pd_count") >= 0.5)["month"]
        last, lost = term.row(-1, named=True), losses[scope]
        recovery = None if lost["lgd"] is None else 1 - lost["lgd"]
        middle = None if half.is_empty() else int(half[0])
        found[scope] = Answer(last["pd_count"], last["pd_count_std_error"], middle, recovery, lost["std_error"])
    return found


def expected_defaults(result: SimulationResult, kinds: Sequence[str]) -> float:
    """Mean number of obligors of some kinds that default."""
    rows = result.facilities.filter(pl.col("segment").is_in(kinds)).group_by("obligor_id").agg(pl.col("pd").first())
    return float(rows["pd"].sort().to_numpy().sum())


def share_without_loss(result: SimulationResult, kinds: Sequence[str]) -> tuple[float, float]:
    """Share of scenarios in which loans of some kinds lose nothing, and its standard error."""
    total = np.sum([result.losses[f"{SEGMENT_LOSS_PREFIX}{kind}"].to_numpy() for kind in kinds], axis=0)
    found = ratio((total == 0).astype(float), np.ones(len(total)))
    return found.value or 0.0, found.std_error or 0.0


def _cell(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f} ± {error:.3f}" if error and error >= 0.0005 else f"{value:.3f} ± <0.001"


def rigs(scenarios: int) -> None:
    """Print the tables of 2021-22."""
    for name, overrides in WORLDS_2021.items():
        say(f"{name}, {scenarios:,} scenarios")
        told = answers(simulated(scenarios, *overrides)).items()
        rows = [[scope, _cell(a.pd, a.pd_error), str(a.middle or "-"), _cell(*a[3:])] for scope, a in told]
        header = ("loans", "PD, 36 months", "half by month", "recovery")
        print(f"\n2021-22, {name}\n\n{table(header, rows)}", flush=True)


def today(scenarios: int) -> None:
    """Print the tables of 2025-26."""
    told: dict[str, dict[str, Answer]] = {}
    public = [name for name in KINDS if name.startswith("public")]
    counts: list[list[str]] = []
    for name, overrides in WORLDS_2025.items():
        say(f"{name}, {scenarios:,} scenarios")
        result = simulated(scenarios, *overrides, kinds=True)
        told[name] = answers(result)
        share, error = share_without_loss(result, public)
        counts.append([name, f"{expected_defaults(result, public):.2f}", _cell(share, error)])
    rows = [[kind, *(_cell(found[kind].pd, found[kind].pd_error) for found in told.values())] for kind in KINDS]
    print(f"\n2025-26, PD in ten months\n\n{table(('loans', *told), rows)}", flush=True)
    header = ("world", "public borrowers that default, mean", "worlds without a loss on them")
    print(f"\n2025-26, public borrowers\n\n{table(header, counts)}", flush=True)


def five_years(scenarios: int) -> None:
    """Print what the same months do to contracts that end later."""
    told: dict[str, dict[str, Answer]] = {}
    for name, overrides in WORLDS_2025.items():
        say(f"{name}, five years, {scenarios:,} scenarios")
        told[name] = answers(simulated(scenarios, *overrides, FIVE_YEARS, kinds=True))
    rows = [[kind, *(_cell(found[kind].pd, found[kind].pd_error) for found in told.values())] for kind in KINDS]
    print(f"\n2025-26, PD in five years\n\n{table(('loans', *told), rows)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the scenarios")
    share = 10 if parser.parse_args().quick else 1
    rigs(SCENARIOS_2021 // share)
    today(SCENARIOS_2025 // share)
    five_years(SCENARIOS_FIVE_YEARS // share)


if __name__ == "__main__":
    main()
