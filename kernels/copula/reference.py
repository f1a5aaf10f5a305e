"""The reference engine of the copula model: NumPy, float64, SciPy's normal distribution function.

Every other engine must agree with it, except where a draw lies within rounding of its limit.
"""

from typing import Any

import numpy as np
from scipy.special import ndtr

from .arrays import Pool, Tally
from .conditional import combine, draw_limits, driven_cells, independent_cells, loss_quanta, squarable, years_in_default
from .draws import QUAD, default_words, lgd_words, normals, systematic
from .tally import tally

TILE = 1024  # scenarios
CELLS = 2**20  # scenarios x names worked out at once


class Tile:
    """Some scenarios: what they share, and the sums of what happens in them."""

    def __init__(self, pool: Pool, key: tuple[int, int], first: int, scenarios: int) -> None:
        self.pool, self.key = pool, key
        self.quad = np.arange(first // QUAD, (first + TILE) // QUAD, dtype=np.uint32)
        self.valid = QUAD * self.quad + np.arange(QUAD, dtype=np.uint32)[:, None] < scenarios
        self.given = systematic(np, key, self.quad, pool)
        horizon, names = pool.buckets.threshold.shape[0], pool.names.stream.shape[0]
        self.loss = np.zeros((pool.segments, *self.valid.shape), np.int64)
        self.counts = np.zeros((pool.segments, horizon, *self.valid.shape), np.int64)
        self.by_name = np.zeros((3, names), np.int64)

    def simulate(self) -> None:
        """Every name, bucket by bucket."""
        first = self.pool.buckets.first
        for bucket in range(first.size - 1):
            limits = self.limits(bucket) * self.valid
            step = max(CELLS // TILE, 1)
            for start in range(first[bucket], first[bucket + 1], step):
                self.some_names(bucket, slice(start, min(start + step, first[bucket + 1])), limits)

    def limits(self, bucket: int) -> Any:
        """What a draw must be below, uint32 [H, 4, Q]."""
        buckets = self.pool.buckets
        return draw_limits(
            np,
            ndtr,
            self.given,
            buckets.threshold[:, bucket, None, None],
            loading=buckets.loading[:, bucket],
            inverse_residual=buckets.inverse_residual[bucket],
        )

    def some_names(self, bucket: int, names: slice, limits: Any) -> None:
        """Default, loss and sums of some names of a bucket; arrays are [4, names, Q]."""
        words = default_words(np, self.key, self.quad, self.streams(names))
        years = np.stack(years_in_default(np, words, limits))
        lgd = self.lgd(bucket, names)
        quanta, segment = self.pool.names.quanta[names, None], self.pool.names.segment[names]
        lost = np.where(years > 0, quanta if lgd is None else loss_quanta(np, quanta, lgd), 0).astype(np.int64)
        horizon = limits.shape[0]
        by_year = [years >= horizon - year for year in range(horizon)]
        for place in np.unique(segment):
            here = segment == place
            self.loss[place] += lost[:, here].sum(axis=1)
            self.counts[place] += np.stack([defaulted[:, here].sum(axis=1) for defaulted in by_year])
        self.by_name[0, names] = (years > 0).sum(axis=(0, 2))
        if lgd is not None:
            lgd = np.where(years > 0, lgd, 0)
            self.by_name[1, names] = lgd.sum(axis=(0, 2))
            self.by_name[2, names] = (squarable(lgd) ** 2).sum(axis=(0, 2))

    def streams(self, names: slice) -> tuple[Any, Any]:
        """Stream words of some names, each [names, 1]."""
        stream = self.pool.names.stream[names]
        return stream[:, :1], stream[:, 1:]

    def lgd(self, bucket: int, names: slice) -> Any:
        """LGD [4, names, Q] in 2^-LGD_BITS, None if it is fixed."""
        pool = self.pool
        if pool.lgd_kind == "fixed":
            return None
        count, words = pool.lgd_table.shape[1], lgd_words(np, self.key, self.quad, self.streams(names))
        if pool.lgd_kind == "beta":
            cells = independent_cells(np, words, count)
        else:
            shared = combine(np, pool.buckets.lgd_loading[:, bucket], self.given.factors)
            own = normals(np, words)
            drivers = [shared[place] + pool.buckets.lgd_residual[bucket] * own[place] for place in range(QUAD)]
            cells = driven_cells(np, ndtr, drivers, count)
        return pool.lgd_table[pool.names.lgd_row[names, None], np.stack(cells)].astype(np.int64)


def simulate_tile(pool: Pool, key: tuple[int, int], first: int, scenarios: int) -> Tally:
    """Scenarios first to first + TILE - 1, as far as they are below `scenarios`; `first` is a multiple of TILE."""
    tile = Tile(pool, key, first, scenarios)
    tile.simulate()
    return tally(np, tile.loss, tile.counts, tile.by_name, pool)
