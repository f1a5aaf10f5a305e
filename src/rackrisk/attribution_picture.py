"""The waterfall of an attribution: what stays of a measure without the mechanisms, what each adds, and the total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .report._format import level_text, money
from .report._picture import standalone
from .report._shares import pictured, rows_of, waterfall_of
from .report.charts import BROAD, draw_rows, row_height

if TYPE_CHECKING:
    import polars as pl

NOTE = "Filled bars add to the loss, hollow ones take from it (Shapley shares). Dots with whiskers: {} intervals."


def picture(
    shares: pl.DataFrame, *, exposure_usd: Mapping[str, float], confidence: float, scope: str = "portfolio"
) -> str:
    """EL, and the ES at the highest level that has errors, of one scope as a self-contained SVG document.

    Args:
        shares: rows of `rackrisk.models.attribution.Attribution.shares`.
        exposure_usd: balance at the as-of date by scope.
        confidence: of the intervals.
    """
    drawings = []
    for measure, level in pictured(shares, scope):
        rows = rows_of(shares, scope, measure, level)
        plot = waterfall_of(rows, slug=f"{measure}-{scope}")
        size = replace(BROAD, height=row_height(plot))
        drawings.append((plot.title, _context(rows, exposure_usd[scope]), draw_rows(plot, size), size.height))
    note = NOTE.format(level_text(confidence))
    return standalone(drawings, width=BROAD.width, title=f"Loss by mechanism: {scope}", note=note)


def _context(rows: Sequence[Mapping[str, Any]], exposure_usd: float) -> str:
    total = rows[-1]["value"]
    share = f"{100 * total / exposure_usd:.2f} % of the balance" if exposure_usd > 0.0 else ""
    return (
        f"{rows[0]['scope']}: {money([total]).with_unit(total)}, {share}; {rows[0]['n_scenarios']:,} scenarios a world"
    )
