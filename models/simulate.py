"""One simulation: tape and parameters in, losses and tables out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.engines import Engine, choose, open_engine, run_scenarios
from rackrisk.kernels.streams import key_words
from rackrisk.models import tables
from rackrisk.models.book import BuiltBook, build_book
from rackrisk.models.market import MarketConfig, compile_market
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.mechanisms import Mechanisms, switched_market, switched_recovery, switched_tape
from rackrisk.models.recovery import RecoveryConfig
from rackrisk.models.results import SimulationResult

FAN_SCENARIOS = 4096


@dataclass(frozen=True)
class PathMaker:
    """Market paths over the channels that a book uses; two of one book are equal, so that engines compile once."""

    cash_channels: tuple[int, ...]
    value_channels: tuple[int, ...]

    def __call__(self, xp: Any, market: Any, key: tuple[Any, Any], scenario: Any) -> Paths:
        paths = simulate_paths(xp, market, key, scenario)
        cash, value = xp.asarray(self.cash_channels), xp.asarray(self.value_channels)
        return paths._replace(cash=paths.cash[:, :, cash], price=paths.price[:, :, value])


def path_maker(built: BuiltBook) -> PathMaker:
    """Of a book."""
    return PathMaker(tuple(built.cash_channels), tuple(built.value_channels))


@dataclass(frozen=True)
class Opened:
    """A book in a market with an engine that is ready for it.

    Attributes:
        market: after the switches.
        arrays: the market as numbers.
        note: a sentence to show if the engine was chosen for the user.
    """

    built: BuiltBook
    market: MarketConfig
    arrays: MarketArrays
    engine: Engine
    note: str | None


def open_simulation(
    tape: pl.DataFrame,
    *,
    market: MarketConfig,
    recovery: RecoveryConfig,
    mechanisms: Mechanisms,
    months: int,
    seed: int,
    as_of: date,
    engine: str = "auto",
    precision: str = "float32",
    segments: tuple[str, ...] = ("segment",),
    lag_months: int = 0,
) -> Opened:
    """Apply the switches, build the arrays and make the engine ready; arguments as in `simulate`.

    Args:
        lag_months: least time that the market goes on after the horizon; several simulations whose sales take different
            times have arrays of one shape with the longest of them.

    Raises:
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
    """
    name, note = choose(engine)
    market = switched_market(market, mechanisms)
    tape = switched_tape(tape, market, mechanisms, as_of)
    built = build_book(
        tape,
        market=market,
        recovery=switched_recovery(recovery, mechanisms),
        as_of=as_of,
        months=months,
        segments=segments,
    )
    last = months + max(built.lag_months, lag_months)
    arrays = compile_market(market, as_of=as_of, months=last, counterparty_pd_annual=built.counterparty_pd_annual)
    opened = open_engine(name, built.book, arrays, built.scale, path_maker(built), seed=seed, precision=precision)
    return Opened(built, market, arrays, opened, note)


def simulate(
    tape: pl.DataFrame,
    *,
    market: MarketConfig,
    recovery: RecoveryConfig,
    mechanisms: Mechanisms,
    months: int,
    scenarios: int,
    seed: int,
    as_of: date,
    engine: str = "auto",
    precision: str = "float32",
    segments: tuple[str, ...] = ("segment",),
    progress: Callable[[int, int], None] | None = None,
) -> SimulationResult:
    """Simulate a checked tape month by month in many scenarios.

    Args:
        tape: frame of `rackrisk.data.read_tape`, `check_tape` or `load_portfolio`.
        months: horizon; obligors with debt beyond it survive it.
        scenarios: how many, numbered from 0.
        seed: key of the random generator, below 2^64.
        engine: auto, jax, cuda or reference.
        precision: float32 or float64 of the loans' arithmetic; markets are float64.
        segments: tape columns to report by.
        progress: called with (scenarios done, scenarios in all).

    Raises:
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
    """
    started = time.perf_counter()
    opened = open_simulation(
        tape,
        market=market,
        recovery=recovery,
        mechanisms=mechanisms,
        months=months,
        seed=seed,
        as_of=as_of,
        engine=engine,
        precision=precision,
        segments=segments,
    )
    built = opened.built
    prepared = time.perf_counter()
    tally = run_scenarios(opened.engine, scenarios, progress)
    simulated = time.perf_counter()
    result = SimulationResult(
        engine=opened.engine.name,
        device=opened.engine.device,
        precision=opened.engine.precision,
        n_scenarios=scenarios,
        months=months,
        seed=seed,
        scopes=built.scopes,
        exposure_usd=tables.exposures(built),
        losses=tables.losses(built, tally),
        facilities=tables.facilities(built, tally, scenarios, months),
        pd_term=tables.pd_term(built, tally, scenarios),
        early_warning=tables.early_warning(built, tally),
        fans=_fans(opened, scenarios, months, seed),
        defaults_by_cause=tables.defaults_by_cause(built, tally, scenarios),
        loss_given_default=tables.loss_given_default(built, tally),
        notes=[opened.note] if opened.note else [],
        timings={"prepare": prepared - started, "paths_and_loans": simulated - prepared, "tables": 0.0},
    )
    result.timings["tables"] = time.perf_counter() - simulated
    return result


def _fans(opened: Opened, scenarios: int, months: int, seed: int) -> pl.DataFrame:
    numbers = np.arange(min(scenarios, FAN_SCENARIOS), dtype=np.uint32)
    return tables.fans(simulate_paths(np, opened.arrays, key_words(seed), numbers), opened.market, months)
