"""What the figures rest on most: the parameters of market and recovery with their values and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._facts import Facts
from .._format import is_number, number
from .._load import at
from .._model import Cell, Column, Section, Table
from .._sources import Documented, documented
from .._text import plain, shorten

#: Characters of a value that is no number.
_TEXT = 40

OWN = "set by this run; the shipped file says {}"
UNKNOWN = "set by this run"


@dataclass(frozen=True)
class Assumption:
    """A key below a configuration group, what it is, its unit, and what a value is multiplied by for a reader."""

    key: str
    name: str
    unit: str
    scale: float = 1.0


_PERCENT = 100.0
MARKET = (
    Assumption("rent.drift_annual", "Drift of GPU rents (logarithm)", "% a year", _PERCENT),
    Assumption("rent.volatility_annual", "Volatility of GPU rents", "% a year", _PERCENT),
    Assumption("rent.drift_uncertainty_annual", "Uncertainty of that drift", "% a year", _PERCENT),
    Assumption("rent.step_of_successor", "Step of rents when the next GPU ships", "%", _PERCENT),
    Assumption("rent.realisation", "Share of the posted rent that is earned", "%", _PERCENT),
    Assumption("resale.life_years", "Economic life of a GPU", "years"),
    Assumption("resale.price_to_value", "Resale price over income value", "%", _PERCENT),
    Assumption("btc.drift_annual", "Expected return of bitcoin", "% a year", _PERCENT),
    Assumption("btc.volatility_annual", "Volatility of bitcoin, without jumps", "% a year", _PERCENT),
    Assumption("mining.hashprice_usd_ph_day", "Hashprice today", "USD/PH/day"),
    Assumption("lease_usd_kw_month.drift_annual", "Drift of data-centre leases", "% a year", _PERCENT),
    Assumption("site_usd_mw.drift_annual", "Drift of powered sites", "% a year", _PERCENT),
    Assumption("factors.convergence", "Weight of the one-factor limit in stress", "%", _PERCENT),
    Assumption("counterparties.regime_multiple", "Tenants’ default rate over its mean", "times"),
    Assumption("counterparties.credit_loading", "Loading of tenants on the credit factor", ""),
    Assumption("rates.mean", "Mean short rate", "% a year", _PERCENT),
)
RECOVERY = (
    Assumption("gpus.default.impact", "Price impact of GPU sales of a month’s depth", "log"),
    Assumption("gpus.default.floor", "Lowest price of GPUs in a forced sale", "% of market", _PERCENT),
    Assumption("gpus.default.lag_months", "Months until GPUs are sold", "months"),
    Assumption("gpus.default.haircut", "Damage and missing parts of GPUs", "%", _PERCENT),
    Assumption("asics.default.floor", "Lowest price of mining machines", "% of market", _PERCENT),
    Assumption("site.floor", "Lowest price of powered sites", "% of market", _PERCENT),
    Assumption("site.lag_months", "Months until sites are sold", "months"),
    Assumption("system_multiple", "Sales of all lenders over those of this book", "times"),
    Assumption("unsecured_recovery", "Recovery of what collateral leaves open", "%", _PERCENT),
    Assumption("refinancing.ltv", "Loan-to-value of a new lender", "%", _PERCENT),
    Assumption("refinancing.dscr", "Debt service cover that he asks for", "times"),
    Assumption("refinancing.spread_annual", "Spread that he asks for", "% a year", _PERCENT),
)
GROUPS = (("market", "Market", MARKET), ("recovery", "Collateral and refinancing", RECOVERY))


def assumptions_section(facts: Facts) -> Section | None:
    """A table a group; nothing where the run does not say what it was run with."""
    tables = [_table(facts, group, title, assumed) for group, title, assumed in GROUPS]
    blocks = [table for table in tables if table is not None]
    if not blocks:
        return None
    return Section(
        slug="assumptions",
        title="What is assumed, and how surely it is known",
        lead="The parameters that the figures rest on most, and what each comes from: measured in a series, a filing, "
        "a public register, the press, derived from others, or judgement, that is no data. ± inside a source is one "
        "standard error of the estimate. All parameters are below, in the configuration of the run.",
        blocks=blocks,
    )


def _table(facts: Facts, group: str, title: str, assumed: Sequence[Assumption]) -> Table | None:
    stated = at(facts.run.config, group)
    if not isinstance(stated, Mapping):
        return None
    source = documented(group, facts.group(group) or "")
    rows = [_row(a, value, source) for a in assumed if (value := at(stated, *a.key.split("."))) is not None]
    heads = [Column(head="Assumption", numeric=False), Column(head="Value", numeric=False)]
    heads += [Column(head="Where it comes from", numeric=False)]
    return Table(caption=title, columns=heads, rows=rows, kind="assumed") if rows else None


def _row(assumed: Assumption, value: Any, source: Documented) -> list[Cell]:
    return [
        Cell(text=assumed.name, minor=assumed.key),
        Cell(text=f"{_value(assumed, value)}\u00a0{assumed.unit}".rstrip()),
        Cell(text=_source(assumed, value, source)),
    ]


def _value(assumed: Assumption, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(regime)} {_value(assumed, inner)}" for regime, inner in value.items())
    if not is_number(value):
        return shorten(plain(value), _TEXT)
    scaled = round(value * assumed.scale, 6)
    return number(scaled, max(0, len(f"{scaled:.6g}".partition(".")[2])))


def _source(assumed: Assumption, value: Any, source: Documented) -> str:
    """The comments of the shipped file where the run has its values, else that the run has others."""
    parts = {f"{assumed.key}.{k}": v for k, v in value.items()} if isinstance(value, Mapping) else {assumed.key: value}
    shipped = {key: source.values.get(key) for key in parts}
    if shipped != parts:
        known = all(is_number(v) for v in shipped.values())
        return OWN.format(", ".join(_value(assumed, v) for v in shipped.values())) if known else UNKNOWN
    keys = dict.fromkeys([assumed.key, *parts])
    told = [f"{_leaf(key, assumed)}{source.comments[key]}" for key in keys if key in source.comments]
    return "; ".join(told) or "no source in the shipped file"


def _leaf(key: str, assumed: Assumption) -> str:
    return "" if key == assumed.key else f"{key.rpartition('.')[2]} – "
