"""Series that a reader lets through and no market ever made: an answer or none, never a crash, a warning or a NaN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import pytest

from rackrisk.data import Series
from rackrisk.models.calibration import calibrate, market_text, with_writes

from .worlds import AS_OF, daily_dates, market, month_dates, series

N, DAYS = 40, 1500
Rng = np.random.Generator


def walk(rng: Rng, sd: float, n: int = N) -> np.ndarray:
    return np.exp(np.cumsum(sd * rng.standard_normal(n)))


def rent(values: np.ndarray, name: str = "h100", dates: tuple[date, ...] | None = None) -> Series:
    return series("rent", name, f"rent_{name}_usd_gpu_hour", values, dates)


def coin(values: np.ndarray, *, daily: bool = False) -> Series:
    return series("btc", "", "btc_usd", values, daily_dates(len(values)) if daily else None)


def rate(values: np.ndarray) -> Series:
    return series("rates", "", "short_rate_annual", values)


def price(values: np.ndarray) -> Series:
    return series("hashprice", "", "hashprice_usd_ph_day", values)


def hash_rate(values: np.ndarray) -> Series:
    return series("hashrate", "", "hashrate_eh_s", values)


def _same_twice(rng: Rng) -> list[Series]:
    values = walk(rng, 0.1)
    return [rent(values), rent(values, "a100")]


def _mirrored(rng: Rng) -> list[Series]:
    values = walk(rng, 0.1)
    return [
        rent(values),
        rent(1 / values, "a100"),
        coin(values),
        series("credit", "", "credit_spread_annual", 0.04 / values),
    ]


def _jumpy(rng: Rng, sizes: np.ndarray) -> list[Series]:
    return [
        coin(
            np.exp(np.cumsum(0.02 * rng.standard_normal(DAYS) + np.where(rng.random(DAYS) < 0.01, sizes, 0))),
            daily=True,
        )
    ]


def _driven(rng: Rng) -> list[Series]:
    values = 40 * walk(rng, 0.05, 80)
    return [price(values), hash_rate(np.exp(np.cumsum(-0.1 * np.log(values / 40))))]


def _old_labels(rng: Rng) -> list[Series]:
    days = tuple(date(2000 + m // 12, m % 12 + 1, 1) for m in range(20))
    return [Series("regime", "", "regime", "f", days, np.zeros(20)), rent(walk(rng, 0.1)), coin(walk(rng, 0.2))]


ODD: Mapping[str, Callable[[Rng], Sequence[Series]]] = {
    "nothing": lambda rng: [],
    "labels alone": lambda rng: [series("regime", "", "regime", rng.integers(0, 3, N))],
    "labels of other years": _old_labels,
    "one regime only": lambda rng: [
        series("regime", "", "regime", np.zeros(N)),
        rent(walk(rng, 0.1)),
        coin(walk(rng, 0.2)),
    ],
    "the shortest": lambda rng: [rent(walk(rng, 0.1, 13)), coin(walk(rng, 0.2, 13))],
    "the same rent twice": _same_twice,
    "rents and coins that mirror each other": _mirrored,
    "rents that hardly move": lambda rng: [rent(2 * walk(rng, 1e-9))],
    "rents that run away": lambda rng: [rent(walk(rng, 1.5))],
    "rents of different years": lambda rng: [
        rent(walk(rng, 0.1, 20)),
        rent(walk(rng, 0.1, 20), "a100", month_dates(60)[:20]),
    ],
    "one change of the short rate": lambda rng: [rate(np.append(np.full(N - 1, 0.05), 0.06))],
    "a short rate that decays without noise": lambda rng: [rate(0.05 * 0.9 ** np.arange(N))],
    "a coin that stops": lambda rng: [coin(np.append(walk(rng, 0.03, 1000), np.ones(500)), daily=True)],
    "a coin that moves once a month": lambda rng: [
        coin(np.exp(np.cumsum(np.where(np.arange(DAYS) % 30, 0, 0.05 * rng.standard_normal(DAYS)))), daily=True)
    ],
    "jumps of one size": lambda rng: _jumpy(rng, np.full(DAYS, 0.3)),
    "many large jumps": lambda rng: _jumpy(rng, 0.3 * rng.standard_normal(DAYS)),
    "hash rate without noise": lambda rng: [price(40 * walk(rng, 0.05, 80)), hash_rate(np.exp(0.01 * np.arange(80)))],
    "hash rate that flees from profit": _driven,
    "machines at scrap": lambda rng: [
        price(40 * walk(rng, 0.05, 80)),
        series("asic", "s21", "asic_s21_usd_th", np.full(80, 0.3)),
    ],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_series_give_a_market_or_nothing(name: str) -> None:
    result = calibrate(ODD[name](np.random.default_rng(3)), base=market(), as_of=AS_OF)
    with_writes(market(), result.writes)
    assert market_text(result, base="base", as_of=AS_OF, files=[("a.csv", "0" * 64)]).endswith("\n")
    for one in result.estimates:
        assert np.isfinite(one.value)
        assert one.std_error is None or np.isfinite(one.std_error)


@pytest.mark.parametrize("sd", [0.1, 1e-7])
def test_regimes_looked_for_in_noise_are_a_market_too(sd: float) -> None:
    rng = np.random.default_rng(4)
    result = calibrate([rent(2 * walk(rng, sd, 130))], base=market(), as_of=AS_OF, switching=True)
    with_writes(market(), result.writes)


def test_nothing_in_a_file_name_ends_a_comment_of_the_market_file() -> None:
    result = calibrate([], base=market(), as_of=AS_OF)
    text = market_text(result, base="base", as_of=AS_OF, files=[("a\nbtc: {price_usd: 1}\x1b[31m\u202e.csv", "0" * 64)])
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == ["defaults:", "  - base", "  - _self_", ""]
    assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
