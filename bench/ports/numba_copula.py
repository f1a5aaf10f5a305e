"""The copula model as loops under numba: the engine's own draws and probabilities, blocks of scenarios in parallel.

The innermost loop runs over quads of scenarios, so that the compiler can use vectors; losses are added in float64.
"""

# pyright: reportMissingParameterType=false
# numba finds the types of its functions itself.

import numpy as np
from numba import njit, prange, set_num_threads

from rackrisk.kernels.copula.normal_cdf import LAST, ROOT_OF_TAIL
from rackrisk.kernels.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1
from rackrisk.kernels.streams import BLOCK_BITS, Purpose

from .narrow_copula import OneFactor

BLOCK = 1024  # quads of scenarios whose factor and losses stay in a core's cache
LABEL = np.uint64(int(Purpose.COPULA_OBLIGOR) << BLOCK_BITS)
ROOT = tuple(ROOT_OF_TAIL)
ORDER = len(ROOT) - 1
M0, M1, LOW, HALF = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1), np.uint64(0xFFFFFFFF), np.uint64(32)
LAST_BIT = np.uint64(1)
WEYL = np.array([[WEYL_0 * r % 2**32, WEYL_1 * r % 2**32] for r in range(ROUNDS)], dtype=np.uint64)
DRAWS = 2.0**31


def simulate(pool: OneFactor, factor: np.ndarray, key: tuple[int, int], first: int, *, threads: int) -> np.ndarray:
    """Losses of scenarios 4 first, 4 first + 1, ...: float64 [4, quads] like their factor."""
    set_num_threads(threads)
    keys = (WEYL + np.array(key, dtype=np.uint64)) & LOW
    terms = np.stack([pool.threshold, pool.loading, pool.inverse_residual, pool.loss])
    return _blocks(terms, pool.stream.astype(np.uint64), factor, keys, np.uint64(first))


@njit(parallel=True, fastmath=True)
def _blocks(terms, stream, factor, keys, first):
    quads = factor.shape[1]
    losses = np.zeros((4, quads))
    for block in prange((quads + BLOCK - 1) // BLOCK):
        start, end = block * BLOCK, min((block + 1) * BLOCK, quads)
        for name in range(terms.shape[1]):
            part = factor[:, start:end], losses[:, start:end]
            _one_name(terms[:, name], stream[name], keys, first + np.uint64(start), part)
    return losses


@njit(fastmath=True)
def _one_name(terms, stream, keys, first, part):
    factor, losses = part
    threshold, loading, inverse, loss = terms[0], terms[1], terms[2], terms[3]
    stream_0, stream_1 = stream[0], stream[1]
    for quad in range(factor.shape[1]):
        a, b, c, d = first + np.uint64(quad), LABEL, stream_0, stream_1
        for r in range(ROUNDS):
            low, high = a * M0, c * M1
            a, b, c, d = (high >> HALF) ^ b ^ keys[r, 0], high & LOW, (low >> HALF) ^ d ^ keys[r, 1], low & LOW
        losses[0, quad] += _loss(a, (threshold - loading * factor[0, quad]) * inverse, loss)
        losses[1, quad] += _loss(b, (threshold - loading * factor[1, quad]) * inverse, loss)
        losses[2, quad] += _loss(c, (threshold - loading * factor[2, quad]) * inverse, loss)
        losses[3, quad] += _loss(d, (threshold - loading * factor[3, quad]) * inverse, loss)


@njit(fastmath=True, inline="always")
def _loss(word, distance, loss):
    draw = np.float64(np.int64(word >> LAST_BIT))
    return loss if draw < np.floor(_probability(distance) * DRAWS + 0.5) else 0.0


@njit(fastmath=True, inline="always")
def _probability(x):
    place = min(abs(x), LAST) * (2 / LAST) - 1
    tail = ROOT[ORDER]
    for order in range(ORDER - 1, -1, -1):
        tail = tail * place + ROOT[order]
    tail *= tail
    tail *= tail
    tail *= tail
    tail *= tail
    return tail if x < 0 else 1 - tail
