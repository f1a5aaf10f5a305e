"""Structural loans whose loss or default has a formula, simulated month by month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from ..results import SimulationResult
from ._bench import Bench
from ._case import Case
from ._check import Check, exact, frequency, sampled
from ._loans import loan, month_end, simulate_loans

UNIT_USD = 1000.0  # price of one coin and of one MW of site
MAX_MONTHS = {True: 36, False: 120}  # horizon, quick and full


# ---- Merton ----


def merton_world(rate: float, volatility: float) -> dict[str, Any]:
    """Only the coin moves: lognormal, its drift the short rate."""
    rates = {"market.rates.start": rate, "market.rates.mean": rate}
    return {**_still(), **rates, **_lognormal_coin(rate, volatility)}


def merton_loans(case: Case) -> list[dict[str, Any]]:
    """One bullet of each row, on one coin."""
    return [
        loan(_merton_name(row), row["months"], balance_usd=row["ltv"] * UNIT_USD, btc_pledged=1.0)
        for row in case.expected["loans"]
    ]


def check_merton(case: Case, bench: Bench) -> Iterator[Check]:
    """PD and expected loss of every bullet."""
    world = merton_world(case.inputs["rate_annual"], case.inputs["volatility_annual"])
    months = max(row["months"] for row in case.expected["loans"])
    result = simulate_loans(merton_loans(case), world, case=case, bench=bench, months=months)
    found = {row["obligor_id"]: row for row in result.facilities.iter_rows(named=True)}
    for row in case.expected["loans"]:
        name, ours = _merton_name(row), found[_merton_name(row)]
        hits = round(ours["pd"] * result.n_scenarios)
        pd = {"hits": hits, "trials": result.n_scenarios, "reference": row["pd"]}
        yield frequency(case, f"PD, {name}", **pd, engine=bench.engine)
        loss = {"ours": ours["el_usd"] / UNIT_USD, "std_error": ours["el_std_error_usd"] / UNIT_USD}
        yield sampled(case, f"EL, {name}", **loss, reference=row["put"], engine=bench.engine)


def _merton_name(row: Mapping[str, Any]) -> str:
    return f"LTV {row['ltv']}, {row['months']} m"


# ---- First passage ----


def barrier_world(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Coin and site are lognormal with correlated shocks; nothing else moves."""
    coin, site, correlation = inputs["coin"], inputs["site"], inputs["correlation"]
    log_drift = site["drift_annual"] - site["volatility_annual"] ** 2 / 2  # a site's drift is that of its logarithm
    return {
        **_still(),
        **_lognormal_coin(coin["drift_annual"], coin["volatility_annual"]),
        **_in_every_regime("market.site_usd_mw.drift_annual", log_drift),
        "market.site_usd_mw.volatility_annual": site["volatility_annual"],
        "market.site_usd_mw.ai_demand_correlation": 1.0,  # its shock is that of AI demand
        "market.factors.correlation_calm": _correlated(1, 2, correlation),
    }


def barrier_loans(inputs: Mapping[str, Any], months: int) -> list[dict[str, Any]]:
    """Bullets called at LTV 1 with nothing to answer the call: two to the horizon, two to month 12."""
    loans = []
    for asset, held in (("coin", {"btc_pledged": 1.0}), ("site", {"site_mw": 1.0})):
        terms = {"balance_usd": inputs[asset]["barrier"] * UNIT_USD, "margin_call_ltv": 1.0, **held}
        loans += [loan(asset, months + 12, **terms), loan(f"{asset} to month 12", 12, **terms)]
    return loans


