"""Closed forms and one-dimensional quadratures against tabled values: ASRF, Basel, Merton, first passage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import exact as solved
from ._case import Case
from ._check import Check, exact, percent


def solve_asrf(case: Case) -> Iterator[Check]:
    """VaR, ES and tranches of the infinitely fine pool."""
    pool, known = (case.inputs["pd"], case.inputs["correlation"]), case.expected
    for level, value in known.get("var", {}).items():
        found = solved.asrf_value_at_risk(float(level), *pool)
        yield exact(case, f"VaR {percent(level)}", ours=float(found), reference=value)
    for level, value in known.get("es", {}).items():
        found = solved.asrf_expected_shortfall(float(level), *pool)
        yield exact(case, f"ES {percent(level)}", ours=float(found), reference=value)
    for attach, detach, value in known.get("tranches", []):
        found = solved.asrf_tranche_expected_loss(attach, detach, *pool)
        yield exact(case, f"tranche {100 * attach:g} to {100 * detach:g} %", ours=float(found), reference=value)


def solve_irb(case: Case) -> Iterator[Check]:
    """Risk weights of the Basel formulas."""
    terms = {name: value for name, value in case.inputs.items() if name != "lgd"}
    for pd, weight in case.expected["risk_weight"].items():
        found = solved.irb_capital(float(pd), case.inputs["lgd"], **terms)
        yield exact(case, f"risk weight, PD {percent(pd)}", ours=float(found.risk_weight), reference=weight)


def solve_merton(case: Case) -> Iterator[Check]:
    """PD and put of each bullet."""
    terms = {"drift_annual": case.inputs["rate_annual"], "volatility_annual": case.inputs["volatility_annual"]}
    for row in case.expected["loans"]:
        found = solved.merton_debt(1.0, row["ltv"], years=row["months"] / 12, **terms)
        name = f"LTV {row['ltv']}, {row['months']} m"
        yield exact(case, f"PD, {name}", ours=float(found.pd), reference=row["pd"])
        yield exact(case, f"EL, {name}", ours=float(found.put_usd), reference=row["put"])


def solve_first_passage(case: Case) -> Iterator[Check]:
    """PDs by month of each asset and the joint PD."""
    inputs, known = case.inputs, case.expected
    names = {asset: _barrier_name(inputs[asset]) for asset in ("coin", "site")}
    for asset, name in names.items():
        if asset == "site" and inputs["site"] == inputs["coin"]:
            continue
        curve = solved.first_passage_monthly(name, max(int(month) for month in known[f"pd_{asset}"]))
        for month, pd in known[f"pd_{asset}"].items():
            yield exact(case, f"PD {month} m, {asset}", ours=float(curve[int(month) - 1]), reference=pd)
    both = solved.joint_first_passage_monthly(names["coin"], names["site"], inputs["correlation"], 12)
    yield exact(case, "both by 12 m", ours=float(both[-1]), reference=known["joint_12m"])


def _barrier_name(asset: Mapping[str, float]) -> Any:
    terms = {name: asset[name] for name in ("drift_annual", "volatility_annual")}
    return solved.BarrierName(1.0, asset["barrier"], **terms)
