"""Whether the quoted spreads pay for the risk: fair against quoted by segment and facility, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from .._facts import PORTFOLIO, ROWS, TABLE_SEGMENTS, Facts, scope_name, total
from .._format import Style, basis_points, is_number, level_text, money_text, number, percent_text
from .._load import at
from .._model import Cell, Column, Figure, Key, Panel, Section, Table, name_cell, value_cell
from .._text import NAME_LIMIT, plain, shorten
from ..charts import BROAD, LARGE, NARROW, Dot, Mark, Row, RowPlot, Span, draw_rows, row_scale, wide_row_scale
from ._spread_key import spread_legend

#: Facilities of the picture, and of the table behind it.
SHORTEST, TABLE_ROWS = 20, 60

#: What a verdict is marked with, so that it does not rest on a colour, and what it says.
VERDICTS = {"falls short": ("▼ falls short", "short"), "pays": ("▲ pays", "paid"), "open": ("open", "")}
NO_VERDICT = "too few scenarios in the tail for an interval"

Price = Mapping[str, Any]


def pricing_section(facts: Facts) -> Section | None:
    """Segments as table and picture, facilities ranked by what they are short of; nothing without the table."""
    scopes, ranked = quoted_scopes(facts), ranked_facilities(facts)
    if not scopes and not ranked:
        return None
    figures = [_scope_figure(facts, scopes), _facility_figure(facts, ranked)]
    return Section(
        slug="pricing",
        title="Does the spread pay for the risk?",
        lead="The fair spread is what expected loss costs a year, and a return on the capital that the facility needs"
        f"{_settings(facts)}. It is a model’s price for risk held to maturity, not a market price: funding, liquidity, "
        "novelty and servicing are not in it. Mispricing is quoted less fair: below zero the lender is paid too "
        f"little. {verdict_counts(facts)}",
        blocks=[_scope_table(facts, scopes), *(figure for figure in figures if figure is not None)],
    )


def quoted_scopes(facts: Facts) -> list[Price]:
    """The quoted part of the book and of its segments, in the order of the page."""
    frame = facts.run.table("pricing")
    rows = {} if frame is None else {row["name"]: row for row in frame.filter(kind="quoted").iter_rows(named=True)}
    known = [rows[s] for s in [PORTFOLIO, *facts.segments[:TABLE_SEGMENTS]] if s in rows]
    return [row for row in known if is_number(row["mispricing_annual"])]


def facility_prices(facts: Facts) -> dict[str, Price]:
    """Every priced facility by its name; empty without the table."""
    frame = facts.run.table("pricing")
    return {} if frame is None else {row["name"]: row for row in frame.filter(kind="facility").iter_rows(named=True)}


def ranked_facilities(facts: Facts) -> list[Price]:
    """Facilities with a quote, the one that is paid least for its risk first."""
    frame = facts.run.table("pricing")
    if frame is None:
        return []
    known = frame.filter(pl.col("kind") == "facility", pl.col("mispricing_annual").is_finite())
    return list(known.drop_nulls("rank").sort("rank", "name").iter_rows(named=True))


def verdict_counts(facts: Facts) -> str:
    """How many facilities are paid for their risk, in a sentence; empty without a quote."""
    frame = facts.run.table("pricing")
    if frame is None or not (rows := ranked_facilities(facts)):
        return ""
    if all(row["verdict"] is None for row in rows):
        below = [row for row in rows if row["mispricing_annual"] < 0.0]
        return (
            f"{number(len(below), 0)} of {number(len(rows), 0)} facilities with a quote are quoted below their fair "
            "spread; the run has too few scenarios in the tail to say how surely."
        )
    counts = {verdict: [row for row in rows if row["verdict"] == verdict] for verdict in VERDICTS}
    short = counts["falls short"]
    balance = money_text(total(pl.Series([row["balance_usd"] for row in short], dtype=pl.Float64)))
    return (
        f"Of {number(len(rows), 0)} facilities with a quote {number(len(short), 0)} fall short ({balance} of balance), "
        f"{number(len(counts['pays']), 0)} pay and {number(len(counts['open']), 0)} cannot be told from their fair "
        f"spread at {level_text(facts.confidence)}."
    )


def interval_text(row: Price, style: Style) -> str:
    """Mispricing in words: `189 bp (95 to 283)`, the value alone without an interval."""
    low, high = row["mispricing_ci_low"], row["mispricing_ci_high"]
    value = style.with_unit(row["mispricing_annual"])
    return f"{value} ({style(low)} to {style(high)})" if is_number(low) and is_number(high) else value


def _settings(facts: Facts) -> str:
    hurdle, level = (at(facts.run.config, "pricing", key) for key in ("hurdle_annual", "capital_level"))
    if not is_number(hurdle) or not is_number(level):
        return ""
    return f" ({percent_text(hurdle)} a year on its contribution to the ES {level_text(level)})"


def _scope_table(facts: Facts, rows: Sequence[Price]) -> Table:
    return _table(facts, "Quoted facilities by segment", rows, [scope_name(row["name"]) for row in rows], kind="main")


def _table(facts: Facts, caption: str, rows: Sequence[Price], names: Sequence[str], *, kind: str) -> Table:
    style = basis_points([1.0]) if any(abs(row["fair_spread_annual"] or 0.0) >= 1e-3 for row in rows) else _FINE
    heads = [Column(head="Facility" if kind == "data" else "Segment", numeric=False)]
    heads += [Column(head=head, unit="bp") for head in ("Loss", "+ Capital", "= Fair", "Quoted", "Quoted − fair")]
    heads += [Column(head=f"{level_text(facts.confidence)} interval", unit="bp"), Column(head="Verdict", numeric=False)]
    body = [_cells(row, name, style) for row, name in zip(rows, names, strict=True)]
    note = "bp a year. ± is one standard error. Open: the interval of the mispricing holds zero."
    return Table(caption=caption, columns=heads, rows=body, kind=kind, notes=[note])


_FINE = Style(scale=1e-4, decimals=1, unit="bp")


def _cells(row: Price, name: str, style: Style) -> list[Cell]:
    parts = [
        value_cell(row[f"{part}_annual"], style, error=row[f"{part}_std_error"])
        for part in ("loss_spread", "capital_charge", "fair_spread")
    ]
    low, high = row["mispricing_ci_low"], row["mispricing_ci_high"]
    known = is_number(low) and is_number(high)
    between = Cell(text=f"{style(low)} to {style(high)}") if known else value_cell(None, style, reason=NO_VERDICT)
    return [
        name_cell(row["name"], text=name),
        *parts,
        value_cell(row["quoted_spread_annual"], style),
        value_cell(row["mispricing_annual"], style),
        between,
        _verdict_cell(row),
    ]


def _verdict_cell(row: Price) -> Cell:
    if row["verdict"] is None:
        return Cell(text="— n/a", kind="missing", hint=NO_VERDICT, reason=NO_VERDICT)
    text, kind = VERDICTS.get(row["verdict"], (shorten(plain(row["verdict"]), NAME_LIMIT), ""))
    return Cell(text=text, kind=kind)


def _scope_figure(facts: Facts, scopes: Sequence[Price]) -> Figure | None:
    rows = scopes[: ROWS + 1]
    if not rows:
        return None
    plot = _plot(rows, [scope_name(row["name"]) for row in rows], slug="mispricing-segments")
    caption = (
        "Mean over the facilities with a quote, weighted by the present value of their balance. The number is quoted "
        f"less fair with its {level_text(facts.confidence)} interval.{facts.left_out(ROWS)}"
    )
    return _figure(plot, caption, table=_scope_table(facts, rows))


def _facility_figure(facts: Facts, ranked: Sequence[Price]) -> Figure | None:
    if not ranked:
        return None
    shown = ranked[:SHORTEST]
    names = [shorten(plain(row["name"]), NAME_LIMIT) for row in ranked[:TABLE_ROWS]]
    plot = _plot(shown, names[: len(shown)], slug="mispricing")
    axis = " The horizontal axis is logarithmic." if plot.scale.log else ""
    caption = (
        f"The {len(shown)} of {number(len(ranked), 0)} facilities with a quote that are paid least for their risk. "
        f"Whiskers are {level_text(facts.confidence)} intervals of the fair spread; the number is quoted less fair "
        f"with its interval.{axis}"
    )
    table = _table(facts, "Facilities by quoted less fair spread", ranked[:TABLE_ROWS], names, kind="data")
    return _figure(plot, caption, table=table, full=True)


def _figure(plot: RowPlot, caption: str, *, table: Table, full: bool = True) -> Figure:
    sizes = (BROAD, NARROW) if full else LARGE
    return Figure(
        slug=plot.slug,
        title=plot.title,
        caption=caption,
        panels=[Panel(title=plot.title, drawings=[draw_rows(plot, size) for size in sizes])],
        legend=_legend(),
        tables=[table],
        kind="full" if full else "",
    )


def _legend() -> list[Key]:
    return spread_legend("fair spread with its interval")


def _plot(rows: Sequence[Price], names: Sequence[str], *, slug: str) -> RowPlot:
    title = "Least paid for their risk: fair against quoted spread"
    if slug != "mispricing":
        title = "Fair against quoted spread by segment"
    style = basis_points([1.0])
    drawn = [
        Row(name=name, number=interval_text(row, style), marks=_marks(row))
        for row, name in zip(rows, names, strict=True)
    ]
    reach = [v for row in drawn for mark in row.marks if isinstance(mark, Dot) for v in (mark.value, mark.high or 0.0)]
    return RowPlot(
        slug=slug,
        title=title,
        description=f"Two points for each of {len(rows)} rows, in basis points a year: fair with its interval, quoted.",
        rows=drawn,
        scale=wide_row_scale(reach) if slug == "mispricing" else row_scale(reach),
        axis="bp a year",
    )


def _marks(row: Price) -> list[Mark]:
    fair, quoted = 1e4 * (row["fair_spread_annual"] or 0.0), 1e4 * row["quoted_spread_annual"]
    ends = (row["fair_spread_ci_low"], row["fair_spread_ci_high"])
    low, high = (1e4 * end if is_number(end) else None for end in ends)
    return [
        Span(start=fair, end=quoted, kind="link"),
        Dot(value=fair, low=low, high=high, kind="s1", shape=3),
        Dot(value=quoted, shape=1),
    ]
