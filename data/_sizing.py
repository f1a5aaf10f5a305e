"""What one unit of capacity costs, draws and earns at the as-of date, and the debt service, cash and cost of a row.

The shipped and generated books are sized with these numbers and their tests recompute them. A simulation does not
read them: its levels come from the market configuration. Those of the base market are the same, which a test keeps so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOURS_PER_MONTH = 730.5
DAYS_PER_MONTH = 30.4375
KW_PER_MW = 1000.0


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices at 2026-08-31 that no hardware has.

    Args:
        short_rate_annual: SOFR; assumption near fed funds (3.6 to 3.9 % in the autumn of 2025).
        treasury_annual: five years; the fixed tranche of CoreWeave's DDTL 4.0 pays about 5.9 %, Treasury + 2.00.
        bitcoin_usd: last close seen, 2026-08-21 (73,000 the day before).
        hashprice_usd_ph_day: 37.4 on average in January and February 2026, about 29 in the first quarter at its low.
        lease_usd_kw_month: 131 (TeraWulf, net) to 159 (River Bend) in leases of 2025 and 2026.
        realisation: share of the posted GPU rent that merchant capacity earns, after discounts and idle hours.
    """

    short_rate_annual: float = 0.037
    treasury_annual: float = 0.039
    bitcoin_usd: float = 78_300.0
    hashprice_usd_ph_day: float = 36.0
    lease_usd_kw_month: float = 150.0
    realisation: float = 0.60


LEVELS = Levels()


@dataclass(frozen=True, slots=True)
class Unit:
    """One GPU, PH/s or MW: the power it draws, what it cost installed, and its posted rent (0 where it has none)."""

    power_kw: float
    price_usd: float
    rent_usd_hour: float


def table(name: str) -> pl.DataFrame:
    """A small table shipped beside this module."""
    return pl.read_csv(Path(__file__).with_name(name))


@cache
def hardware() -> dict[str, Unit]:
    """Units by name: GPU generations, ASIC classes and `site`."""
    rows = table("hardware.csv").fill_null(0).iter_rows(named=True)
    return {row["name"]: Unit(row["power_kw"], row["price_usd"], row["rent_usd_hour"]) for row in rows}


def level_payment(balance_usd: Any, rate_annual: Any, months: Any) -> Floats:
    """Monthly payment of an annuity, arrays of one shape; `months` at least 1."""
    rate = np.maximum(np.asarray(rate_annual, dtype=np.float64), 1e-9) / 12
    return balance_usd * rate / -np.expm1(-months * np.log1p(rate))


def months_between(first: date, second: pl.Expr) -> pl.Expr:
    """Whole months from `first` to a date column, days ignored."""
    return (second.dt.year() - first.year) * 12 + second.dt.month() - first.month


