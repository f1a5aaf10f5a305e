"""Exact loss distribution of names that differ, under one common factor."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ._array import Array
from ._convolution import Batch, batch_of, plan_of, weighted_probabilities
from ._factor_grid import States, integrate
from ._homogeneous import cdf_distance
from ._lattice import Lattice, lattice_of, splitting_deviation
from ._loss_distribution import LossDistribution
from ._pool import LgdKind, OneFactorPool, one_factor_pool

_BATCH_STATES = 32
MAX_STATES = 1 << 16
#: Quantile at which the effect of the splitting is stated.
_STATED_LEVEL = 0.999


def one_factor_distribution(
    ead_usd: ArrayLike,
    lgd: ArrayLike,
    pd: ArrayLike,
    loading: ArrayLike,
    *,
    dof: float | None = None,
    lgd_kind: LgdKind = "fixed",
    lgd_sd: ArrayLike | None = None,
    lgd_correlation: float | None = None,
    unit_usd: float | None = None,
) -> LossDistribution:
    """Loss of n names that default if w Z + sqrt(1 - w^2) e < c, both sides of Student t with dof times sqrt(dof / W).

    Conditional convolution over a factor grid that is refined until the cdf stands still (`integrate`); the idea is
    that of L. Andersen, J. Sidenius and S. Basu (2003), "All your hedges in one basket", Risk, November, 67-72.
    Loss of a default is ead times LGD: `fixed`; `beta` with this mean and standard deviation, independent; or
    `wrong_way`, the beta quantile at Phi(-sqrt(q) s + sqrt(1 - q) eps) with s the name's systematic part, sign(w) Z.

    Losses that have a common unit lie on the lattice. Others are split between its two nearest points so that each
    mean is exact; `LossDistribution.lattice_error_usd` states what that adds.

    Args:
        ead_usd: exposure in USD, >= 0; this and the next three are float64[n] or one number for all names.
        lgd: mean loss given default in [0, 1].
        pd: probability of default over the horizon in [0, 1].
        loading: w, the square root of the asset correlation, |w| <= 0.9999; may be negative.
        dof: degrees of freedom of the Student t copula, > 2; None for Gaussian.
        lgd_kind: `fixed`, `beta` or `wrong_way`.
        lgd_sd: standard deviation of LGD, below sqrt(lgd (1 - lgd)); 0 is a fixed LGD.
        lgd_correlation: q in [0, 1), for `wrong_way`.
        unit_usd: lattice unit; chosen if None: the losses' common divisor, else the largest loss / 32,768.

    Raises:
        ValueError: an argument out of range.
        NotResolvedError: loadings so near 1 that no allowed grid resolves the integrand.

    >>> pool = one_factor_distribution([100.0, 50.0], 0.5, [0.02, 0.04], 0.3)
    >>> pool.unit_usd, len(pool.probabilities), round(pool.mean(), 9)
    (25.0, 4, 2.0)
    """
    pool = one_factor_pool(
        ead_usd, lgd, pd, loading, dof=dof, lgd_kind=lgd_kind, lgd_sd=lgd_sd, lgd_correlation=lgd_correlation
    )
    return pool_distribution(pool, lattice_of(pool, unit_usd))


def pool_distribution(pool: OneFactorPool, lattice: Lattice, *, max_states: int = MAX_STATES) -> LossDistribution:
    """Loss distribution of the pool on the lattice.

    Raises:
        NotResolvedError: more than `max_states` systematic states would be needed.
    """
    plan = plan_of(pool, lattice)

    def of_batch(batch: Batch) -> Array:
        return weighted_probabilities(pool, lattice, plan, batch)

    total_of = totals(pool, lattice, of_batch, size=plan.points[-1] + 1)
    integral = integrate(total_of, dof=pool.dof, distance=cdf_distance, max_states=max_states)
    distribution = LossDistribution(
        lattice.unit_usd,
        np.maximum(integral.values, 0.0),
        integration_change=integral.change,
        states=integral.states,
    )
    error = splitting_deviation(lattice, pool, distribution.value_at_risk(_STATED_LEVEL))
    return replace(distribution, lattice_error_usd=error)


def totals(
    pool: OneFactorPool, lattice: Lattice, of_batch: Callable[[Batch], Array], *, size: int
) -> Callable[[States], Array]:
    """A function of states that adds up `of_batch` over batches of them, in a fixed order, on all processors."""

    def total_of(states: States) -> Array:
        result = np.zeros(size)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            pieces = threads.map(
                lambda piece: of_batch(batch_of(pool, lattice, piece)), by_severity(pool, states).batches(_BATCH_STATES)
            )
            for piece in pieces:
                result[: len(piece)] += piece
        return result

    return total_of


def by_severity(pool: OneFactorPool, states: States) -> States:
    """The states ordered by the conditional PD of an average name, so that those in a batch need a like support."""
    finite = np.isfinite(pool.thresholds)
    drift = float(np.mean(pool.thresholds, where=finite)) * states.scale if np.any(finite) else 0.0
    order = np.argsort(drift - float(np.mean(pool.loading)) * states.factor, kind="stable")
    return States(states.factor[order], states.scale[order], states.weight[order])
