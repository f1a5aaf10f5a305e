"""The network: growth of hash rate, its response to hash price, the fall of the reference, and prices of machines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._months import Monthly
from ._regression import regress

LEAST_MONTHS = 36
MOST_GAIN_ERROR = 0.10  # a year; beyond it, hash price and time cannot be told apart and the base's gain is held


@dataclass(frozen=True)
class MiningFit:
    """Section 1.5 of docs/model.md: numbers a year with errors; `gain_error` is None where the base's gain was held.

    Attributes:
        months: int64[n], the months of the changes used.
        residuals: float64[n], of the log change.
    """

    growth: float
    growth_error: float
    response: float
    response_error: float
    gain: float
    gain_error: float | None
    volatility: float
    volatility_error: float
    months: np.ndarray
    residuals: np.ndarray


def fit_mining(
    hashrate: Monthly, hashprice: Monthly, *, reference: float, shutdown: float, gain: float, as_of: int
) -> MiningFit | None:
    """Regression of hash rate's growth on last month's log hash price and time.

    12 dlog H(t) = g + k (log h(t-1) / reference + q (t-1 - as_of) / 12) + noise. Months below the shutdown line, where
    machines stop by another rule, are left out; which they are is known before the month begins.

    Args:
        reference, shutdown: hash prices at the as-of date, USD/PH/day.
        gain: the base's q, for the shutdown line, and where the sample cannot tell it.
        as_of: month number.

    Returns:
        The fit, or None with fewer than `LEAST_MONTHS` months in common.
    """
    price = dict(zip(hashprice.months.tolist(), np.log(hashprice.values).tolist(), strict=True))
    rows = [
        (month, 12 * change, price[month - 1] - np.log(reference), (month - 1 - as_of) / 12)
        for month, change in zip(hashrate.months[1:].tolist(), hashrate.changes.tolist(), strict=True)
        if month - 1 in price
    ]
    running = [row for row in rows if row[2] + gain * row[3] >= np.log(shutdown / reference)]
    if len(running) < LEAST_MONTHS:
        return None
    months, growth, relative, years = (np.array(column) for column in zip(*running, strict=True))
    return _fit(months.astype(np.int64), growth, relative, years, gain=gain)


def _fit(months: np.ndarray, y: np.ndarray, relative: np.ndarray, years: np.ndarray, *, gain: float) -> MiningFit:
    ones = np.ones(len(y))
    free = regress(y, np.stack([ones, relative, years], axis=1))
    k, kq = free.coefficients[1:]
    q = kq / k if k > 0 else 0.0
    slope = np.array([0.0, -q / k, 1 / k]) if k > 0 else np.full(3, np.inf)
    error = float(np.sqrt(max(slope @ free.covariance @ slope, 0))) if k > 0 else np.inf
    if error <= MOST_GAIN_ERROR and q >= 0:
        return _result(free.coefficients[:2], free.errors, (q, error), free.residuals, months)
    held = regress(y, np.stack([ones, relative + gain * years], axis=1))
    return _result(held.coefficients, held.errors, (gain, None), held.residuals, months)


def _result(
    level: np.ndarray, errors: np.ndarray, gain: tuple[float, float | None], residuals: np.ndarray, months: np.ndarray
) -> MiningFit:
    n = len(residuals)
    sd = float(np.sqrt(residuals @ residuals / max(n - 2 - (gain[1] is not None), 1)))
    volatility = sd / 12**0.5
    squares = residuals**2
    error = float(np.sqrt(np.var(squares) / n)) / (2 * sd) / 12**0.5
    return MiningFit(
        float(level[0]), float(errors[0]), float(level[1]), float(errors[1]), gain[0], gain[1], volatility, error,
        months, residuals / 12,
    )  # fmt: skip


@dataclass(frozen=True)
class MachineFit:
    """Elasticity of a machine's price to hash price and its ageing a year, with errors."""

    elasticity: float
    elasticity_error: float
    ageing: float
    ageing_error: float
    n: int


def fit_machine(machine: Monthly, hashprice: Monthly, *, scrap: float) -> MachineFit | None:
    """Regression of the log change of a machine's price on that of hash price; None with fewer than 12 in common.

    Months at the scrap value say nothing and are left out.
    """
    price = dict(zip(hashprice.months[1:].tolist(), hashprice.changes.tolist(), strict=True))
    least = np.minimum(machine.values[1:], machine.values[:-1])
    rows = [
        (change, price[month])
        for month, change, low in zip(machine.months[1:].tolist(), machine.changes.tolist(), least, strict=True)
        if month in price and low > 1.0001 * scrap
    ]
    if len(rows) < 12:
        return None
    y, x = np.array(rows).T
    found = regress(y, np.stack([np.ones(len(y)), x], axis=1))
    (constant, slope), errors = found.coefficients, found.errors
    return MachineFit(float(slope), float(errors[1]), -12 * float(constant), 12 * float(errors[0]), len(y))
