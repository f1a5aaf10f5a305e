"""Expected loss and standard deviation of a pool, for any number of factors.

Both need pairs of names only: with the probability that two names default together,
Var L = sum over i, j of Cov(L_i, L_j). Names with equal PD and loadings share a bucket, and pairs of buckets suffice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rackrisk.models.beta import noticeable

from ._array import Array
from ._bivariate import bivariate_normal_cdf, bivariate_t_cdf
from ._checks import degrees_of_freedom, fractions, not_negative
from ._conditional import threshold
from ._pool import LgdKind, check_lgd
from ._wrong_way import wrong_way_moments

_ROWS = 256  # of the matrix of pairs, worked out at once


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of the loss in USD."""

    mean_usd: float
    standard_deviation_usd: float


def portfolio_moments(
    ead_usd: ArrayLike,
    lgd: ArrayLike,
    pd: ArrayLike,
    loadings: ArrayLike,
    *,
    factor_correlation: ArrayLike | None = None,
    dof: float | None = None,
    lgd_kind: LgdKind = "fixed",
    lgd_sd: ArrayLike | None = None,
    lgd_correlation: float | None = None,
) -> Moments:
    """EL and SD of n names that default if w.Z + sqrt(1 - w'Rw) e < c, by joint probabilities of default of pairs.

    P(both default) is a bivariate normal or Student t probability with correlation w_i'R w_j. A wrong-way LGD depends
    on the name's own systematic part only, so that E[L_i L_j] is a mean over two correlated normals, taken by
    Mehler's expansion in Hermite polynomials: E[f(s) g(t)] = sum over k of r^k f_k g_k
    (H. Cramer, 1946, Mathematical Methods of Statistics, section 21.12).

    Args:
        ead_usd: float64[n], exposures in USD.
        lgd: float64[n] or a number, mean loss given default.
        pd: float64[n] or a number, probability of default.
        loadings: float64[n, f], with w'Rw <= 1.
        factor_correlation: R, float64[f, f], positive semidefinite; None for independent factors.
        dof: degrees of freedom of the Student t copula; None for Gaussian.
        lgd_kind: `fixed`, `beta` or `wrong_way`; see `one_factor_distribution`.
        lgd_sd: float64[n] or a number, for `beta` and `wrong_way`.
        lgd_correlation: q, for `wrong_way`.

    Raises:
        ValueError: an argument out of range.
        NotResolvedError: a wrong-way LGD with loadings so near 1 that the expansion has not converged.

    >>> result = portfolio_moments([1.0, 1.0], 1.0, 0.5, [[0.0, 0.5], [0.5, 0.5]], factor_correlation=np.eye(2))
    >>> round(result.mean_usd, 9), round(result.standard_deviation_usd**2, 9)
    (1.0, 0.580430623)
    """
    weights = np.atleast_2d(np.asarray(loadings, dtype=np.float64))
    columns = [not_negative("ead_usd", ead_usd), fractions("lgd", lgd), fractions("pd", pd)]
    columns.append(noticeable(not_negative("lgd_sd", 0.0 if lgd_sd is None or lgd_kind == "fixed" else lgd_sd)))
    ead, mean_lgd, p, sd = (np.broadcast_to(column, len(weights)) for column in columns)
    check_lgd(lgd_kind, mean_lgd, sd, given=lgd_sd is not None, correlation=lgd_correlation)
    independent = weights @ correlation_root(factor_correlation, weights.shape[1])
    if np.any(np.einsum("nf,nf->n", independent, independent) > 1.0 + 1e-9):
        raise ValueError("loadings w need w'Rw <= 1")
    degrees_of_freedom(dof)
    if lgd_kind == "wrong_way":
        mean, second = wrong_way_moments(
            ead, mean_lgd, p, sd, independent, dof=dof, lgd_correlation=lgd_correlation or 0.0
        )
        return Moments(mean, math.sqrt(max(second - mean**2, 0.0)))
    return _moments_of_pairs(ead, mean_lgd, p, sd, independent, dof=dof)


def correlation_root(correlation: ArrayLike | None, size: int) -> Array:
    """float64[f, f]: a square root A of the correlation, R = A A', so that w'A are loadings on independent factors."""
    if correlation is None:
        return np.eye(size)
    matrix = np.asarray(correlation, dtype=np.float64)
    if matrix.shape != (size, size) or not np.allclose(matrix, matrix.T, atol=1e-12):
        raise ValueError(f"factor_correlation must be a symmetric {size} x {size} matrix")
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -1e-10 or not np.allclose(np.diag(matrix), 1.0, atol=1e-12):
        raise ValueError("factor_correlation must be positive semidefinite with a unit diagonal")
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _moments_of_pairs(ead: Array, lgd: Array, p: Array, sd: Array, weights: Array, *, dof: float | None) -> Moments:
    loss = ead * lgd
    buckets, of_name = np.unique(np.column_stack([p, weights]), axis=0, return_inverse=True)
    bucket_loss = np.bincount(of_name.ravel(), weights=loss)
    cut, loading, bucket_pd = threshold(buckets[:, 0], dof), buckets[:, 1:], buckets[:, 0]
    variance = float(np.sum(ead**2 * ((lgd**2 + sd**2) * p - (lgd * p) ** 2)))
    for start in range(0, len(buckets), _ROWS):
        rows = slice(start, start + _ROWS)
        joint = joint_default_probability(cut[rows, None], cut[None, :], loading[rows] @ loading.T, dof)
        covariance = joint - np.multiply.outer(bucket_pd[rows], bucket_pd)
        variance += float(bucket_loss[rows] @ covariance @ bucket_loss)
    own = joint_default_probability(cut, cut, np.einsum("bf,bf->b", loading, loading), dof) - bucket_pd**2
    variance -= float(np.bincount(of_name.ravel(), weights=loss**2) @ own)  # a name is no pair with itself
    return Moments(float(loss @ p), math.sqrt(max(variance, 0.0)))


def joint_default_probability(
    first_threshold: ArrayLike, second_threshold: ArrayLike, correlation: ArrayLike, dof: float | None = None
) -> Array:
    """P(both names default) from the thresholds of their latent variables and the correlation w_i'R w_j; broadcasts."""
    correlation = np.clip(correlation, -1.0, 1.0)
    if dof is None:
        return bivariate_normal_cdf(first_threshold, second_threshold, correlation)
    return bivariate_t_cdf(first_threshold, second_threshold, correlation, dof)