def economics(tape: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """A checked tape with `rate_annual`, `service_usd_month`, `cash_usd_month` and `cost_usd` by row.

    `service_usd_month` is the level payment once interest-only months are over, interest alone for a bullet loan;
    `cash_usd_month` is contract revenue and merchant income, less power and fixed cost; `cost_usd` is the price new of
    all hardware and sites plus coins at market.
    """
    floats = {"rate_annual": _rate(), "cash_usd_month": _cash(tape), "cost_usd": _cost(tape)}
    frame = tape.with_columns(**floats, months=months_between(as_of, pl.col("maturity_date")))
    service = _service(frame)
    return frame.with_columns(service_usd_month=pl.Series(service, dtype=pl.Float64)).drop("months")


def obligor_economics(tape: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Debt, service, cash, cost, `dscr` and `loan_to_cost` of every obligor, in the order of the tape."""
    amounts = ("service_usd_month", "cash_usd_month", "cost_usd", "contract_revenue_usd_month")
    rows = economics(tape, as_of=as_of)
    added = rows.group_by("obligor_id", maintain_order=True).agg(
        pl.col("segment", "seniority", "amortisation").first(),
        pl.col("balance_usd").sum().alias("debt_usd"),
        *(pl.col(name).sum() for name in amounts),
    )
    return added.with_columns(
        dscr=pl.col("cash_usd_month") / pl.col("service_usd_month"),
        loan_to_cost=pl.col("debt_usd") / pl.col("cost_usd"),
    )


def _rate() -> pl.Expr:
    floating = pl.col("rate_type") == "floating"
    return pl.col("coupon_annual") + pl.when(floating).then(LEVELS.short_rate_annual).otherwise(0.0)


def _service(frame: pl.DataFrame) -> Floats:
    balance, rate = (frame[name].to_numpy() for name in ("balance_usd", "rate_annual"))
    months = np.maximum(frame["months"].to_numpy() - frame["interest_only_months"].to_numpy(), 1)
    bullet = (frame["amortisation"] == "bullet").to_numpy()
    left = np.where(bullet, 1.0, frame["balloon_fraction"].to_numpy())
    return level_payment((1 - left) * balance, rate, months) + left * balance * rate / 12


def _cash(tape: pl.DataFrame) -> pl.Expr:
    merchant, power_kw = pl.lit(0.0), pl.lit(0.0)
    open_share = 1 - pl.col("contracted_share")
    for column, unit in _units(tape).items():
        share = open_share if column.startswith("gpus_") else 1.0
        merchant += pl.col(column) * share * market_income(column, unit)
        power_kw += pl.col(column) * unit.power_kw
    merchant += pl.col("site_mw") * open_share * KW_PER_MW * LEVELS.lease_usd_kw_month
    power = power_kw * HOURS_PER_MONTH * pl.col("power_usd_kwh")
    return pl.col("contract_revenue_usd_month") + merchant - power - pl.col("fixed_cost_usd_month")


def market_income(column: str, unit: Unit) -> float:
    """USD a month that one unit of a GPU or hash column earns on the market, before power."""
    if column.startswith("gpus_"):
        return unit.rent_usd_hour * LEVELS.realisation * HOURS_PER_MONTH
    return LEVELS.hashprice_usd_ph_day * DAYS_PER_MONTH


def contract_rents(tape: pl.DataFrame) -> pl.DataFrame:
    """Rows of a checked tape whose GPUs earn a contract, with its rent and what that compares with in USD per GPU-hour.

    `contract_usd_hour`; `posted_usd_hour`, the mean posted rent of the row's GPUs; `cost_usd_hour`, power and fixed
    cost.
    """
    gpus = {column: unit for column, unit in _units(tape).items() if column.startswith("gpus_")}
    count = pl.sum_horizontal(*gpus)
    posted = sum((pl.col(column) * unit.rent_usd_hour for column, unit in gpus.items()), pl.lit(0.0)) / count
    power_kw = sum((pl.col(column) * unit.power_kw for column, unit in gpus.items()), pl.lit(0.0)) / count
    fixed = pl.col("fixed_cost_usd_month") / count / HOURS_PER_MONTH
    revenue = pl.col("contract_revenue_usd_month") / (count * pl.col("contracted_share") * HOURS_PER_MONTH)
    cost = power_kw * pl.col("power_usd_kwh") + fixed
    earning = tape.filter(count > 0, pl.col("contracted_share") > 0, pl.col("contract_revenue_usd_month") > 0)
    return earning.with_columns(contract_usd_hour=revenue, posted_usd_hour=posted, cost_usd_hour=cost)


def _cost(tape: pl.DataFrame) -> pl.Expr:
    coins = (pl.col("btc_pledged") + pl.col("btc_treasury")) * LEVELS.bitcoin_usd
    sites = pl.col("site_mw") * hardware()["site"].price_usd
    return sum((pl.col(column) * unit.price_usd for column, unit in _units(tape).items()), coins + sites)


def _units(tape: pl.DataFrame) -> dict[str, Unit]:
    """Capacity columns of the tape whose hardware is known here."""
    known = hardware()
    names = {column: column.rpartition("_")[2] for column in tape.columns if column.startswith(("gpus_", "hash_ph_"))}
    return {column: known[name] for column, name in names.items() if name in known}
