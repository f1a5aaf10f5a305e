"""What was simulated: the book by segment, the market, and which mechanisms were on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from .._facts import PORTFOLIO, ROWS, TABLE_SEGMENTS, Facts, scope_name
from .._format import is_number, money, money_text, number, percent, percent_text
from .._load import at
from .._model import Cell, Column, Figure, Table, name_cell, value_cell
from .._text import plain
from ..charts import Bar, Row, RowPlot, row_scale
from ._headline import as_of_text
from ._mechanisms import MECHANISMS
from ._row_figure import row_figure


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A mechanism, what it does, and whether it was on; None where the run does not say."""

    name: str
    about: str
    on: bool | None


def book_facts(facts: Facts) -> list[tuple[str, str]]:
    """Name and value pairs that describe the run's subject; what is unknown is left out."""
    frame = facts.facilities
    pairs = [
        ("Portfolio", facts.book),
        ("Market", facts.group("market")),
        ("Recovery", facts.group("recovery")),
        ("Model", facts.group("model")),
        ("As of", as_of_text(facts)),
        ("Horizon", None if facts.months is None else f"{facts.months} months"),
        ("Exposure", money_text(facts.exposure[PORTFOLIO]) if PORTFOLIO in facts.exposure else None),
        ("Facilities", None if frame is None else number(frame.height, 0)),
        ("Obligors", None if frame is None else number(frame["obligor_id"].n_unique(), 0)),
        ("Scenarios", number(facts.n_scenarios, 0)),
        ("Largest obligor", _largest_obligor(facts)),
    ]
    return [(name, value) for name, value in pairs if value is not None]


def switches(facts: Facts) -> list[Switch]:
    """The mechanisms, in the order of the documentation, then any that it does not know."""
    stated = at(facts.run.config, "mechanisms")
    values = stated if isinstance(stated, Mapping) else {}
    names = [*MECHANISMS, *(str(name) for name in values if name not in MECHANISMS)] if values else []
    return [
        Switch(
            name=plain(name), about=MECHANISMS.get(name, ""), on=v if isinstance(v := values.get(name), bool) else None
        )
        for name in names
    ]


def composition(
    facts: Facts, *, amount: str = "Balance at the as-of date", rows_are: str = "Facilities"
) -> Figure | None:
    """An amount by segment as bars; nothing without segments."""
    word = amount.partition(" ")[0]
    shown = facts.segments[:ROWS]
    amounts = {s: facts.exposure[s] for s in shown if s in facts.exposure}
    whole = facts.exposure.get(PORTFOLIO)
    if not amounts or not whole:
        return None
    style, part = money(amounts.values()), percent(v / whole for v in amounts.values())
    scale = row_scale(v / style.scale for v in amounts.values())
    rows = [
        Row(
            name=scope_name(s),
            number=f"{style(v)} ({part.with_unit(v / whole)})",
            marks=[Bar(start=0.0, end=v / style.scale)],
        )
        for s, v in amounts.items()
    ]
    title = f"{word} by segment"
    about = f"Horizontal bars: {word.lower()} in {style.unit} and share of the book, for {len(rows)} segments."
    plot = RowPlot(slug="book", title=title, description=about, rows=rows, scale=scale, axis=style.unit)
    return row_figure(facts, plot, f"{amount}, and its share of the book.", table=_table(facts, word, rows_are))


def _table(facts: Facts, word: str, rows_are: str) -> Table:
    amounts = [facts.exposure.get(s) for s in facts.segments]
    whole = facts.exposure[PORTFOLIO]
    shares = [None if v is None else v / whole for v in amounts]
    style, part = money(amounts), percent(shares)
    rows: list[list[Cell]] = []
    for segment, amount, share in zip(facts.segments, amounts, shares, strict=True):
        count = facts.count(segment)
        members = Cell(text="—" if count is None else number(count, 0))
        rows.append([name_cell(segment), members, value_cell(amount, style), value_cell(share, part)])
    heads = [Column(head="Segment", numeric=False), Column(head=rows_are), Column(head=word, unit=style.unit)]
    heads.append(Column(head="Share", unit="%"))
    return Table(caption=f"{word} by segment", columns=heads, rows=rows[:TABLE_SEGMENTS], kind="data")


def _largest_obligor(facts: Facts) -> str | None:
    """Summed in whole cents: a grouped sum of floats depends on the order of its rows."""
    frame, whole = facts.facilities, facts.exposure.get(PORTFOLIO)
    if frame is None or not whole:
        return None
    cents = (pl.col("balance_usd") * 100.0).round().cast(pl.Int64)
    known = frame.filter(pl.col("balance_usd").is_between(0.0, MOST_USD))
    sums = known.group_by("obligor_id").agg(cents.sum())["balance_usd"]
    largest, median = sums.max(), sums.median()
    if not is_number(largest) or not is_number(median):
        return None
    share = percent_text(0.01 * largest / whole)
    return f"{money_text(0.01 * largest)}, {share} of the book (median {money_text(0.01 * median)})"


#: Balance of one facility above which nothing is summed in cents.
MOST_USD = 1e13
