"""First two moments of the loss with an LGD that depends on each name's own systematic part.

Given the scale of a Student t copula, the expected loss rate of a name is a function f of its standardised systematic
part s, and the parts of two names are normals with the cosine r of their loadings as correlation. Mehler's expansion
gives E[f(s) g(t)] = sum over k of r^k f_k g_k with the coefficients in orthonormal Hermite polynomials
(H. Cramer, 1946, Mathematical Methods of Statistics, Princeton, section 21.12).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ._array import Array
from ._conditional import threshold
from ._factor_grid import NotResolvedError, States, integrate_scale
from ._severity import latent_lgd, latent_nodes, latent_step, latent_weights

_STEP, _LIMIT, _TERMS = 0.05, 8.5, 200
#: Part of the second moment that the expansion may leave out.
_REMAINDER = 1e-8


@dataclass(frozen=True)
class _Buckets:
    """Names with equal PD, LGD and loadings.

    Attributes:
        exposure: float64[b], sum of exposures in USD.
        squares: float64[b], sum of their squares.
        thresholds: float64[b].
        length: float64[b], norm of the loadings.
        cosine: float64[b, b], correlation of the standardised systematic parts.
        lgd_mean: float64[b, s], E[LGD | s] on the grid.
        lgd_square: float64[b, s], E[LGD^2 | s].
    """

    exposure: Array
    squares: Array
    thresholds: Array
    length: Array
    cosine: Array
    lgd_mean: Array
    lgd_square: Array


def wrong_way_moments(
    ead: Array, lgd: Array, pd: Array, sd: Array, weights: Array, *, dof: float | None, lgd_correlation: float
) -> tuple[float, float]:
    """Mean and second moment of the loss in USD and USD squared.

    Args:
        ead: float64[n], exposures in USD; lgd, pd and sd of the same shape.
        weights: float64[n, f], loadings on independent factors, norm at most 1.
        dof: degrees of freedom of the Student t copula; None for Gaussian.
        lgd_correlation: share of the LGD's latent variance that the systematic part explains.

    Raises:
        NotResolvedError: loadings so near 1 that the expansion has not converged.
    """
    buckets = _gather(ead, lgd, pd, sd, weights, dof=dof, lgd_correlation=lgd_correlation)
    scale_usd = max(float(ead @ (lgd * pd)), 1e-300)

    def distance(difference: Array) -> float:
        return max(abs(difference[0]) / scale_usd, abs(difference[1]) / scale_usd**2)

    def total_of(states: States) -> Array:
        return _total(buckets, states)

    mean, second, remainder = integrate_scale(total_of, dof=dof, distance=distance).tolist()
    if remainder > _REMAINDER * second:
        raise NotResolvedError("loadings are too near 1 for the expansion behind the standard deviation")
    return mean, second


def _gather(
    ead: Array, lgd: Array, pd: Array, sd: Array, weights: Array, *, dof: float | None, lgd_correlation: float
) -> _Buckets:
    rows, of_name = np.unique(np.column_stack([pd, lgd, sd, weights]), axis=0, return_inverse=True)
    of_name, loading = of_name.ravel(), rows[:, 3:]
    length = np.sqrt(np.einsum("bf,bf->b", loading, loading))
    direction = loading / np.where(length > 0.0, length, 1.0)[:, None]
    laws = [
        _lgd_moments(mean, deviation, size, lgd_correlation)
        for mean, deviation, size in zip(rows[:, 1].tolist(), rows[:, 2].tolist(), length.tolist(), strict=True)
    ]
    return _Buckets(
        exposure=np.bincount(of_name, weights=ead),
        squares=np.bincount(of_name, weights=ead**2),
        thresholds=threshold(rows[:, 0], dof),
        length=length,
        cosine=np.clip(direction @ direction.T, -1.0, 1.0),
        lgd_mean=np.stack([law[0] for law in laws]),
        lgd_square=np.stack([law[1] for law in laws]),
    )


def _grid() -> tuple[Array, Array]:
    """Even nodes of s and weights of its normal density."""
    most = round(_LIMIT / _STEP)
    nodes = _STEP * np.arange(-most, most + 1)
    return nodes, _STEP * np.exp(-0.5 * nodes**2) / np.sqrt(2.0 * np.pi)


def _lgd_moments(mean: float, sd: float, length: float, lgd_correlation: float) -> tuple[Array, Array]:
    """E[LGD | s] and E[LGD^2 | s] on the grid of s."""
    systematic = _grid()[0]
    if sd == 0.0:
        return np.full_like(systematic, mean), np.full_like(systematic, mean**2)
    nodes = latent_nodes(latent_step(lgd_correlation))
    states = States(systematic, np.ones_like(systematic), np.ones_like(systematic))
    weights, lgd = latent_weights(length, states, nodes, lgd_correlation), latent_lgd(mean, sd, nodes)
    return lgd @ weights, lgd**2 @ weights


def _total(buckets: _Buckets, states: States) -> Array:
    """Sum over scales of weight times [mean, second moment, bound of what the expansion leaves out]."""
    nodes, density = _grid()
    residual = np.sqrt((1.0 - buckets.length) * (1.0 + buckets.length))[:, None]
    drift = buckets.thresholds[:, None, None] * states.scale[:, None] - buckets.length[:, None, None] * nodes
    with np.errstate(divide="ignore"):
        pd = ndtr(drift / residual[:, None, :])  # [b, g, s]
    rate = pd * buckets.lgd_mean[:, None, :]
    mean = np.einsum("b,bgs,s->g", buckets.exposure, rate, density)
    own = np.einsum("b,bgs,s->g", buckets.squares, pd * buckets.lgd_square[:, None, :] - rate**2, density)
    pairs, remainder = _pairs(buckets, rate, nodes, density)
    return np.array([states.weight @ mean, states.weight @ (own + pairs), states.weight @ remainder])


def _pairs(buckets: _Buckets, rate: Array, nodes: Array, density: Array) -> tuple[Array, Array]:
    """float64[g]: sum over all pairs of buckets of the expected product, and a bound of what is left out."""
    weighted = buckets.exposure[:, None, None] * rate
    left = np.einsum("bgs,s->bg", weighted**2, density)  # Parseval: what the coefficients still have to explain
    polynomial, before, power = np.ones_like(nodes), np.zeros_like(nodes), np.ones_like(buckets.cosine)
    total = np.zeros(rate.shape[1])
    for k in range(_TERMS):
        coefficient = weighted @ (density * polynomial)  # [b, g]
        total += np.einsum("bg,bg->g", coefficient, power @ coefficient)
        left = left - coefficient**2
        polynomial, before = (nodes * polynomial - np.sqrt(k) * before) / np.sqrt(k + 1.0), polynomial
        power = power * buckets.cosine
    return total, np.sum(np.sqrt(np.maximum(left, 0.0)), axis=0) ** 2
