"""Some obligors of a book, as a book of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Book
from .filed import set_aside

#: Fields of a book's parts that have no dimension of obligors.
NOT_BY_OBLIGOR = ("shock_persistence", "relet_months", "quantum", "ltv", "dscr", "spread_annual")


def by_obligor(part: Any, function: Callable[[Any], Any]) -> Any:
    """A part of the book with a function applied to its arrays that have obligors."""
    named = part._asdict().items()
    return type(part)(*(array if name in NOT_BY_OBLIGOR or array is None else function(array) for name, array in named))


def chosen(book: Book, places: np.ndarray) -> Book:
    """The book of some obligors alone, NumPy arrays; its facilities keep their order.

    Args:
        places: int [n], ascending columns of the book.
    """

    def pick(array: Any) -> Any:
        picked = array[..., places]
        set_aside(array)  # of a large book one table after the other is in memory, and not all of them
        return picked

    here = np.isin(book.facilities.obligor, places)
    mine = book.facilities._replace(
        obligor=np.searchsorted(places, book.facilities.obligor[here]).astype(np.int32),
        rank=book.facilities.rank[here],
        column=book.facilities.column[here],
        unsecured_recovery=book.facilities.unsecured_recovery[here],
    )
    parts = {name: by_obligor(getattr(book, name), pick) for name in ("cash", "debt", "terms", "assets", "refinancing")}
    ranks = book.ranks._replace(only=pick(book.ranks.only), column=pick(book.ranks.column))
    return book._replace(stream=book.stream[places], facilities=mine, ranks=ranks, **parts)
