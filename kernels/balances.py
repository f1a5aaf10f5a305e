"""Balances of facilities and of ranks, which are kept only where they are not the obligor's whole debt.

Most obligors have one facility, or several of one rank: tables of their own would say what `Debt.balance_usd` says, and
in a large book these tables are most of its memory.
"""

from typing import Any

import numpy as np

from .arrays import Book, Facilities, Ranks, State

RANKS = 3  # senior secured, second lien, unsecured


def debt_at_default(xp: Any, book: Book, end: State) -> Any:
    """What each obligor owed at the start of the month it defaulted in, as scheduled: [S, N]; without default, of the
    first month.
    """
    return book.debt.balance_usd[_before(xp, end), xp.arange(end.default_month.shape[1])]


def rank_balances_at_default(xp: Any, ranks: Ranks, debt: Any, end: State) -> list[Any]:
    """The same by rank, [S, N] each.

    Args:
        debt: of `debt_at_default`.
    """
    found = [xp.where(ranks.only == rank, debt, 0) for rank in range(RANKS)]
    if ranks.balance_usd.shape[2] == 0:
        return found
    before, several, column = _before(xp, end), ranks.column >= 0, xp.maximum(ranks.column, 0)
    return [
        xp.where(several, table[before, column], sole) for table, sole in zip(ranks.balance_usd, found, strict=True)
    ]


def facility_balances_at_default(xp: Any, facilities: Facilities, debt: Any, end: State) -> Any:
    """The same of every facility, [S, F]."""
    owed = debt[:, facilities.obligor]
    if facilities.balance_usd.shape[1] == 0:
        return owed
    before, column = _before(xp, end)[:, facilities.obligor], facilities.column
    return xp.where(column >= 0, facilities.balance_usd[before, xp.maximum(column, 0)], owed)


def facility_balances(book: Book, place: slice = slice(None)) -> np.ndarray:
    """Scheduled balance of facilities, [T+1, F], of NumPy arrays; `place` chooses some of them."""
    facilities = book.facilities
    owner, column = facilities.obligor[place], facilities.column[place]
    balance = np.take(book.debt.balance_usd, owner, axis=1)
    several = column >= 0
    balance[:, several] = facilities.balance_usd[:, column[several]]
    return balance


def rank_balances(book: Book) -> np.ndarray:
    """Scheduled balance of every obligor by rank, [3, T+1, N], of NumPy arrays."""
    ranks = book.ranks
    balance = np.where(ranks.only == np.arange(RANKS)[:, None, None], book.debt.balance_usd, 0)
    several = ranks.column >= 0
    balance[..., several] = ranks.balance_usd[..., ranks.column[several]]
    return balance


def _before(xp: Any, end: State) -> Any:
    """The month before default: [S, N]."""
    return xp.maximum(end.default_month, 1) - 1
