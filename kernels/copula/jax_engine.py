"""The JAX engine of the copula model, compiled for CPU and GPU.

A tile holds thousands of scenarios, whose arrays stay in a core's cache while all names pass by one after another.
Every device runs the same compiled tile, whose size depends on the pool alone, and all sums are of integers.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from ..branches import computed_once
from ..cores import use_every_core
from .arrays import Pool, Tally
from .conditional import combine, draw_limits, driven_cells, independent_cells, loss_quanta, squarable, years_in_default
from .draws import QUAD, Systematic, default_words, lgd_words, normals, systematic
from .normal_cdf import normal_cdf
from .tally import tally

CELLS_PER_TILE = 2**27  # scenarios x names
BYTES_PER_TILE = 2**26  # of the sums by scenario
MIN_TILE, MAX_TILE = 64, 16384  # scenarios
BYTE = 8  # bits: the four places of a quad share a word


def tile_scenarios(pool: Pool) -> int:
    """Scenarios in a tile: a power of two, from the pool alone."""
    names, horizon = pool.names.stream.shape[0], pool.buckets.threshold.shape[0]
    most = min(max(CELLS_PER_TILE // names, 512), BYTES_PER_TILE // (pool.segments * (8 + 4 * horizon)))
    return min(max(1 << (max(most, 1).bit_length() - 1), MIN_TILE), MAX_TILE)


def simulate_tile(pool: Pool, key: Any, first: Any, scenarios: Any, tile: int) -> Tally:
    """`reference.simulate_tile`, traceable; `first` and `scenarios` are uint32 scalars."""
    quad = first // QUAD + jnp.arange(tile // QUAD, dtype=jnp.uint32)
    valid = QUAD * quad + jnp.arange(QUAD, dtype=jnp.uint32)[:, None] < scenarios
    given = systematic(jnp, key, quad, pool)
    if given.factors.dtype != jnp.float64:
        raise TypeError("the copula engine needs JAX with 64-bit types")
    horizon, names = pool.buckets.threshold.shape[0], pool.names.stream.shape[0]
    busy = first < scenarios  # a tile may only fill up a device

    def one_bucket(bucket: Any, sums: Any) -> Any:
        limits = computed_once(busy, lambda: jnp.where(valid, _limits(pool, given, bucket), 0))
        driver = _systematic_driver(pool, given, bucket)

        def one_name(name: Any, sums: Any) -> Any:
            return _one_name(pool, key, quad, busy, limits=limits, driver=driver, name=name, bucket=bucket, sums=sums)

        start, end = pool.buckets.first[bucket], pool.buckets.first[bucket + 1]
        return jax.lax.fori_loop(start, end, one_name, sums)

    nothing = (
        jnp.zeros((pool.segments, *valid.shape), jnp.int64),
        jnp.zeros((pool.segments, horizon, *valid.shape), jnp.int32),
        [jnp.zeros(names, jnp.int64)] * (1 if pool.lgd_kind == "fixed" else 3),
    )
    buckets = pool.buckets.inverse_residual.shape[0]
    loss, counts, by_name = jax.lax.fori_loop(0, buckets, one_bucket, nothing)
    return tally(jnp, loss, counts, by_name, pool)


def _one_name(
    pool: Pool, key: Any, quad: Any, busy: Any, *, limits: Any, driver: Any, name: Any, bucket: Any, sums: Any
) -> Any:
    loss, counts, by_name = sums
    stream = pool.names.stream[name, 0], pool.names.stream[name, 1]
    packed = computed_once(busy, lambda: _pack(years_in_default(jnp, default_words(jnp, key, quad, stream), limits)))
    years = _unpack(packed)
    defaulted, exposure = years > 0, pool.names.quanta[name]
    if pool.lgd_kind == "fixed":
        lost = jnp.where(defaulted, exposure.astype(jnp.int64), 0)
        row = [jnp.sum(defaulted, dtype=jnp.int64)]
    else:
        lgd = _lgd(pool, key, quad, defaulted, driver=driver, name=name, bucket=bucket)
        lost, square = loss_quanta(jnp, exposure, lgd), squarable(lgd.astype(jnp.int64))
        row = [jnp.sum(defaulted, dtype=jnp.int64), jnp.sum(lgd, dtype=jnp.int64), jnp.sum(square * square)]
    horizon = limits.shape[0]
    by_year = (years >= jnp.arange(horizon, 0, -1, dtype=jnp.uint32)[:, None, None]).astype(jnp.int32)
    segment = pool.names.segment[name]
    loss, counts = _add(loss, segment, lost), _add(counts, segment, by_year)
    by_name = [
        jax.lax.dynamic_update_index_in_dim(total, value, name, 0) for total, value in zip(by_name, row, strict=True)
    ]
    return loss, counts, by_name


def _add(sums: Any, row: Any, values: Any) -> Any:
    """Sums with values added to one row, in place."""
    return jax.lax.dynamic_update_index_in_dim(sums, jax.lax.dynamic_index_in_dim(sums, row, 0, False) + values, row, 0)


def _pack(four: list[Any]) -> Any:
    """Four arrays of bytes as one of uint32, because a fused loop has one output: the random words are drawn once."""
    shifted = [byte << jnp.uint32(BYTE * place) for place, byte in enumerate(four)]
    return shifted[0] | shifted[1] | shifted[2] | shifted[3]


def _unpack(packed: Any) -> Any:
    """The bytes, uint32 [4, Q]."""
    shift = jnp.uint32(BYTE) * jnp.arange(QUAD, dtype=jnp.uint32)[:, None]
    return (packed >> shift) & jnp.uint32((1 << BYTE) - 1)


def _limits(pool: Pool, given: Systematic, bucket: Any) -> Any:
    buckets = pool.buckets
    return draw_limits(
        jnp,
        lambda x: normal_cdf(jnp, x),
        given,
        buckets.threshold[:, bucket, None, None],
        loading=buckets.loading[:, bucket],
        inverse_residual=buckets.inverse_residual[bucket],
    )


def _systematic_driver(pool: Pool, given: Systematic, bucket: Any) -> Any:
    if pool.lgd_kind != "wrong_way":
        return None
    return combine(jnp, pool.buckets.lgd_loading[:, bucket], given.factors)


def _lgd(pool: Pool, key: Any, quad: Any, defaulted: Any, *, driver: Any, name: Any, bucket: Any) -> Any:
    """LGD of the defaulted, else 0: int32 [4, Q] in 2^-LGD_BITS."""
    stream = pool.names.stream[name, 0], pool.names.stream[name, 1]
    row, count = pool.names.lgd_row[name], pool.lgd_table.shape[1]

    def cells() -> Any:
        words = lgd_words(jnp, key, quad, stream)
        if pool.lgd_kind == "beta":
            return _pack(independent_cells(jnp, words, count))
        own = normals(jnp, words)
        drivers = [driver[place] + pool.buckets.lgd_residual[bucket] * own[place] for place in range(QUAD)]
        return _pack(driven_cells(jnp, lambda x: normal_cdf(jnp, x), drivers, count))

    needed = jnp.any(defaulted)
    packed = computed_once(needed, cells)
    return computed_once(needed, lambda: jnp.where(defaulted, pool.lgd_table[row][_unpack(packed)], 0))


def open_tiles(pool: Pool, key: tuple[int, int]) -> tuple[Callable[[int, int], Tally], int, list[Any]]:
    """Make the tile ready on every device there is.

    Returns:
        A function of the first scenario and their number in all that simulates one tile on every device and gives
        tallies with a leading device dimension; scenarios per tile; the devices.
    """
    use_every_core()
    tile = tile_scenarios(pool)
    with jax.enable_x64(True):
        devices = jax.devices()
        mesh = jax.sharding.Mesh(np.array(devices), ("device",))
        arrays = jax.tree.map(jnp.asarray, tuple(pool[:-2])), tuple(jnp.uint32(word) for word in key)
        fixed = jax.device_put(arrays, jax.sharding.NamedSharding(mesh, PartitionSpec()))
    compiled = _compile(mesh, tile, pool.segments, pool.lgd_kind)

    def run(first: int, scenarios: int) -> Tally:
        starts = np.arange(len(devices), dtype=np.uint32) * np.uint32(tile) + np.uint32(first)
        with jax.enable_x64(True):
            return compiled(fixed, starts, np.uint32(scenarios))

    return run, tile, devices


@cache
def _compile(mesh: Any, tile: int, segments: int, lgd_kind: str) -> Callable[..., Tally]:
    """The tile for all pools of one kind; JAX compiles it once for each shape of their arrays."""

    def simulate(fixed: Any, first: Any, scenarios: Any) -> Tally:
        arrays, key = fixed
        pool = Pool(*arrays, segments=segments, lgd_kind=lgd_kind)
        result = simulate_tile(pool, key, first[0], scenarios, tile)
        return jax.tree.map(lambda field: field[None], result)

    split, same = PartitionSpec("device"), PartitionSpec()
    return jax.jit(jax.shard_map(simulate, mesh=mesh, in_specs=(same, split, same), out_specs=split, check_vma=False))
