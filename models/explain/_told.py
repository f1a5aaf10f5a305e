"""One scenario of a run, simulated again, with the names of everything in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.replay import Replay, Replayer, open_replay, replay_beside
from rackrisk.kernels.streams import key_words
from rackrisk.models.market import cash_channels, value_channels
from rackrisk.models.opened import Opened, path_maker


@dataclass(frozen=True)
class Told:
    """One scenario again.

    Attributes:
        months: horizon.
        paths: the market of this scenario over the book's channels, S = 1, float64.
        replay: its outcome, exact, and the life of the obligor it was replayed for.
    """

    opened: Opened
    months: int
    as_of: date
    seed: int
    scenario: int
    paths: Paths
    replay: Replay

    @cached_property
    def obligors(self) -> list[str]:
        """Ids in the book's order."""
        return self.opened.built.facilities["obligor_id"].unique(maintain_order=True).to_list()

    @property
    def quantum_usd(self) -> float:
        """What losses are counted in."""
        return float(self.opened.built.scale.loss_quantum_usd)

    @property
    def key(self) -> tuple[int, int]:
        """Of the random numbers."""
        return key_words(self.seed)

    @property
    def cash_names(self) -> list[str]:
        """Cash channels of the book."""
        return _named(cash_channels(self.opened.market), self.opened.built.cash_channels)

    @property
    def value_names(self) -> list[str]:
        """Value channels of the book."""
        return _named(value_channels(self.opened.market), self.opened.built.value_channels)

    @property
    def counterparties(self) -> list[str]:
        """Names in the order of the paths; the first is nobody."""
        return ["", *self.opened.built.counterparty_pd_annual]


Teller = Callable[[int, int], Told]  # of a scenario and the place of an obligor in the book


def teller(opened: Opened, *, months: int, as_of: date, seed: int, beside: bool = False) -> Teller:
    """What simulates scenarios of a run again.

    Args:
        opened: the run's book and market with its engine.
        beside: use the opened engine's program and compile no other, so that causes and lives come from the
            reference's months beside it.
    """
    built, maker = opened.built, path_maker(opened.built)
    replay: Replayer | None = None
    if opened.engine.name == "reference" or not beside:
        engine: dict[str, Any] = {"seed": seed, "precision": opened.engine.precision}
        replay = open_replay(opened.engine.name, built.book, opened.arrays, built.scale, maker, **engine)
    if replay is None:
        replay = replay_beside(opened.engine, built.book, opened.arrays, maker, seed=seed)
    chosen = replay

    def tell(scenario: int, obligor: int = 0) -> Told:
        paths = maker(np, opened.arrays, key_words(seed), np.array([scenario], np.uint32))
        return Told(opened, months, as_of, seed, scenario, paths, chosen(scenario, obligor))

    return tell


def _named(names: list[str], places: list[int]) -> list[str]:
    return [names[place] for place in places]
