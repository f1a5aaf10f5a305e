"""The arrays that an engine needs, from a canonical frame of names."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from rackrisk.kernels.copula.arrays import LOSS_BITS, Buckets, Names, Pool
from rackrisk.kernels.streams import stream_words, streams
from rackrisk.kernels.tally import power_of_two_quantum
from rackrisk.models.beta import noticeable

from ._config import CopulaConfig
from ._factors import factor_matrix, independent_loadings, loadings
from ._lgd import lgd_tables
from ._thresholds import mixing_series, thresholds

HIGHEST = 1e300  # inverse of a residual of zero: any distance from the threshold decides


@dataclass(frozen=True)
class BuiltPool:
    """A pool ready for an engine, and what is needed to read its tally.

    Attributes:
        order: int64 [N], the frame's row of each of the pool's names.
        segments: sorted.
        quantum_usd: USD in one loss quantum, a power of two.
    """

    pool: Pool
    order: np.ndarray
    segments: list[str]
    quantum_usd: float


def pd_columns(config: CopulaConfig) -> list[str]:
    """Columns of cumulative default probabilities by year."""
    return [f"pd_{year}y" for year in range(1, config.horizon_years + 1)]


def lgd_sd(names: pl.DataFrame, config: CopulaConfig) -> np.ndarray:
    """Standard deviation of each name's LGD: the tape's where it has one, else the configuration's."""
    if "lgd_sd" in names.columns:
        return noticeable(names["lgd_sd"].fill_null(config.lgd.sd or 0.0).to_numpy())
    return noticeable(np.full(names.height, config.lgd.sd or 0.0))


def build_pool(names: pl.DataFrame, config: CopulaConfig) -> BuiltPool:
    """Build the pool of checked names (`check_names` finds nothing)."""
    factors, correlation = factor_matrix(names, config)
    weights = independent_loadings(loadings(names, config), correlation)
    limits = thresholds(names.select(pd_columns(config)).to_numpy(), config.dof)
    shared, bucket = np.unique(np.concatenate([limits, weights], axis=1), axis=0, return_inverse=True)
    bucket = bucket.reshape(-1)
    order = np.argsort(bucket, kind="stable")
    segments = sorted(set(names["segment"]))
    segment = names["segment"].replace_strict(segments, range(len(segments)), return_dtype=pl.Int32).to_numpy()
    kind, lgd = config.lgd.kind, names["lgd"].to_numpy()
    ead = names["ead"].to_numpy()
    quantum = power_of_two_quantum(float(ead.sum()), LOSS_BITS)
    table, row = lgd_tables(lgd, lgd_sd(names, config)) if kind != "fixed" else (_none(), np.zeros(lgd.size, np.int32))
    pool = Pool(
        buckets=_buckets(shared, np.bincount(bucket), config),
        names=Names(
            stream=streams(names["obligor_id"].to_list())[order],
            segment=segment[order],
            quanta=np.rint((ead * lgd if kind == "fixed" else ead) / quantum)[order],
            lgd_row=row[order],
        ),
        factor_stream=np.array([stream_words(factor) for factor in factors], np.uint32).reshape(-1, 2),
        mixing=mixing_series(config.dof),
        lgd_table=table,
        segments=len(segments),
        lgd_kind=kind,
    )
    return BuiltPool(pool, order, segments, quantum)


def _none() -> np.ndarray:
    return np.zeros((1, 1), np.int32)


def _buckets(shared: np.ndarray, sizes: np.ndarray, config: CopulaConfig) -> Buckets:
    """Buckets from rows of thresholds and independent loadings."""
    horizon = config.horizon_years
    loading = np.ascontiguousarray(shared[:, horizon:].T)
    norm = np.sqrt(sum((row * row for row in loading), np.zeros(len(shared))))
    with np.errstate(divide="ignore"):
        inverse = np.minimum(1 / np.sqrt(np.maximum(1 - norm * norm, 0)), HIGHEST)
    return Buckets(
        threshold=np.ascontiguousarray(shared[:, :horizon].T),
        loading=loading,
        inverse_residual=inverse,
        first=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        **_lgd_driver(loading, norm, config.lgd.correlation),
    )


def _lgd_driver(loading: np.ndarray, norm: np.ndarray, correlation: float | None) -> dict[str, np.ndarray]:
    """-sqrt(q) s + sqrt(1 - q) eps, with s the standardised systematic part; without one, eps alone."""
    if correlation is None:
        return {"lgd_loading": np.zeros((0, 0)), "lgd_residual": np.zeros(0)}
    share = np.where(norm > 0, correlation, 0)
    direction = loading / np.where(norm > 0, norm, 1)
    return {"lgd_loading": -np.sqrt(share) * direction, "lgd_residual": np.sqrt(1 - share)}
