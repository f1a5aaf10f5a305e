"""Losses of a copula run by segment."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from .._facts import PORTFOLIO, ROWS, TABLE_SEGMENTS, Estimate, Facts, scope_name
from .._format import fine_money, level_text, number, percent
from .._model import Cell, Column, Figure, Section, Table, name_cell, number_table, value_cell
from ..charts import Dot, Row, RowPlot, row_scale
from ..sections import row_figure, share_of_exposure

TITLE = "Expected loss, share of exposure"


def copula_segments_section(facts: Facts) -> Section | None:
    """Table and picture; nothing for a book of one segment."""
    if len(facts.segments) < 2:
        return None
    scopes = [PORTFOLIO, *facts.segments[:TABLE_SEGMENTS]]
    return Section(
        slug="segments",
        title="Losses by segment",
        lead="Each segment on its own. Expected losses add up to the book’s; VaR and ES do not, because "
        "segments do not have their worst scenarios together.",
        blocks=[_table(facts, scopes), _figure(facts, scopes[: ROWS + 1])],
    )


def _table(facts: Facts, scopes: Sequence[str]) -> Table:
    level = facts.levels[-1] if facts.levels else None
    losses = {s: [facts.measure("EL", scope=s), *_tail(facts, s, level)] for s in scopes}
    money = fine_money(e.value for row in losses.values() for e in row)
    amount = fine_money(facts.exposure.get(s) for s in scopes)
    rates = {s: _last_pd(facts, s) for s in scopes}
    pd = percent(e.value for e in rates.values())
    share = percent(share_of_exposure(facts, row[0].value, s) for s, row in losses.items())
    body = [
        [
            name_cell(s, text=scope_name(s)),
            Cell(text="—" if (count := facts.count(s)) is None else number(count, 0)),
            value_cell(facts.exposure.get(s), amount),
            value_cell(rates[s].value, pd, error=rates[s].std_error),
            value_cell(share_of_exposure(facts, losses[s][0].value, s), share),
            *(value_cell(e.value, money, error=e.std_error) for e in losses[s]),
        ]
        for s in scopes
    ]
    at = level_text(level)
    heads = [
        Column(head="Segment", numeric=False), Column(head="Names"), Column(head="Exposure", unit=amount.unit),
        Column(head="PD", unit="%"), Column(head="EL", unit="% of exp."), Column(head="EL", unit=money.unit),
        Column(head=f"VaR {at}".strip(), unit=money.unit), Column(head=f"ES {at}".strip(), unit=money.unit),
    ]  # fmt: skip
    notes = ["± is one standard error. PD: share of names in default by the horizon, simulated."]
    if len(facts.segments) > TABLE_SEGMENTS:
        notes.append(f"The largest {TABLE_SEGMENTS} of {len(facts.segments)} segments; all are in measures.parquet.")
    return Table(caption="Measures by segment", columns=heads, rows=body, kind="main", notes=notes)


def _tail(facts: Facts, scope: str, level: float | None) -> list[Estimate]:
    if level is None:
        return [Estimate(), Estimate()]
    return [facts.measure(name, level=level, scope=scope) for name in ("VaR", "ES")]


def _last_pd(facts: Facts, scope: str) -> Estimate:
    frame = facts.run.table("pd_term")
    rows = [] if frame is None else frame.filter(pl.col("scope") == scope).sort("year").to_dicts()
    return Estimate(value=rows[-1]["pd"], std_error=rows[-1]["std_error"]) if rows else Estimate()


def _figure(facts: Facts, scopes: Sequence[str]) -> Figure:
    shares = {s: facts.measure("EL", scope=s).scaled(100.0 / (facts.exposure.get(s) or 1.0)) for s in scopes}
    known = {s: e for s, e in shares.items() if e.value is not None}
    style = percent(0.01 * (e.value or 0.0) for e in known.values())
    rows = [
        Row(
            name=scope_name(s),
            number=style.with_unit(0.01 * (e.value or 0.0)),
            marks=[Dot(value=e.value or 0.0, low=e.low, high=e.high, kind="whole" if s == PORTFOLIO else "s0")],
        )
        for s, e in known.items()
    ]
    coverage = level_text(facts.confidence)
    plot = RowPlot(
        slug="segment-el",
        title=TITLE,
        description=f"Dots with {coverage} intervals for the book and its segments, percent of exposure.",
        rows=rows,
        scale=row_scale(v for e in known.values() for v in (e.value, e.high) if v is not None),
        axis="% of exposure",
    )
    heads = [Column(head="Segment", numeric=False), Column(head="EL", unit="%"), Column(head="±", unit="%")]
    columns: list[Sequence[float | str | None]] = [[scope_name(s) for s in known]]
    columns += [[0.01 * (e.value or 0.0) for e in known.values()]]
    columns += [[None if e.std_error is None else 0.01 * e.std_error for e in known.values()]]
    caption = f"Whiskers are {coverage} intervals; where none is seen it is narrower than the dot."
    return row_figure(facts, plot, caption, table=number_table(TITLE, heads, columns, [None, style, style]))
