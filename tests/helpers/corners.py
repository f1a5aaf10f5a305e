"""A book in whose worlds everything happens that the model knows: borrowers that reach its corners."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from ..models.spreadsheet import TODAY
from .loans import tape_of

# Depth small against this book, so that sales depress prices and sometimes reach the floor.
WORLDS = {
    "base": ("market=base", "recovery=base", "recovery.system_multiple=3", *TODAY, "market.relet_months=2"),
    "crisis": ("market=hash_credit_crisis", "recovery=thin", *TODAY, "market.relet_months=6"),
}

MARKET_TERMS = {"refi_ltv": None, "refi_dscr": None, "unsecured_recovery": None}
PARENT = {"guarantor": "parent", "guarantor_pd_annual": 0.08, "guarantee_limit_usd": 1.5e7}
LAB = {"contracted_share": 0.6, "offtaker": "lab", "offtaker_pd_annual": 0.15, "contract_end_date": date(2029, 8, 31)}
RANKS: list[dict[str, Any]] = [
    {"seniority": "senior_secured", "balance_usd": 3e7, "pledged_share": 1.0},
    {"seniority": "second_lien", "balance_usd": 1.5e7, "pledged_share": 0.5},
    {"seniority": "unsecured", "balance_usd": 2e7, "pledged_share": 0.3},
]


def gpus(borrower: str, **changes: Any) -> dict[str, Any]:
    """A loan against GPUs sold at market."""
    loan = {"balance_usd": 6e7, "coupon_annual": 0.1, "amortisation": "annuity", "maturity_date": date(2031, 3, 31)}
    capacity = {"gpus_h100": 3000.0, "power_usd_kwh": 0.08, "cash_volatility": 0.2}
    return {**loan, **capacity, **MARKET_TERMS, "obligor_id": borrower, **changes}


def coins(borrower: str, **changes: Any) -> dict[str, Any]:
    """A floating bullet against coins with a margin call."""
    loan = {"balance_usd": 2.5e7, "coupon_annual": 0.09, "rate_type": "floating", "maturity_date": date(2029, 12, 31)}
    terms = {"btc_pledged": 500.0, "btc_treasury": 150.0, "margin_call_ltv": 0.8, "margin_restore_ltv": 0.7}
    return {**loan, **terms, "obligor_id": borrower, "refi_ltv": 0.7, **changes}


def campus(months: int, **changes: Any) -> dict[str, Any]:
    """A bullet against a powered site at an LTV that calm lenders take and stressed ones do not."""
    maturity = date(2026 + (months + 7) // 12, (months + 7) % 12 + 1, 28)
    loan = {"balance_usd": 7.5e7, "coupon_annual": 0.07, "amortisation": "bullet", "maturity_date": maturity}
    support = {"site_mw": 10.0, "cash_volatility": 0.05, "pledged_share": 0.5, "cure_usd": 6e6}
    return {**loan, **support, **MARKET_TERMS, "obligor_id": f"campus {months}", **changes}


def contract(k: int) -> dict[str, Any]:
    """The k-th of several contracts of one borrower, at a power price that idles old machines."""
    terms = {"offtaker": f"lab {k % 2}", "offtaker_pd_annual": 0.1, "contract_end_date": date(2026 + k, 12, 31)}
    sizes = {"balance_usd": 1e7 * k, "contracted_share": 0.2 * k, "contract_revenue_usd_month": 4.4e5 * k}
    return gpus("contracts", gpus_h100=900.0, power_usd_kwh=1.0, maturity_date=date(2032, 1, 31), **terms, **sizes)


def crafted() -> pl.DataFrame:
    """Borrowers that reach the corners which generated ones miss."""
    balloon = {"amortisation": "balloon", "balloon_fraction": 0.5, "maturity_date": date(2028, 12, 31)}
    accounts = {"cure_usd": 5e6, "btc_treasury": 40.0, "reserve_usd": 1e6, **PARENT, "guarantee_limit_usd": 3e6}
    lease = {**LAB, "contracted_share": 1.0, "contract_revenue_usd_month": 1.6e6, "fixed_cost_usd_month": 1e5}
    estate = {"gpus_h100": 1900.0, "btc_treasury": 20.0, "covenant_dscr": 1.1, "unsecured_recovery": 0.2}
    bridge = {"reserve_usd": 1e6, "btc_treasury": 10.0, "cure_usd": 2e6, **PARENT, "guarantee_limit_usd": 4e6}
    return tape_of(
        gpus("swept", balance_usd=2e7, covenant_dscr=5.0, sweep_share=1.0),
        gpus("trapped", covenant_ltv=0.9, sweep_share=0.3, reserve_months=3.0, reserve_usd=2e6),
        gpus("cured", balance_usd=4e7, cure_usd=9e6, fixed_cost_usd_month=1.2e6, btc_pledged=600.0),
        gpus("wild", balance_usd=3e7, cash_volatility=0.7, reserve_usd=5e6),
        gpus("guaranteed", **PARENT, fixed_cost_usd_month=1e6, interest_only_months=12),
        gpus("balloon", **balloon, **accounts, **LAB, contract_revenue_usd_month=2.3e6, pledged_share=0.4),
        gpus("campus", **lease, balance_usd=1e8, amortisation="bullet", gpus_h100=0.0, site_mw=12.0),
        *(campus(months) for months in range(9, 60, 6)),
        *(campus(months, refi_ltv=0.56, refi_dscr=0.0, **bridge) for months in (1, 2, 3, 4)),
        coins("called", **PARENT, reserve_usd=4e6),
        coins("old miner", hash_ph_s19=900.0, hash_ph_s21=200.0, power_usd_kwh=0.07),
        gpus("gpus and hash", **LAB, contract_revenue_usd_month=2e6, hash_ph_s19=900.0),
        *(gpus("ranks", **estate, **row) for row in RANKS),
        *(contract(k) for k in (1, 2, 3, 4)),
        gpus("all pledged", balance_usd=7e7),
        gpus("all pledged", balance_usd=5e6, seniority="unsecured", gpus_h100=0.0),
    )
