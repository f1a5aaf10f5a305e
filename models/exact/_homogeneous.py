"""Number of defaults among equal names in one factor: a binomial, mixed over the systematic state."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from ._array import Array
from ._checks import degrees_of_freedom, fractions, positive
from ._conditional import conditional_pd, threshold
from ._factor_grid import TIGHT, States, integrate
from ._loss_distribution import LossDistribution

#: A binomial beyond this many standard deviations (plus as many names) has probability below 1e-17.
_DEVIATIONS = 9.0
_EXTRA_NAMES = 45.0
_MAX_STATES = 1 << 17


def homogeneous_distribution(
    count: int, pd: float, correlation: float, *, dof: float | None = None, loss_usd: float = 1.0
) -> LossDistribution:
    """Loss of `count` names with equal PD, asset correlation and loss given default.

    P(k defaults) = E[binomial(k; count, p(Z, W))] with p = Phi((c sqrt(W / dof) - sqrt(rho) Z) / sqrt(1 - rho)),
    O. Vasicek (1987), "Probability of loss on loan portfolio"; Student t: R. Frey and A. McNeil (2003), "Dependent
    defaults in models of portfolio credit risk", Journal of Risk 6, 59-92. Relative accuracy down to about 1e-12 of
    each probability above 1e-14.

    Args:
        count: number of names, >= 1.
        pd: probability of default of each in [0, 1].
        correlation: asset correlation in [0, 1]; the loading is its square root.
        dof: degrees of freedom of the Student t copula, > 2; None for Gaussian. At correlation 0 the names still
            share the chi-square.
        loss_usd: loss of one default in USD, > 0, the unit of the lattice.

    Returns:
        A distribution with count + 1 points, on the lattice exactly.

    Raises:
        ValueError: an argument out of range.
        NotResolvedError: a correlation so near 1 that the grid cannot resolve it.

    >>> distribution = homogeneous_distribution(100, 0.02, 0.3)
    >>> distribution.value_at_risk(0.999), round(distribution.expected_shortfall(0.999), 6)
    (35.0, 41.754589)
    """
    if count < 1:
        raise ValueError(f"a pool has at least one name, got {count!r}")
    fractions("pd", pd)
    fractions("correlation", correlation)
    degrees_of_freedom(dof)
    positive("loss_usd", loss_usd)
    if correlation == 1.0 or pd in (0.0, 1.0):
        together = np.zeros(count + 1)
        together[0], together[-1] = 1.0 - pd, pd
        return LossDistribution(loss_usd, together)
    cut, loading = np.array([threshold(pd, dof)]), np.array([math.sqrt(correlation)])
    log_choose = gammaln(count + 1.0) - gammaln(np.arange(count + 1.0) + 1.0)
    log_choose = log_choose - gammaln(count - np.arange(count + 1.0) + 1.0)

    def total_of(states: States) -> Array:
        return _mixed_binomial(log_choose, conditional_pd(cut, loading, states)[:, 0], states.weight)

    integral = integrate(total_of, dof=dof, distance=cdf_distance, tolerance=TIGHT, max_states=_MAX_STATES)
    return LossDistribution(loss_usd, integral.values, integration_change=integral.change, states=integral.states)


def cdf_distance(difference: Array) -> float:
    """Largest difference of two cdfs, from the difference of their probabilities."""
    return float(np.max(np.abs(np.cumsum(difference))))


def _mixed_binomial(log_choose: Array, probability: Array, weight: Array) -> Array:
    """Sum of binomials with weights, each evaluated only where it is not negligible."""
    count = len(log_choose) - 1
    result = np.zeros(count + 1)
    for p, w in zip(probability, weight, strict=True):
        reach = _DEVIATIONS * math.sqrt(count * p * (1.0 - p)) + _EXTRA_NAMES
        low, high = max(0, math.floor(count * p - reach)), min(count, math.ceil(count * p + reach))
        k = np.arange(low, high + 1.0)
        result[low : high + 1] += w * np.exp(log_choose[low : high + 1] + xlogy(k, p) + xlog1py(count - k, -p))
    return result
