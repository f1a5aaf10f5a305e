"""How the loss moves over the points of a sweep: small multiples, measures and changes by point, segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._facts import PORTFOLIO, Facts, scope_name
from .._format import Style, is_number, level_text, money, money_with_error, number, percent
from .._load import at
from .._model import Cell, Column, Figure, Panel, Section, Table, name_cell, value_cell
from .._points import MOST_PANELS, MOST_ROWS, Points, Wanted, panels_of, reach_of, rows_plot
from ..charts import LARGE, SMALL, draw_points
from ._headline import Headline, Tile
from ._row_figure import row_figure

#: Segments of the table by segment.
_SEGMENTS = 8


def sweep_headline(facts: Facts) -> Headline:
    """The top of the page of a sweep: between which losses its points lie."""
    points = Points(facts)
    rows = points.rows(Wanted("EL", None))
    low, high = (pick(rows, key=lambda row: row["value"]) for pick in (min, max))
    style = money(row["value"] for row in rows)
    keys = ", ".join(points.short[key] for key in points.keys)
    ends = f"from {style.with_unit(low['value'])} to {style.with_unit(high['value'])}"
    return Headline(
        title=f"The expected loss runs {ends} over {keys}.",
        lead=_lead(points, len(rows)),
        tiles=_tiles(points),
        findings=[],
    )


def sweep_section(facts: Facts) -> Section:
    """Small multiples with the numbers behind them, a table of points, one of segments."""
    points = Points(facts)
    figures = [_figure(points, wanted) for wanted in points.wanted]
    words = "against the first one" if len(points.rows(Wanted("EL", None))) > 1 else ""
    return Section(
        slug="sweep",
        title="What the points lose",
        lead=f"Every point is a run of its own on the same random numbers unless noted. Changes are {words}; their "
        "standard errors know that the scenarios are the same, and are smaller than those of the two figures. Runs "
        "lie in points/ and can be compared, explained and reported like any other.",
        blocks=[*figures, _points_table(points), *([_segments_table(points)] if len(points.scopes) > 2 else [])],
    )


def sweep_names(facts: Facts) -> Sequence[str]:
    """What the page is called by."""
    points = Points(facts)
    return [f"sweep of {' and '.join(points.short[key] for key in points.keys)}"]


def sweep_pairs(facts: Facts) -> list[tuple[str, str]]:
    """The swept keys with their values."""
    points = Points(facts)
    return [(key, _values(points, key)) for key in points.keys]


def _values(points: Points, key: str) -> str:
    shown = [points.text(key, value) for value in points.table[key].unique(maintain_order=True).to_list()]
    rest = f" and {len(shown) - MOST_PANELS} more" if len(shown) > MOST_PANELS else ""
    return ", ".join(shown[:MOST_PANELS]) + rest


def _lead(points: Points, count: int) -> str:
    counts = {int(n) for n in points.table["n_scenarios"].drop_nulls().unique().to_list()}
    seed = at(points.facts.run.manifest, "seed")
    keys = "; ".join(f"{points.short[key]}: {_values(points, key)}" for key in points.keys)
    size = f"{number(min(counts), 0)} scenarios each" if len(counts) == 1 else "different numbers of scenarios"
    same = "" if "seed" in points.keys else f", all of them on the random numbers of seed {seed}"
    return f"{number(count, 0)} points of {size}{same}. {keys}."


def _tiles(points: Points) -> list[list[Tile]]:
    """The lowest and the highest point of EL and of ES."""
    wanted = [item for item in points.wanted if item.measure in ("EL", "ES")]
    pairs = []
    for item in wanted:
        known = [row for row in points.rows(item) if is_number(row["value"])]
        ends = [("lowest", min), ("highest", max)] if known else []
        pairs.append([_tile(points, item, word, pick(known, key=lambda row: row["value"])) for word, pick in ends])
    return [pair for pair in pairs if pair]


def _tile(points: Points, wanted: Wanted, word: str, row: Mapping[str, Any]) -> Tile:
    style = money_with_error(row["value"], row["std_error"])
    ends = is_number(row["ci_low"]) and is_number(row["ci_high"])
    coverage = level_text(points.facts.confidence)
    return Tile(
        name=f"{wanted.name}, {word}",
        value=style.with_unit(row["value"]),
        share=points.called(row, points.keys),
        error=f"± {style.with_unit(row['std_error'])} standard error" if is_number(row["std_error"]) else "",
        interval=f"{coverage} interval {style(row['ci_low'])} to {style(row['ci_high'])}" if ends else "",
        reason="" if is_number(row["std_error"]) else "no standard error",
        kind=wanted.kind,
    )


# ---- pictures ----


def _figure(points: Points, wanted: Wanted) -> Figure:
    table = _numbers(points, wanted)
    whiskers = f"Dots with {level_text(points.facts.confidence)} intervals."
    if points.across is None:
        hidden = len(points.rows(wanted)) - MOST_ROWS
        rest = f" {hidden} more points in the tables." if hidden > 0 else ""
        return row_figure(points.facts, rows_plot(points, wanted), whiskers + rest, table=table, by_scope=False)
    panels = panels_of(points, wanted)
    reach, style = reach_of(points, panels), points.style(wanted)
    many = bool(points.others)
    sizes = SMALL if many else LARGE
    drawn = [
        Panel(title=panel.title, drawings=[draw_points(panel, size, reach=reach) for size in sizes]) for panel in panels
    ]
    own = "" if reach is not None else " Every panel has a vertical axis of its own, for its own book."
    caption = f"{style.unit} by {points.short[points.across]}. {whiskers}{own if many else ''}{_hidden(points, wanted)}"
    kind = "grid" if many else ""
    return Figure(slug=wanted.slug, title=wanted.name, caption=caption, panels=drawn, tables=[table], kind=kind)


def _hidden(points: Points, wanted: Wanted) -> str:
    count = len(points.combinations(wanted)) - MOST_PANELS
    return f" {count} more combinations in the tables." if count > 0 else ""


def _numbers(points: Points, wanted: Wanted) -> Table:
    """The numbers behind a picture."""
    rows, style = points.rows(wanted), points.style(wanted)
    body = [
        [
            *_point_cells(points, row),
            value_cell(row["value"], style, error=row["std_error"]),
            value_cell(row["ci_low"], style, reason="no interval"),
            value_cell(row["ci_high"], style, reason="no interval"),
        ]
        for row in rows
    ]
    heads = [*_point_heads(points), Column(head=wanted.name, unit=style.unit)]
    heads += [Column(head="Interval from", unit=style.unit), Column(head="to", unit=style.unit)]
    return Table(caption=wanted.name, columns=heads, rows=body, kind="data")


# ---- tables ----


def _points_table(points: Points) -> Table:
    """A row a point: each pictured measure and its change against the first point."""
    columns = [(wanted, {row["point"]: row for row in points.rows(wanted)}) for wanted in points.wanted]
    firsts = points.rows(points.wanted[0])
    heads = _point_heads(points)
    for wanted, _ in columns:
        unit = points.style(wanted).unit
        heads += [Column(head=wanted.short, unit=unit), Column(head="change", unit=unit)]
        heads += [Column(head="change", unit="%")]
    body = [
        [*_point_cells(points, row), *(cell for column in columns for cell in _cells(points, column, row["point"]))]
        for row in firsts
    ]
    note = "± is one standard error. Changes are against point 1, scenario by scenario where both have the same."
    return Table(caption="Points", columns=heads, rows=body, kind="full", notes=[note])


def _cells(points: Points, column: tuple[Wanted, Mapping[int, Mapping[str, Any]]], point: int) -> list[Cell]:
    wanted, rows = column
    row, style = rows.get(point), points.style(wanted)
    if row is None:
        return [value_cell(None, style)] * 3
    value = value_cell(row["value"], style, error=row["std_error"])
    if point == 1:
        return [value, Cell(text="—"), Cell(text="—")]
    changed = value_cell(row["difference"], style, error=row["difference_std_error"])
    part = percent(item["relative"] for item in rows.values())
    relative = value_cell(row["relative"], part, reason="the first point loses nothing")
    return [value, changed, relative]


def _segments_table(points: Points) -> Table:
    """EL of every segment in money, a row a point."""
    wanted, scopes = Wanted("EL", None), points.scopes[1 : _SEGMENTS + 1]
    by_scope = {scope: {row["point"]: row for row in points.rows(wanted, scope)} for scope in [PORTFOLIO, *scopes]}
    style = money(row["value"] for rows in by_scope.values() for row in rows.values())
    body = [
        [*_point_cells(points, row), *(_segment_cell(rows.get(row["point"]), style) for rows in by_scope.values())]
        for row in by_scope[PORTFOLIO].values()
    ]
    heads = [*_point_heads(points), *(Column(head=scope_name(scope), unit=style.unit) for scope in by_scope)]
    hidden = len(points.scopes) - 1 - len(scopes)
    more = [f"{hidden} more segments in tables/sweep.parquet."] if hidden > 0 else []
    note = "± is one standard error. A dash: the book of that point has no such segment."
    return Table(caption="Expected loss by segment", columns=heads, rows=body, kind="full", notes=[note, *more])


def _segment_cell(row: Mapping[str, Any] | None, style: Style) -> Cell:
    return Cell(text="—") if row is None else value_cell(row["value"], style, error=row["std_error"])


def _point_heads(points: Points) -> list[Column]:
    return [Column(head="Point"), *(Column(head=points.short[key], numeric=False) for key in points.keys)]


def _point_cells(points: Points, row: Mapping[str, Any]) -> list[Cell]:
    return [
        Cell(text=str(row["point"])),
        *(name_cell(row[key], text=points.text(key, row[key])) for key in points.keys),
    ]
