"""All measures of one sample of losses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._expected_shortfall import expected_shortfall
from ._levels import exact
from ._measure import Estimate, Measure
from ._moments import expected_loss, standard_deviation
from ._value_at_risk import value_at_risk

UNIT = "USD"

_WHOLE = {"EL": expected_loss, "SD": standard_deviation}
_AT_LEVEL = {"VaR": value_at_risk, "ES": expected_shortfall}


def measure_losses(losses_usd: ArrayLike, *, levels: Sequence[float], confidence: float, scope: str) -> list[Measure]:
    """EL and SD, then VaR and then ES at each level, each with its error.

    The order of the scenarios does not matter, down to the last bit: the losses are sorted first.

    Args:
        losses_usd: float64[n], one loss per scenario in USD, losses positive, n >= 1; equally likely scenarios.
        levels: confidence levels of VaR and ES, each in (0, 1), in the order of the result.
        confidence: two-sided coverage of every interval, in (0, 1).
        scope: name written into the rows.

    Returns:
        2 + 2 len(levels) measures.

    Raises:
        ValueError: no losses, more than one dimension, a loss that is NaN or infinite, or a level outside (0, 1).

    >>> [(row.measure, row.value) for row in measure_losses([3, 0, 1, 0], levels=[0.5], confidence=0.95, scope="a")]
    [('EL', 1.0), ('SD', 1.4142135623730951), ('VaR', 0.0), ('ES', 2.0)]
    """
    exact(confidence)
    losses = _sorted(losses_usd)
    return [
        Measure(
            measure=name,
            level=level,
            value=estimate.value,
            std_error=estimate.std_error,
            ci_low=estimate.ci_low,
            ci_high=estimate.ci_high,
            unit=UNIT,
            scope=scope,
            n_scenarios=len(losses),
            method=estimate.method,
        )
        for name, level, estimate in _estimates(losses, levels, confidence)
    ]


def _estimates(
    losses: NDArray[np.float64], levels: Sequence[float], confidence: float
) -> Iterator[tuple[str, float | None, Estimate]]:
    for name, whole in _WHOLE.items():
        yield name, None, whole(losses, confidence=confidence)
    for name, at_level in _AT_LEVEL.items():
        for level in levels:
            yield name, float(level), at_level(losses, level=level, confidence=confidence)


def measure_one(losses_usd: ArrayLike, *, measure: str, level: float | None, confidence: float) -> Estimate:
    """The one that `measure_losses` gives under this name and level, without the cost of the others.

    Args:
        losses_usd: as in `measure_losses`.
        measure: `EL`, `SD`, `VaR` or `ES`.
        level: confidence level in (0, 1); None for EL and SD.
        confidence: two-sided coverage of the interval, in (0, 1).

    Raises:
        ValueError: what `measure_losses` refuses.
        KeyError: there is no such measure with, or without, a level.

    >>> measure_one([3, 0, 1, 0], measure="ES", level=0.5, confidence=0.95).value
    2.0
    """
    exact(confidence)
    losses = _sorted(losses_usd)
    if level is None:
        return _WHOLE[measure](losses, confidence=confidence)
    return _AT_LEVEL[measure](losses, level=level, confidence=confidence)


def _sorted(losses_usd: ArrayLike) -> NDArray[np.float64]:
    """Ascending float64 copy; -0.0 becomes 0.0, which sorting would leave in the order of the scenarios."""
    losses = np.sort(np.asarray(losses_usd, dtype=np.float64), axis=None) + 0.0
    if np.ndim(losses_usd) != 1 or len(losses) == 0:
        raise ValueError(f"losses are one number per scenario, got an array of shape {np.shape(losses_usd)}")
    limit = sys.float_info.max / (4 * len(losses))  # sums and differences stay finite
    if not (losses[0] >= -limit and losses[-1] <= limit):  # NaN sorts last and compares false
        raise ValueError("losses must be finite: found NaN, an infinity or a number too large to add up")
    return losses
