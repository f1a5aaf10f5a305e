"""The copula model as a good NumPy programmer writes it: float32, batches that fit the cache, NumPy's own generator."""

import numpy as np
from scipy.special import ndtr

from .narrow_copula import OneFactor

CELLS = 2**17  # scenarios x names of a batch: half a MiB an array


def simulate(pool: OneFactor, first: int, count: int) -> np.ndarray:
    """Losses of `count` scenarios from `first` on, float32 [count]; a batch's first scenario seeds its generator."""
    narrow = OneFactor(*(array.astype(np.float32) for array in pool))
    batch = max(CELLS // pool.loss.size, 1)
    starts = range(first, first + count, batch)
    return np.concatenate([_batch(narrow, start, min(batch, first + count - start)) for start in starts])


def _batch(pool: OneFactor, start: int, count: int) -> np.ndarray:
    """Distance to the threshold, probability, draw: in place where NumPy can."""
    generator = np.random.Generator(np.random.SFC64([1, start]))
    factor = generator.standard_normal(count, dtype=np.float32)
    distance = np.multiply.outer(factor, -pool.loading)
    distance += pool.threshold
    distance *= pool.inverse_residual
    ndtr(distance, out=distance)
    draw = generator.random(distance.shape, dtype=np.float32)
    return (draw < distance).astype(np.float32) @ pool.loss
