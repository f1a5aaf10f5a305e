"""Exact contributions of names to VaR and ES of a one-factor pool: expected losses given the loss of the pool.

E[L_i | L = VaR], and E[L_i g(L)] with the weights g of the expected shortfall (D. Tasche, 1999, "Risk contributions and
performance measurement", TU Munich). Both are E[L_i g(L)] for a function g of the pool's loss, which is

    sum over states of weight p_i E[ x g(x + rest of the pool) ],  x the loss of name i given default.

What a part of the pool must know of all others, h(x) = E[g(x + others)], is carried down the tree of merges from g
itself: a half's h is its parent's h correlated with the law of the other half. Nothing is divided, so that no name is
too risky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._array import Array
from ._convolution import Batch, Plan, convolve, fourier_length, leaf_probabilities, leaf_spectra, plan_of, powers
from ._factor_grid import integrate
from ._lattice import Lattice, lattice_of
from ._loss_distribution import LossDistribution
from ._one_factor import MAX_STATES, pool_distribution, totals
from ._pool import LgdKind, OneFactorPool, one_factor_pool


@dataclass(frozen=True)
class LossContributions:
    """Contributions in USD, in the order of the names.

    Attributes:
        value_at_risk_usd: float64[n], E[L_i | L = VaR] on the lattice; they sum to the VaR.
        expected_shortfall_usd: float64[n], summing to the ES, the atom at the VaR counted in part.
        distribution: the loss distribution they belong to.
    """

    value_at_risk_usd: Array
    expected_shortfall_usd: Array
    distribution: LossDistribution


def loss_contributions(
    ead_usd: ArrayLike,
    lgd: ArrayLike,
    pd: ArrayLike,
    loading: ArrayLike,
    *,
    level: float,
    dof: float | None = None,
    lgd_kind: LgdKind = "fixed",
    lgd_sd: ArrayLike | None = None,
    lgd_correlation: float | None = None,
    unit_usd: float | None = None,
) -> LossContributions:
    """Contributions to VaR and ES at `level` in the model of `one_factor_distribution`, which explains the arguments.

    Where losses have no common unit, the loss that VaR contributions are conditional on is a lattice point, and not
    all of its neighbourhood; ES contributions depend on that far less.

    Raises:
        ValueError: an argument out of range.
        NotResolvedError: loadings so near 1 that no allowed grid resolves the integrand.

    >>> result = loss_contributions([3.0, 1.0, 1.0], 1.0, [0.02, 0.1, 0.1], 0.5, level=0.95)
    >>> result.distribution.value_at_risk(0.95), [round(float(x), 6) for x in result.value_at_risk_usd]
    (1.0, [0.0, 0.5, 0.5])
    """
    pool = one_factor_pool(
        ead_usd, lgd, pd, loading, dof=dof, lgd_kind=lgd_kind, lgd_sd=lgd_sd, lgd_correlation=lgd_correlation
    )
    lattice = lattice_of(pool, unit_usd)
    distribution = pool_distribution(pool, lattice)
    of_group = _of_groups(pool, lattice, distribution, level) / pool.count
    var, es = of_group[:, pool.group_of]
    return LossContributions(var, es, distribution)


def _of_groups(pool: OneFactorPool, lattice: Lattice, distribution: LossDistribution, level: float) -> Array:
    """float64[2, g] in USD: contributions of the groups to VaR and to ES."""
    plan, targets = plan_of(pool, lattice), _targets(distribution, level)

    def of_batch(batch: Batch) -> Array:
        return _weighted_contributions(pool, lattice, plan, batch, targets).ravel()

    def distance(difference: Array) -> float:
        scale = max(distribution.expected_shortfall(level) / lattice.unit_usd, 1.0)
        return float(np.max(np.sum(np.abs(difference.reshape(2, -1)), axis=1))) / scale

    integral = integrate(
        totals(pool, lattice, of_batch, size=2 * len(pool)), dof=pool.dof, distance=distance, max_states=MAX_STATES
    )
    return lattice.unit_usd * integral.values.reshape(2, -1)


def _targets(distribution: LossDistribution, level: float) -> Array:
    """float64[2, M + 1]: g of the VaR, one over the probability at the VaR there, and g of the ES."""
    at = round(distribution.value_at_risk(level) / distribution.unit_usd)
    given = np.zeros(len(distribution.probabilities))
    given[at] = 1.0 / distribution.probabilities[at]
    return np.stack([given, distribution.tail_weights(level)])


def _weighted_contributions(pool: OneFactorPool, lattice: Lattice, plan: Plan, batch: Batch, targets: Array) -> Array:
    """float64[2, g] in lattice units: sum over the states of weight times E[loss of the group times g]."""
    result = np.zeros((2, len(pool)))
    if not np.any(targets[:, : batch.support + 1]):
        return result
    parts = _all_parts(pool, lattice, plan, batch)
    needs: dict[int, Array] = {len(parts) - 1: targets[:, None, : parts[-1].shape[1]]}
    for part in range(len(parts) - 1, len(plan.leaves) - 1, -1):
        first, second = plan.merges[part - len(plan.leaves)]
        need = needs.pop(part)
        needs[first] = _correlate(need, parts[second], parts[first].shape[1])
        needs[second] = _correlate(need, parts[first], parts[second].shape[1])
    for leaf, groups in enumerate(plan.leaves):
        result[:, groups] = _of_leaf(pool, lattice, groups, batch, needs[leaf])
    return result


def _all_parts(pool: OneFactorPool, lattice: Lattice, plan: Plan, batch: Batch) -> list[Array]:
    parts = [leaf_probabilities(pool, lattice, groups, batch) for groups in plan.leaves]
    for first, second in plan.merges:
        parts.append(convolve(parts[first], parts[second], batch.support))
    return parts


def _correlate(need: Array, other: Array, size: int) -> Array:
    """h(x) = sum over y of other(y) need(x + y) for x below `size`: float64[2, s, size]."""
    length = fourier_length(size + other.shape[1] - 1)
    return np.fft.irfft(np.fft.rfft(need, length) * np.conj(np.fft.rfft(other, length)), length)[..., :size]


def _of_leaf(pool: OneFactorPool, lattice: Lattice, groups: list[int], batch: Batch, need: Array) -> Array:
    """float64[2, len(groups)]: what the groups of a leaf contribute, from h of the leaf."""
    single, length = leaf_spectra(pool, lattice, groups, batch)
    whole = powers(single, pool.count[groups])
    fewer = powers(single, pool.count[groups] - 1)
    before = _products(whole)
    after = _products(whole[::-1])[::-1]
    needed = np.fft.rfft(need, length)
    result = np.empty((2, len(groups)))
    for row, group in enumerate(groups):
        others = before[row] * after[row] * fewer[row]
        law = np.atleast_2d(lattice.severity_of(group, batch.states, batch.memo))[:, : need.shape[-1]]
        h = np.fft.irfft(needed * np.conj(others), length)[..., : law.shape[1]]
        given_default = np.sum(h * (law * np.arange(law.shape[1])), axis=-1)
        result[:, row] = pool.count[group] * (given_default @ (batch.states.weight * batch.pd[:, group]))
    return result


def _products(spectra: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Products of all earlier entries along the first axis; the first is 1."""
    result = np.ones_like(spectra)
    np.cumprod(spectra[:-1], axis=0, out=result[1:])
    return result
