"""One obligor in one scenario, from the as-of date to its loss."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from rackrisk.models.tables import CAUSES

from ._events import events
from ._ledger import ledger
from ._life import life_of
from ._told import Told
from ._waterfall import Recovery, recovery_of


@dataclass(frozen=True)
class ObligorStory:
    """One obligor in one scenario.

    Attributes:
        default_month, cause: None without a default; the cause is None too where it is not known.
        loss_quanta, loss_usd: the engine's, over all facilities, discounted.
        quantum_usd: what losses are counted in.
        months: see `ledger`.
        events: see `events`.
        recovery: None without a default.
        exact: accounts at the months' ends are those of the run's own engine, not of the reference's months beside it.
    """

    scenario: int
    obligor_id: str
    balance_usd: float
    default_month: int | None
    cause: str | None
    loss_quanta: int
    loss_usd: float
    quantum_usd: float
    months: pl.DataFrame
    events: pl.DataFrame
    recovery: Recovery | None
    exact: bool


def obligor_story(told: Told, place: int) -> ObligorStory:
    """What happened to the obligor that `told` was replayed for."""
    built, replay = told.opened.built, told.replay
    life, here = life_of(told, place), built.book.facilities.obligor == place
    quanta, cause = int(replay.tally.facility_loss[here].sum()), int(replay.cause[place])
    return ObligorStory(
        scenario=told.scenario,
        obligor_id=told.obligors[place],
        balance_usd=float(np.asarray(built.scale.first_balance_usd)[here].sum()),
        default_month=int(replay.default_month[place]) or None,
        cause=CAUSES[cause - 1] if cause else None,
        loss_quanta=quanta,
        loss_usd=quanta * told.quantum_usd,
        quantum_usd=told.quantum_usd,
        months=ledger(life),
        events=events(life),
        recovery=recovery_of(life),
        exact=replay.exact,
    )
