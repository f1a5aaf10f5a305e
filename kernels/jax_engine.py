"""The JAX engine: the reference's month, compiled; CPU and GPU.

Work is cut into tiles of scenarios whose size depends on the book alone, and every device runs the same compiled tile,
so results do not depend on how many scenarios are asked for or on how many devices there are.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from .arrays import Book, Paths, State
from .branches import computed_once
from .chunks import (
    Chunked,
    arrange,
    bound_chunks,
    get_chunk,
    joined,
    put_chunk,
    scene_of,
    start_chunks,
    whole_book,
)
from .cores import use_every_core
from .month import Scene, month_of_loans, sell
from .recovery import facility_losses
from .reference import MONTHS_PER_BLOCK, idiosyncratic_normals
from .sums import count_by
from .tally import (
    BY_SCENARIO,
    FacilityRows,
    MonthTally,
    Scale,
    Tally,
    facility_rows,
    map_fields,
    tally_carried,
    tally_month,
    tally_tile,
)

MakePaths = Callable[[Any, Any, Any, Any], Paths]  # (xp, market, key, scenario) -> market paths, float64
CELLS_PER_TILE = 16384  # scenarios x obligors that stay in a core's cache
CELLS_PER_CHUNK = 4096  # scenarios x obligors of one step: its intermediates stay close to the core
MIN_TILE, MAX_TILE = 4, 1024  # scenarios; below four, XLA lays out the loops badly (measured)
CELLS_PER_GROUP = 2**20  # tiles share market paths, which are slow to make for few scenarios
MAX_GROUP = 256
GPU_TIMES = 256  # a GPU wants so many times more cells at once, and has the memory for them


def tile_scenarios(obligors: int) -> tuple[int, int]:
    """Scenarios in a tile, and in a group of tiles: powers of two, from the size of the book alone."""
    times = _times()
    tile = min(max(_power_of_two(times * CELLS_PER_TILE // obligors), MIN_TILE), MAX_TILE)
    return tile, max(min(_power_of_two(times * CELLS_PER_GROUP // obligors), MAX_GROUP), tile)


def chunk_obligors(obligors: int, scenarios: int) -> int:
    """Obligors whose month is worked out at a time."""
    return min(max(_times() * CELLS_PER_CHUNK // scenarios, 1), obligors)


def _times() -> int:
    """How many times the cells of a CPU's core."""
    return 1 if jax.default_backend() == "cpu" else GPU_TIMES


def _power_of_two(most: int) -> int:
    return 1 << (max(most, 1).bit_length() - 1)


def cast(tree: Any, precision: Any) -> Any:
    """Floating arrays to `precision`, others as they are."""

    def one(array: Any) -> Any:
        array = jnp.asarray(array)
        return array.astype(precision) if jnp.issubdtype(array.dtype, jnp.floating) else array

    return jax.tree.map(one, tree)


class Walk(NamedTuple):
    """All months of one tile."""

    end: State  # joined, [S, K W]
    impact: Any  # [S, T+1, V]
    months: MonthTally
    carried: Any  # int32 [T, N]
    traced: Any  # state [T+1, ...] of one scenario and one chunk, None if not asked for


def simulate_tile(
    chunked: Chunked, paths: Paths, scale: Scale, key: Any, *, scenario: Any, valid: Any
) -> tuple[Tally, FacilityRows]:
    """`reference.simulate_tile`, traceable; `chunked` and `paths` in the engine's precision."""
    walk, valid = walk_months(chunked, paths, scale, key, scenario=scenario, valid=valid), valid[:, None]
    losses = facility_losses(jnp, whole_book(chunked), paths, walk.impact, walk.end)
    tally = tally_tile(jnp, scale, walk.months, losses, walk.end, carried=walk.carried, valid=valid)
    return tally, facility_rows(jnp, scale, losses, valid)


