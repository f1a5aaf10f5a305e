"""What the loans of a spreadsheet are made of, and how their figures are read from a result."""

from __future__ import annotations

from math import exp
from typing import Any

import polars as pl
import pytest

from rackrisk.models.results import SimulationResult
from rackrisk.models.validation._loans import loan as loan
from rackrisk.models.validation._loans import month_end as month_end

from ..helpers.loans import run_loans, tape_of

RATE = 0.037  # short rate of conf/market/flat.yaml
HOURS, DAYS = 730.5, 30.4375  # in a month
# Today's prices, fixed here so that the figures in the tests outlive a calibration.
COIN_USD, SITE_USD, LEASE, HASHPRICE, RENT_H100, REALISATION = 78300.0, 12.5e6, 150.0, 36.0, 3.25, 0.6
KW_H100, KW_PER_PH_S21, KW_PER_PH_S19 = 1.05, 17.5, 29.5
TODAY = (
    f"market.btc.price_usd={COIN_USD}",
    f"market.site_usd_mw.start={SITE_USD}",
    f"market.lease_usd_kw_month.start={LEASE}",
    f"market.mining.hashprice_usd_ph_day={HASHPRICE}",
    f"market.generations.h100.rent_usd_gpu_hour={RENT_H100}",
    f"market.generations.h100.power_kw={KW_H100}",
    f"market.rent.realisation={REALISATION}",
    f"market.asics.s21.joule_per_th={KW_PER_PH_S21}",
    f"market.asics.s19.joule_per_th={KW_PER_PH_S19}",
    "market.relet_months=1",
)
FLAT = ("market=flat", "recovery=frictionless", *TODAY)
TINY = 1e-6
BULLET = {"balance_usd": 1e6, "coupon_annual": 0.12, "amortisation": "bullet"}  # interest of 10,000 a month


def close(figure: float | list[float]) -> Any:
    """Equal to a part in a million."""
    return pytest.approx(figure, rel=TINY, abs=1e-9)


def paid_by(usd_month: float, until: int = 120) -> dict[str, Any]:
    """A contract that pays so much each month, for machines worth nothing."""
    return {
        "gpus_h100": 1e-9,
        "power_usd_kwh": 0.0,
        "contracted_share": 1.0,
        "contract_revenue_usd_month": usd_month,
        "contract_end_date": month_end(until),
    }


def run(*loans: dict[str, Any], months: int = 12, world: tuple[str, ...] = ()) -> SimulationResult:
    return run_loans(tape_of(*loans), *FLAT, *world, months=months)


def discount(month: int) -> float:
    return exp(-RATE * month / 12)


def debts(result: SimulationResult, name: str) -> list[float]:
    """Debt at the start of months 1, 2, ..."""
    rows = result.early_warning.filter(pl.col("scope") == name).sort("month")
    return rows["debt_usd"].to_list()


def default_month(result: SimulationResult, name: str) -> int | None:
    rows = result.pd_term.filter((pl.col("scope") == name) & (pl.col("pd_count") == 1))
    return rows["month"].min()  # pyright: ignore[reportReturnType]


def cause(result: SimulationResult, name: str) -> str | None:
    rows = result.defaults_by_cause.filter((pl.col("scope") == name) & (pl.col("probability") == 1))
    return rows["cause"].item() if rows.height else None


def loss(result: SimulationResult, name: str) -> float:
    return result.losses_of(name).item()


def facility_losses(result: SimulationResult) -> list[float]:
    return result.facilities.sort("facility_id")["el_usd"].to_list()
