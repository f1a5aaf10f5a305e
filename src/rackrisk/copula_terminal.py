"""The summary of a copula run: simulated figures beside exact ones, segments, PD term structure, largest names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .comparison import compared, costliest
from .figures import NOTHING, MoneyUnit, is_number, money, percent, ratio
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
    from rich.console import Console
    from rich.table import Table

    from ._run import Run

TOP_NAMES, MOST_YEARS = 5, 10
ATOM = "atom"  # an estimate that stays on one possible loss has a standard error of 0, which is no certainty

Row = Mapping[str, Any]


def print_copula_summary(run: Run, console: Console) -> None:
    """Prints the whole summary; fits 80 columns."""
    scopes = shown_scopes(run)
    both = compared(run.measures, run.tables["exact"])
    tables = [losses(run, both.rows(named=True))]
    if len(run.result.segments) > 1:
        tables.append(by_segment(run, scopes, both.rows(named=True)))
    _headline(run, console)
    for table in (*tables, pd_term(run), largest(run)):
        console.print()
        console.print(table)
    print_footer(run, console, hidden=len(run.result.scopes) - len(scopes))


def losses(run: Run, both: Sequence[Row]) -> Table:
    """Measures of the portfolio, the exact figure where there is one, and how far apart they are."""
    rows = [row for row in run.measures.iter_rows(named=True) if row["scope"] == "portfolio"]
    known = {(r["measure"], r["level"]): r for r in both if r["scope"] == "portfolio"}
    exact = [known.get((r["measure"], r["level"]), {}) for r in rows]
    amounts = [*(r["value"] for r in rows), *(e.get("value") for e in exact)]
    unit = MoneyUnit(amounts, (r["std_error"] for r in rows))
    coverage = level_text(run.manifest["config"]["measures"]["confidence"])
    heads = ("measure", unit.name, "± s.e.", "exact", "z", "% of ead", f"{coverage} % interval")
    table = table_of(f"Loss over {_years(run.result.horizon_years)}", *heads)
    for row, twin in zip(rows, exact, strict=True):
        share = percent(ratio(row["value"], run.result.exposure_usd["portfolio"]))
        error = ATOM if row["measure"] in ("VaR", "ES") and row["std_error"] == 0 else unit(row["std_error"])
        cells = [unit(row["value"]), error, unit(twin.get("value")), z_text(twin.get("z")), share]
        add_row(table, measure_name(row), *cells, interval(row, unit))
    coarse = [e["resolution"] for e in exact if e.get("coarse")]
    if coarse:
        table.caption = f"exact VaR and ES on a grid, to about {unit(max(coarse))} {unit.name}: too coarse for a z"
    return table


def by_segment(run: Run, scopes: Sequence[str], both: Sequence[Row]) -> Table:
    """EL beside the exact one, VaR and ES, as shares of the segment's exposure."""
    level, exposure = highest_level(run), run.result.exposure_usd
    unit = MoneyUnit(exposure.values())
    found = {(r["scope"], r["measure"], r["level"]): r for r in run.measures.iter_rows(named=True)}
    exact = {(r["scope"], r["measure"], r["level"]): r for r in both}
    heads = ("EL", "±", "exact", "z", f"VaR {level_text(level)} %", "±", f"ES {level_text(level)} %", "±")
    table = table_of("By segment, % of its exposure", "segment", unit.name, *heads)
    for scope in scopes:
        loss, twin = found.get((scope, "EL", None), {}), exact.get((scope, "EL", None), {})
        tails = [found.get((scope, name, level), {}) for name in ("VaR", "ES")]
        shares = [loss.get("value"), loss.get("std_error"), twin.get("value")]
        cells = [percent(ratio(share, exposure[scope])) for share in shares]
        ends = [percent(ratio(row.get(name), exposure[scope])) for row in tails for name in ("value", "std_error")]
        add_row(table, scope, unit(exposure[scope]), *cells, z_text(twin.get("z")), *ends)
    return table


def pd_term(run: Run) -> Table:
    """Share of names in default by year, beside the PDs of the tape."""
    rows = [row for row in run.result.pd_term.iter_rows(named=True) if row["scope"] == "portfolio"]
    shown = rows if len(rows) <= MOST_YEARS else [*rows[: MOST_YEARS - 1], rows[-1]]
    table = table_of("Names in default within, %", "years", "simulated", "± s.e.", "of the tape", "z")
    for row in shown:
        z = z_text(z_of(row["pd"], row["std_error"], row["expected"]))
        cells = [percent(row[name], 4) for name in ("pd", "std_error", "expected")]
        add_row(table, str(row["year"]), *cells, z)
    return table


def largest(run: Run) -> Table:
    """The names with the largest expected loss."""
    rows = costliest(run.result.names).head(TOP_NAMES).to_dicts()
    ead = MoneyUnit(row["ead"] for row in rows)
    loss = MoneyUnit((row["el_usd"] for row in rows), (row["el_std_error_usd"] for row in rows))
    heads = (f"ead\n{ead.name}", "PD\n%", "simulated\n%", "\n±", f"EL\n{loss.name}", "\n±", "exact\n")
    table = table_of("Largest expected losses", "name", "segment", *heads, names=2)
    for row in rows:
        pds = [percent(row[name], 3) for name in ("pd", "pd_simulated", "pd_std_error")]
        lost = [loss(row[name]) for name in ("el_usd", "el_std_error_usd", "expected_usd")]
        add_row(table, row["obligor_id"], one_line(row["segment"]), ead(row["ead"]), *pds, *lost)
    return table


def z_of(value: float | None, std_error: float | None, exact: float | None) -> float | None:
    """(value - exact) / standard error; None where one of them is missing or the error is 0."""
    if not (is_number(value) and is_number(std_error) and is_number(exact)) or std_error == 0.0:
        return None
    return (value - exact) / std_error


def z_text(z: float | None) -> str:
    """A z with its sign and one decimal."""
    return f"{z:+.1f}" if is_number(z) else NOTHING


def _headline(run: Run, console: Console) -> None:
    result, manifest = run.result, run.manifest
    pace = pace_text(manifest, manifest["loan_scenarios_per_s"], "loan-scenario")
    print_line(console, f"{portfolio_name(manifest['config'])}: {dependence_words(manifest)}", "bold")
    print_line(console, f"{manifest['book']['names']:,} names, {money(result.exposure_usd['portfolio'])} of exposure")
    size = f"{result.n_scenarios:,} scenarios over {_years(result.horizon_years)}, seed {result.seed}: {pace}"
    print_line(console, size)
    print_line(console, f"engine {result.engine}, {result.precision}, on {result.device}")


def dependence_words(manifest: Mapping[str, Any]) -> str:
    """`Gaussian copula, asset correlation 0.19`; where there are loadings, what they are loadings on."""
    copula = manifest["config"]["copula"]
    kind = "Gaussian" if copula["dependence"] == "gaussian" else f"Student t ({copula['dof']:g} dof)"
    correlation = manifest["asset_correlation"]
    if correlation is not None:
        return f"{kind} copula, asset correlation {correlation:g} (loading {correlation**0.5:.4g})"
    return f"{kind} copula, loadings of the tape"


def _years(years: int) -> str:
    return f"{years} year{'s' if years > 1 else ''}"
