"""When names default: simulated default rates by year beside the PDs of the tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from .._facts import PORTFOLIO, Facts
from .._format import Style, is_number, level_text, percent
from .._model import Cell, Column, Figure, Key, Section, Table, value_cell
from ..charts import Dot, Row, RowPlot, line, marker, row_scale, swatch
from ..sections import row_figure

TITLE = "Names in default by year"


def pd_term_section(facts: Facts) -> Section | None:
    """Table, and a picture where there is more than one year."""
    frame = facts.run.table("pd_term")
    if frame is None:
        return None
    rows = frame.filter(pl.col("scope") == PORTFOLIO).sort("year").to_dicts()
    blocks: list[Figure | Table] = [_table(rows, kind="main plain")]
    blocks += [_figure(facts, rows)] if len(rows) > 1 else []
    return Section(
        slug="defaults",
        title="Default term structure",
        lead="Share of names in default by the end of each year, every name weighing the same, beside the mean PD that "
        "the tape states. A name has one latent variable for all years and defaults in the first year whose threshold "
        "lies above it.",
        blocks=blocks,
    )


def _table(rows: Sequence[Mapping[str, Any]], *, kind: str) -> Table:
    style, z = percent(row["pd"] for row in rows), Style(scale=1.0, decimals=2, unit="")
    finer = Style(scale=style.scale, decimals=style.decimals + 1, unit=style.unit)
    body = [
        [
            Cell(text=f"{row['year']}"),
            value_cell(row["pd"], finer, error=row["std_error"]),
            value_cell(row["expected"], finer),
            Cell(text="—" if (value := _z(row)) is None else z(value)),
        ]
        for row in rows
    ]
    heads = [Column(head="Within years", numeric=False), Column(head="Simulated", unit="%")]
    heads += [Column(head="Of the tape", unit="%"), Column(head="z")]
    notes = ["± is one standard error, with scenarios as the unit of sampling, so that it knows of dependence."]
    return Table(caption=TITLE, columns=heads, rows=body, kind=kind, notes=notes)


def _z(row: Mapping[str, Any]) -> float | None:
    error = row["std_error"]
    return (row["pd"] - row["expected"]) / error if is_number(error) and error > 0.0 else None


def _figure(facts: Facts, rows: Sequence[Mapping[str, Any]]) -> Figure:
    style = percent(row["pd"] for row in rows)
    plot = RowPlot(
        slug="pd-term",
        title=TITLE,
        description="For each year the simulated default rate as a dot with its interval, and the tape’s PD.",
        rows=[
            Row(name=_year(row["year"]), number=style.with_unit(row["pd"]), marks=_marks(facts, row)) for row in rows
        ],
        scale=row_scale(100.0 * v for row in rows for v in (row["pd"], row["expected"])),
        axis="% of names",
    )
    coverage = level_text(facts.confidence)
    caption = f"Whiskers are {coverage} intervals; where none is seen it is narrower than the dot."
    return row_figure(facts, plot, caption, table=_table(rows, kind="data"), legend=_legend(), by_scope=False)


def _legend() -> list[Key]:
    drawn = swatch(line((2, 6), (24, 6), class_="whisker s0"), marker(0, 13, 6, class_="mark s0"))
    stated = swatch(marker(1, 13, 6, class_="mark s3"))
    return [Key(swatch=drawn, text="simulated"), Key(swatch=stated, text="mean PD of the tape")]


def _year(year: int) -> str:
    return f"within {year} year{'s' if year > 1 else ''}"


def _marks(facts: Facts, row: Mapping[str, Any]) -> list[Dot]:
    error = row["std_error"]
    reach = facts.z * error if is_number(error) else None
    low, high = (None, None) if reach is None else (max(row["pd"] - reach, 0.0), min(row["pd"] + reach, 1.0))
    scaled = [None if v is None else 100.0 * v for v in (low, high)]
    simulated = Dot(value=100.0 * row["pd"], low=scaled[0], high=scaled[1])
    return [Dot(value=100.0 * row["expected"], kind="s3", shape=1), simulated]
