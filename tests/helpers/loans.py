"""Small tapes and worlds for tests: one loan, one market, one engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from rackrisk.config import structural_settings
from rackrisk.data import check_tape
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.results import SimulationResult
from rackrisk.models.simulate import simulate

AS_OF = date(2026, 8, 31)
GENERATIONS = ("a100", "h100", "h200", "b200", "gb200", "b300", "gb300", "vr200")
ASICS = ("s21", "s19")
BARE = {
    "obligor_id": "borrower", "segment": "loans", "currency": "USD", "balance_usd": 100.0, "rate_type": "fixed",
    "coupon_annual": 0.0, "amortisation": "bullet", "maturity_date": date(2027, 8, 31), "refi_ltv": 1.0,
    "refi_dscr": 0.0, "unsecured_recovery": 0.0,
}  # fmt: skip


def tape_of(*loans: Mapping[str, Any]) -> pl.DataFrame:
    """A checked tape; every loan is a bare one with some columns changed."""
    rows = [{"facility_id": f"loan {place}", **BARE, **loan} for place, loan in enumerate(loans)]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return check_tape(frame, file="test", as_of=AS_OF, generations=GENERATIONS, asic_classes=ASICS)


def run_loans(tape: pl.DataFrame, *overrides: str, **options: Any) -> SimulationResult:
    """Simulate a tape in a world named by overrides such as `market=flat`."""
    settings = structural_settings(*overrides)
    defaults = {"months": 12, "scenarios": 1, "seed": 1, "engine": "reference", "precision": "float64"}
    return simulate(
        tape,
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=options.pop("mechanisms", Mechanisms()),
        as_of=AS_OF,
        **(defaults | options),
    )
