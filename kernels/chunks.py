"""The month cut into chunks of obligors that stay in a core's cache, for the JAX engine.

Obligors are sorted by the month of their last debt, so that those who still owe are the first columns, and chunks
without debt are not touched. Sums are of integers, so the order of obligors cannot be seen in a result.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import Book, State
from .month import Scene
from .tally import Scale

BY_CHANNEL = ("inventory", "impact")  # fields of the state without obligors
NOT_BY_OBLIGOR = ("shock_persistence", "relet_months", "quantum", "ltv", "dscr", "spread_annual")


def arrange(book: Book, scale: Scale, columns: int) -> tuple[Book, Scale, np.ndarray]:
    """The book sorted by the month of the last debt, latest first, and filled up to whole chunks with obligors who owe
    nothing.

    Args:
        book, scale: NumPy arrays.
        columns: obligors a chunk.

    Returns:
        Book and scale, and the new place of each obligor, int32 [N].
    """
    obligors = book.stream.shape[0]
    order = np.argsort(-(book.debt.balance_usd > 0).sum(axis=0), kind="stable")
    place = np.empty(obligors, np.int32)
    place[order] = np.arange(obligors, dtype=np.int32)
    filler = -obligors % columns
    order = np.concatenate([order, np.repeat(order[-1:], filler)])

    def sort(part: Any) -> Any:
        named = part._asdict().items()
        return type(part)(*(array if name in NOT_BY_OBLIGOR else array[..., order] for name, array in named))

    debt = sort(book.debt)
    debt = debt._replace(balance_usd=np.where(np.arange(order.size) < obligors, debt.balance_usd, 0))
    arranged = book._replace(
        stream=book.stream[order],
        cash=sort(book.cash),
        debt=debt,
        terms=sort(book.terms),
        assets=sort(book.assets),
        refinancing=sort(book.refinancing),
        facilities=book.facilities._replace(obligor=place[book.facilities.obligor]),
        rank_balance_usd=book.rank_balance_usd[..., order],
    )
    return arranged, scale._replace(obligor_in_group=scale.obligor_in_group[:, order]), place


class Rows:
    """Some columns of a table [T+1, N], row by row, so that no more is read than a month needs."""

    def __init__(self, table: Any, first: Any, columns: int) -> None:
        self.table, self.first, self.columns = table, first, columns

    def __getitem__(self, t: Any) -> Any:
        return jax.lax.dynamic_slice(self.table, (t, self.first), (1, self.columns))[0]


class Chunk(NamedTuple):
    """Which columns."""

    first: Any  # int32
    columns: int

    def cut(self, array: Any) -> Any:
        """These columns of an array [..., N]."""
        return jax.lax.dynamic_slice_in_dim(array, self.first, self.columns, axis=array.ndim - 1)

    def scene(self, scene: Scene) -> Scene:
        """The scene with these obligors alone."""

        def part(whole: Any) -> Any:
            named = whole._asdict().items()
            return type(whole)(*(array if name in NOT_BY_OBLIGOR else self.cut(array) for name, array in named))

        book = scene.book
        book = book._replace(
            cash=part(book.cash),
            debt=type(book.debt)(*(Rows(table, self.first, self.columns) for table in book.debt)),
            terms=part(book.terms),
            assets=part(book.assets),
            refinancing=part(book.refinancing),
        )
        return scene._replace(
            book=book, paid_until=self.cut(scene.paid_until), guarantor_death=self.cut(scene.guarantor_death)
        )

    def state(self, state: State) -> State:
        """The state of these obligors."""
        named = state._asdict().items()
        return State(*(field if name in BY_CHANNEL else self.cut(field) for name, field in named))

    def put(self, state: State, part: State) -> State:
        """The state with these obligors' part replaced."""
        named = zip(State._fields, state, part, strict=True)
        return State(
            *(
                old if name in BY_CHANNEL else jax.lax.dynamic_update_slice_in_dim(old, new, self.first, axis=1)
                for name, old, new in named
            )
        )


def chunks_owing(book: Book, columns: int) -> Any:
    """How many leading chunks owe debt at the start of each month 1..T: int32 [T]."""
    balance = book.debt.balance_usd[:-1]
    owing = (balance.reshape(balance.shape[0], -1, columns) > 0).any(axis=2)
    return jnp.max(jnp.where(owing, jnp.arange(1, owing.shape[1] + 1, dtype=jnp.int32), 0), axis=1)