def walk_months(
    chunked: Chunked, paths: Paths, scale: Scale, key: Any, *, scenario: Any, valid: Any, traced_chunk: Any = None
) -> Walk:
    """Take a tile from the as-of date to the horizon.

    Args:
        traced_chunk: int32, the chunk of which the first scenario's states are kept after every month.
    """
    parts, valid = chunked.parts, valid[:, None]
    chunks, months_and_today, columns = parts.debt.balance_usd.shape
    months, groups = months_and_today - 1, chunked.in_group.shape[1]
    stream = chunked.stream[:, 0, None], chunked.stream[:, 1, None]
    bound, first = bound_chunks(parts, paths), start_chunks(parts, scenario.shape[0])
    nothing = MonthTally(
        *[jnp.zeros(groups, jnp.int64)] * (len(MonthTally._fields) - 1),
        defaults=jnp.zeros((scenario.shape[0], groups), jnp.float32),
    )

    def of_first_scenario(state: State) -> State | None:
        return None if traced_chunk is None else jax.tree.map(lambda field: field[0], get_chunk(state, traced_chunk))

    def one_month(before: tuple[State, Any], inputs: tuple[Any, Any]) -> tuple[tuple[State, Any], tuple[Any, ...]]:
        (state, carried), (t, normal) = before, inputs

        def some_loans(place: Any, done: tuple[State, Any, MonthTally, Any]) -> tuple[State, Any, MonthTally, Any]:
            state, quanta, tally, carried = done
            part = scene_of(parts, paths, bound, place)
            after, view = computed_once(
                place < chunked.owing[t - 1],
                lambda: month_of_loans(jnp, part, t, get_chunk(state, place), normal[place]),
            )
            grouped = scale._replace(obligor_in_group=chunked.in_group[place])
            seen = tally_month(jnp, part.book, grouped, view, valid)
            sold = count_by(jnp, view.defaulted, part.book.assets.sale_quanta)
            row = tally_carried(jnp, view, valid)[None, None]
            paid = jax.lax.dynamic_update_slice(carried, row, (t - 1, place, jnp.int32(0)))
            return put_chunk(state, place, after), quanta + sold, jax.tree.map(jnp.add, tally, seen), paid

        first = (state, jnp.zeros_like(state.inventory), nothing, carried)
        state, quanta, tally, carried = jax.lax.fori_loop(0, chunked.owing[t - 1], some_loans, first)
        inventory, impact = sell(jnp, Scene(parts, paths, *bound), t, state.inventory, quanta)
        state = state._replace(inventory=inventory, impact=impact)
        return (state, carried), (impact, tally, of_first_scenario(state))

    def some_months(before: Any, block: Any, count: int = MONTHS_PER_BLOCK) -> tuple[Any, Any]:
        dtype = before[0].cash_usd.dtype
        normals = idiosyncratic_normals(jnp, key, scenario[:, None], stream, block=block, dtype=dtype)
        first_month = MONTHS_PER_BLOCK * block.astype(jnp.int32) + 1
        return jax.lax.scan(
            one_month, before, (first_month + jnp.arange(count, dtype=jnp.int32), jnp.stack(normals[:count]))
        )

    whole, rest = divmod(months, MONTHS_PER_BLOCK)
    begun = (first, jnp.zeros((months, chunks, columns), jnp.int32))
    (end, carried), blocks = jax.lax.scan(some_months, begun, jnp.arange(whole, dtype=jnp.uint32))
    rows = jax.tree.map(lambda field: field.reshape(-1, *field.shape[2:]), blocks)
    if rest:
        (end, carried), last = some_months((end, carried), jnp.uint32(whole), rest)
        rows = jax.tree.map(lambda *parts: jnp.concatenate(parts), rows, last)
    impacts, by_month, traced = rows
    impact = jnp.moveaxis(jnp.concatenate([first.impact[None], impacts]), 0, 1)
    if traced is not None:
        traced = jax.tree.map(lambda now, later: jnp.concatenate([now[None], later]), of_first_scenario(first), traced)
    return Walk(joined(end), impact, by_month, carried.reshape(months, -1)[:, chunked.place], traced)


class Placed(NamedTuple):
    """A book cut for tiles, in memory that the devices of a CPU share; float64 scale."""

    chunked: Chunked
    scale: Scale
    precision: str


