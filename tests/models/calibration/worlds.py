"""Series from the product's own market paths, with known parameters."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from rackrisk.config import structural_settings
from rackrisk.data import Series
from rackrisk.kernels.arrays import Paths
from rackrisk.models.market import MarketConfig, cash_channels, compile_market, value_channels
from rackrisk.models.market.paths import simulate_paths

AS_OF = date(2026, 8, 31)
NO_LAUNCHES = ("market.rent.step_of_successor=0", "market.rent.step_of_later=0", "market.mining.halving=null")
KNOWN = (*NO_LAUNCHES, "market.rent.drift_uncertainty_annual=0")
DAY_PER_MONTH = 365.25 / 12


@cache
def market(*overrides: str) -> MarketConfig:
    """The base market, changed."""
    return structural_settings(*overrides).market


@cache
def paths(months: int, scenarios: int, *overrides: str, seed: int = 7) -> Paths:
    """Market paths of the product."""
    arrays = compile_market(market(*overrides), as_of=AS_OF, months=months, counterparty_pd_annual={})
    return simulate_paths(np, arrays, (np.uint32(seed), np.uint32(0)), np.arange(scenarios, dtype=np.uint32))


def month_dates(count: int, last_day: date = AS_OF) -> tuple[date, ...]:
    """Consecutive months that end in the month of a day."""
    last = last_day.year * 12 + last_day.month - 1
    return tuple(date(m // 12, m % 12 + 1, 28) for m in range(last - count + 1, last + 1))


def series(kind: str, item: str, column: str, values: Any, dates: tuple[date, ...] | None = None) -> Series:
    """A monthly series up to the as-of date, or one on given dates."""
    values = np.asarray(values, float)
    return Series(kind, item, column, "test.csv", month_dates(len(values)) if dates is None else dates, values)


def rents(found: Paths, scenario: int, config: MarketConfig, *, only: slice = slice(None)) -> list[Series]:
    """Rents of a scenario."""
    names = list(config.generations)
    chosen = [(names.index(name), name) for name in names[only]]
    return [series("rent", n, f"rent_{n}_usd_gpu_hour", found.cash[scenario, :, i]) for i, n in chosen]


def channel(found: Paths, scenario: int, config: MarketConfig, name: str) -> np.ndarray:
    """One channel of a scenario, [T+1]."""
    cash, value = cash_channels(config), value_channels(config)
    if name in cash:
        return found.cash[scenario, :, cash.index(name)]
    return found.price[scenario, :, value.index(name)]


def regimes(found: Paths, scenario: int) -> Series:
    """Labels of a scenario; month 0 has the regime it starts in."""
    return series("regime", "", "regime", found.regime[scenario])


def daily_dates(count: int) -> tuple[date, ...]:
    """Consecutive days that end at the as-of date."""
    return tuple(AS_OF - timedelta(days=count - 1 - i) for i in range(count))


def slowed(*overrides: str) -> tuple[str, ...]:
    """Overrides under which a month of the product is a day: rates by the length of a month, one regime.

    The coin's jump size and correlation stay; its drift, variance and intensity are those of a day.
    """
    base = market(*overrides).btc
    slow, root = DAY_PER_MONTH, DAY_PER_MONTH**0.5
    drift, volatility = base.drift_annual.calm / slow, base.volatility_annual.calm / root
    return (
        *overrides,
        "market.regimes.transition_monthly=[[1,0,0],[0,1,0],[0,0,1]]",
        f"market.btc.drift_annual.calm={drift!r}",
        f"market.btc.volatility_annual.calm={volatility!r}",
        f"market.btc.jumps_per_year={base.jumps_per_year / slow!r}",
    )
