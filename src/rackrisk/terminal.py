"""The summary of a run that a person reads: loss, segments, defaults, early warning, largest losses, where it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .figures import NOTHING, MoneyUnit, basis_points, difference, is_number, money, percent, ratio, visible
from .progress import duration, rate_text

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ._run import Run

MAX_SEGMENTS = 12  # rows of the segment tables
TOP_FACILITIES = 5

Rows = Sequence[Mapping[str, Any]]


def print_summary(run: Run, console: Console) -> None:
    """Prints the whole summary; fits 80 columns."""
    scopes = shown_scopes(run)
    tables = (losses(run), by_segment(run, scopes), defaults(run, scopes), early_warning(run, scopes), largest(run))
    _headline(run, console)
    for table in tables:
        console.print()
        console.print(table)
    _footer(run, console, hidden=len(run.result.scopes) - len(scopes))


def shown_scopes(run: Run) -> list[str]:
    """Segments by exposure, the largest first and not too many of them, then the portfolio."""
    exposure = run.result.exposure_usd
    return [*sorted(run.result.segments, key=lambda s: (-exposure[s], s))[:MAX_SEGMENTS], "portfolio"]


def losses(run: Run) -> Table:
    """Measures of the portfolio in USD and as a share of the book."""
    rows = [row for row in run.measures.iter_rows(named=True) if row["scope"] == "portfolio"]
    book = run.result.exposure_usd["portfolio"]
    unit = MoneyUnit((row["value"] for row in rows), (row["std_error"] for row in rows))
    coverage = _level(run.manifest["config"]["measures"]["confidence"])
    heads = ("measure", unit.name, "± s.e.", "% of book", f"{coverage} % interval")
    table = _table(f"Loss over {run.result.months} months, discounted", *heads)
    for row in rows:
        name = row["measure"] if row["level"] is None else f"{row['measure']} {_level(row['level'])} %"
        share = percent(ratio(row["value"], book))
        _add(table, name, unit(row["value"]), unit(row["std_error"]), share, _interval(row, unit))
    return table


def by_segment(run: Run, scopes: Sequence[str]) -> Table:
    """EL, VaR and ES by segment as shares of its exposure, at the highest level that has an error for the portfolio."""
    level = _highest_level(run)
    exposure, unit = run.result.exposure_usd, MoneyUnit(run.result.exposure_usd.values())
    heads = ("EL", "±", f"VaR {_level(level)} %", "±", f"ES {_level(level)} %", "±")
    table = _table("By segment, % of its exposure", "segment", unit.name, *heads)
    for scope in scopes:
        found = {(r["measure"], r["level"]): r for r in run.measures.iter_rows(named=True) if r["scope"] == scope}
        rows = [found.get(key, {}) for key in (("EL", None), ("VaR", level), ("ES", level))]
        shares = [percent(ratio(row.get(name), exposure[scope])) for row in rows for name in ("value", "std_error")]
        _add(table, scope, unit(exposure[scope]), *shares)
    return table


def defaults(run: Run, scopes: Sequence[str]) -> Table:
    """Default rates by count after a year and in all, by exposure, LGD, and what defaults are caused by."""
    months, result = run.result.months, run.result
    first_year = (12,) if months > 12 else ()
    rates = (*(f"PD\n{m} m" for m in (*first_year, months)), "\n±", "PD by\nUSD", "LGD")
    causes = ("cause:\npayment", "\nmargin", "refinan-\ncing")
    table = _table("Defaults by count and by exposure, LGD, causes of default, %", "segment", *rates, *causes)
    for scope in scopes:
        early = [_at(result.pd_term, scope, m).get("pd_count") for m in first_year]
        late = _at(result.pd_term, scope, months)
        figures = [*early, late.get("pd_count"), late.get("pd_count_std_error"), late.get("pd_exposure")]
        shares = cause_shares(result.defaults_by_cause, scope)
        by_cause = [percent(shares.get(cause), 0) for cause in ("payment", "margin", "refinancing")]
        _add(table, scope, *(percent(f) for f in figures), percent(_lgd(run, scope), 1), *by_cause)
    return table


def early_warning(run: Run, scopes: Sequence[str]) -> Table:
    """The worst month of each warning sign, and of the gap between book and clearing LTV."""
    heads = ("DSCR\n<1.2x @", "DSCR\n<1.0x @", "LTV over\ncovenant @", "LTV at\nbook", "LTV at\nclearing @")
    table = _table("Early warning, % of performing obligors @ worst month", "segment", *heads)
    for scope in scopes:
        rows = [row for row in run.result.early_warning.iter_rows(named=True) if row["scope"] == scope]
        signs = [_peak(rows, sign) for sign in ("dscr_below_1_2", "dscr_below_1_0", "ltv_above_covenant")]
        _add(table, scope, *signs, *_widest_gap(rows))
    return table


def largest(run: Run) -> Table:
    """The facilities with the largest expected loss, beside the spread that is quoted for them."""
    frame = run.result.facilities.sort(["el_usd", "facility_id"], descending=[True, False])
    rows = frame.head(TOP_FACILITIES).to_dicts()
    balance, loss = (
        MoneyUnit(r["balance_usd"] for r in rows),
        MoneyUnit((r["el_usd"] for r in rows), (r["el_std_error_usd"] for r in rows)),
    )
    money_heads = (f"balance\n{balance.name}", "PD\n%", "LGD\n%", f"EL\n{loss.name}", "\n±")
    table = _table("Largest expected losses", "facility", "segment", *money_heads, "EL\nbp/y", "quoted\nbp/y", names=2)
    for row in rows:
        figures = [percent(row["pd"], 1), percent(row["lgd"], 1), loss(row["el_usd"]), loss(row["el_std_error_usd"])]
        spreads = [basis_points(row["fair_el_spread_annual"]), basis_points(row["quoted_spread_annual"])]
        _add(table, row["facility_id"], _one_line(row["segment"]), balance(row["balance_usd"]), *figures, *spreads)
    return table


# ---- figures ----


def _highest_level(run: Run) -> float:
    rows = [r for r in run.measures.iter_rows(named=True) if r["scope"] == "portfolio" and r["measure"] == "VaR"]
    known = [r["level"] for r in rows if is_number(r["std_error"])]
    return max(known or [r["level"] for r in rows])


def _lgd(run: Run, scope: str) -> float | None:
    return next((r["lgd"] for r in run.result.loss_given_default.iter_rows(named=True) if r["scope"] == scope), None)


def cause_shares(table: pl.DataFrame, scope: str) -> dict[str, float]:
    """Share of each cause in the defaults of a scope; empty without defaults."""
    rows = {r["cause"]: r["probability"] for r in table.iter_rows(named=True) if r["scope"] == scope}
    total = math.fsum(rows.values())
    return {cause: p / total for cause, p in rows.items()} if total > 0.0 else {}


def _interval(row: Mapping[str, Any], unit: MoneyUnit) -> str:
    low, high = row["ci_low"], row["ci_high"]
    if is_number(low) and is_number(high):
        return f"{unit(low)} to {unit(high)}"
    return f"from {unit(low)}" if is_number(low) else f"up to {unit(high)}" if is_number(high) else NOTHING


def _level(level: float) -> str:
    return f"{100 * level:.6g}"


def _peak(rows: Rows, sign: str) -> str:
    worst = _worst(rows, lambda row: row[sign])
    if worst is None:
        return NOTHING
    month = worst["month"] if worst[sign] > 0.0 else "-"
    return f"{percent(worst[sign], 1)} @{month:>2}"


def _widest_gap(rows: Rows) -> tuple[str, str]:
    worst = _worst(rows, lambda row: difference(row["clearing_ltv"], row["book_ltv"]))
    if worst is None:
        return NOTHING, NOTHING
    return f"{worst['book_ltv']:.2f}", f"{worst['clearing_ltv']:.2f} @{worst['month']:>2}"


def _worst(rows: Rows, key: Any) -> Mapping[str, Any] | None:
    """The first row with the largest key; None where no row has one."""
    return max((row for row in rows if is_number(key(row))), key=key, default=None)


def _at(table: pl.DataFrame, scope: str, month: int) -> Mapping[str, Any]:
    return next((r for r in table.iter_rows(named=True) if r["scope"] == scope and r["month"] == month), {})


# ---- layout ----


def _headline(run: Run, console: Console) -> None:
    result, manifest = run.result, run.manifest
    config, book = manifest["config"], manifest["book"]
    choices = ", ".join(f"{k} {v}" for k, v in manifest["choices"].items() if k in {"market", "experiment"})
    off = [name for name, on in config["mechanisms"].items() if not on]
    name = "tape" if config["portfolio"]["tape"] else config["portfolio"]["name"]
    size = f"{book['facilities']:,} facilities of {book['obligors']:,} obligors"
    pace = f"{duration(manifest['timings_s']['simulate'])}, {rate_text(manifest['loan_months_per_s'])}"
    _line(console, f"{name}: {choices}, as of {config['as_of']}", "bold")
    _line(console, f"{size}, {money(result.exposure_usd['portfolio'])}")
    _line(console, f"{result.n_scenarios:,} scenarios x {result.months} months, seed {result.seed}: {pace}")
    _line(console, f"engine {result.engine} {result.precision} on {result.device}")
    if off:
        _line(console, f"switched off: {', '.join(off)}", "yellow")


def _footer(run: Run, console: Console, *, hidden: int) -> None:
    console.print()
    if hidden > 0:
        _line(console, f"{hidden} more segments in tables/measures.parquet")
    for note in run.result.notes:
        _line(console, f"note: {note}", "yellow")
    here = Path.cwd()
    folder = run.folder.relative_to(here) if run.folder.is_relative_to(here) else run.folder
    for label, path in (("run", folder), ("report", folder / "report.html")):
        console.print(_one_line(f"{label:<8}{path}"), soft_wrap=True)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(_one_line(text), style=style, no_wrap=False)


def _table(title: str, *heads: str, names: int = 1) -> Table:
    """A table without frame; the first `names` columns hold names, left and cut where too long, the others figures."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, header_style="dim")
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    for i, head in enumerate(heads):
        is_name = i < names
        table.add_column(head, justify="left" if is_name else "right", no_wrap=not is_name, vertical="bottom")
    return table


def _add(table: Table, name: object, *cells: str | Text) -> None:
    table.add_row(_one_line(name), *cells, style="bold" if name == "portfolio" else "")


def _one_line(value: object) -> Text:
    """Text that may come from a file as one line, without markup and with nothing a terminal would obey."""
    from rich.text import Text

    return Text(visible(str(value)), no_wrap=True, overflow="ellipsis")
