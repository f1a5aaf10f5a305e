"""The facilities that cost most, and whether their spreads pay for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from .._facts import Facts
from .._format import Style, basis_points, is_number, level_text, money, number, percent
from .._model import Cell, Column, Figure, Panel, Section, Table, name_cell, number_table, value_cell
from .._text import NAME_LIMIT, label, plain, shorten
from ..charts import BROAD, NARROW, Dot, Row, RowPlot, Span, draw_rows, wide_row_scale
from ._pricing import VERDICTS, Price, facility_prices
from ._spread_key import spread_legend

#: Rows of the table and of the picture.
TABLE_ROWS, CHART_ROWS = 25, 15

NO_QUOTE, NO_DEFAULT = "no quoted spread on the tape", "no scenario with a default"

LOSS = (
    "The EL spread is expected loss over the present value of the outstanding balance: what the spread must pay before "
    "capital, funding, costs and profit. The gap is quoted less EL spread."
)
FAIR = "The fair spread covers expected loss and the charge for capital, before funding, costs and profit."

Facility = Mapping[str, Any]


def facilities_section(facts: Facts) -> Section | None:
    """Table and picture; nothing where the run has no facilities."""
    if facts.facilities is None:
        return None
    rows = facts.facilities.head(TABLE_ROWS).to_dicts()
    prices = facility_prices(facts)
    picture = None if prices else _spread_figure(facts)  # fair spreads have a picture of their own
    return Section(
        slug="facilities",
        title="Facilities with the largest expected loss",
        lead=f"{number(len(rows), 0)} of {number(facts.facilities.height, 0)} facilities. {FAIR if prices else LOSS}",
        blocks=[_table(facts, rows, prices), *([picture] if picture else [])],
    )


def fair_spread(row: Facility) -> tuple[float | None, float | None]:
    """EL spread and its standard error, that of the expected loss alone; the balance's error is far smaller."""
    value, weight, error = row["fair_el_spread_annual"], row["pv_balance_usd"], row["el_std_error_usd"]
    if not is_number(value):
        return None, None
    return value, error / weight if is_number(error) and is_number(weight) and weight > 0.0 else None


def gap(row: Facility) -> tuple[float | None, float | None]:
    """Quoted less EL spread, and its standard error."""
    fair, error = fair_spread(row)
    quoted = row["quoted_spread_annual"]
    return (quoted - fair, error) if is_number(quoted) and fair is not None else (None, None)


def _table(facts: Facts, rows: Sequence[Facility], prices: Mapping[str, Price]) -> Table:
    amount = money(v for r in rows for v in (r["balance_usd"], r["el_usd"]))
    loss = money((r["el_usd"] for r in rows), digits=4)
    share = percent(v for r in rows for v in (r["pd"], r["lgd"]))
    spread = basis_points(v for r in rows for v in (r["quoted_spread_annual"], r["fair_el_spread_annual"]))
    body = [
        [
            _names_cell(row),
            value_cell(row["el_usd"], loss, error=row["el_std_error_usd"]),
            value_cell(row["balance_usd"], amount),
            value_cell(row["pd"], share, error=row["pd_std_error"]),
            value_cell(row["lgd"], share, reason=NO_DEFAULT),
            value_cell(row["quoted_spread_annual"], spread, reason=NO_QUOTE),
            *_spread_cells(facts, row, prices.get(row["facility_id"]), spread),
            name_cell(row["segment"], text=label(row["segment"])),
        ]
        for row in rows
    ]
    heads = [
        Column(head="Facility and obligor", numeric=False), Column(head="EL", unit=loss.unit),
        Column(head="Balance", unit=amount.unit), Column(head="PD", unit="%"), Column(head="LGD", unit="%"),
        Column(head="Quoted", unit="bp"), Column(head="Fair" if prices else "EL spread", unit="bp"),
        Column(head="Quoted − fair" if prices else "Gap", unit="bp"), Column(head="Segment", numeric=False),
    ]  # fmt: skip
    notes = [
        f"± is one standard error. A difference is marked ▼ where its {level_text(facts.confidence)} interval lies "
        "below zero, ▲ where it lies above. A positive one is not a profit: "
        f"{'' if prices else 'capital, '}funding and costs come first."
    ]
    caption = "Facilities by expected loss"
    return Table(caption=caption, columns=heads, rows=body, kind="main facilities", notes=notes)


