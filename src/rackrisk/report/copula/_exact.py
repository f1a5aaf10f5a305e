"""Simulated figures beside exact ones: the check that a reader can make without trusting the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...comparison import compared
from .._facts import PORTFOLIO, TABLE_SEGMENTS, Facts, scope_name
from .._format import Style, fine_money, is_number, level_text, money
from .._model import Cell, Column, Figure, Section, Table, name_cell, number_table, value_cell
from .._text import plain
from ..charts import Dot, Row, RowPlot, Scale, ceiling
from ..sections import row_figure

Both = Mapping[str, Any]

TITLE = "Distance from the exact figures"


def both_of(facts: Facts) -> Sequence[Both]:
    """Exact and simulated figures, a row a scope, measure and level; none where nothing exact was computed."""
    exact = facts.run.table("exact")
    return [] if exact is None else compared(facts.run.tables["measures"], exact).to_dicts()


def exact_section(facts: Facts) -> Section | None:
    """Table and picture; nothing where nothing exact was computed."""
    rows = both_of(facts)
    if not rows:
        return None
    whole = [row for row in rows if row["scope"] == PORTFOLIO]
    blocks: list[Figure | Table] = [_table(whole, caption="The whole book")]
    blocks += [figure] if (figure := _figure(facts, whole)) is not None else []
    if len(facts.segments) > 1:
        blocks.append(_table(_of_segments(facts, rows), caption="By segment", by_scope=True))
    return Section(
        slug="exact",
        title="Simulated and exact",
        lead="Some figures of this model can be computed without simulation. z is the distance in standard errors: "
        "beyond ±3 once in 370 figures if both are right.",
        blocks=blocks,
    )


def _of_segments(facts: Facts, rows: Sequence[Both]) -> list[Both]:
    """Expected loss of every segment, and what else is exact at the highest level."""
    levels = {None, facts.levels[-1] if facts.levels else None}
    place = {scope: i for i, scope in enumerate(facts.segments[:TABLE_SEGMENTS])}
    kept = [r for r in rows if r["scope"] in place and r["level"] in levels and is_number(r["value"])]
    return sorted(kept, key=lambda row: place[row["scope"]])


def _table(rows: Sequence[Both], *, caption: str, by_scope: bool = False) -> Table:
    style = money((v for r in rows for v in (r["simulated"], r["value"])), digits=5)
    heads = [Column(head="Segment", numeric=False)] if by_scope else []
    heads += [
        Column(head="Figure", numeric=False), Column(head="Simulated", unit=style.unit),
        Column(head="Exact", unit=style.unit), Column(head="Difference", unit="%"), Column(head="z"),
        Column(head="Method of the exact figure", numeric=False),
    ]  # fmt: skip
    body = [
        [*([name_cell(r["scope"], text=scope_name(r["scope"]))] if by_scope else []), *_cells(r, style)] for r in rows
    ]
    notes = ["± is one standard error of the simulated figure."]
    return Table(caption=caption, columns=heads, rows=body, kind="main plain", notes=[*notes, *_resolution(rows)])


def _cells(row: Both, style: Style) -> list[Cell]:
    share, z = Style(scale=0.01, decimals=2, unit="%"), Style(scale=1.0, decimals=2, unit="")
    missing = Cell(text="—", kind="missing")
    known = is_number(row["value"])
    return [
        Cell(text=f"{row['measure']} {level_text(row['level'])}".strip()),
        value_cell(row["simulated"], style, error=row["std_error"]),
        value_cell(row["value"], style) if known else missing,
        Cell(text=share(_relative(row["simulated"], row["value"]))) if known and row["value"] else missing,
        Cell(text=z(row["z"])) if is_number(row["z"]) else missing,
        Cell(text=plain(row["method"] or "—")),
    ]


def _resolution(rows: Sequence[Both]) -> list[str]:
    largest = max((r["resolution"] for r in rows if is_number(r["resolution"])), default=0.0)
    if largest <= 0.0:
        return []
    most = fine_money([largest]).with_unit(largest)
    return [
        f"Exact figures are computed on a grid of losses, which may move them by about {most}. "
        "No z is given where that is not small against the standard error."
    ]


def _relative(value: float | None, exact: float) -> float | None:
    return None if value is None or exact == 0.0 else value / exact - 1.0


def _figure(facts: Facts, rows: Sequence[Both]) -> Figure | None:
    known = [r for r in rows if is_number(r["value"]) and r["value"] and is_number(r["simulated"])]
    if not known:
        return None
    dots = [_dot(facts, row) for row in known]
    names = [f"{row['measure']} {level_text(row['level'])}".strip() for row in known]
    reach = ceiling((abs(v) for dot in dots for v in (dot.value, dot.low, dot.high) if v is not None), 3)
    share = Style(scale=1.0, decimals=2, unit="%")
    plot = RowPlot(
        slug="distance",
        title=TITLE,
        description="Dots: simulated over exact figure less one, in percent, with intervals; zero is the exact figure.",
        rows=[Row(name=n, number=share.with_unit(d.value), marks=[d]) for n, d in zip(names, dots, strict=True)],
        scale=Scale(low=-reach, high=reach, start=0.0, end=1.0),
        axis="% from the exact figure",
    )
    caption = (
        f"Simulated over exact figure, less one, with its {level_text(facts.confidence)} interval. Where the interval "
        "holds zero, simulation and exact figure agree."
    )
    return row_figure(facts, plot, caption, table=_figure_table(names, dots), by_scope=False)


def _dot(facts: Facts, row: Both) -> Dot:
    estimate = facts.measure(row["measure"], level=row["level"])
    value, low, high = (_relative(v, row["value"]) for v in (row["simulated"], estimate.low, estimate.high))
    ends = (None, None) if low is None or high is None else (100.0 * low, 100.0 * high)
    return Dot(value=100.0 * (value or 0.0), low=ends[0], high=ends[1])


def _figure_table(names: Sequence[str], dots: Sequence[Dot]) -> Table:
    style = Style(scale=1.0, decimals=3, unit="%")
    heads = [Column(head="Figure", numeric=False)]
    heads += [Column(head=head, unit="%") for head in ("Difference", "Interval from", "to")]
    columns: list[Sequence[float | str | None]] = [list(names), [d.value for d in dots], [d.low for d in dots]]
    return number_table(TITLE, heads, [*columns, [d.high for d in dots]], [None, style, style, style])
