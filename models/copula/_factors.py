"""Factors and loadings of a pool, from the tape's columns or from one asset correlation."""

import numpy as np
import polars as pl

from rackrisk.models.correlation import lower_root

from ._config import CopulaConfig

LOADING_PREFIX = "loading_"
COMMON_FACTOR = "common"  # of a pool with one asset correlation


def factor_matrix(names: pl.DataFrame, config: CopulaConfig) -> tuple[list[str], np.ndarray]:
    """Factors in their order, and their correlation matrix, float64 [F, F].

    Raises:
        ValueError: `factor_correlation` does not fit the loading columns.
    """
    columns = sorted(name for name in names.columns if name.startswith(LOADING_PREFIX))
    if not columns:
        return [COMMON_FACTOR], np.eye(1)
    factors = [name.removeprefix(LOADING_PREFIX) for name in columns]
    if isinstance(config.factor_correlation, dict):
        unknown = sorted(set(config.named_factors()) - set(factors))
        if unknown:
            raise ValueError(
                f"factor_correlation names {', '.join(unknown)}, but the tape has loadings on {', '.join(factors)} only"
            )
    return factors, config.correlation(factors)


def loadings(names: pl.DataFrame, config: CopulaConfig) -> np.ndarray:
    """Loadings on the factors in their order, float64 [N, F]; the square root of an asset correlation."""
    columns = sorted(name for name in names.columns if name.startswith(LOADING_PREFIX))
    if columns:
        return names.select(columns).to_numpy().astype(np.float64)
    return np.full((names.height, 1), np.sqrt(config.asset_correlation or 0.0))


def independent_loadings(weights: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Loadings [N, F] on correlated factors as loadings on independent ones, float64 [N, F].

    Added factor by factor, so that a name's loadings do not depend on who else is in the pool, as those of a library's
    matrix product may.
    """
    lower = lower_root(correlation)
    total = np.zeros(weights.shape)
    for factor in range(weights.shape[1]):
        total += weights[:, factor, None] * lower[factor]
    return total
