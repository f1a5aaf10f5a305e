"""Ratio of two totals over scenarios, such as loss given default = losses / exposures at default.

W. G. Cochran (1977), Sampling Techniques, 3rd edition, section 6.4: the ratio estimator and its delta-method error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Ratio(NamedTuple):
    """A ratio with its standard error; None where the denominator is zero, or one scenario gives no error."""

    value: float | None
    std_error: float | None


class Ratios(NamedTuple):
    """Ratios with their standard errors, float64 in the shape of the sums; NaN where a `Ratio` holds None."""

    value: NDArray[np.float64]
    std_error: NDArray[np.float64]


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Ratio:
    """sum(numerator) / sum(denominator) with R = value and se² = n/(n-1) sum (a - R b)² / (sum b)².

    The scenario is the unit of sampling, so that losses of one scenario may depend on each other in any way. The
    error is first order in 1/sqrt(n): it needs many scenarios with a denominator above zero.

    Args:
        numerator: float64[n], total of each scenario (losses).
        denominator: float64[n], total of each scenario (exposures at default), >= 0.

    Raises:
        ValueError: shapes differ, are not one-dimensional, or hold a number that is not finite.
    """
    a, b = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not np.all(np.isfinite(a) & np.isfinite(b)):
        raise ValueError("a ratio needs two finite numbers per scenario")
    total = math.fsum(b)
    if total == 0.0:
        return Ratio(None, None)
    value, n = math.fsum(a) / total, len(a)
    if n == 1:
        return Ratio(value, None)
    residuals = a - value * b
    return Ratio(value, math.sqrt(math.fsum(residuals * residuals) * n / (n - 1)) / abs(total))


def ratio_from_sums(
    sum_a: ArrayLike, sum_b: ArrayLike, *, sum_aa: ArrayLike, sum_ab: ArrayLike, sum_bb: ArrayLike, n: int
) -> Ratios:
    """The same as `ratio` from sums over scenarios, for many facilities at once, where samples are not kept.

    sum (a - R b)² is expanded, so that about half of the digits of the sums are lost where a is nearly R b.

    Args:
        sum_a: float64[...], sum of the numerators over n scenarios.
        sum_b: float64[...], sum of the denominators.
        sum_aa: float64[...], sum of the squared numerators.
        sum_ab: float64[...], sum of the products.
        sum_bb: float64[...], sum of the squared denominators.
        n: number of scenarios, those with a zero denominator included.
    """
    a, b, aa, ab, bb = (np.asarray(x, dtype=np.float64) for x in (sum_a, sum_b, sum_aa, sum_ab, sum_bb))
    total = np.where(b == 0.0, np.nan, b)
    value = a / total
    squares = np.maximum(aa - 2.0 * value * ab + value * value * bb, 0.0)
    correction = n / (n - 1) if n > 1 else np.nan
    return Ratios(value, np.sqrt(squares * correction) / np.abs(total))
