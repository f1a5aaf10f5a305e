"""The waterfall of an attribution: what stays of a measure without the mechanisms, what each adds, and the total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .figures import MoneyUnit, is_number
from .report._format import compact, level_text, money
from .report._picture import standalone
from .report.charts import BROAD, RowPlot, Step, draw_rows, row_height, waterfall

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


def pictured(shares: pl.DataFrame, scope: str) -> list[tuple[str, float | None]]:
    """EL, then the ES at the highest level that has errors."""
    rows = [row for row in shares.iter_rows(named=True) if row["scope"] == scope and row["measure"] == "ES"]
    known = [row["level"] for row in rows if is_number(row["std_error"])] or [row["level"] for row in rows]
    return [("EL", None), *([("ES", max(known))] if known else [])]


def rows_of(shares: pl.DataFrame, scope: str, measure: str, level: float | None) -> list[dict[str, Any]]:
    """Rows of one measure of one scope: mechanisms, what stays without them, total."""
    wanted = (scope, measure, level)
    return [row for row in shares.iter_rows(named=True) if (row["scope"], row["measure"], row["level"]) == wanted]


def waterfall_of(rows: Sequence[Mapping[str, Any]], *, slug: str) -> RowPlot:
    """The rows of one measure of one scope as a chart, the largest mechanism first."""
    *mechanisms, rest, total = rows
    unit = MoneyUnit((row["value"] for row in rows), (row["std_error"] for row in rows))
    ordered = sorted(mechanisms, key=lambda row: -row["value"])
    steps = [
        _step(rest, "without the mechanisms", unit, whole=True),
        *(_step(row, row["mechanism"], unit, whole=False) for row in ordered),
        _step(total, "all of them", unit, whole=True),
    ]
    said = "; ".join(f"{step.name}: {step.number}" for step in steps)
    name = f"{rows[0]['measure']} {level_text(rows[0]['level'])}".rstrip()
    return waterfall(
        steps,
        slug=slug,
        title=f"{name} by mechanism",
        description=f"Waterfall in {unit.name} with standard errors. {said}.",
        axis=unit.name,
        write=lambda value: compact(value / unit.scale),
    )


def _step(row: Mapping[str, Any], name: str, unit: MoneyUnit, *, whole: bool) -> Step:
    return Step(
        name=name,
        value=row["value"],
        number=_number(row, unit, signed=not whole),
        low=row["ci_low"],
        high=row["ci_high"],
        whole=whole,
    )


def _number(row: Mapping[str, Any], unit: MoneyUnit, *, signed: bool) -> str:
    """`+71 ± 4, 21 %`; the total without its share of itself."""
    sign = "+" if signed and row["value"] > 0.0 else ""
    error = f" ± {unit(row['std_error'])}" if is_number(row["std_error"]) else ""
    share = f", {100 * row['share']:.0f} %" if signed and is_number(row["share"]) else ""
    return f"{sign}{unit(row['value'])}{error}{share}".replace("-", "−")


def _context(rows: Sequence[Mapping[str, Any]], exposure_usd: float) -> str:
    total = rows[-1]["value"]
    share = f"{100 * total / exposure_usd:.2f} % of the balance" if exposure_usd > 0.0 else ""
    return (
        f"{rows[0]['scope']}: {money([total]).with_unit(total)}, {share}; {rows[0]['n_scenarios']:,} scenarios a world"
    )
