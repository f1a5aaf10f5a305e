"""Expected loss and standard deviation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._mean_error import MIN_SCENARIOS, NO_VARIATION, TOO_FEW, MeanError, mean_error, scaled
from ._measure import Estimate


def expected_loss(losses: NDArray[np.float64], *, confidence: float) -> Estimate:
    """Mean of `losses` (float64[n], ascending) with standard error sd/sqrt(n) and a skewness-corrected interval."""
    mean = exact_mean(losses)
    if len(losses) == 1:
        return _without_error(mean, "mean", "no standard error: one scenario")
    error = mean_error(losses, mean=mean)
    return _with_interval(
        mean,
        error,
        error.interval(mean, confidence),
        method="mean; skewness-corrected normal interval",
        n=len(losses),
    )


def mean_estimate(values: NDArray[np.float64], *, confidence: float) -> Estimate:
    """Mean of `values` (float64[n], in any order) with its error, as `expected_loss`."""
    return expected_loss(np.sort(values), confidence=confidence)


def standard_deviation(losses: NDArray[np.float64], *, confidence: float) -> Estimate:
    """Sample standard deviation (n - 1) of `losses` (float64[n], ascending).

    The variance is a mean of squared deviations: its error is the error of that mean (the fourth moment), its
    interval the skewness-corrected one; both are carried to the square root, the error by its derivative.
    """
    name = "sample standard deviation"
    n = len(losses)
    if n == 1:
        return _without_error(None, name, "no value: one scenario")
    deviations, exponent = scaled(losses - exact_mean(losses))
    squares = deviations * deviations
    variance = math.fsum(squares.data) / (n - 1)
    value = math.sqrt(variance)
    if n < MIN_SCENARIOS:
        return _without_error(math.ldexp(value, exponent), name, f"no standard error or interval: {TOO_FEW}")
    error = mean_error(squares * (n / (n - 1)), mean=variance)
    limits = [
        None if limit is None else math.ldexp(math.sqrt(max(limit, 0.0)), exponent)
        for limit in error.interval(variance, confidence)
    ]
    of_root = math.ldexp(error.std_error / (2.0 * value), exponent) if value > 0.0 else 0.0
    return _with_interval(
        math.ldexp(value, exponent),
        MeanError(of_root, error.skewness),
        (limits[0], limits[1]),
        method=f"{name}; fourth-moment standard error; skewness-corrected interval",
        n=n,
    )


def exact_mean(losses: NDArray[np.float64]) -> float:
    """Mean of ascending `losses` from their exactly rounded sum; equal losses have themselves as their mean."""
    if losses[0] == losses[-1]:
        return float(losses[0])
    return math.fsum(losses.data) / len(losses)


def _without_error(value: float | None, name: str, reason: str) -> Estimate:
    return Estimate(value=value, std_error=None, ci_low=None, ci_high=None, method=f"{name}; {reason}")


def _with_interval(
    value: float, error: MeanError, limits: tuple[float | None, float | None], *, method: str, n: int
) -> Estimate:
    """The estimate, without its interval where the sample cannot support one."""
    if n < MIN_SCENARIOS or limits[0] is None:
        reason = f"no interval: {TOO_FEW}" if n < MIN_SCENARIOS else NO_VARIATION
        method, limits = f"{method}; {reason}", (None, None)
    return Estimate(
        value=value,
        std_error=error.std_error,
        ci_low=limits[0],
        ci_high=limits[1],
        method=method,
        skewness=error.skewness,
    )
