"""One scenario through the JAX engine's months, with the accounts of one obligor after each of them.

The tile is that of the engine, with more of it handed back; `tests/kernels/test_replay.py` holds its tallies against
the engine's, bit by bit. The size of a tile cannot be seen in a result, nor where in it a scenario stands.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import Book, State
from .chunks import BY_CHANNEL, whole_book
from .jax_engine import MakePaths, cast, place_book, tile_scenarios, walk_months
from .recovery import facility_losses
from .replay import Replay, first_of
from .tally import Scale, tally_tile


def open_jax_replay(
    book: Book, market: Any, scale: Scale, make_paths: MakePaths, *, key: tuple[int, int], precision: str
) -> Callable[[int, int], Replay]:
    """A function of scenario and obligor, compiled at its first call; arguments as of `jax_engine.open_tiles`."""
    tile, group = tile_scenarios(book.stream.shape[0])
    chunked, sorted_scale, _ = place_book(book, scale, precision)
    columns = chunked.stream.shape[2]
    with jax.enable_x64(True):
        words = tuple(jnp.uint32(word) for word in key)
        fixed = (*jax.device_put((chunked, cast(market, jnp.float64), sorted_scale)), words)

    def replay(scenario: int, obligor: int) -> Replay:
        chunk, column = divmod(int(chunked.place[obligor]), columns)
        with jax.enable_x64(True):
            found = _program(make_paths, tile)(fixed, np.full(group, scenario, np.uint32), np.int32(chunk))
        tally, end, impact, lives = jax.tree.map(np.asarray, found)
        default_month, cause = (field[chunked.place] for field in (end.default_month, end.cause))
        return Replay(first_of(tally), default_month, cause, impact, _one_column(lives, column), exact=True)

    return replay


def _one_column(lives: State, column: int) -> State:
    """States [T+1, W] of a chunk to those [T+1] of one of its obligors; channels stay."""
    named = zip(State._fields, lives, strict=True)
    return State(*(field if name in BY_CHANNEL else field[:, column] for name, field in named))


@lru_cache(maxsize=4)
def _program(make_paths: MakePaths, tile: int) -> Callable[..., Any]:
    """One tile, of which the first scenario counts."""

    def first_of_tile(fixed: Any, scenario: Any, chunk: Any) -> Any:
        chunked, market, scale, key = fixed
        paths = cast(make_paths(jnp, market, key, scenario), chunked.parts.terms.cash_usd.dtype)
        paths = jax.tree.map(lambda rows: rows[:tile], paths)
        valid = jnp.arange(tile) == 0
        walk = walk_months(chunked, paths, scale, key, scenario=scenario[:tile], valid=valid, traced_chunk=chunk)
        losses = facility_losses(jnp, whole_book(chunked), paths, walk.impact, walk.end)
        tally = tally_tile(jnp, scale, walk.months, losses, walk.end, carried=walk.carried, valid=valid[:, None])
        return tally, *jax.tree.map(lambda rows: rows[0], (walk.end, walk.impact)), walk.traced

    return jax.jit(first_of_tile)
