"""Parts of a floating number that add up to it exactly."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def apportion(total: float, weights: Sequence[int]) -> NDArray[np.float64]:
    """Share out `total` in proportion to whole weights, so that the parts add up to it in any order, to the last bit.

    Every part is a whole multiple of the last binary place of `total`; what rounding down leaves over goes to the parts
    with the largest remainders (Hamilton's method), the first of equal ones. Partial sums then fit the mantissa, so no
    addition rounds, and each part is within one last place of `total` from its exact value.

    Args:
        total: finite, >= 0.
        weights: whole numbers >= 0, not all of them zero unless `total` is.

    Raises:
        ValueError: a total or weight that is negative, or nothing to share a positive total by.

    >>> bool(apportion(1.0, [1, 1, 1]).sum() == 1.0)
    True
    """
    whole = sum(weights)
    if not (math.isfinite(total) and total >= 0.0) or min(weights, default=0) < 0 or (total > 0.0 and whole == 0):
        raise ValueError("a total is shared out by whole numbers from 0 on, one of which is positive")
    if total == 0.0:
        return np.zeros(len(weights))
    exponent = math.frexp(total)[1] - 53
    units = int(Fraction(total) / Fraction(2) ** exponent)
    shares = [divmod(units * weight, whole) for weight in weights]
    left = units - sum(share for share, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda place: -shares[place][1])[:left]
    extra = set(by_remainder)
    return np.array([math.ldexp(share + (place in extra), exponent) for place, (share, _) in enumerate(shares)])
