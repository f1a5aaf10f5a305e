"""Granularity adjustment: what the finite number of names adds to VaR and ES of the infinitely granular pool.

R. Martin and T. Wilde (2002), "Unsystematic credit risk", Risk, November, 123-128, for VaR; M. Gordy (2004),
"Granularity adjustment in portfolio credit risk measurement", in G. Szego (ed.), Risk Measures for the 21st Century,
Wiley, 109-121, for ES. With m and v the mean and the variance of the loss given the factor Z and phi its density, at z
= Phi^-1(1 - level):

    VaR: -1 / (2 phi) d/dz (phi v / m') = -((v' - z v) / m' - v m'' / m'^2) / 2
    ES:  -phi v / m' / (2 (1 - level))

Second order in 1 / sqrt(n): an approximation, good when no name is a large part of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from ..measures._levels import exact
from ._bivariate import bivariate_normal_cdf
from ._checks import fractions, not_negative


@dataclass(frozen=True)
class GranularTail:
    """VaR and ES in USD of the infinitely granular pool, and what the finite pool adds.

    Attributes:
        value_at_risk: of the limit.
        expected_shortfall: of the limit.
        value_at_risk_adjustment: to be added to the first.
        expected_shortfall_adjustment: to be added to the second.
    """

    value_at_risk: float
    expected_shortfall: float
    value_at_risk_adjustment: float
    expected_shortfall_adjustment: float


def granularity_adjustment(
    ead_usd: ArrayLike,
    lgd: ArrayLike,
    pd: ArrayLike,
    loading: ArrayLike,
    *,
    level: float,
    lgd_sd: ArrayLike = 0.0,
) -> GranularTail:
    """Limit and adjustment for a Gaussian one-factor pool with independent LGDs.

    Args:
        ead_usd: exposures in USD, >= 0; this and the next three are float64[n] or one number for all names.
        lgd: mean loss given default in [0, 1].
        pd: probability of default in [0, 1].
        loading: square root of the asset correlation, in [0, 1), positive for at least one risky name.
        level: confidence level in (0, 1).
        lgd_sd: standard deviation of LGD, independent of everything else.

    Raises:
        ValueError: an argument out of range, or a pool whose limit does not depend on the factor.

    >>> tail = granularity_adjustment(np.ones(1000), 1.0, 0.01, 0.2**0.5, level=0.999)
    >>> round(tail.value_at_risk, 4), round(tail.value_at_risk_adjustment, 4)
    (145.5253, 1.6147)
    """
    tail = float(1 - exact(level))
    columns = (
        not_negative("ead_usd", ead_usd),
        fractions("lgd", lgd),
        fractions("pd", pd),
        fractions("loading", loading),
    )
    ead, mean_lgd, p, w, sd = np.broadcast_arrays(*columns, not_negative("lgd_sd", lgd_sd))
    if np.any(w >= 1.0):
        raise ValueError("loadings must be below 1")
    z, slope = float(ndtri(tail)), w / np.sqrt(1.0 - w**2)
    x = (ndtri(p) - w * z) / np.sqrt(1.0 - w**2)
    q, density = ndtr(x), np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)
    x = np.where(np.isfinite(x), x, 0.0)  # PD 0 or 1: its density is 0
    q1, q2 = -slope * density, -(slope**2) * x * density
    loss = ead * mean_lgd
    m, m1, m2 = (float(np.sum(loss * d)) for d in (q, q1, q2))
    if m1 == 0.0:
        raise ValueError("the granular limit does not depend on the factor: there is nothing to adjust")
    second = ead**2 * (mean_lgd**2 + sd**2)
    v = float(np.sum(second * q - (loss * q) ** 2))
    v1 = float(np.sum((second - 2.0 * loss**2 * q) * q1))
    normal = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    return GranularTail(
        value_at_risk=m,
        expected_shortfall=float(np.sum(loss * bivariate_normal_cdf(ndtri(p), z, w))) / tail,
        value_at_risk_adjustment=-0.5 * ((v1 - z * v) / m1 - v * m2 / m1**2),
        expected_shortfall_adjustment=float(-0.5 * normal * v / m1 / tail),
    )
