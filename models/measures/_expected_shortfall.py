"""Expected shortfall: the mean of the worst 1 - level of the probability, with its error.

C. Acerbi and D. Tasche (2002), "On the coherence of expected shortfall", Journal of Banking and Finance 26, 1487-1503.
R. T. Rockafellar and S. Uryasev (2002), "Conditional value-at-risk for general loss distributions", there, 1443-1471.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._levels import exact
from ._mean_error import MIN_SCENARIOS, NO_VARIATION, TOO_FEW, MeanError, mean_error
from ._measure import Estimate
from ._order_statistics import enclosing_ranks
from ._value_at_risk import miss_each_side, quantile_rank

#: With fewer scenarios beyond the level no error is given: coverage was seen to fail below (docs/measures.md).
MIN_TAIL = 5

_METHOD = "tail mean with split atom; influence-function standard error; skewness-corrected interval"


def expected_shortfall(losses: NDArray[np.float64], *, level: float, confidence: float) -> Estimate:
    """Mean of the worst n (1 - level) scenarios, the scenario at the boundary counted in part.

    Acerbi and Tasche's definition, (sum of losses above VaR + VaR (n (1 - level) - their number)) / (n (1 - level)),
    is evaluated as VaR + (sum of the excesses over VaR) / (n (1 - level)), which cannot cancel. The error is that of
    the mean of the influence function VaR + (L - VaR)+ / (1 - level), which includes the error of the VaR.

    Args:
        losses: float64[n], ascending.
        level: confidence level of the ES in (0, 1).
        confidence: two-sided coverage of the interval in (0, 1).
    """
    n, exact_level = len(losses), exact(level)
    tail = n * (1 - exact_level)
    rank = quantile_rank(n, exact_level)
    var = float(losses[rank - 1])
    excesses = losses[rank:] - var
    total = math.fsum(excesses.data)
    value = var + total / float(tail)
    if not shortfall_has_error(n, level=level):
        return _without_error(value, n=n, beyond=len(excesses))
    error = mean_error(excesses, mean=total / n, zeros=rank)
    error = MeanError(error.std_error / float(1 - exact_level), error.skewness)
    low, high, reason = _interval(value, error, n=n, level=level, confidence=confidence)
    return Estimate(
        value=value,
        std_error=error.std_error,
        ci_low=low,
        ci_high=high,
        method=_METHOD + reason,
        skewness=error.skewness,
    )


def shortfall_has_error(n: int, *, level: float) -> bool:
    """True where n scenarios are enough for the error of an ES at `level`."""
    return n >= MIN_SCENARIOS and n * (1 - exact(level)) >= MIN_TAIL


def shortfall_terms(losses: NDArray[np.float64], *, level: float) -> NDArray[np.float64]:
    """What each scenario adds to the mean that is the ES: VaR + (L - VaR)+ / (1 - level), in the order of `losses`.

    Terms of two simulations on the same random numbers can be subtracted scenario by scenario: the error of the mean
    difference then knows how much the two have in common.

    Args:
        losses: float64[n], in any order.
        level: confidence level of the ES in (0, 1).
    """
    exact_level = exact(level)
    rank = quantile_rank(len(losses), exact_level)
    var = np.partition(losses, rank - 1)[rank - 1]
    return var + np.maximum(losses - var, 0.0) / float(1 - exact_level)


def _interval(
    value: float, error: MeanError, *, n: int, level: float, confidence: float
) -> tuple[float | None, float | None, str]:
    """Limits and the reason for a missing one: an ES that the sample bounds above needs a VaR that it bounds above."""
    low, high = error.interval(value, confidence)
    if low is None:
        return None, None, f"; {NO_VARIATION}"
    if enclosing_ranks(n, exact(level), miss_each_side(confidence))[1] is None:
        return low, None, "; no upper limit: too few scenarios beyond the level"
    return low, high, ""


def _without_error(value: float, *, n: int, beyond: int) -> Estimate:
    reason = f"scenarios beyond the level: {beyond}" if n >= MIN_SCENARIOS else TOO_FEW
    if beyond == 0:
        reason = "no scenario lies beyond the level, the value is the largest loss"
    method = f"{_METHOD.split(';')[0]}; no standard error or interval: {reason}"
    return Estimate(value=value, std_error=None, ci_low=None, ci_high=None, method=method)
