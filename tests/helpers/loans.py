"""Small tapes and worlds for tests: one loan, one market, one engine."""

from __future__ import annotations

from typing import Any

import polars as pl

from rackrisk.config import structural_settings
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.results import SimulationResult
from rackrisk.models.simulate import simulate
from rackrisk.models.validation._loans import AS_OF as AS_OF
from rackrisk.models.validation._loans import BARE as BARE
from rackrisk.models.validation._loans import tape_of as tape_of

from .emulated import engine_at_hand

GENERATIONS = ("a100", "h100", "h200", "b200", "gb200", "b300", "gb300", "vr200")
ASICS = ("s21", "s19")


def run_loans(tape: pl.DataFrame, *overrides: str, **options: Any) -> SimulationResult:
    """Simulate a tape in a world named by overrides such as `market=flat`."""
    settings = structural_settings(*overrides)
    defaults = {"months": 12, "scenarios": 1, "seed": 1, "engine": "reference", "precision": "float64"}
    usual: dict[str, Any] = defaults | {"mechanisms": Mechanisms()} | options
    with engine_at_hand(usual["engine"]):
        return simulate(tape, market=settings.market, recovery=settings.recovery, as_of=AS_OF, **usual)
