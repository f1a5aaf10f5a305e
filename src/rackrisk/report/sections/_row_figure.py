"""A picture of rows as a figure of the page: drawn for several widths, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from .._facts import ROWS, Facts
from .._model import Figure, Key, Panel, Table
from ..charts import LARGE, RowPlot, draw_rows


def row_figure(
    facts: Facts, plot: RowPlot, caption: str, *, table: Table, legend: Sequence[Key] = (), by_scope: bool = True
) -> Figure:
    """Where a row is a scope, the caption ends with how many small segments are left out."""
    return Figure(
        slug=plot.slug,
        title=plot.title,
        caption=caption + (facts.left_out(ROWS) if by_scope else ""),
        panels=[Panel(title=plot.title, drawings=[draw_rows(plot, size) for size in LARGE])],
        legend=legend,
        tables=[table],
    )
