"""Series on the months of the model: the last value of each calendar month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rackrisk.data import Series

from ._estimate import Sample, month_start


@dataclass(frozen=True)
class Monthly:
    """Month-end values of one series; mean values would halve the volatility (Working 1960, Econometrica 28).

    Attributes:
        column: its name in the file.
        item: generation or class.
        months: int64[n], consecutive month numbers.
        values: float64[n].
    """

    column: str
    item: str
    months: np.ndarray
    values: np.ndarray

    @property
    def changes(self) -> np.ndarray:
        """Log changes, float64[n-1], of months[1:]."""
        return np.diff(np.log(self.values))

    def sample(self, *, n: int | None = None) -> Sample:
        """Its changes as a sample."""
        first, last = month_start(self.months[0]), month_start(self.months[-1])
        return Sample((self.column,), len(self.values) - 1 if n is None else n, first, last)


def month_ends(series: Series) -> Monthly:
    """The last value of every month; a series that was read has all months between its first and its last."""
    months = series.months
    last = np.append(np.diff(months) != 0, True)
    return Monthly(series.column, series.item, months[last], series.values[last])


def together(monthly: Sequence[Monthly]) -> tuple[np.ndarray, np.ndarray]:
    """Log changes of several series side by side.

    Returns:
        Month numbers int64[T] and changes float64[T, G]; NaN where a series has none.
    """
    months = np.unique(np.concatenate([m.months[1:] for m in monthly]))
    table = np.full((len(months), len(monthly)), np.nan)
    for place, one in enumerate(monthly):
        table[np.searchsorted(months, one.months[1:]), place] = one.changes
    return months, table


def labels_of(regime: Series | None, months: np.ndarray) -> np.ndarray | None:
    """Regime of each month (0 calm, 1 boom, 2 stress; -1 unknown), int64[T]; None without labels."""
    if regime is None:
        return None
    monthly = month_ends(regime)
    told = dict(zip(monthly.months.tolist(), monthly.values.astype(int).tolist(), strict=True))
    return np.array([told.get(int(month), -1) for month in months])
