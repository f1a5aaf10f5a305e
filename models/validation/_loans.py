"""Small books for checks: loans with everything at nothing but what a check names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

from rackrisk.data import check_tape

from ..mechanisms import Mechanisms
from ..results import SimulationResult
from ..simulate import simulate
from ._bench import Bench
from ._case import Case

AS_OF = date(2026, 8, 31)

#: A bullet without coupon or collateral that any lender refinances at an LTV of 1.
BARE: Mapping[str, Any] = {
    "obligor_id": "borrower",
    "segment": "loans",
    "currency": "USD",
    "balance_usd": 100.0,
    "rate_type": "fixed",
    "coupon_annual": 0.0,
    "amortisation": "bullet",
    "maturity_date": date(2027, 8, 31),
    "refi_ltv": 1.0,
    "refi_dscr": 0.0,
    "unsecured_recovery": 0.0,
}


def month_end(months: int) -> date:
    """A day in the month so many months after the as-of date's."""
    return date(2026 + (months + 7) // 12, (months + 7) % 12 + 1, 28)


def loan(name: str, months: int, **terms: Any) -> dict[str, Any]:
    """A loan of so many months by a borrower of this name, who is a segment of his own, if the terms do not say."""
    return {"obligor_id": name, "segment": name, "maturity_date": month_end(months), **terms}


def tape_of(*loans: Mapping[str, Any]) -> pl.DataFrame:
    """A checked tape; every loan is a bare one with some columns changed."""
    rows = [{"facility_id": f"loan {place}", **BARE, **loan} for place, loan in enumerate(loans)]
    return check_tape(pl.DataFrame(rows, infer_schema_length=None), file="loans", as_of=AS_OF)


def simulate_loans(
    loans: Iterable[Mapping[str, Any]],
    world: Mapping[str, Any],
    *,
    case: Case,
    bench: Bench,
    months: int,
    scenarios: int | None = None,
    precision: str = "float32",
) -> SimulationResult:
    """The loans of a case in its world on the bench's engine."""
    market, recovery = bench.compose(world)
    return simulate(
        tape_of(*loans),
        market=market,
        recovery=recovery,
        mechanisms=Mechanisms(),
        months=months,
        scenarios=scenarios or bench.structural_scenarios(),
        seed=bench.seed_of(case),
        as_of=AS_OF,
        engine=bench.engine,
        precision=precision,
    )
