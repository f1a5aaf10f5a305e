"""Early warning: covenant tests over time as a shaded table, and book against clearing loan-to-value."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._facts import CURVES, ROWS, Facts, column, scope_name
from .._format import number, percent
from .._model import Cell, Column, Figure, Key, Panel, Section, Table, name_cell, number_table
from .._months import chosen, thinned, words
from ..charts import SMALL, LinePlot, Series, ceiling, draw_lines, line_key

#: Tests in the order of their severity: column, caption.
TESTS = (
    ("dscr_below_1_2", "Debt service cover below 1.2x"),
    ("dscr_below_1_0", "Debt service cover below 1.0x"),
    ("ltv_above_covenant", "Loan-to-value above covenant"),
)

ACTIVE = ("active_share", "Obligors still owing and performing")

#: Shades of the tables; the darkest stands for the largest share, rounded up to a tenth.
SHADES = 8

#: Segments may differ by this factor in their highest value and still share an axis.
SHARED_AXIS = 4.0


def early_warning_section(facts: Facts) -> Section | None:
    """Shaded tables and loan-to-value pictures; nothing where the run has no early warning."""
    scopes = _scopes(facts)
    if not scopes:
        return None
    full, shown = _darkest(facts, scopes), chosen(sorted(_by_month(facts, scopes[0], ACTIVE[0])))
    tables = [_heat_table(facts, scopes, test, full=full) for test in TESTS]
    blocks: list[Figure | Table] = [*tables, _heat_table(facts, scopes, ACTIVE)]
    ltv = _ltv_figure(facts)
    return Section(
        slug="early-warning",
        title="Early warning",
        lead=f"Share of the obligors still performing that fail a test, in percent, at the end of {words(shown)}. "
        "Cover is tested where there is income and debt service is due. "
        f"The darkest shade stands for {100 * full:g}\u00a0% or more, in all three tables. Obligors that "
        f"defaulted or repaid have left the count, so a share can fall while things get worse. "
        f"{_watched(facts)}{facts.left_out(ROWS)}".rstrip(),
        blocks=[*blocks, ltv] if ltv else blocks,
    )


def _watched(facts: Facts) -> str:
    """How many scenarios the shares are means of; empty where the run does not say."""
    frame = facts.run.table("early_warning")
    counts = [] if frame is None else frame["n_scenarios"].drop_nulls().to_list()
    return f"Means of {number(counts[0], 0)} watched scenarios, without standard errors." if counts else ""


def _scopes(facts: Facts) -> list[str]:
    return [s for s in facts.row_scopes if facts.scope_rows("early_warning", s) is not None]


def _by_month(facts: Facts, scope: str, name: str) -> dict[int, float | None]:
    rows = facts.scope_rows("early_warning", scope)
    return {} if rows is None else dict(zip(rows["month"].to_list(), column(rows, name), strict=True))


def _darkest(facts: Facts, scopes: Sequence[str]) -> float:
    shares = [v for name, _ in TESTS for s in scopes for v in _by_month(facts, s, name).values() if v is not None]
    return max(math.ceil(10 * max(shares, default=0.0) - 1e-9) / 10, 0.1)


def _heat_table(facts: Facts, scopes: Sequence[str], test: tuple[str, str], *, full: float | None = None) -> Table:
    """One test over time; `full` is the share with the darkest shade, None leaves the table white."""
    name, caption = test
    values = {s: _by_month(facts, s, name) for s in scopes}
    shown = chosen(sorted(values[scopes[0]]))
    rows = [[name_cell(s, text=scope_name(s)), *(_heat_cell(values[s].get(m), full) for m in shown)] for s in scopes]
    return Table(
        caption=f"{caption}, %",
        columns=[Column(head="Month", numeric=False), *(Column(head=str(m)) for m in shown)],
        groups=_years(shown),
        rows=rows,
        kind="heat",
    )


def _years(months: Sequence[int]) -> list[tuple[str, int]]:
    years = [(m - 1) // 12 + 1 for m in months]
    if len(set(years)) == len(years):
        return []
    return [("", 1), *((f"year {y}", years.count(y)) for y in sorted(set(years)))]


def _heat_cell(value: float | None, full: float | None) -> Cell:
    if value is None:
        reason = "no obligor is tested or still performing"
        return Cell(text="—", kind="missing", hint=reason, reason=reason)
    text = "<\u00a01" if 0.0 < value < 0.005 else f"{100.0 * value:.0f}"
    return Cell(text=text, kind="" if full is None else f"h{min(round(SHADES * value / full), SHADES)}")


def _ltv_figure(facts: Facts) -> Figure | None:
    scopes = [s for s in facts.chart_scopes if _ltv_series(facts, s)]
    if not scopes:
        return None
    series = {s: _ltv_series(facts, s) for s in scopes}
    highest = {s: max(v for line in lines for v in line.extremes()) for s, lines in series.items()}
    shared = max(highest.values()) <= SHARED_AXIS * min(highest.values())
    top = ceiling(highest.values(), 4) if shared else None
    axis = "All pictures have the same scale." if shared else "Each picture has its own scale."
    return Figure(
        slug="ltv",
        title="Book against clearing loan-to-value",
        caption="Debt over collateral value, both summed over performing obligors and scenarios: at market prices "
        "(book), and at what the market would pay with the forced sales of that month (clearing). Above the dotted "
        "line the debt exceeds the collateral. Horizontal axis: "
        f"months from the as-of date. {axis}{facts.left_out(CURVES)}",
        panels=[_ltv_panel(facts, s, series[s], top) for s in scopes],
        legend=[Key(swatch=line_key(line, marked=False), text=line.name) for line in series[scopes[0]]],
        tables=[_ltv_table(facts, s, series[s]) for s in scopes],
        kind="grid",
    )


def _ltv_series(facts: Facts, scope: str) -> list[Series]:
    rows = facts.scope_rows("early_warning", scope)
    if rows is None:
        return []
    rows = thinned(rows)
    pairs = (("clearing_ltv", "clearing", None), ("book_ltv", "book", 1))
    series = [
        Series(name=name, months=rows["month"].to_list(), values=column(rows, source), rank=rank)
        for source, name, rank in pairs
    ]
    return series if all(s.extremes() for s in series) else []


def _ltv_panel(facts: Facts, scope: str, series: Sequence[Series], top: float | None) -> Panel:
    title = scope_name(scope)
    plot = LinePlot(
        slug=f"ltv-{facts.chart_scopes.index(scope)}",
        title=f"Loan-to-value, {title}",
        description="Two curves by month: loan-to-value at clearing prices and at book prices, percent.",
        series=series,
        months=max(series[0].months),
        write=_percent,
        named=False,
        reference=(1.0, ""),
    )
    return Panel(title=title, drawings=[draw_lines(plot, size, highest=top) for size in SMALL])


def _percent(value: float) -> str:
    return f"{100.0 * value:.4g} %"


def _ltv_table(facts: Facts, scope: str, series: Sequence[Series]) -> Table:
    shown = chosen(series[0].months)
    heads = [Column(head="Month", numeric=False), *(Column(head=s.name, unit="%") for s in series)]
    columns: list[Sequence[float | str | None]] = [[str(m) for m in shown]]
    for line in series:
        values = dict(zip(line.months, line.values, strict=True))
        columns.append([values.get(m) for m in shown])
    style = percent([0.5])
    return number_table(f"Loan-to-value, {scope_name(scope)}", heads, columns, [None, style, style])
