"""How far a finished simulation is that is looked at again: its tail, its counterparties, its worst scenarios."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
StageReport = Callable[[str, int, int], None]  # (what is done, how much of it is, of how much)


def unheard(what: str, done: int, total: int) -> None:
    """For callers who do not ask."""
    del what, done, total


def told(
    report: StageReport, what: str, items: Iterable[T], total: int, size: Callable[[T], int] = lambda _: 1
) -> Iterator[T]:
    """The same items; `report` hears of each once its reader is done with it, and of the stage before the first.

    Args:
        size: how much of `total` an item is.
    """
    done = 0
    report(what, done, total)
    for item in items:
        yield item
        done += size(item)
        report(what, done, total)
