"""Rows of an attribution, and the waterfall of one measure: what stays without the mechanisms, what each adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..figures import MoneyUnit, is_number
from ._format import compact, level_text
from ._text import plain
from .charts import RowPlot, Step, waterfall

if TYPE_CHECKING:
    import polars as pl

#: Names of the rows that are no mechanism.
WITHOUT, TOTAL = "without them", "total"


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
        *(_step(row, plain(row["mechanism"]), unit, whole=False) for row in ordered),
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
