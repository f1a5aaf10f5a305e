"""The month cut into chunks of obligors that stay in a core's cache, for the JAX engine.

Obligors are sorted by the month of their last debt, so that those who still owe are in the first chunks, and chunks
without debt are not touched. Sums are of integers, so the order of obligors cannot be seen in a result. The chunk is
the first dimension of every array (K chunks of W obligors, [K, ..., W]): a chunk is then one piece of memory, which
older versions of XLA need to read it with vector instructions.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import Book, Debt, Paths, State
from .lying import empty, lying
from .month import Scene, bound_by, start
from .obligors import by_obligor
from .tally import Scale

PARTS = ("cash", "debt", "terms", "assets", "refinancing")  # of a book that the month of an obligor reads
BY_CHANNEL = ("inventory", "impact")  # fields of the state without obligors


class Chunked(NamedTuple):
    """A book for the JAX engine; padded to K W obligors, of whom those added owe nothing."""

    book: Book  # sorted; without cash, debt and terms, which only the months read (see `whole_book`)
    parts: Book  # cash, debt, terms, assets and refinancing by chunk, the rest of the fields as in `book`
    stream: Any  # [K, 2, W]
    in_group: Any  # [K, G, W]
    owing: Any  # [T] int32, how many leading chunks owe debt at the start of month 1..T
    place: Any  # [N] int32, where each obligor is now


def arrange(book: Book, scale: Scale, columns: int, precision: str) -> tuple[Chunked, Scale]:
    """Sort and cut a book of NumPy arrays into chunks of `columns` obligors; the scale with its obligors sorted.

    Money and shares of the book in `precision`, the scale in float64. Arrays lie where XLA's CPU devices can read them.
    """
    obligors = book.stream.shape[0]
    order = np.argsort(-(book.debt.balance_usd > 0).sum(axis=0), kind="stable")
    place = np.empty(obligors, np.int32)
    place[order] = np.arange(obligors, dtype=np.int32)
    order = np.concatenate([order, np.repeat(order[-1:], -obligors % columns)])
    in_group = scale.obligor_in_group[:, order]

    def cut(array: np.ndarray) -> np.ndarray:
        return by_chunk(array, order, columns, precision)

    whole = book._replace(
        stream=book.stream[order],
        cash=None,
        debt=None,
        terms=None,
        assets=by_obligor(book.assets._replace(sale_quanta=None), lambda array: array[..., order]),
        facilities=book.facilities._replace(obligor=place[book.facilities.obligor]),
        ranks=book.ranks._replace(only=book.ranks.only[order], column=book.ranks.column[order]),
    )
    parts = {name: by_obligor(getattr(book, name), cut) for name in PARTS}
    balance = parts["debt"].balance_usd
    balance[-1, :, columns - (order.size - obligors) :] = 0
    chunked = Chunked(
        book=lying(whole, precision),
        parts=lying(whole._replace(**parts, stream=None, facilities=None, ranks=None), precision),
        stream=cut(book.stream.T),
        in_group=by_chunk(scale.obligor_in_group, order, columns, "float64"),
        owing=lying(chunks_owing(balance), precision),
        place=lying(place, precision),
    )
    return chunked, lying(scale._replace(obligor_in_group=in_group), "float64")


def by_chunk(array: np.ndarray, order: np.ndarray, columns: int, precision: str) -> np.ndarray:
    """Obligors [..., N] in this order, [K W], cut into [K, ..., W]; floating arrays in `precision`.

    Row after row, so that nothing of the size of the array is needed beside it.
    """
    dtype = np.dtype(precision) if np.issubdtype(array.dtype, np.floating) else array.dtype
    cut = empty((order.size // columns, *array.shape[:-1], columns), dtype)
    for row in np.ndindex(*array.shape[:-1]):
        cut[(slice(None), *row)] = array[row][order].reshape(-1, columns)
    return cut


def chunks_owing(balance: np.ndarray) -> np.ndarray:
    """How many leading chunks owe debt at the start of each month 1..T, int32 [T], from balances [K, T+1, W]."""
    owing = (balance[:, :-1] > 0).any(axis=2).T
    return np.where(owing, np.arange(1, len(balance) + 1, dtype=np.int32), 0).max(axis=1)


def whole_book(chunked: Chunked) -> Book:
    """The sorted book with what its recovery asks of the debt: the balance of any obligor in any month."""
    return chunked.book._replace(debt=Debt(Balances(chunked.parts.debt.balance_usd), None, None, None))


class Balances:
    """A table [T+1, K W] that lies in chunks, to be read by months and obligors."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __getitem__(self, place: tuple[Any, Any]) -> Any:
        month, obligor = place
        chunk, column = obligor // self.table.shape[2], obligor % self.table.shape[2]
        return self.table[chunk, month, column]


def start_chunks(parts: Book, scenarios: int) -> State:
    """The state at the as-of date: obligors [K, S, W], channels [S, V]."""
    begun = jax.vmap(lambda terms: start(jnp, parts._replace(terms=terms), scenarios))(parts.terms)
    return begun._replace(**{name: getattr(begun, name)[0] for name in BY_CHANNEL})


def bound_chunks(parts: Book, paths: Paths) -> tuple[Any, Any]:
    """How counterparties bind obligors in each scenario, [K, S, J, W] and [K, S, W]."""
    cash, terms = parts.cash, parts.terms
    return jax.vmap(lambda *by_obligor: bound_by(jnp, paths, *by_obligor))(
        cash.offtaker, cash.contract_end_month, terms.guarantor
    )


def scene_of(parts: Book, paths: Paths, bound: tuple[Any, Any], place: Any) -> Scene:
    """The scene of one chunk."""

    def pick(part: Any) -> Any:
        return by_obligor(part, lambda array: array[place])

    book = parts._replace(
        cash=pick(parts.cash),
        debt=Debt(*(Rows(table, place) for table in parts.debt)),
        terms=pick(parts.terms),
        assets=pick(parts.assets),
        refinancing=pick(parts.refinancing),
    )
    return Scene(book, paths, bound[0][place], bound[1][place])


def get_chunk(state: State, place: Any) -> State:
    """The state of one chunk."""
    return State(
        *(field if name in BY_CHANNEL else field[place] for name, field in zip(State._fields, state, strict=True))
    )


def put_chunk(state: State, place: Any, part: State) -> State:
    """The state with that of one chunk replaced."""
    named = zip(State._fields, state, part, strict=True)
    return State(*(old if name in BY_CHANNEL else put(old, place, new) for name, old, new in named))


def put(whole: Any, place: Any, part: Any) -> Any:
    """An array [K, ...] with one entry replaced."""
    return jax.lax.dynamic_update_index_in_dim(whole, part, place, 0)


def joined(state: State) -> State:
    """The state of all obligors, [S, K W]."""

    def join(field: Any) -> Any:
        return jnp.moveaxis(field, 0, 1).reshape(field.shape[1], -1)

    return State(
        *(field if name in BY_CHANNEL else join(field) for name, field in zip(State._fields, state, strict=True))
    )


class Rows:
    """The tables [T+1, W] of one chunk, row by row, so that no more is read than a month needs."""

    def __init__(self, tables: Any, place: Any) -> None:
        self.tables, self.place = tables, place

    def __getitem__(self, t: Any) -> Any:
        corner = (self.place, t, jnp.int32(0))
        return jax.lax.dynamic_slice(self.tables, corner, (1, 1, self.tables.shape[2]))[0, 0]