def check_first_passage(case: Case, bench: Bench) -> Iterator[Check]:
    """PDs by month of both loans, and how often both default by month 12."""
    months = MAX_MONTHS[bench.quick]
    world, loans = barrier_world(case.inputs), barrier_loans(case.inputs, months)
    result = simulate_loans(loans, world, case=case, bench=bench, months=months)
    for asset in ("coin", "site"):
        found = dict(result.pd_term.filter(pl.col("scope") == asset).select("month", "pd_count").rows())
        for month, pd in case.expected[f"pd_{asset}"].items():
            if int(month) <= months:
                hits = round(found[int(month)] * result.n_scenarios)
                counts = {"hits": hits, "trials": result.n_scenarios, "reference": pd}
                yield frequency(case, f"PD {month} m, {asset}", **counts, engine=bench.engine)
    both = sum((result.losses_of("coin to month 12") > 0) & (result.losses_of("site to month 12") > 0))
    counts = {"hits": both, "trials": result.n_scenarios, "reference": case.expected["joint_12m"]}
    yield frequency(case, "both by 12 m", **counts, engine=bench.engine)


# ---- Spreadsheet ----


def check_spreadsheet(case: Case, bench: Bench) -> Iterator[Check]:
    """Debt, default month and loss of loans in a world where nothing moves, in double precision."""
    loans, months = case.inputs["loans"], case.inputs["months"]
    sheet = [_sheet_row(**row) for row in loans]
    world, size = spreadsheet_world(case), {"months": months, "scenarios": 1, "precision": "float64"}
    result = simulate_loans(sheet, world, case=case, bench=bench, **size)
    for row in case.expected["figures"]:
        quantity, ours = _figure(result, **{k: v for k, v in row.items() if k != "value"})
        yield exact(case, quantity, ours=ours, reference=row["value"], engine=bench.engine)


def spreadsheet_world(case: Case) -> dict[str, Any]:
    """Nothing moves; what the case names is changed."""
    prices = {"market.btc.price_usd": UNIT_USD, "market.rates.start": 0.037, "market.rates.mean": 0.037}
    return {"market": "flat", "recovery": "frictionless", **prices, **case.inputs["world"]}


def _sheet_row(
    *, name: str, months: int, income_usd_month: float = 0.0, income_until_month: int = 120, **terms: Any
) -> dict[str, Any]:
    """A loan whose income is a contract for machines worth nothing."""
    income = {"contract_revenue_usd_month": income_usd_month, "contract_end_date": month_end(income_until_month)}
    capacity = {"gpus_h100": 1e-9, "power_usd_kwh": 0.0, "contracted_share": 1.0}
    return loan(name, months, facility_id=name, **(capacity | income if income_usd_month else {}), **terms)


def _figure(result: SimulationResult, *, loan: str, figure: str, month: int = 0) -> tuple[str, float]:
    """Words for a figure of a loan, and what it is in the result; 0 for a month in which nothing happens."""
    if figure == "loss":
        return f"loss of {loan}", result.facilities.filter(pl.col("facility_id") == loan)["el_usd"].item()
    if figure == "debt":
        here = (pl.col("scope") == loan) & (pl.col("month") == month)
        return f"debt of {loan}, month {month}", result.early_warning.filter(here)["debt_usd"].item()
    if figure == "default month":
        here = (pl.col("scope") == loan) & (pl.col("pd_count") == 1)
        rows = result.pd_term.filter(here)
        return f"default month of {loan}", float(rows.sort("month")["month"].first() if rows.height else 0)  # pyright: ignore[reportArgumentType]
    raise ValueError(f"unknown figure {figure!r}")


# ---- Worlds ----


def _still() -> dict[str, Any]:
    prices = {"market.btc.price_usd": UNIT_USD, "market.site_usd_mw.start": UNIT_USD}
    return {"market": "merton", "recovery": "frictionless", **prices, "market.lease_usd_kw_month.start": 1e-9}


def _lognormal_coin(drift: float, volatility: float) -> dict[str, Any]:
    levels = {"drift_annual": drift, "volatility_annual": volatility}
    return {k: v for name, x in levels.items() for k, v in _in_every_regime(f"market.btc.{name}", x).items()}


def _in_every_regime(key: str, level: float) -> dict[str, float]:
    return {f"{key}.{regime}": level for regime in ("calm", "boom", "stress")}


def _correlated(first: int, second: int, correlation: float) -> list[list[float]]:
    matrix = [[float(row == column) for column in range(6)] for row in range(6)]
    matrix[first][second] = matrix[second][first] = correlation
    return matrix
