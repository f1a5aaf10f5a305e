"""Probability of an event from its count.

E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", Journal of the American
Statistical Association 22, 209-212. L. D. Brown, T. T. Cai and A. DasGupta (2001), "Interval estimation for a binomial
proportion", Statistical Science 16, 101-133, recommend it over the normal interval, which is empty at a count of zero.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Proportion(NamedTuple):
    """Relative frequencies with their errors, float64 in the shape of the counts (a scalar for a scalar)."""

    value: NDArray[np.float64]
    std_error: NDArray[np.float64]
    ci_low: NDArray[np.float64]
    ci_high: NDArray[np.float64]


def proportion(count: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> Proportion:
    """count / n with standard error sqrt(p (1 - p) / n) and Wilson's score interval.

    Args:
        count: number of independent trials with the event, 0 <= count <= n; any shape.
        n: number of trials, >= 1; a shape that broadcasts with `count`.
        confidence: two-sided coverage of the interval in (0, 1), met on average over p, not at every p.

    Raises:
        ValueError: a count outside 0..n, no trials, or a confidence outside (0, 1).
    """
    hits, trials = np.asarray(count, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not np.all((trials >= 1.0) & (hits >= 0.0) & (hits <= trials) & np.isfinite(trials)):
        raise ValueError("a proportion needs 0 <= count <= n and n >= 1")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence lies strictly between 0 and 1, got {confidence!r}")
    z = NormalDist().inv_cdf(0.5 + 0.5 * confidence)
    p, q = hits / trials, (trials - hits) / trials
    return Proportion(p, np.sqrt(p * q / trials), _lower(p, q, trials, z), 1.0 - _lower(q, p, trials, z))


def _lower(p: NDArray[np.float64], q: NDArray[np.float64], n: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    """Wilson's lower limit as the product of both roots over the upper one: no cancellation, exactly 0 at p = 0."""
    upper = p + z * z / (2.0 * n) + z * np.sqrt(p * q / n + z * z / (4.0 * n * n))
    return p * p / upper
