"""Interval of a positive ratio of totals, such as a loss spread, from its standard error."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio_interval(
    value: ArrayLike, std_error: ArrayLike, *, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits value exp(-+ z std_error / value): the normal interval of the logarithm, by the delta method.

    Losses are rare and never negative, so that an estimated spread is skewed to the right, the more the fewer defaults
    were seen; its logarithm is much less so, and the lower limit stays above 0. With N Poisson events the limits are
    N exp(-+ z / sqrt(N)): at N = 5 and 95 % that is 2.1 to 12.0, where the exact limits are 1.6 and 11.7.

    Args:
        value: float64[...], estimates >= 0.
        std_error: float64[...], their standard errors; NaN where there is none.
        confidence: two-sided coverage in (0, 1).

    Returns:
        Lower and upper limits; NaN where the value is 0 or has no error above 0.
    """
    found, error = np.asarray(value, dtype=np.float64), np.asarray(std_error, dtype=np.float64)
    known = (found > 0) & (error > 0)
    z = NormalDist().inv_cdf(0.5 + 0.5 * confidence)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.exp(z * np.where(known, error / found, np.nan))
        return found / factor, found * factor
