"""What a scenario draws, written once for NumPy and JAX (`xp`).

One Philox block gives four words, so it serves four scenarios of a name: the counter holds scenario // 4 (the *quad*),
and the scenario's place in the quad says which word is its own. A number still depends on seed, scenario and name
alone. Arrays of scenarios are [4, Q]: place in the quad, quad.
"""

from typing import Any, NamedTuple

from ..normals import normal_pair
from ..streams import Purpose, words
from .arrays import Pool

FACTOR_BLOCK, MIXING_BLOCK = 0, 1  # of Purpose.COPULA_FACTOR; the mixing variable has no name, so stream (0, 0)
DEFAULT_BLOCK, LGD_BLOCK = 0, 1  # of Purpose.COPULA_OBLIGOR
QUAD = 4
REACH = 6.8  # normals of `normals.normal_pair` are within 6.77


class Systematic(NamedTuple):
    """What all names of a scenario share."""

    factors: Any  # [F, 4, Q] independent standard normals
    mixing: Any  # [4, Q] sqrt(W / dof); a scalar one for a Gaussian copula


def systematic(xp: Any, key: Any, quad: Any, pool: Pool) -> Systematic:
    """Factors and mixing variable of the quads, uint32 [Q]."""
    stream = pool.factor_stream
    factors = [_shared(xp, key, quad, (stream[f, 0], stream[f, 1]), FACTOR_BLOCK) for f in range(stream.shape[0])]
    shape = (len(factors), QUAD, quad.shape[0])
    return Systematic(xp.stack(factors) if factors else xp.zeros(shape), _mixing(xp, key, quad, pool.mixing))


def default_words(xp: Any, key: Any, quad: Any, stream: tuple[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """The words that decide on default, one array of quads for each place."""
    return words(xp, key, quad, stream, purpose=Purpose.COPULA_OBLIGOR, block=DEFAULT_BLOCK)


def lgd_words(xp: Any, key: Any, quad: Any, stream: tuple[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """The words of a random LGD, one array of quads for each place."""
    return words(xp, key, quad, stream, purpose=Purpose.COPULA_OBLIGOR, block=LGD_BLOCK)


def normals(xp: Any, four: tuple[Any, Any, Any, Any]) -> list[Any]:
    """A standard normal for each place of the quads, from their words."""
    return [*normal_pair(xp, four[0], four[1], xp.float64), *normal_pair(xp, four[2], four[3], xp.float64)]


def _shared(xp: Any, key: Any, quad: Any, stream: tuple[Any, Any], block: int) -> Any:
    """Normals [4, Q] that all names share."""
    return xp.stack(normals(xp, words(xp, key, quad, stream, purpose=Purpose.COPULA_FACTOR, block=block)))


def _mixing(xp: Any, key: Any, quad: Any, coefficients: Any) -> Any:
    """sqrt(W / dof) from one normal by a Chebyshev series (Clenshaw's recurrence) of its logarithm on |n| <= REACH."""
    if coefficients.shape[0] == 0:
        return xp.ones(())
    zero = xp.zeros((), xp.uint32)
    place = _shared(xp, key, quad, (zero, zero), MIXING_BLOCK) / REACH
    return xp.exp(chebyshev(xp, coefficients, place))


def chebyshev(xp: Any, coefficients: Any, place: Any) -> Any:
    """Sum of coefficients times Chebyshev polynomials at `place` in [-1, 1]."""
    ahead, after = xp.zeros_like(place), xp.zeros_like(place)
    for order in range(coefficients.shape[0] - 1, 0, -1):
        ahead, after = 2 * place * ahead - after + coefficients[order], ahead
    return place * ahead - after + coefficients[0]
