"""Difference of a measure between two samples of losses, with an error that knows what the samples have in common.

Every measure is, to first order, a mean of terms of single scenarios (its influence function: R. J. Serfling 1980,
Approximation Theorems of Mathematical Statistics, chapters 2 and 6). The terms of two runs on the same random numbers
move together, and the error of their difference is that of the differences scenario by scenario (common random numbers:
P. Glasserman 2004, Monte Carlo Methods in Financial Engineering, section 7.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._expected_shortfall import shortfall_has_error, shortfall_terms
from ._levels import exact
from ._losses import measure_losses
from ._mean_error import MIN_SCENARIOS, MeanError, mean_error
from ._measure import Estimate
from ._value_at_risk import quantile_rank

PAIRED = "difference scenario by scenario, on the same random numbers"
PARTLY_PAIRED = "the shared scenarios by their covariance, the others as independent"
INDEPENDENT = "independent samples: squares of the two errors add up"
UNKNOWN = "no standard error: one of the two has none"


@dataclass(frozen=True)
class Sample:
    """Losses of one run and one scope, float64[n], in the order of their scenarios 0, 1, ..., and their measures."""

    losses: NDArray[np.float64]
    values: dict[tuple[str, float | None], tuple[float | None, float | None]]  # value and std_error

    @classmethod
    def of(cls, losses: NDArray[np.float64], *, levels: tuple[float, ...], confidence: float) -> Sample:
        """With EL, SD, and VaR and ES at the levels."""
        rows = measure_losses(losses, levels=levels, confidence=confidence, scope="")
        return cls(losses, {(row.measure, row.level): (row.value, row.std_error) for row in rows})


def difference(
    first: Sample, second: Sample, *, measure: str, level: float | None, confidence: float, common: bool
) -> Estimate:
    """The second run's measure less the first one's.

    Args:
        measure, level: EL, SD, VaR or ES, as in `Measure`.
        confidence: two-sided coverage of the interval, in (0, 1).
        common: scenario i of both is one scenario of the same random numbers.

    Returns:
        Estimate without error where one of the two measures has none.
    """
    one, other = (sample.values.get((measure, level), (None, None)) for sample in (first, second))
    value = None if one[0] is None or other[0] is None else other[0] - one[0]
    before, after = (_terms(sample, measure, level) for sample in (first, second))
    if value is None or before is None or after is None:
        return Estimate(value=value, std_error=None, ci_low=None, ci_high=None, method=UNKNOWN)
    error, method = _error(before, after, common=common)
    low, high = error.interval(value, confidence)
    return Estimate(value=value, std_error=error.std_error, ci_low=low, ci_high=high, method=method)


def _error(before: NDArray[np.float64], after: NDArray[np.float64], *, common: bool) -> tuple[MeanError, str]:
    if common and len(before) == len(after):
        change = after - before
        return mean_error(np.sort(change), mean=float(change.mean())), PAIRED
    one, other = (mean_error(np.sort(terms), mean=float(terms.mean())) for terms in (before, after))
    variance = one.std_error**2 + other.std_error**2
    if common:
        shared = min(len(before), len(after))
        covariance = float(np.cov(before[:shared], after[:shared])[0, 1]) / max(len(before), len(after))
        return MeanError(math.sqrt(max(variance - 2.0 * covariance, 0.0)), 0.0), PARTLY_PAIRED
    third = other.skewness * other.std_error**3 - one.skewness * one.std_error**3
    return MeanError(math.sqrt(variance), third / variance**1.5 if variance else 0.0), INDEPENDENT


def _terms(sample: Sample, measure: str, level: float | None) -> NDArray[np.float64] | None:
    """What each scenario adds to the mean that the measure is to first order; None where the measure has no error."""
    losses, n = sample.losses, len(sample.losses)
    value, std_error = sample.values.get((measure, level), (None, None))
    if n < MIN_SCENARIOS or value is None or std_error is None:
        return None
    if measure == "EL":
        return losses
    if measure == "SD":
        return (losses - losses.mean()) ** 2 / (2.0 * value) if value > 0.0 else np.zeros(n)
    assert level is not None
    if measure == "ES":
        return shortfall_terms(losses, level=level) if shortfall_has_error(n, level=level) else None
    return _quantile_terms(losses, level, std_error)


def _quantile_terms(losses: NDArray[np.float64], level: float, std_error: float) -> NDArray[np.float64]:
    """Exceedances of the quantile over the density there, which is the one that the quantile's own error stands for."""
    rank = quantile_rank(len(losses), exact(level))
    beyond = (losses > np.partition(losses, rank - 1)[rank - 1]).astype(np.float64)
    spread = float(beyond.std(ddof=1))
    return beyond * (std_error * math.sqrt(len(losses)) / spread) if spread > 0.0 else np.zeros(len(losses))