def place_book(book: Book, scale: Scale, precision: str) -> Placed:
    """Cut a book of float64 NumPy arrays; float32 or float64 for the loans."""
    use_every_core()  # before the first question about devices
    tile, _ = tile_scenarios(book.stream.shape[0])
    return Placed(*arrange(book, scale, chunk_obligors(book.stream.shape[0], tile), precision), precision)


def open_tiles(
    placed: Placed, market: Any, make_paths: MakePaths, *, key: tuple[int, int]
) -> tuple[Callable[[np.ndarray, np.ndarray], tuple[Tally, FacilityRows]], int, list[Any]]:
    """Compile the tile for every device there is.

    Args:
        placed: of `place_book`.
        market: float64 NumPy arrays.
        make_paths: `(xp, market, key, scenario) -> Paths` over the book's channels, float64.
        key: the seed's two words.

    Returns:
        A function of scenario numbers and validity, both [devices * group], that gives tallies and rows with a leading
        device dimension; scenarios per group of tiles; the devices.
    """
    tile, group = tile_scenarios(placed.chunked.place.shape[0])
    with jax.enable_x64(True):
        devices = jax.devices()
        compiled, mesh = _program(make_paths, tile, tuple(devices))
        words = tuple(jnp.uint32(word) for word in key)
        everywhere = jax.sharding.NamedSharding(mesh, PartitionSpec())
        chunked, scale = jax.device_put((placed.chunked, placed.scale), everywhere)
        fixed = (chunked, *jax.device_put((cast(market, jnp.float64), scale, words), everywhere))

    def run(scenario: np.ndarray, valid: np.ndarray) -> tuple[Tally, FacilityRows]:
        with jax.enable_x64(True):
            return compiled(fixed, scenario, valid)

    return run, group, devices


@lru_cache(maxsize=8)
def _program(
    make_paths: MakePaths, tile: int, devices: tuple[Any, ...]
) -> tuple[Callable[..., tuple[Tally, FacilityRows]], Any]:
    """The program of one group of tiles on every device, and the mesh of the devices.

    Kept, so that runs which differ in numbers alone are compiled once: JAX looks at shapes, and `make_paths` compares
    by value where its maker wants that.
    """
    mesh = jax.sharding.Mesh(np.array(devices), ("device",))

    def simulate_group(fixed: Any, scenario: Any, valid: Any) -> tuple[Tally, FacilityRows]:
        chunked, market, scale, key = fixed
        paths = cast(make_paths(jnp, market, key, scenario), chunked.parts.terms.cash_usd.dtype)

        def one_tile(part: tuple[Paths, Any, Any]) -> tuple[Tally, FacilityRows]:
            return simulate_tile(chunked, part[0], scale, key, scenario=part[1], valid=part[2])

        def add_tile(total: Tally, part: tuple[Paths, Any, Any]) -> tuple[Tally, tuple[dict[str, Any], FacilityRows]]:
            # A tile of padding alone is left out: a single scenario, replayed, costs one tile and not a group of them.
            tally, rows = computed_once(part[2].any(), lambda: one_tile(part))
            return map_fields(jnp.add, total, tally), ({name: getattr(tally, name) for name in BY_SCENARIO}, rows)

        parts = jax.tree.map(lambda rows: rows.reshape(-1, tile, *rows.shape[1:]), (paths, scenario, valid))
        shapes, _ = jax.eval_shape(one_tile, jax.tree.map(lambda rows: rows[0], parts))
        nothing = map_fields(lambda field: jnp.zeros(field.shape, field.dtype), shapes)
        sums, tiles = jax.lax.scan(add_tile, nothing, parts)
        sums = map_fields(lambda field: field[None], sums)
        by_scenario, rows = jax.tree.map(lambda field: field.reshape(1, -1, field.shape[-1]), tiles)
        return sums._replace(**by_scenario), rows

    split, same = PartitionSpec("device"), PartitionSpec()
    mapped = jax.shard_map(simulate_group, mesh=mesh, in_specs=(same, split, split), out_specs=split, check_vma=False)
    return jax.jit(mapped), mesh
