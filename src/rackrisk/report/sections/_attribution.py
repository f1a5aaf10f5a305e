"""Which mechanism loses the money: waterfalls of the loss, and shares of every segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from .._facts import PORTFOLIO, TABLE_SEGMENTS, Facts, scope_name
from .._format import Style, level_text, money, number, percent
from .._model import Cell, Column, Figure, Key, Section, Table, name_cell, value_cell
from .._shares import TOTAL, WITHOUT, pictured, rows_of, waterfall_of
from .._text import plain
from ..charts import element, swatch
from ._mechanisms import MECHANISMS
from ._row_figure import row_figure

#: Where a run's folder holds no attribution.
HOW = (
    "This run did not share its loss out to the mechanisms. “rackrisk attribute” with the options of this run does: it "
    "simulates the book with every combination of them and writes a folder with a report of its own."
)

ShareRow = Mapping[str, Any]


def attribution_section(facts: Facts) -> Section:
    """Waterfalls of EL and ES with their numbers, and EL by segment; how to get them where the folder has none."""
    shares, title = facts.run.table("attribution"), "Which mechanism loses the money"
    wanted = [] if shares is None else pictured(shares, PORTFOLIO)
    if shares is None or not rows_of(shares, PORTFOLIO, *wanted[0]):
        return Section(slug="attribution", title=title, lead=HOW)
    figures = [_waterfall(facts, shares, *what) for what in wanted]
    worlds = number(shares["n_scenarios"].max() or 0, 0)  # pyright: ignore[reportArgumentType]
    return Section(
        slug="attribution",
        title=title,
        lead="What each mechanism adds to the loss, averaged over all orders in which they can be switched on "
        f"(Shapley shares, every combination simulated on the same {worlds} scenarios). Shares and what stays "
        "without any of them add up to the total. A share is not what lenders would save: nobody borrows less here "
        "because a mechanism is off.",
        blocks=[*figures, _segments_table(facts, shares)],
    )


def leading_mechanism(facts: Facts, measure: str = "EL", level: float | None = None) -> ShareRow | None:
    """The mechanism with the largest share of a measure of the whole book; None without an attribution."""
    shares = facts.run.table("attribution")
    rows = [] if shares is None else rows_of(shares, PORTFOLIO, measure, level)
    mechanisms = [row for row in rows if row["mechanism"] not in (WITHOUT, TOTAL) and row["share"] is not None]
    return max(mechanisms, key=lambda row: row["value"], default=None)


def _waterfall(facts: Facts, shares: pl.DataFrame, measure: str, level: float | None) -> Figure:
    rows = rows_of(shares, PORTFOLIO, measure, level)
    plot = waterfall_of(rows, slug=f"waterfall-{measure.lower()}")
    caption = (
        "From what is lost without any mechanism to what is lost with all. "
        f"Whiskers are {level_text(facts.confidence)} intervals of each share; % of the total."
    )
    return row_figure(facts, plot, caption, table=_table(rows, plot.title), legend=_legend(), by_scope=False)


def _legend() -> list[Key]:
    words = {"whole": "amount", "up": "adds", "down": "takes away"}
    return [
        Key(swatch=swatch(element("rect", x=1, y=1, width=24, height=10, class_=f"bar {kind}")), text=text)
        for kind, text in words.items()
    ]


def _table(rows: Sequence[ShareRow], title: str) -> Table:
    amount = money((row["value"] for row in rows), digits=4)
    part = percent(row["share"] for row in rows)
    body = [
        [
            _mechanism_cell(row),
            value_cell(row["value"], amount, error=row["std_error"]),
            value_cell(row["ci_low"], amount),
            value_cell(row["ci_high"], amount),
            value_cell(row["share"], part, error=row["share_std_error"], reason="the total is zero"),
            *(
                Cell(text="—") if row["mechanism"] in (WITHOUT, TOTAL) else value_cell(row[name], amount)
                for name in ("alone", "removed")
            ),
        ]
        for row in rows
    ]
    heads = [Column(head="Mechanism", numeric=False), Column(head="Share", unit=amount.unit)]
    heads += [Column(head="Interval from", unit=amount.unit), Column(head="to", unit=amount.unit)]
    heads += [Column(head="Of the total", unit="%"), Column(head="Alone", unit=amount.unit)]
    heads += [Column(head="Removed", unit=amount.unit)]
    note = "± is one standard error. Alone: added to a world without any. Removed: gone if only this one is off."
    return Table(caption=title, columns=heads, rows=body, kind="data", notes=[note])


def _mechanism_cell(row: ShareRow) -> Cell:
    words = {WITHOUT: "without the mechanisms", TOTAL: "all of them"}
    return name_cell(row["mechanism"], text=words.get(row["mechanism"], plain(row["mechanism"])))


def _segments_table(facts: Facts, shares: pl.DataFrame) -> Table:
    """EL of every mechanism in percent of the exposure, a row a segment."""
    scopes = [PORTFOLIO, *facts.segments[:TABLE_SEGMENTS]]
    found = {s: {row["mechanism"]: row for row in rows_of(shares, s, "EL", None)} for s in scopes}
    order = sorted(found[PORTFOLIO].values(), key=_place)
    shares_of = [row["value"] / whole for s in scopes for row in found[s].values() if (whole := facts.exposure.get(s))]
    style = percent(shares_of)
    rows = [
        [name_cell(s, text=scope_name(s)), *(_part(facts, s, found[s].get(row["mechanism"]), style) for row in order)]
        for s in scopes
        if found[s]
    ]
    heads = [Column(head=_mechanism_cell(row).text, unit="% of exp.") for row in order]
    return Table(
        caption="Expected loss by mechanism and segment",
        columns=[Column(head="Segment", numeric=False), *heads],
        rows=rows,
        kind="main",
        notes=[f"± is one standard error. {_meanings(order)}"],
    )


def _meanings(rows: Sequence[ShareRow]) -> str:
    """What the mechanisms of some rows are, in a sentence each."""
    known = [(name, MECHANISMS[name]) for row in rows if (name := row["mechanism"]) in MECHANISMS]
    return " ".join(f"{name.capitalize()}: {about}." for name, about in known)


def _place(row: ShareRow) -> tuple[int, float]:
    return {WITHOUT: 0, TOTAL: 2}.get(row["mechanism"], 1), -row["value"]


def _part(facts: Facts, scope: str, row: ShareRow | None, style: Style) -> Cell:
    exposure = facts.exposure.get(scope)
    if row is None or not exposure:
        return value_cell(None, style)
    error = row["std_error"]
    return value_cell(row["value"] / exposure, style, error=None if error is None else error / exposure)