def _spread_cells(facts: Facts, row: Facility, price: Price | None, style: Style) -> list[Cell]:
    """What the spread should be, and what is left of the quote: with the charge for capital where it is known."""
    if price is None:
        return [value_cell(fair_spread(row)[0], style, error=fair_spread(row)[1]), _gap_cell(facts, row)]
    fair, error = price["fair_spread_annual"], price["fair_spread_std_error"]
    value = price["mispricing_annual"]
    if not is_number(value):
        return [value_cell(fair, style, error=error), value_cell(None, style, reason=NO_QUOTE)]
    words, kind = VERDICTS.get(price["verdict"] or "", ("", ""))
    sign = words[:2] if kind else ""
    minor = f"± {style.error(error)}" if is_number(error) else ""
    return [value_cell(fair, style, error=error), Cell(text=f"{sign}{style(value)}", minor=minor, kind=kind)]


def _names_cell(row: Facility) -> Cell:
    cell = name_cell(row["facility_id"])
    return Cell(text=cell.text, kind="name", hint=cell.hint, minor=shorten(plain(row["obligor_id"]), NAME_LIMIT))


def _gap_cell(facts: Facts, row: Facility) -> Cell:
    value, error = gap(row)
    style = basis_points([value, 1.0])
    if value is None:
        return value_cell(None, style, reason=NO_QUOTE)
    reach = math.inf if error is None else facts.z * error
    sign, kind = ("▼ ", "short") if value + reach < 0.0 else ("▲ ", "paid") if value - reach > 0.0 else ("", "")
    minor = "" if error is None else f"± {style.error(error)}"
    return Cell(text=f"{sign}{style(value)}", minor=minor, kind=kind)


def _spread_figure(facts: Facts) -> Figure | None:
    assert facts.facilities is not None
    quoted = facts.facilities.filter(
        pl.col("quoted_spread_annual").is_finite(), pl.col("fair_el_spread_annual").is_finite()
    )
    shown = quoted.head(CHART_ROWS).to_dicts()
    if not shown:
        return None
    title = "Quoted spread against the spread that expected loss costs"
    highest = [v for r in shown for v in (1e4 * r["quoted_spread_annual"], 1e4 * (fair_spread(r)[0] or 0.0))]
    scale = wide_row_scale(highest)
    axis = " The horizontal axis is logarithmic." if scale.log else ""
    plot = RowPlot(
        slug="spreads",
        title=title,
        description=f"Two points for each of {len(shown)} facilities, in basis points: quoted and EL.",
        rows=[_spread_row(facts, row) for row in shown],
        scale=scale,
        axis="bp a year",
    )
    return Figure(
        slug=plot.slug,
        title=title,
        caption=f"The {len(shown)} facilities with the largest expected loss among those with a quote. Whiskers are "
        f"{level_text(facts.confidence)} intervals of the EL spread. The number is the gap.{axis}",
        panels=[Panel(title=title, drawings=[draw_rows(plot, size) for size in (BROAD, NARROW)])],
        legend=spread_legend(),
        tables=[_spread_table(shown)],
        kind="full",
    )


def _spread_row(facts: Facts, row: Facility) -> Row:
    (fair, error), quoted, distance = fair_spread(row), 1e4 * row["quoted_spread_annual"], gap(row)[0]
    cost = 1e4 * (fair or 0.0)
    reach = None if error is None else 1e4 * facts.z * error
    low, high = (None, None) if reach is None else (max(cost - reach, 0.0), cost + reach)
    return Row(
        name=plain(row["facility_id"]),
        number=basis_points([distance, 1.0]).with_unit(distance),
        marks=[
            Span(start=min(quoted, cost), end=max(quoted, cost), kind="link"),
            Dot(value=cost, low=low, high=high, kind="s1", shape=3),
            Dot(value=quoted, kind="s0", shape=1),
        ],
    )


def _spread_table(rows: Sequence[Facility]) -> Table:
    style = basis_points([1.0])
    heads = [Column(head="Facility", numeric=False), Column(head="Quoted", unit="bp")]
    heads += [
        Column(head="EL spread", unit="bp"),
        Column(head="Standard error", unit="bp"),
        Column(head="Gap", unit="bp"),
    ]
    columns = [
        [shorten(plain(r["facility_id"]), NAME_LIMIT) for r in rows],
        [r["quoted_spread_annual"] for r in rows],
        [fair_spread(r)[0] for r in rows],
        [fair_spread(r)[1] for r in rows],
        [gap(r)[0] for r in rows],
    ]
    return number_table("Quoted and EL spread", heads, columns, [None, *[style] * 4])
