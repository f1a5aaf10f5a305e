"""What both ports share: their inputs in float32 and what they return."""

from typing import Any, NamedTuple

import numpy as np

from rackrisk.kernels.arrays import Book, Paths

NO_LIMIT = 1e20  # an LTV nobody reaches


class Outcome(NamedTuple):
    """What happened in each scenario, [S]."""

    loss_usd: np.ndarray  # float64, discounted, all facilities
    defaults: np.ndarray  # int64, obligors


def narrow(tree: Any) -> Any:
    """The same named tuples, contiguous, floating arrays in float32."""
    if isinstance(tree, tuple):
        return type(tree)(*(narrow(field) for field in tree))
    array = np.asarray(tree)
    return np.asarray(array, np.float32 if array.dtype.kind == "f" else None, order="C")


def narrow_book(book: Book) -> Book:
    """The book in float32, channel numbers as they are; limits nobody reaches are cut so that products stay finite."""
    limits = ("covenant_ltv", "margin_call_ltv", "margin_restore_ltv")
    terms = book.terms._replace(**{name: np.minimum(getattr(book.terms, name), NO_LIMIT) for name in limits})
    book = narrow(book._replace(terms=terms))
    return book._replace(coin_channel=int(book.coin_channel), power_channel=int(book.power_channel))


def join(outcomes: list[Outcome]) -> Outcome:
    """Outcomes of consecutive scenarios as one."""
    return Outcome(*(np.concatenate(field) for field in zip(*outcomes, strict=True)))


def rows(paths: Paths, first: int, last: int) -> Paths:
    """Some of the scenarios."""
    return Paths(*(field[first:last] for field in paths))


def first_facilities(book: Book) -> np.ndarray:
    """First facility of each obligor, and the end: int64 [N+1]."""
    owners = book.stream.shape[0]
    return np.searchsorted(book.facilities.obligor, np.arange(owners + 1)).astype(np.int64)
