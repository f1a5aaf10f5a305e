"""One estimated number: what it is, how wrong it may be, where it comes from, and what the market file then says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite

import numpy as np

Value = float | str | list[list[float]]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimate.

    Attributes:
        key: dotted key of the market configuration, or of the section that `writes` changes.
        what: in words, where the key alone does not say it; "" otherwise.
        value: the estimate.
        std_error: one standard error; None for a level that is read, not estimated.
        n: observations behind it.
        first, last: the period.
        columns: names of the series.
        method: in a few words.
        base: the inherited market's number; None where it has none.
        writes: numbers of the market file by dotted key; empty where the base is kept.
        note: why it is written otherwise than estimated, or not at all; "" where it is written as it is.
    """

    key: str
    what: str = ""
    value: float
    std_error: float | None
    n: int
    first: date
    last: date
    columns: tuple[str, ...]
    method: str
    base: float | None = None
    writes: Mapping[str, Value] = field(default_factory=dict[str, Value])
    note: str = ""

    @property
    def z(self) -> float | None:
        """(value - base) / std_error; None where one of them is missing or the error is 0."""
        if self.base is None or self.std_error is None or not self.std_error > 0 or not isfinite(self.std_error):
            return None
        return (self.value - self.base) / self.std_error


@dataclass(frozen=True)
class Sample:
    """What an estimate was made from: the columns, the number of observations and the period."""

    columns: tuple[str, ...]
    n: int
    first: date
    last: date

    def about(self) -> dict[str, object]:
        """As arguments of `Estimate`."""
        return {"columns": self.columns, "n": self.n, "first": self.first, "last": self.last}


def month_start(month: int) -> date:
    """The first day of a month number (year x 12 + month - 1)."""
    return date(int(month) // 12, int(month) % 12 + 1, 1)


def newey_west(values: np.ndarray, lags: int) -> float:
    """Long-run variance of a series about its mean, Bartlett weights (Newey and West 1987); never negative.

    Args:
        values: float64[n].
        lags: number of autocovariances.
    """
    x = values - values.mean()
    n = len(x)
    total = float(x @ x) / n
    for lag in range(1, min(lags, n - 1) + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(x[lag:] @ x[:-lag]) / n
    return max(total, 0.0)
