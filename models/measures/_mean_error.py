"""Error of a sample mean: standard error and an interval corrected for skewness.

Simulated losses are skewed, and the scenarios beyond a high level are few, so that the normal interval of a mean misses
on the upper side far too often. Hall's cubic transformation of the studentised mean removes the skewness term of its
Edgeworth expansion and can be inverted in closed form; with zero skewness it is the normal interval.

P. Hall (1992), "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 221-228.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

#: Fewer scenarios than this are given no interval for a mean: coverage was seen to fail below (docs/measures.md).
MIN_SCENARIOS = 30

#: Reasons that a table gives for a missing interval.
TOO_FEW = f"fewer than {MIN_SCENARIOS} scenarios"
NO_VARIATION = "no interval: what is averaged does not vary"


@dataclass(frozen=True)
class MeanError:
    """Error of a sample mean: its standard error, and its skewness (sample skewness / sqrt(n))."""

    std_error: float
    skewness: float

    def interval(self, mean: float, confidence: float) -> tuple[float, float] | tuple[None, None]:
        """Limits of the two-sided interval around `mean`, or no limits where the sample did not vary."""
        if self.std_error == 0.0:
            return None, None
        z = NormalDist().inv_cdf(0.5 + 0.5 * confidence)
        return mean - self.std_error * self._studentised(z), mean - self.std_error * self._studentised(-z)

    def _studentised(self, z: float) -> float:
        """Inverse of Hall's transformation g(t) = t + k t²/3 + k² t³/27 + k/6, k the skewness of the mean.

        That is t = (3/k) (c - 1) with c = (1 + k (z - k/6))^(1/3), written so that it holds at k = 0 too.
        """
        shifted = z - self.skewness / 6.0
        cube_root = math.cbrt(1.0 + self.skewness * shifted)
        return 3.0 * shifted / (cube_root * cube_root + cube_root + 1.0)


def mean_error(sample: NDArray[np.float64], *, mean: float, zeros: int = 0) -> MeanError:
    """Error of the mean of `sample` and `zeros` further zeros.

    Args:
        sample: float64[m], in an order that does not depend on that of the scenarios; m + zeros >= 2.
        mean: mean of all m + zeros numbers.
        zeros: number of further sample points that are zero, which need not be stored.
    """
    deviations, exponent = scaled(sample - mean)
    of_zero = math.ldexp(mean, -exponent)
    squares = deviations * deviations
    second = float(np.sum(squares)) + zeros * of_zero**2
    third = float(np.sum(squares * deviations)) - zeros * of_zero**3
    if second == 0.0:
        return MeanError(0.0, 0.0)
    n = len(sample) + zeros
    # n cancels in the skewness of the mean: (third/n) / (second/n)^1.5 / sqrt(n)
    return MeanError(math.ldexp(math.sqrt(second / (n - 1) / n), exponent), third / second**1.5)


def scaled(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """`values` / 2^e below 1 in absolute value, and e: powers neither overflow nor vanish, and nothing is rounded."""
    exponent = math.frexp(float(np.max(np.abs(values), initial=0.0)))[1]
    return np.ldexp(values, -exponent), exponent
