"""Infinitely granular pool under one Gaussian factor: the limit of Vasicek, the ASRF model of Basel II.

L = Phi((Phi^-1(p) - sqrt(rho) Z) / sqrt(1 - rho)) is the share of names that default. O. Vasicek (2002), "The
distribution of loan portfolio value", Risk, December, 160-162; M. Gordy (2003), "A risk-factor model foundation for
ratings-based bank capital rules", Journal of Financial Intermediation 12, 199-232.

All functions broadcast and give fractions of the exposure at LGD 1. Multiply by ead times LGD and add up over names:
VaR and ES of the limit are sums over names, because all losses rise and fall with the one factor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from ._array import Array
from ._bivariate import bivariate_normal_cdf
from ._checks import fractions


def asrf_cdf(loss: ArrayLike, pd: ArrayLike, correlation: ArrayLike) -> Array:
    """P(L <= loss) = Phi((sqrt(1 - rho) Phi^-1(loss) - Phi^-1(p)) / sqrt(rho)).

    Args:
        loss: share of names that default; below 0 the result is 0, from 1 on it is 1.
        pd: probability of default in (0, 1).
        correlation: asset correlation in (0, 1).
    """
    cut, rho = _inputs(pd, correlation)
    share = np.asarray(loss, dtype=np.float64)
    inside = ndtr((np.sqrt(1.0 - rho) * ndtri(np.clip(share, 0.0, 1.0)) - cut) / np.sqrt(rho))
    return np.where(share < 0.0, 0.0, np.where(share >= 1.0, 1.0, inside))


def asrf_value_at_risk(level: ArrayLike, pd: ArrayLike, correlation: ArrayLike) -> Array:
    """Phi((Phi^-1(p) + sqrt(rho) Phi^-1(level)) / sqrt(1 - rho)).

    Args:
        level: in (0, 1).
        pd: probability of default in [0, 1].
        correlation: asset correlation in [0, 1).

    >>> round(float(asrf_value_at_risk(0.999, 0.01, 0.2)), 8)
    0.14552527
    """
    fractions("level", level)
    p, rho = fractions("pd", pd), fractions("correlation", correlation)
    return ndtr((ndtri(p) + np.sqrt(rho) * ndtri(level)) / np.sqrt(1.0 - rho))


def asrf_expected_shortfall(level: ArrayLike, pd: ArrayLike, correlation: ArrayLike) -> Array:
    """Phi2(Phi^-1(p), -Phi^-1(level); sqrt(rho)) / (1 - level): the joint probability of default and of a bad factor.

    Args:
        level: in [0, 1).
        pd: probability of default in [0, 1].
        correlation: asset correlation in [0, 1].

    >>> round(float(asrf_expected_shortfall(0.999, 0.01, 0.2)), 8)
    0.18143553
    """
    a = fractions("level", level)
    p, rho = fractions("pd", pd), fractions("correlation", correlation)
    return bivariate_normal_cdf(ndtri(p), ndtri(1.0 - a), np.sqrt(rho)) / (1.0 - a)


def asrf_tranche_expected_loss(attach: ArrayLike, detach: ArrayLike, pd: ArrayLike, correlation: ArrayLike) -> Array:
    """E[min(max(L - attach, 0), detach - attach)] / (detach - attach), a fraction of the tranche.

    With b = (sqrt(1 - rho) Phi^-1(K) - Phi^-1(p)) / sqrt(rho),
    E[min(L, K)] = p - Phi2(Phi^-1(p), -b; sqrt(rho)) + K Phi(-b).

    Args:
        attach: lower end as a share of the exposure, >= 0.
        detach: upper end, above attach, <= 1.
        pd: probability of default in (0, 1).
        correlation: asset correlation in (0, 1).

    >>> round(float(asrf_tranche_expected_loss(0.03, 0.06, 0.05, 0.2)), 6)
    0.394299
    """
    low, high = fractions("attach", attach), fractions("detach", detach)
    if not np.all(low < high):
        raise ValueError("a tranche needs attach < detach")
    return (_capped_mean(high, pd, correlation) - _capped_mean(low, pd, correlation)) / (high - low)


def _capped_mean(cap: Array, pd: ArrayLike, correlation: ArrayLike) -> Array:
    cut, rho = _inputs(pd, correlation)
    point = (np.sqrt(1.0 - rho) * ndtri(cap) - cut) / np.sqrt(rho)
    return ndtr(cut) - bivariate_normal_cdf(cut, -point, np.sqrt(rho)) + cap * ndtr(-point)


def _inputs(pd: ArrayLike, correlation: ArrayLike) -> tuple[Array, Array]:
    p, rho = fractions("pd", pd), fractions("correlation", correlation)
    if not (np.all((p > 0.0) & (p < 1.0)) and np.all((rho > 0.0) & (rho < 1.0))):
        raise ValueError("pd and correlation must lie strictly between 0 and 1")
    return np.asarray(ndtri(p)), rho
