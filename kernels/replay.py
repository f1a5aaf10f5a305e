"""One scenario again, alone: its exact losses, who defaulted when, and the accounts of single obligors month by month.

A number depends on seed, scenario and name alone, so a scenario of a finished run can be taken through its engine
again. NumPy alone here; `jax_replay` has what the JAX engine adds.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .arrays import Book, Paths, State
from .engines import Engine, run_scenarios
from .month import month, month_of_loans, scene, sell, start
from .obligors import chosen
from .reference import MONTHS_PER_BLOCK, idiosyncratic_normals, simulate_tile
from .streams import key_words
from .tally import BY_SCENARIO, Scale, Tally

BY_CHANNEL = ("inventory", "impact")  # fields of a state without obligors


class Replay(NamedTuple):
    """One scenario, and in it the life of one obligor."""

    tally: Tally  # of this scenario alone
    default_month: np.ndarray  # [N] int32, 0 without default
    cause: np.ndarray  # [N] int32, 0 also where it is not known
    impact: np.ndarray  # [T+1, V] price impact factor at the end of each month
    life: State  # of the obligor, each [T+1], by channel [T+1, V]; row t is the end of month t
    exact: bool  # the life is that of the run's own engine, not of another arithmetic beside it


Replayer = Callable[[int, int], Replay]  # of a scenario and an obligor


def open_replay(
    name: str, book: Book, market: Any, scale: Scale, make_paths: Callable[..., Paths], *, seed: int, precision: str
) -> Replayer | None:
    """What takes a scenario through an engine's own months again; None for an engine that cannot show them.

    Args: as of `engines.open_engine`.
    """
    key = key_words(seed)
    if name == "jax":
        from .jax_replay import open_jax_replay

        return open_jax_replay(book, market, scale, make_paths, key=key, precision=precision)
    return _reference_replay(book, market, scale, make_paths, key=key) if name == "reference" else None


def _reference_replay(
    book: Book, market: Any, scale: Scale, make_paths: Callable[..., Paths], *, key: tuple[int, int]
) -> Replayer:
    @lru_cache(maxsize=1)  # the next question is often about another obligor of the same scenario
    def simulated(scenario: int) -> tuple[Tally, list[State]]:
        number, valid = np.array([scenario], np.uint32), np.array([True])
        paths = make_paths(np, market, key, number)
        tally, _ = simulate_tile(book, paths, scale, key, scenario=number, valid=valid)
        return tally, list(live(book, paths, key, scenario))

    def replay(scenario: int, obligor: int) -> Replay:
        tally, states = simulated(scenario)
        end, impact = states[-1], np.concatenate([state.impact for state in states])
        return Replay(tally, end.default_month[0], end.cause[0], impact, life_of(states, obligor), exact=True)

    return replay


def replay_beside(engine: Engine, book: Book, market: Any, make_paths: Callable[..., Paths], *, seed: int) -> Replayer:
    """The same for an engine that cannot show its months.

    Losses, default months and price impact are the engine's own; the life and the causes come from the reference's
    months in float64 at that price impact, and can differ from the engine's by rounding.
    """
    key = key_words(seed)

    def replay(scenario: int, obligor: int) -> Replay:
        paths = _paths(make_paths, market, key, scenario)
        tally = run_scenarios(engine, np.array([scenario], np.uint32))
        default_month = default_months(book, tally)
        sold = sales(book, paths, default_month)
        places = np.union1d(np.flatnonzero(default_month), [obligor])
        here, last, lives = int(np.searchsorted(places, obligor)), None, []
        for last in live(chosen(book, places), paths, key, scenario, sold=sold):
            lives.append(_of_one(last, here))  # all states of many obligors are more than the book
        assert last is not None
        cause = np.zeros_like(default_month)
        agreed = last.default_month[0] == default_month[places]
        cause[places] = np.where(agreed, last.cause[0], 0)
        life = State(*(np.stack(rows) for rows in zip(*lives, strict=True)))
        return Replay(tally, default_month, cause, sold[1], life, exact=False)

    return replay


def first_of(tally: Tally) -> Tally:
    """A tally in which the first scenario alone counts, without the rows of the others."""
    return tally._replace(**{name: getattr(tally, name)[:1] for name in BY_SCENARIO})


def default_months(book: Book, tally: Tally) -> np.ndarray:
    """Default month of every obligor in the one scenario of a tally, int32 [N], 0 without default.

    An obligor that defaults has paid interest in every month before, and in none from then on.
    """
    paid = (tally.carried > 0).sum(axis=0)
    defaulted = np.zeros(paid.shape, dtype=bool)
    defaulted[book.facilities.obligor[tally.facility_defaults[-1] > 0]] = True
    return np.where(defaulted, paid + 1, 0).astype(np.int32)


def sales(book: Book, paths: Paths, default_month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inventory for sale and price impact at the end of each month, [T+1, V], given who defaults when.

    Args:
        paths: one scenario, S = 1.
    """
    stage, first = scene(np, book, paths), start(np, book, 1)
    inventory, impact = [first.inventory], [first.impact]
    months = book.debt.balance_usd.shape[0]
    # Whole numbers: exact in any order.
    sold = np.stack([np.bincount(default_month, row, minlength=months) for row in book.assets.sale_quanta])
    for t in range(1, months):
        quanta = sold[:, t][None]
        rest, factor = sell(np, stage, t, inventory[-1], quanta)
        inventory.append(rest)
        impact.append(factor)
    return np.concatenate(inventory), np.concatenate(impact)


def live(
    book: Book, paths: Paths, key: tuple[int, int], scenario: int, *, sold: tuple[Any, Any] | None = None
) -> Iterator[State]:
    """States at the end of months 0..T in one scenario, by the reference's months, S = 1, one after the other.

    Args:
        sold: inventory and price impact [T+1, V], as of `sales`, where others than this book's obligors sell too.
    """
    stage, state = scene(np, book, paths), start(np, book, 1)
    stream, number = (book.stream[:, 0], book.stream[:, 1]), np.array([[scenario]], np.uint32)
    yield state
    for t in range(1, book.debt.balance_usd.shape[0]):
        block, place = divmod(t - 1, MONTHS_PER_BLOCK)
        normals = idiosyncratic_normals(np, key, number, stream, block=block, dtype=np.float64)
        if sold is None:
            state, _ = month(np, stage, t, state, normals[place])
        else:
            state, _ = month_of_loans(np, stage, t, state, normals[place])
            state = state._replace(inventory=sold[0][None, t], impact=sold[1][None, t])
        yield state


def life_of(states: list[State], obligor: int) -> State:
    """States S = 1 of months 0..T as those of one obligor, each [T+1], by channel [T+1, V]."""
    return State(*(np.stack(rows) for rows in zip(*(_of_one(state, obligor) for state in states), strict=True)))


def _of_one(state: State, obligor: int) -> State:
    """A state S = 1 as that of one obligor, each [], by channel [V]; a copy, so that the others' can go."""
    named = zip(State._fields, state, strict=True)
    return State(*(field[0].copy() if name in BY_CHANNEL else field[0, obligor] for name, field in named))


def _paths(make_paths: Callable[..., Paths], market: Any, key: tuple[int, int], scenario: int) -> Paths:
    return make_paths(np, market, key, np.array([scenario], np.uint32))
