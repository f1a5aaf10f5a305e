"""Where the tail comes from: contributions to expected shortfall, concentration, what an offtaker's default costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from .._facts import Facts, scope_name
from .._format import Style, fine_money, is_number, level_text, money, number, percent
from .._load import at
from .._model import Cell, Column, Figure, Key, Section, Table, name_cell, value_cell
from .._text import NAME_LIMIT, plain, shorten
from ..charts import Dot, Row, RowPlot, marker, row_scale, swatch
from ._row_figure import row_figure

#: Members of a picture; of the table behind it; offtakers whose default is costed.
MEMBERS, TABLE_ROWS, OFFTAKERS = 10, 30, 8

#: Dimensions of the page in their order: head of a table, title of a picture.
DIMENSIONS = {
    "segment": ("Segment", "By segment"),
    "generation": ("Collateral", "By GPU generation and other collateral"),
    "offtaker": ("Offtaker", "By offtaker"),
    "facility": ("Facility", "By facility"),
}
ALSO = {"obligor": "Obligor"}

Member = Mapping[str, Any]


def contributions_section(facts: Facts) -> Section | None:
    """Pictures by dimension, concentration and costly offtakers; nothing without the table."""
    level = tail_level(facts)
    if level is None:
        return None
    figures = [_figure(facts, dimension, level) for dimension in DIMENSIONS]
    tables = [_concentration(facts, level), _offtakers(facts)]
    tail = f"ES {level_text(level)}"
    return Section(
        slug="contributions",
        title="Where the tail comes from",
        lead=f"The {tail} is the mean loss of the worst scenarios; each part’s contribution is what it loses in them, "
        "so contributions add up to it exactly. A part whose share of the tail is larger than its share of the "
        "balance makes the book riskier. Offtaker and collateral are labels, not causes: a loan counts for whoever "
        "rents from its borrower, whatever it fails on. What a tenant’s default causes is in the last table.",
        blocks=[block for block in [*figures, *tables] if block is not None],
    )


def tail_level(facts: Facts) -> float | None:
    """The level whose ES is taken apart: that of the capital charge where it is there, else the lowest."""
    frame = facts.run.table("contributions")
    known = [] if frame is None else frame.filter(pl.col("measure") == "ES")["level"].drop_nulls().unique().to_list()
    wanted = at(facts.run.config, "pricing", "capital_level")
    return wanted if wanted in known else min(known, default=None)


def members(facts: Facts, dimension: str, level: float) -> list[Member]:
    """Shares of a dimension's members in ES, largest first, with their shares of EL and balance beside."""
    frame = facts.run.table("contributions")
    if frame is None:
        return []
    rows = frame.filter(pl.col("dimension") == dimension, pl.col("share").is_finite())
    beside = {
        measure: dict(rows.filter(measure=measure).select("name", "share").iter_rows())
        for measure in ("exposure", "EL")
    }
    tail = rows.filter(pl.col("measure") == "ES", pl.col("level") == level).sort(
        "share", "name", descending=[True, False]
    )
    return [row | {key: beside[key].get(row["name"]) for key in beside} for row in tail.iter_rows(named=True)]


def leading_member(facts: Facts, dimension: str) -> tuple[float, Member] | None:
    """The level, and the named member with the largest share of the tail; None without contributions."""
    level = tail_level(facts)
    named = [] if level is None else [m for m in members(facts, dimension, level) if not m["name"].startswith("(")]
    return (level, named[0]) if level is not None and named else None


def share_text(member: Member) -> str:
    """A share of the tail in words with its error: `18.4 ± 1.1 %`."""
    return percent([1.0]).with_error(member["share"], member["share_std_error"])


def _figure(facts: Facts, dimension: str, level: float) -> Figure | None:
    found = members(facts, dimension, level)
    shown = found[:MEMBERS]
    if not shown:
        return None
    title = DIMENSIONS[dimension][1]
    rows = [Row(name=_name(dimension, m), number=share_text(m), marks=_marks(facts, m)) for m in shown]
    reach = [v for row in rows for m in row.marks if isinstance(m, Dot) for v in (m.value, m.high or 0.0)]
    plot = RowPlot(
        slug=f"contributions-{dimension}",
        title=f"{title}: share of ES {level_text(level)}",
        description=f"Three points for each of {len(rows)} rows, in percent of the book: balance, EL, ES.",
        rows=rows,
        scale=row_scale(reach),
        axis="% of the book’s",
    )
    more = "" if len(found) == len(shown) else f" The largest {len(shown)} of {number(len(found), 0)}."
    coverage = level_text(facts.confidence)
    caption = f"The number is the share of ES ± its standard error; whiskers are {coverage} intervals.{more}"
    return row_figure(
        facts, plot, caption, table=_table(dimension, found, plot.title), legend=_legend(), by_scope=False
    )


def _name(dimension: str, member: Member) -> str:
    name = member["name"]
    return scope_name(name) if dimension == "segment" else shorten(plain(name), NAME_LIMIT)


