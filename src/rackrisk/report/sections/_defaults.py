"""When obligors default, and what the first cause is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from .._facts import CURVES, PORTFOLIO, Estimate, Facts, column, scope_name
from .._format import Style, is_number, level_text, percent
from .._model import Column, Figure, Key, Panel, Section, Table, number_table
from .._months import chosen, thinned, words
from .._text import label
from ..charts import (
    LARGE,
    Bar,
    LinePlot,
    Row,
    RowPlot,
    Series,
    draw_lines,
    element,
    line_key,
    row_scale,
    swatch,
)
from ._headline import CAUSES
from ._lgd import lgd_figure
from ._row_figure import row_figure
from ._segments import last_pd


def defaults_section(facts: Facts) -> Section | None:
    """PD curves by count and by exposure, and the causes; nothing where none was computed."""
    figures = [
        _pd_figure(facts, "pd_count", slug="pd-count", title="Share of obligors in default"),
        _pd_figure(facts, "pd_exposure", slug="pd-exposure", title="Debt in default, share of the balance"),
        _causes_figure(facts),
        lgd_figure(facts),
    ]
    shown = [figure for figure in figures if figure is not None]
    if not shown:
        return None
    return Section(
        slug="defaults",
        title="Defaults and their severity",
        lead="Cumulative from the as-of date. By count every obligor weighs the same. By exposure a default weighs "
        "the debt outstanding in its month, over the balance at the as-of date: a late default of a loan that is "
        "mostly repaid hardly counts.",
        blocks=shown,
    )


def _pd_figure(facts: Facts, measure: str, *, slug: str, title: str) -> Figure | None:
    series = _pd_series(facts, measure)
    if not series:
        return None
    about = (
        "Probability that an obligor has defaulted, by month."
        if measure == "pd_count"
        else ("Debt outstanding at default over the balance at the as-of date, by month; its error is not computed.")
    )
    banded = any(s.low is not None for s in series)
    band = f" Bands are {level_text(facts.confidence)} intervals." if banded else ""
    plot = LinePlot(
        slug=slug,
        title=title,
        description=f"Cumulative default rate by month for {len(series)} curves: {', '.join(s.name for s in series)}.",
        series=series,
        months=max(m for s in series for m in s.months),
        write=_percent,
        most=1.0,
    )
    return Figure(
        slug=slug,
        title=title,
        caption=f"{about}{band}{facts.left_out(CURVES)}",
        panels=[Panel(title=title, drawings=[draw_lines(plot, size) for size in LARGE])],
        legend=[Key(swatch=line_key(s), text=s.name) for s in series],
        tables=[_pd_table(facts, measure, title)],
    )


def _percent(value: float) -> str:
    return f"{100.0 * value:.4g} %"


def _pd_series(facts: Facts, measure: str) -> list[Series]:
    series: list[Series] = []
    for rank, scope in enumerate(facts.chart_scopes):
        rows = facts.scope_rows("pd_term", scope)
        if rows is None:
            continue
        rows = thinned(rows)
        values = column(rows, measure)
        errors = column(rows, "pd_count_std_error") if measure == "pd_count" else [None] * len(values)
        months = [0, *rows["month"].to_list()] if rows["month"][0] > 0 else rows["month"].to_list()
        pad: list[float | None] = [0.0] * (len(months) - len(values))
        bounded = any(e is not None for e in errors)
        series.append(
            Series(
                name=scope_name(scope),
                months=months,
                values=pad + values,
                low=pad + _bound(values, errors, -facts.z) if bounded else None,
                high=pad + _bound(values, errors, facts.z) if bounded else None,
                rank=None if scope == PORTFOLIO else rank - 1,
            )
        )
    return series


def _bound(values: Sequence[float | None], errors: Sequence[float | None], z: float) -> list[float | None]:
    return [
        None if v is None or e is None else min(max(v + z * e, 0.0), 1.0) for v, e in zip(values, errors, strict=True)
    ]


def _pd_table(facts: Facts, measure: str, title: str) -> Table:
    rows = {s: facts.scope_rows("pd_term", s) for s in facts.row_scopes}
    known = {s: r for s, r in rows.items() if r is not None}
    months = next(iter(known.values()))["month"].to_list()
    shown = chosen(months)
    heads, columns = [Column(head="Month", numeric=False)], [[str(m) for m in shown]]
    values: list[Sequence[float | str | None]] = [*columns]
    for scope, frame in known.items():
        by_month = dict(zip(frame["month"].to_list(), column(frame, measure), strict=True))
        values.append([by_month.get(m) for m in shown])
        heads.append(Column(head=scope_name(scope), unit="%"))
        if measure == "pd_count":
            by_month = dict(zip(frame["month"].to_list(), column(frame, "pd_count_std_error"), strict=True))
            values.append([by_month.get(m) for m in shown])
            heads.append(Column(head="±", unit="%"))
    style = percent([0.05])
    return number_table(f"{title}, {words(shown)}", heads, values, [None, *[style] * (len(heads) - 1)])


def _causes_figure(facts: Facts) -> Figure | None:
    frame = facts.run.table("defaults_by_cause")
    if frame is None:
        return None
    causes = _causes(frame)
    scopes = [s for s in facts.row_scopes if s in set(frame["scope"].to_list())]
    shares = {s: [_probability(frame, s, c) for c in causes] for s in scopes}
    sums = {s: math.fsum(v for v in values if v is not None) for s, values in shares.items()}
    style = percent(sums.values())
    rows = [
        Row(name=scope_name(s), number=_number(style, sums[s], last_pd(facts, s)), marks=_stack(values))
        for s, values in shares.items()
    ]
    title = "First cause of default"
    about = f"Stacked bars by segment: probability of default split into {', '.join(_cause_name(c) for c in causes)}."
    plot = RowPlot(
        slug="causes", title=title, description=about, rows=rows, axis="% of obligors",
        scale=row_scale(100 * value for value in sums.values()),
    )  # fmt: skip
    return row_figure(
        facts,
        plot,
        "Probability of default by the horizon, split by what failed first. The number is the sum ± its standard "
        "error; errors of the parts are in the table.",
        legend=[
            Key(swatch=swatch(element("rect", x=1, y=0, width=24, height=12, class_=f"bar c{i}")), text=_cause_name(c))
            for i, c in enumerate(causes)
        ],
        table=_causes_table(frame, scopes, causes),
    )


def _number(style: Style, value: float, pd: Estimate) -> str:
    """The sum of all causes, which is the PD, with the error of the PD."""
    same = is_number(pd.value) and math.isclose(pd.value, value, rel_tol=1e-6)
    return style.with_error(value, pd.std_error if same else None)


def _causes(frame: pl.DataFrame) -> list[str]:
    present = {str(c) for c in frame["cause"].to_list()}
    return [c for c in CAUSES if c in present] + sorted(present - set(CAUSES))


def _cause_name(cause: str) -> str:
    return CAUSES.get(cause, label(cause))


def _probability(frame: pl.DataFrame, scope: str, cause: str, name: str = "probability") -> float | None:
    values = frame.filter(pl.col("scope") == scope, pl.col("cause") == cause)[name].to_list()
    return values[0] if values and is_number(values[0]) else None


def _stack(values: Sequence[float | None]) -> list[Bar]:
    bars: list[Bar] = []
    reached = 0.0
    for i, value in enumerate(values):
        if value:
            bars.append(Bar(start=100 * reached, end=100 * (reached + value), kind=f"c{i}"))
            reached += value
    return bars


def _causes_table(frame: pl.DataFrame, scopes: Sequence[str], causes: Sequence[str]) -> Table:
    style = percent([0.05])
    heads = [Column(head="Segment", numeric=False)]
    columns: list[Sequence[float | str | None]] = [[scope_name(s) for s in scopes]]
    for cause in causes:
        heads += [Column(head=_cause_name(cause), unit="%"), Column(head="±", unit="%")]
        columns += [[_probability(frame, s, cause, n) for s in scopes] for n in ("probability", "std_error")]
    return number_table("Probability of default by first cause", heads, columns, [None, *[style] * (2 * len(causes))])
