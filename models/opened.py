"""A tape in a market, as the arrays of an engine that is ready for them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.engines import Engine, choose, open_engine
from rackrisk.models.book import BuiltBook, build_book, set_schedules_aside
from rackrisk.models.market import MarketConfig, compile_market
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.mechanisms import Mechanisms, switched_market, switched_recovery, switched_tape
from rackrisk.models.recovery import RecoveryConfig


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
    set_schedules_aside(built)
    return Opened(built, market, arrays, opened, note)
