"""Default and LGD of a name given the factors, written once for NumPy and JAX (`xp`).

`cdf` is the engine's normal distribution function, the only step in which engines differ.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .arrays import LGD_BITS, SQUARE_BITS
from .draws import Systematic

Cdf = Callable[[Any], Any]
DRAW_BITS = 31  # of a uniform: with 31 of a word's 32 bits, a limit of 2^31 means always and fits 32 bits


def draw_limits(xp: Any, cdf: Cdf, given: Systematic, threshold: Any, *, loading: Any, inverse_residual: Any) -> Any:
    """Conditional default probabilities in 2^-31, rounded: uint32, in default if a draw is below.

    The unconditional probability is met within 2^-32 = 2.4e-10; 0 and 1 are met exactly, also where the factors decide
    alone.

    Args:
        threshold: scalar or [H, 1, 1].
        loading: [F] of one bucket.
        inverse_residual: scalar.

    Returns:
        [4, Q], with a leading dimension if `threshold` has one.
    """
    distance = threshold * given.mixing - combine(xp, loading, given.factors)
    probability = cdf(distance * inverse_residual)
    return (probability * 2.0**DRAW_BITS + 0.5).astype(xp.uint32)


def combine(xp: Any, loading: Any, factors: Any) -> Any:
    """Loadings [F] times factors [F, 4, Q], added in the order of the factors."""
    total = xp.zeros(factors.shape[1:])
    for f in range(factors.shape[0]):
        total = total + loading[f] * factors[f]
    return total


def years_in_default(xp: Any, words: Sequence[Any], limits: Any) -> list[Any]:
    """By how many of the horizon years the name is in default, uint32 [Q] for each place in the quad.

    Args:
        words: four arrays of draws, uint32 [Q].
        limits: [H, 4, Q]. One draw is held against all of them, so a default by year h is one by every later year.
    """
    years = []
    for place, word in enumerate(words):
        draw = word >> xp.asarray(32 - DRAW_BITS, xp.uint32)
        below = [(draw < limits[h, place]).astype(xp.uint32) for h in range(limits.shape[0])]
        years.append(sum(below[1:], below[0]))
    return years


def independent_cells(xp: Any, words: Sequence[Any], cells: int) -> list[Any]:
    """Cells of an LGD that is drawn for itself, uint32 for each place in the quad; `cells` is a power of two."""
    return [word >> xp.asarray(33 - cells.bit_length(), xp.uint32) for word in words]


def driven_cells(xp: Any, cdf: Cdf, drivers: Sequence[Any], cells: int) -> list[Any]:
    """Cells of an LGD with a standard normal driver, uint32 for each place in the quad."""
    return [xp.minimum((cdf(driver) * cells).astype(xp.uint32), xp.asarray(cells - 1, xp.uint32)) for driver in drivers]


def loss_quanta(xp: Any, exposure: Any, lgd: Any) -> Any:
    """Loss of an exposure in whole quanta (float64) at an LGD in 2^-LGD_BITS: int64."""
    return xp.round(exposure * (lgd.astype(xp.float64) * 2.0**-LGD_BITS)).astype(xp.int64)


def squarable(lgd: Any) -> Any:
    """LGD (int64) from 2^-LGD_BITS to 2^-SQUARE_BITS, rounded."""
    shift = LGD_BITS - SQUARE_BITS
    return (lgd + (1 << (shift - 1))) >> shift
