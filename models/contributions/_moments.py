"""Sums over replayed scenarios, row after row, so that nothing of the size of the replay is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rackrisk.kernels.tally import FacilityRows

from ._members import WHOLE, Dimension
from ._tail import Tail

Array = NDArray[np.float64]


class ReplayMismatch(RuntimeError):
    """A replayed scenario lost something else than in the run: nothing that rests on it may be shown."""


@dataclass
class Moments:
    """Sums over one set of scenarios.

    Attributes:
        facility: int64 [F], loss quanta, exact.
        count: number of scenarios.
        y, yy, yl: float64 [C], by column: loss in quanta, its square, its product with the book's loss.
        loss, loss_squares: the book's.
        yp, p: float64 [F], by facility: loss times paid share, and paid share.
    """

    facility: NDArray[np.int64]
    y: Array
    yy: Array
    yl: Array
    yp: Array
    p: Array
    count: int = 0
    loss: float = 0.0
    loss_squares: float = 0.0

    @classmethod
    def none(cls, facilities: int, columns: int) -> Moments:
        """Of no scenario."""
        y, yy, yl = np.zeros((3, columns))
        yp, p = np.zeros((2, facilities))
        return cls(np.zeros(facilities, np.int64), y, yy, yl, yp, p)

    def add(self, facility: NDArray[np.int64], y: Array, paid: Array, loss: float) -> None:
        """One more scenario."""
        self.facility += facility
        self.y += y
        self.yy += y * y
        self.yl += y * loss
        self.yp += facility * paid
        self.p += paid
        self.count += 1
        self.loss += loss
        self.loss_squares += loss * loss


@dataclass(frozen=True)
class Groups:
    """What the run says about the scenarios that are replayed.

    Attributes:
        facility_in_group: float64 [G, F], one-hot; the book first.
        loss: int64 [K, G], loss quanta by group.
    """

    facility_in_group: Array
    loss: NDArray[np.int64]


@dataclass(frozen=True)
class LevelMoments:
    """The sets of one level; see `TailLevel`."""

    beyond: Moments
    atom: Moments
    band: Moments


@dataclass(frozen=True)
class Gathered:
    """What a replay showed.

    Attributes:
        levels: one entry a level of the tail.
        combined: float64 [K, Q], weighted sums of the facilities' losses in each replayed scenario, quanta.
    """

    levels: list[LevelMoments]
    combined: Array


def gather(
    tail: Tail, replay: Iterable[FacilityRows], parts: list[Dimension], *, weights: Array, groups: Groups
) -> Gathered:
    """Moments of every level by member of every dimension; each row of the replay is held against the run.

    Args:
        replay: rows of the tail's scenarios, in their order.
        weights: [Q, F], of facilities in the weighted sums.

    Raises:
        ReplayMismatch: a scenario's losses are not those of the run, or their number is not.
    """
    facilities, columns = weights.shape[1], sum(len(dimension.members) for dimension in parts)
    found = [LevelMoments(*(Moments.none(facilities, columns) for _ in range(3))) for _ in tail.levels]
    combined, done = [np.zeros((0, len(weights)))], 0
    for rows in replay:
        _check(rows.loss, groups, tail.numbers, done)
        y = np.concatenate([_grouped(rows.loss, dimension) for dimension in parts], axis=1)
        # Row by row, and no product of matrices: neither the batch nor the library can be seen in a sum.
        combined.append(np.array([(weights * row).sum(axis=1) for row in rows.loss.astype(np.float64)]))
        for b in range(len(rows.loss)):
            for moments in _sets_of(tail, found, done + b):
                moments.add(
                    rows.loss[b], y[b], rows.paid_share[b].astype(np.float64), float(tail.loss_quanta[done + b])
                )
        done += len(rows.loss)
    if done != len(tail.numbers):
        raise ReplayMismatch(f"{done} scenarios came back from a replay of {len(tail.numbers)}")
    return Gathered(found, np.concatenate(combined))


def _sets_of(tail: Tail, found: list[LevelMoments], place: int) -> list[Moments]:
    """The sets that a replayed scenario belongs to."""
    return [
        getattr(moments, kind)
        for level, moments in zip(tail.levels, found, strict=True)
        for kind in ("beyond", "atom", "band")
        if getattr(level, kind)[place]
    ]


def _check(rows: NDArray[np.int64], groups: Groups, numbers: NDArray[np.uint32], done: int) -> None:
    """Whole numbers below 2^53 in sum: the product is exact."""
    again, told = (rows.astype(np.float64) @ groups.facility_in_group.T).astype(np.int64), groups.loss[done:]
    for place, (now, before) in enumerate(zip(again, told, strict=False)):
        if not np.array_equal(now, before):
            raise ReplayMismatch(
                f"scenario {numbers[done + place]} lost {now.tolist()} quanta in the replay and {before.tolist()} in"
                " the run (the book, then its segments): no contribution can be trusted"
            )


def _grouped(loss: NDArray[np.int64], dimension: Dimension) -> Array:
    parts = loss[:, dimension.facility] * dimension.share
    first = np.searchsorted(dimension.member, np.arange(len(dimension.members)))
    return np.add.reduceat(parts, first, axis=1).astype(np.float64) / WHOLE
