"""Which scenarios a replay needs, and what each of them is to a level: beyond the VaR, at it, or around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rackrisk.models.measures import tail_ranks


@dataclass(frozen=True)
class TailLevel:
    """The scenarios of one level, as masks over the replayed ones.

    Attributes:
        level: of VaR and ES.
        mass: n (1 - level), how many scenarios the ES is the mean of.
        var_quanta: loss at the VaR.
        beyond, atom, band: bool [K], losses above the VaR, equal to it, and in the band around it.
        beyond_count, atom_count: how many scenarios of the whole run lie beyond and at the VaR.
    """

    level: float
    mass: Fraction
    var_quanta: int
    beyond: NDArray[np.bool_]
    atom: NDArray[np.bool_]
    band: NDArray[np.bool_]
    beyond_count: int
    atom_count: int


@dataclass(frozen=True)
class Tail:
    """Scenarios to be replayed, in the order of their numbers.

    Attributes:
        n_scenarios: of the whole run.
        numbers: uint32 [K].
        loss_quanta: int64 [K], their losses in the run.
        levels: one entry a level.
    """

    n_scenarios: int
    numbers: NDArray[np.uint32]
    loss_quanta: NDArray[np.int64]
    levels: tuple[TailLevel, ...]


def tail_of(loss_quanta: NDArray[np.int64], levels: Sequence[float], confidence: float) -> Tail:
    """The tail of every level and a band around every VaR.

    Scenarios are ranked by loss, then by number. The band of a level are the scenarios from the lower to the upper
    limit of the VaR's confidence interval: those that cannot be told from the VaR. All scenarios from the lowest
    band on are replayed; of those that lose exactly the VaR the ones before it are left out, so that the number of
    scenarios does not depend on how many are equal. Scenarios without loss need no replay.

    Args:
        loss_quanta: int64 [n], loss of every scenario of the book.
        levels: of VaR and ES.
        confidence: of the VaR's interval.
    """
    n = len(loss_quanta)
    order = np.argsort(loss_quanta, kind="stable")
    ranks = [tail_ranks(n, level, confidence) for level in levels]
    first = min((low for _, low, _ in ranks), default=n + 1)
    chosen = order[first - 1 :]
    rank = np.arange(first, n + 1)
    loses = loss_quanta[chosen] > 0
    by_number = np.argsort(chosen[loses])
    numbers, rank = chosen[loses][by_number], rank[loses][by_number]
    losses = loss_quanta[numbers]
    found = []
    for level, (at, low, high) in zip(levels, ranks, strict=True):
        var = int(loss_quanta[order[at - 1]])
        found.append(
            TailLevel(
                level=float(level),
                mass=n * (1 - Fraction(repr(float(level)))),
                var_quanta=var,
                beyond=losses > var,
                atom=losses == var,
                band=(rank >= low) & (rank <= high),
                beyond_count=int(np.count_nonzero(loss_quanta > var)),
                atom_count=int(np.count_nonzero(loss_quanta == var)),
            )
        )
    return Tail(n, numbers.astype(np.uint32), losses, tuple(found))
