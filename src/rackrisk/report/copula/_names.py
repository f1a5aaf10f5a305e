"""The names that cost most."""

from __future__ import annotations

from ...comparison import costliest
from .._facts import Facts
from .._format import fine_money, is_number, number, percent
from .._model import Cell, Column, Section, Table, name_cell, value_cell
from .._text import label

TABLE_ROWS = 25


def names_section(facts: Facts) -> Section | None:
    """A table; nothing where the run has no names."""
    frame = facts.run.table("names")
    if frame is None:
        return None
    rows = costliest(frame).head(TABLE_ROWS).to_dicts()
    ead = fine_money(row["ead"] for row in rows)
    loss = fine_money(v for row in rows for v in (row["el_usd"], row["expected_usd"]))
    share = percent(v for row in rows for v in (row["pd"], row["pd_simulated"]))
    lgd = percent(row["lgd"] for row in rows)
    whole = facts.measure("EL").value
    part = percent([row["el_usd"] / whole for row in rows if whole and is_number(row["el_usd"])])
    body = [
        [
            name_cell(row["obligor_id"]),
            value_cell(row["el_usd"], loss, error=row["el_std_error_usd"]),
            value_cell(row["expected_usd"], loss),
            Cell(text=part(row["el_usd"] / whole) if whole and is_number(row["el_usd"]) else "—"),
            value_cell(row["ead"], ead),
            value_cell(row["pd"], share),
            value_cell(row["pd_simulated"], share, error=row["pd_std_error"]),
            value_cell(row["lgd"], lgd),
            name_cell(row["segment"], text=label(row["segment"])),
        ]
        for row in rows
    ]
    heads = [
        Column(head="Name", numeric=False), Column(head="EL", unit=loss.unit), Column(head="Exact EL", unit=loss.unit),
        Column(head="Share", unit="% of EL"), Column(head="Exposure", unit=ead.unit), Column(head="PD", unit="%"),
        Column(head="Simulated PD", unit="%"), Column(head="LGD", unit="%"), Column(head="Segment", numeric=False),
    ]  # fmt: skip
    return Section(
        slug="names",
        title="Names with the largest expected loss",
        lead=f"{number(len(rows), 0)} of {number(frame.height, 0)} names, by expected loss.",
        blocks=[Table(caption="Names by expected loss", columns=heads, rows=body, kind="main facilities")],
    )
