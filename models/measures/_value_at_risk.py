"""Value at risk: the lower quantile of the losses, with an interval between two order statistics."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ._levels import exact
from ._measure import Estimate
from ._order_statistics import enclosing_ranks

#: Half of the probability outside one standard deviation of a normal distribution: a 68.27 % interval.
ONE_SIGMA_MISS = 0.5 * math.erfc(math.sqrt(0.5))


def value_at_risk(losses: NDArray[np.float64], *, level: float, confidence: float) -> Estimate:
    """Smallest loss x with empirical F(x) >= level.

    The interval is distribution-free: its coverage is at least `confidence` for every distribution, discrete ones
    included. The standard error is half the width of the interval of the same kind at 68.27 %.

    Args:
        losses: float64[n], ascending.
        level: confidence level of the VaR in (0, 1).
        confidence: two-sided coverage of the interval in (0, 1).
    """
    n = len(losses)
    rank = quantile_rank(n, exact(level))
    limits = enclosing_ranks(n, exact(level), miss_each_side(confidence))
    low, high = (_at(losses, limit) for limit in limits)
    near = [_at(losses, limit) for limit in enclosing_ranks(n, exact(level), ONE_SIGMA_MISS)]
    std_error = None if near[0] is None or near[1] is None else 0.5 * near[1] - 0.5 * near[0]
    method = f"lower quantile, rank {rank}; order statistics {limits[0] or '-'} and {limits[1] or '-'}"
    return Estimate(
        value=float(losses[rank - 1]),
        std_error=std_error,
        ci_low=low,
        ci_high=high,
        method="; ".join([method, *_reasons(rank=rank, n=n, limits=limits, std_error=std_error)]),
    )


def quantile_rank(n: int, level: Fraction) -> int:
    """Rank (from 1) of the lower empirical quantile: the smallest k with k/n >= level."""
    return math.ceil(n * level)


def tail_ranks(n: int, level: float, confidence: float) -> tuple[int, int, int]:
    """Ranks of the VaR and of its confidence limits; the smallest and the largest loss where a limit is missing."""
    exact_level = exact(level)
    low, high = enclosing_ranks(n, exact_level, miss_each_side(confidence))
    return quantile_rank(n, exact_level), low or 1, high or n


def miss_each_side(confidence: float) -> float:
    """Probability left outside each limit of a two-sided interval."""
    return float((1 - exact(confidence)) / 2)


def _at(losses: NDArray[np.float64], rank: int | None) -> float | None:
    return None if rank is None else float(losses[rank - 1])


def _reasons(*, rank: int, n: int, limits: tuple[int | None, int | None], std_error: float | None) -> list[str]:
    """Why a number is missing, or weak, in the words of the table."""
    found = {
        "the largest loss: no scenario lies beyond the level": rank == n,
        "no lower limit: too few scenarios below the level": limits[0] is None,
        "no upper limit: too few scenarios beyond the level": limits[1] is None,
        "no standard error: too few scenarios around the level": std_error is None,
    }
    return [reason for reason, holds in found.items() if holds]
