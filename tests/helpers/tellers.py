"""A book where everything happens, opened in an engine and ready to be told about."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from rackrisk.config import structural_settings
from rackrisk.data import check_tape, generate
from rackrisk.kernels.engines import run_scenarios
from rackrisk.kernels.tally import Tally
from rackrisk.models.explain import Teller, teller
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.opened import Opened, open_simulation

from .corners import WORLDS, crafted
from .loans import AS_OF, ASICS, GENERATIONS

MONTHS, SEED, SCENARIOS = 60, 20260831, 24


@cache
def corner_book() -> pl.DataFrame:
    """Borrowers of every kind: crafted ones and generated ones."""
    joined = pl.concat([crafted().drop("row"), generate(8, seed=7)], how="diagonal_relaxed")
    return check_tape(joined, file="test", as_of=AS_OF, generations=GENERATIONS, asic_classes=ASICS)


@cache
def opened_world(world: str, engine: str = "reference", precision: str = "float64") -> Opened:
    """The book in one of `corners.WORLDS`."""
    settings = structural_settings(*WORLDS[world])
    return open_simulation(
        corner_book(),
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=Mechanisms(),
        months=MONTHS,
        seed=SEED,
        as_of=AS_OF,
        engine=engine,
        precision=precision,
    )


@cache
def run_of(world: str, engine: str = "reference", precision: str = "float64") -> tuple[Tally, Teller]:
    """Its run, and what tells about scenarios of it."""
    opened = opened_world(world, engine, precision)
    return run_scenarios(opened.engine, SCENARIOS), teller(opened, months=MONTHS, as_of=AS_OF, seed=SEED)


def worst(tally: Tally, count: int) -> list[int]:
    """Scenarios by loss, the largest first."""
    return np.argsort(-tally.loss[:, 0], kind="stable")[:count].tolist()
