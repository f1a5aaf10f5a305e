"""The summary of a run that a person reads: loss, segments, defaults, severity, early warning, where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .figures import NOTHING, MoneyUnit, basis_points, is_number, money, percent, ratio
from .pricing_screen import pricing_tables
from .progress import pace_text
from .screen import (
    add_row,
    highest_level,
    interval,
    level_text,
    measure_name,
    one_line,
    portfolio_name,
    print_footer,
    print_line,
    shown_scopes,
    table_of,
)

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from ._run import Run

TOP_FACILITIES = 5

Rows = Sequence[Mapping[str, Any]]


def print_summary(run: Run, console: Console) -> None:
    """Prints the whole summary; fits 80 columns."""
    scopes = shown_scopes(run)
    by_scope = (by_segment, defaults, severity, early_warning)
    _headline(run, console)
    tables = (losses(run), *(make(run, scopes) for make in by_scope), largest(run), *pricing_tables(run, scopes))
    for table in tables:
        console.print()
        console.print(table)
    print_footer(run, console, hidden=len(run.result.scopes) - len(scopes))


def losses(run: Run) -> Table:
    """Measures of the portfolio in USD and as a share of the book."""
    rows = [row for row in run.measures.iter_rows(named=True) if row["scope"] == "portfolio"]
    book = run.result.exposure_usd["portfolio"]
    unit = MoneyUnit((row["value"] for row in rows), (row["std_error"] for row in rows))
    coverage = level_text(run.manifest["config"]["measures"]["confidence"])
    heads = ("measure", unit.name, "± s.e.", "% of book", f"{coverage} % interval")
    table = table_of(f"Loss over {run.result.months} months, discounted", *heads)
    for row in rows:
        share = percent(ratio(row["value"], book))
        add_row(table, measure_name(row), unit(row["value"]), unit(row["std_error"]), share, interval(row, unit))
    return table


def by_segment(run: Run, scopes: Sequence[str]) -> Table:
    """EL, VaR and ES by segment as shares of its exposure, at the highest level that has an error for the portfolio."""
    level = highest_level(run)
    exposure, unit = run.result.exposure_usd, MoneyUnit(run.result.exposure_usd.values())
    heads = ("EL", "±", f"VaR {level_text(level)} %", "±", f"ES {level_text(level)} %", "±")
    table = table_of("By segment, % of its exposure", "segment", unit.name, *heads)
    wanted = [(_measures(run, name), at) for name, at in (("EL", None), ("VaR", level), ("ES", level))]
    for scope in scopes:
        rows = [found.get((scope, at), {}) for found, at in wanted]
        shares = [percent(ratio(row.get(name), exposure[scope])) for row in rows for name in ("value", "std_error")]
        add_row(table, scope, unit(exposure[scope]), *shares)
    return table


def defaults(run: Run, scopes: Sequence[str]) -> Table:
    """Default rates by count after a year and in all, and what fails first."""
    months, result = run.result.months, run.result
    ends = (12, months) if months > 12 else (months,)
    heads = [*(head for m in ends for head in (f"PD\n{m} m", "\n±")), "of it:\npayment", "\n±", "\nmargin", "\n±"]
    table = table_of("Obligors that default, and what fails first, %", "segment", *heads, "\nrefi", "\n±")
    for scope in scopes:
        rates = [_at(result.pd_term, scope, m) for m in ends]
        by_cause = _by_cause(result.defaults_by_cause, scope)
        causes = [by_cause.get(cause, {}) for cause in ("payment", "margin", "refinancing")]
        figures = [percent(row.get(name)) for row in rates for name in ("pd_count", "pd_count_std_error")]
        figures += [percent(row.get(name), 1) for row in causes for name in ("probability", "std_error")]
        add_row(table, scope, *figures)
    return table


def severity(run: Run, scopes: Sequence[str]) -> Table:
    """Expected loss as the product of the debt in default and LGD."""
    heads = ("debt in default\n% of balance", "\n±", "x LGD\n%", "\n±", "= EL\n% of balance", "\n±")
    table = table_of("Debt in default and what is lost of it, discounted", "segment", *heads)
    rows = {row["scope"]: row for row in run.result.loss_given_default.iter_rows(named=True)}
    exposure, losses = run.result.exposure_usd, _measures(run, "EL")
    for scope in scopes:
        row, loss = rows.get(scope, {}), losses.get((scope, None), {})
        debt = [percent(row.get(name)) for name in ("exposure_share", "exposure_share_std_error")]
        lgd = [percent(row.get(name), 1) for name in ("lgd", "std_error")]
        lost = [percent(ratio(loss.get(name), exposure[scope])) for name in ("value", "std_error")]
        add_row(table, scope, *debt, *lgd, *lost)
    return table


def early_warning(run: Run, scopes: Sequence[str]) -> Table:
    """The month in which the debt is highest over what a sale of the collateral would bring, and what else it shows."""
    frame = run.result.early_warning
    heads = ("worst\nmonth", "LTV at\nclearing", "LTV at\nmarket", "DSCR\n<1.2x", "DSCR\n<1.0x", "LTV over\ncovenant")
    table = table_of("Early warning, in the month of the highest LTV, %", "segment", *heads)
    table.caption = f"means of {frame['n_scenarios'][0]:,} watched scenarios, without standard errors"
    for scope in scopes:
        worst = _worst_month([row for row in frame.iter_rows(named=True) if row["scope"] == scope])
        ratios = [percent(worst.get(name), 0) for name in ("clearing_ltv", "book_ltv")]
        shares = [percent(worst.get(sign), 1) for sign in ("dscr_below_1_2", "dscr_below_1_0", "ltv_above_covenant")]
        add_row(table, scope, str(worst.get("month", NOTHING)), *ratios, *shares)
    return table


def largest(run: Run) -> Table:
    """The facilities with the largest expected loss, beside the spread that is quoted for them."""
    frame = run.result.facilities.sort(["el_usd", "facility_id"], descending=[True, False])
    rows = frame.head(TOP_FACILITIES).to_dicts()
    balance = MoneyUnit(r["balance_usd"] for r in rows)
    loss = MoneyUnit((r["el_usd"] for r in rows), (r["el_std_error_usd"] for r in rows))
    heads = (f"balance\n{balance.name}", "PD\n%", "\n±", f"EL\n{loss.name}", "\n±", "EL\nbp/y", "quoted\nbp/y")
    table = table_of("Largest expected losses", "facility", "segment", *heads, names=2)
    for row in rows:
        pd = [percent(row["pd"], 1), percent(row["pd_std_error"], 1)]
        spreads = [basis_points(row["fair_el_spread_annual"]), basis_points(row["quoted_spread_annual"])]
        lost = [loss(row["el_usd"]), loss(row["el_std_error_usd"])]
        add_row(table, row["facility_id"], one_line(row["segment"]), balance(row["balance_usd"]), *pd, *lost, *spreads)
    return table


# ---- figures ----


def _measures(run: Run, measure: str) -> dict[tuple[str, float | None], Mapping[str, Any]]:
    """Rows of one measure by scope and level."""
    return {(r["scope"], r["level"]): r for r in run.measures.iter_rows(named=True) if r["measure"] == measure}


def _by_cause(table: pl.DataFrame, scope: str) -> dict[str, Mapping[str, Any]]:
    return {row["cause"]: row for row in table.iter_rows(named=True) if row["scope"] == scope}


def _worst_month(rows: Rows) -> Mapping[str, Any]:
    """The first row with the highest clearing LTV; nothing where no row has one."""
    known = [row for row in rows if is_number(row["clearing_ltv"])]
    return max(known, key=lambda row: row["clearing_ltv"], default={})


def _at(table: pl.DataFrame, scope: str, month: int) -> Mapping[str, Any]:
    return next((r for r in table.iter_rows(named=True) if r["scope"] == scope and r["month"] == month), {})


# ---- layout ----


def _headline(run: Run, console: Console) -> None:
    result, manifest = run.result, run.manifest
    config, book = manifest["config"], manifest["book"]
    choices = ", ".join(f"{k} {v}" for k, v in manifest["choices"].items() if k in {"market", "experiment"})
    off = [name for name, on in config["mechanisms"].items() if not on]
    size = f"{book['facilities']:,} facilities of {book['obligors']:,} obligors"
    pace = pace_text(manifest, manifest["loan_months_per_s"], "loan-month")
    print_line(console, f"{portfolio_name(config)}: {choices}, as of {config['as_of']}", "bold")
    print_line(console, f"{size}, {money(result.exposure_usd['portfolio'])}")
    print_line(console, f"{result.n_scenarios:,} scenarios x {result.months} months, seed {result.seed}: {pace}")
    print_line(console, f"engine {result.engine} {result.precision} on {result.device}")
    if off:
        print_line(console, f"switched off: {', '.join(off)}", "yellow")
