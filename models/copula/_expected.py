"""Expected loss of each name, exact where a formula or one quadrature gives it."""

from functools import cache

import numpy as np
import polars as pl
from scipy.special import ndtr

from rackrisk.kernels.copula.draws import REACH
from rackrisk.models.beta import beta_quantile, beta_shape

from ._config import CopulaConfig
from ._factors import factor_matrix, independent_loadings, loadings
from ._pool import lgd_sd, pd_columns
from ._thresholds import chi_square_quantile, thresholds

NODES, MIXING_NODES = 256, 64  # of Gauss and Legendre
MAX_DISTINCT = 4096  # names that differ in what matters; beyond, the quadrature would cost more than the simulation
SHARPEST = 0.98  # correlation of latent variable and LGD driver beyond which so few nodes are not enough


def expected_losses(names: pl.DataFrame, config: CopulaConfig) -> pl.Series:
    """E[exposure x LGD at default] by the horizon, Float64 [N], USD; null where it was not worked out.

    For a fixed or independent LGD it is ead x lgd x pd. For a wrong-way LGD, default is X < threshold sqrt(W / dof) and
    the LGD a beta quantile at Phi(Y), where X and Y are normal with correlation -sqrt(q) |w|; one integral over Y, and
    one over W for a Student t copula.
    """
    ead, lgd, pd = (names[column].to_numpy() for column in ("ead", "lgd", pd_columns(config)[-1]))
    if config.lgd.kind != "wrong_way":
        return pl.Series(ead * lgd * pd)
    _, correlation = factor_matrix(names, config)
    weights = independent_loadings(loadings(names, config), correlation)
    link = -np.sqrt((config.lgd.correlation or 0.0) * (weights * weights).sum(axis=1))
    cases, place = np.unique(np.stack([lgd, lgd_sd(names, config), pd, link], axis=1), axis=0, return_inverse=True)
    if len(cases) > MAX_DISTINCT:
        return pl.Series([None] * names.height, dtype=pl.Float64)
    mean = np.array([_mean_loss_rate(*case, dof=config.dof) for case in cases])
    return pl.Series(ead * mean[place.reshape(-1)]).fill_nan(None)


def _mean_loss_rate(lgd: float, sd: float, pd: float, link: float, *, dof: float | None) -> float:
    """E[LGD 1(default)], NaN where the quadrature is too coarse."""
    if sd == 0 or link == 0 or pd in (0.0, 1.0):
        return lgd * pd
    if -link > SHARPEST:
        return float("nan")
    driver, weight = _normal_nodes(NODES)
    a, b = beta_shape(np.array(lgd), np.array(sd))
    quantile = beta_quantile(a, b, ndtr(driver))
    scale, share = _mixing_nodes(dof)
    threshold = thresholds(np.array(pd), dof) * scale
    default = ndtr((threshold[:, None] - link * driver) / np.sqrt(1 - link * link))
    return float(share @ (default @ (weight * quantile)))


@cache
def _normal_nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes over the bulk of a standard normal, with weights that add up to one."""
    place, weight = np.polynomial.legendre.leggauss(count)
    normal = 8.5 * place
    weight = weight * np.exp(-0.5 * normal * normal)
    return normal, weight / weight.sum()


@cache
def _mixing_nodes(dof: float | None) -> tuple[np.ndarray, np.ndarray]:
    """sqrt(W / dof) at nodes and their weights; one node for a Gaussian copula."""
    if dof is None:
        return np.ones(1), np.ones(1)
    normal, weight = _normal_nodes(MIXING_NODES)
    return np.sqrt(chi_square_quantile(np.clip(normal, -REACH, REACH), dof) / dof), weight