def _marks(facts: Facts, member: Member) -> list[Dot]:
    share, error = 100.0 * member["share"], member["share_std_error"]
    reach = 100.0 * facts.z * error if is_number(error) else None
    low, high = (None, None) if reach is None else (max(share - reach, 0.0), min(share + reach, 100.0))
    beside = [(member["exposure"], "s6", 1), (member["EL"], "el", 0)]
    dots = [Dot(value=100.0 * value, kind=kind, shape=shape) for value, kind, shape in beside if is_number(value)]
    return [*dots, Dot(value=share, low=low, high=high, kind="es", shape=3)]


def _legend() -> list[Key]:
    shapes = ((1, "s6", "share of balance"), (0, "el", "share of EL"), (3, "es", "share of ES with its interval"))
    return [Key(swatch=swatch(marker(shape, 13, 6, class_=f"mark {kind}")), text=text) for shape, kind, text in shapes]


def _table(dimension: str, found: Sequence[Member], title: str) -> Table:
    rows = found[:TABLE_ROWS]
    amount, part = fine_money(m["value_usd"] for m in rows), percent([1.0])
    body = [
        [
            name_cell(m["name"], text=_name(dimension, m)),
            value_cell(m["value_usd"], amount, error=m["std_error_usd"]),
            value_cell(m["share"], part, error=m["share_std_error"]),
            value_cell(m["EL"], part),
            value_cell(m["exposure"], part),
        ]
        for m in rows
    ]
    heads = [Column(head=DIMENSIONS[dimension][0], numeric=False), Column(head="Contribution to ES", unit=amount.unit)]
    heads += [Column(head="of ES", unit="%"), Column(head="of EL", unit="%"), Column(head="of balance", unit="%")]
    return Table(caption=title, columns=heads, rows=body, kind="data")


def _concentration(facts: Facts, level: float) -> Table | None:
    """How many equal parts would be as concentrated, in balance, EL and ES, and the largest part of the ES."""
    frame = facts.run.table("concentration")
    if frame is None:
        return None
    words = {**{key: head for key, (head, _) in DIMENSIONS.items()}, **ALSO}
    rows = [cells for key, word in words.items() if (cells := _parts(facts, frame, (key, word), level))]
    heads = [Column(head="By", numeric=False), Column(head="With a loss in the tail")]
    heads += [Column(head="Equal parts", unit=unit) for unit in ("of balance", "of EL", "of ES")]
    heads += [Column(head="Largest in the tail", numeric=False), Column(head="Its share", unit="% of ES")]
    note = "Equal parts: how many parts of equal size would have the same Herfindahl index. Few of many: concentrated."
    return Table(caption="Concentration", columns=heads, rows=rows, kind="main plain", notes=[note]) if rows else None


def _parts(facts: Facts, frame: pl.DataFrame, dimension: tuple[str, str], level: float) -> list[Cell]:
    key, word = dimension
    rows = frame.filter(pl.col("dimension") == key)
    tail = rows.filter(pl.col("measure") == "ES", pl.col("level") == level).to_dicts()
    found = members(facts, key, level)
    if not tail or not found:
        return []
    counts = [_effective(rows.filter(pl.col("measure") == measure)) for measure in ("exposure", "EL")]
    style = Style(scale=1.0, decimals=1, unit="")
    return [
        Cell(text=word),
        Cell(text=number(tail[0]["members"] or 0, 0)),
        *(value_cell(count, style) for count in [*counts, tail[0]["effective_members"]]),
        name_cell(found[0]["name"], text=_name(key, found[0])),
        value_cell(found[0]["share"], percent([1.0]), error=found[0]["share_std_error"]),
    ]


def _effective(rows: pl.DataFrame) -> float | None:
    return None if rows.is_empty() else rows["effective_members"][0]


def _offtakers(facts: Facts) -> Table | None:
    """What the default of a name behind many loans costs the book."""
    frame = facts.run.table("offtaker_defaults")
    rows = [] if frame is None else frame.filter(pl.col("cost_usd").is_finite()).head(OFFTAKERS).to_dicts()
    if not rows:
        return None
    debt, cost = money(row["debt_usd"] for row in rows), money(row["cost_usd"] for row in rows)
    part = percent(row["pd"] for row in rows)
    body = [
        [
            name_cell(row["name"]),
            value_cell(row["cost_usd"], cost, error=row["cost_std_error_usd"]),
            value_cell(row["pd"], part, error=row["pd_std_error"]),
            value_cell(row["debt_usd"], debt),
            Cell(text=number(row["n_replayed"] or 0, 0)),
        ]
        for row in rows
    ]
    heads = [Column(head="Offtaker or guarantor", numeric=False), Column(head="Its default costs", unit=cost.unit)]
    heads += [Column(head="PD", unit="%"), Column(head="Behind debt of", unit=debt.unit), Column(head="Scenarios")]
    note = (
        "± is one standard error. Cost: loss of the whole book in scenarios in which the name defaults, less the loss "
        "of the same scenarios with the name kept alive. About zero where a guarantor stands behind the name; below "
        "zero where halls that it leaves are let at better rents, at once in this model."
    )
    caption = "Whose default costs most"
    return Table(caption=caption, columns=heads, rows=body, kind="main plain", notes=[note])
