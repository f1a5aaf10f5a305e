"""Calm correlations of the factors from what is left of each series after its own model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rackrisk.models.correlation import PSD_TOLERANCE

LEAST_MONTHS = 24
TOLD_APART = 1.96  # standard errors from 0; a correlation nearer than that is written as 0


@dataclass(frozen=True)
class Shock:
    """Monthly shocks of one factor.

    Attributes:
        months: int64[n].
        values: float64[n].
        purity: correlation of what was measured with the factor itself, at most 1.
        columns: where they come from.
    """

    months: np.ndarray
    values: np.ndarray
    purity: float
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """The correlation of two factors, corrected for what is measured with noise, its error, and what it rests on."""

    first: str
    second: str
    value: float
    std_error: float
    months: np.ndarray
    columns: tuple[str, ...]

    @property
    def told_apart(self) -> bool:
        """Whether it can be told from 0."""
        return abs(self.value) > TOLD_APART * self.std_error


def correlations(shocks: Mapping[str, Shock], chosen: np.ndarray | None) -> list[Pair]:
    """Every pair with at least `LEAST_MONTHS` months in common.

    Args:
        shocks: by factor.
        chosen: the months that count, int64; None for all.
    """
    pairs: list[Pair] = []
    for (first, a), (second, b) in combinations(shocks.items(), 2):
        months = np.intersect1d(a.months, b.months)
        months = months if chosen is None else np.intersect1d(months, chosen)
        if len(months) < LEAST_MONTHS:
            continue
        x, y = a.values[np.searchsorted(a.months, months)], b.values[np.searchsorted(b.months, months)]
        raw = float(np.corrcoef(x, y)[0, 1])
        purity = a.purity * b.purity
        error = (1 - raw**2) / (len(months) - 1) ** 0.5 / purity
        pairs.append(Pair(first, second, raw / purity, error, months, (*a.columns, *b.columns)))
    return pairs


def merged(base: np.ndarray, pairs: Sequence[Pair], order: Sequence[str]) -> tuple[np.ndarray, float]:
    """The base's matrix with the pairs put in, and the weight that they keep against it so that it is a correlation.

    Entries are rounded to two decimals; a pair that cannot be told from 0 is 0. The weight is 1 where the result is
    positive semidefinite as it is.
    """
    wanted = base.copy()
    for pair in pairs:
        i, j = order.index(pair.first), order.index(pair.second)
        wanted[i, j] = wanted[j, i] = float(np.clip(pair.value, -0.99, 0.99)) if pair.told_apart else 0.0
    for weight in np.linspace(1, 0, 101):
        matrix = np.round(base + weight * (wanted - base), 3)
        if np.linalg.eigvalsh(matrix)[0] >= -PSD_TOLERANCE:
            return matrix, float(weight)
    return base, 0.0
