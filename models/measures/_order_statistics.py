"""Ranks of the order statistics that enclose a quantile, whatever the distribution.

H. A. David and H. N. Nagaraja (2003), Order Statistics, 3rd edition, section 7.1.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=256)
def enclosing_ranks(n: int, level: Fraction, miss: float) -> tuple[int | None, int | None]:
    """Ranks r < s such that the quantile lies in [X(r), X(s)], missed with at most `miss` on each side.

    With q the smallest x with F(x) >= level and B binomial(n, level),

        P(X(r) > q) = P(at most r - 1 of the sample are <= q)  <=  P(B <= r - 1),
        P(X(s) < q) = P(at least s of the sample are < q)      <=  P(B >= s),

    with equality for a continuous F; atoms only make a miss rarer. r is the largest rank whose bound is at most
    `miss`, s the smallest. A rank that would be 0 or n + 1 is None: the sample cannot bound the quantile on that side.

    >>> enclosing_ranks(5000, Fraction(99, 100), 0.025)
    (4936, 4964)
    >>> enclosing_ranks(100, Fraction(99, 100), 0.025)
    (97, None)
    """
    first, weights = _binomial_weights(n, level)
    below = np.cumsum(weights)  # P(B <= first + i)
    above = np.cumsum(weights[::-1])  # P(B >= last - i)
    lower = first + int(np.count_nonzero(below <= miss))
    upper = first + len(weights) - int(np.count_nonzero(above <= miss))
    return (lower if lower >= 1 else None), (upper if upper <= n else None)


def _binomial_weights(n: int, level: Fraction) -> tuple[int, NDArray[np.float64]]:
    """Probabilities of the binomial(n, level) counts that matter, and the first of these counts.

    They are built outwards from the mode by the ratio of neighbours and then normalised, with nothing but products
    and quotients: no logarithm of a factorial whose rounding would grow with n, and the same bits on every machine.
    Counts further out than 12 standard deviations and 100 have together less than 1e-25 of the probability.
    """
    mode = min(int((n + 1) * level), n)
    reach = math.ceil(12.0 * math.sqrt(n * level * (1 - level))) + 100
    odds = float(level / (1 - level))
    up = np.arange(mode, min(n, mode + reach), dtype=np.float64)
    down = np.arange(mode, max(0, mode - reach), -1, dtype=np.float64)
    rising = np.cumprod((n - up) / (up + 1.0) * odds)
    falling = np.cumprod(down / (n - down + 1.0) / odds)
    weights = np.concatenate([falling[::-1], [1.0], rising])
    return mode - len(down), weights / math.fsum(weights.data)
