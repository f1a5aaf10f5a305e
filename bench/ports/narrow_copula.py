"""What the copula ports need of a pool: arrays of one factor's names."""

from typing import NamedTuple

import numpy as np

from rackrisk.kernels.copula.arrays import Pool


class OneFactor(NamedTuple):
    """Names that differ in everything; [N] each."""

    threshold: np.ndarray
    loading: np.ndarray
    inverse_residual: np.ndarray
    loss: np.ndarray  # USD at default
    stream: np.ndarray  # uint32 [N, 2]


def one_factor(pool: Pool, quantum_usd: float) -> OneFactor:
    """Take a pool apart: Gaussian, one year, one factor, fixed LGD, no two names in one bucket."""
    return OneFactor(
        threshold=pool.buckets.threshold[0],
        loading=pool.buckets.loading[0],
        inverse_residual=pool.buckets.inverse_residual,
        loss=pool.names.quanta * quantum_usd,
        stream=pool.names.stream,
    )
