"""Pools of names as arrays, with everything in them that is legal."""

from typing import Any

import numpy as np

from rackrisk.kernels.copula.arrays import LGD_BITS, LOSS_BITS, Buckets, Names, Pool

HIGHEST = 1e300


def random_pool(
    seed: int,
    *,
    names: int = 50,
    buckets: int = 4,
    factors: int = 1,
    years: int = 1,
    segments: int = 2,
    lgd_kind: str = "fixed",
    cells: int = 16,
    mixing: int = 0,
) -> Pool:
    """Buckets may be empty, never default, always default, or be decided by the factors alone.

    Args:
        mixing: coefficients of the mixing variable's series.
    """
    random = np.random.default_rng(seed)
    loading = _loadings(random, factors, buckets)
    inverse = np.minimum(1 / np.sqrt(np.maximum(1 - (loading**2).sum(axis=0), 1e-320)), HIGHEST)
    wrong_way = lgd_kind == "wrong_way"
    distributions = 3
    table = np.sort(random.integers(0, 2**LGD_BITS, (distributions, cells), endpoint=True), axis=1)
    return Pool(
        buckets=Buckets(
            threshold=_thresholds(random, years, buckets),
            loading=loading,
            inverse_residual=inverse,
            first=np.array([0, *np.sort(random.integers(0, names, buckets - 1, endpoint=True)), names], np.int32),
            lgd_loading=0.5 * loading if wrong_way else np.zeros((0, 0)),
            lgd_residual=random.uniform(0, 1, buckets) if wrong_way else np.zeros(0),
        ),
        names=Names(
            stream=random.integers(0, 2**32, (names, 2), dtype=np.uint32),
            segment=random.integers(0, segments, names).astype(np.int32),
            quanta=random.integers(0, 2**LOSS_BITS // names, names, endpoint=True).astype(np.float64),
            lgd_row=random.integers(0, distributions, names).astype(np.int32),
        ),
        factor_stream=random.integers(0, 2**32, (factors, 2), dtype=np.uint32),
        mixing=random.normal(0, 0.1, mixing),
        lgd_table=table.astype(np.int32),
        segments=segments,
        lgd_kind=lgd_kind,
    )


def _loadings(random: np.random.Generator, factors: int, buckets: int) -> Any:
    """Of norms 0, 1 and in between, [factors, buckets]."""
    if factors == 0:
        return np.zeros((0, buckets))
    direction = random.normal(size=(factors, buckets))
    norm = random.choice([0.0, 0.3, 0.8, 1.0], buckets)
    return norm * direction / np.sqrt((direction**2).sum(axis=0))


def _thresholds(random: np.random.Generator, years: int, buckets: int) -> Any:
    """Rising with the year, [years, buckets]."""
    found = np.sort(random.normal(-1, 1, (years, buckets)), axis=0)
    found[0, random.random(buckets) < 0.1] = -np.inf
    found[-1, random.random(buckets) < 0.1] = np.inf
    return found
