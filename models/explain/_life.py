"""One obligor's months: what came in, what was due, who paid it, and what was left.

The accounts are the engine's own at every month's end. What happened between two of them is worked out again from the
first in float64, by the same functions, and can differ from the engine's by rounding.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rackrisk.kernels import month as kernel
from rackrisk.kernels.arrays import State
from rackrisk.kernels.obligors import chosen
from rackrisk.kernels.reference import MONTHS_PER_BLOCK, idiosyncratic_normals

from ._told import Told


class Month(NamedTuple):
    """One month of the obligor; states and readings have S = N = 1."""

    t: int
    before: State
    after: State
    reading: kernel.Reading
    settled: kernel.Settlement
    lent_usd: float  # by a new lender, for a balloon
    debt_after_usd: float


@dataclass(frozen=True)
class Life:
    """An obligor's months until its default, its last debt or the horizon.

    Attributes:
        place: in the book.
        scene: the book of this obligor alone in the scenario's market.
        months: from month 1 on.
        default_month: 0 without default.
        cause: 0 without default, else as in `rackrisk.kernels.month`.
    """

    told: Told
    place: int
    scene: kernel.Scene
    months: list[Month]
    default_month: int
    cause: int

    @property
    def state_at_end(self) -> State:
        """Frozen at default, if there is one; S = N = 1."""
        return _state(self.told.replay.life, self.told.months)


def life_of(told: Told, place: int) -> Life:
    """The life of the obligor that `told` was replayed for."""
    book = chosen(told.opened.built.book, np.array([place]))
    stage, life = kernel.scene(np, book, told.paths), told.replay.life
    default_month, cause = int(life.default_month[-1]), int(life.cause[-1])
    months = []
    for t in range(1, (default_month or told.months) + 1):
        if _debt(stage, _state(life, t - 1), t - 1) <= 0:
            break
        months.append(_month(told, stage, t))
    return Life(told, place, stage, months, default_month, cause)


def _month(told: Told, stage: kernel.Scene, t: int) -> Month:
    before, after = (_state(told.replay.life, when) for when in (t - 1, t))
    reading = kernel.read(np, stage, t, before, _normal(told, stage, t))
    settled = kernel.settle(np, stage, t, before, reading)
    lent = _lent(stage, t, reading, settled)
    return Month(t, before, after, reading, settled, lent, _debt(stage, after, t))


def _normal(told: Told, stage: kernel.Scene, t: int) -> np.ndarray:
    block, place = divmod(t - 1, MONTHS_PER_BLOCK)
    stream, number = stage.book.stream, np.array([[told.scenario]], np.uint32)
    words = stream[:, 0], stream[:, 1]
    return idiosyncratic_normals(np, told.key, number, words, block=block, dtype=np.float64)[place]


def _lent(stage: kernel.Scene, t: int, reading: kernel.Reading, settled: kernel.Settlement) -> float:
    """What a new lender gives for the month's balloon; at most the balloon."""
    debt, kept = stage.book.debt, 1 - settled.prepaid
    value = reading.owned + settled.call.pledged * reading.coin_price
    offered = kernel.borrowable(np, stage, t, value, reading.cfads) - kept * debt.balance_usd[t]
    return float(np.clip(offered, 0, kept * debt.balloon_usd[t])[0, 0])


def _debt(stage: kernel.Scene, state: State, t: int) -> float:
    """Outstanding at the end of month t."""
    return float(((1 - state.prepaid) * stage.book.debt.balance_usd[t])[0, 0])


def _state(life: State, t: int) -> State:
    """The state at the end of month t, S = N = 1; floating numbers as float64."""

    def one(rows: Any) -> np.ndarray:
        value = np.asarray(rows[t])
        value = value.astype(np.float64) if np.issubdtype(value.dtype, np.floating) else value
        return value.reshape(1, -1)

    return State(*(one(rows) for rows in life))
