"""Time and memory of whole runs against facilities and scenarios: one picture of the records of `bench.big_book`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rackrisk.report._format import compact
from rackrisk.report._picture import standalone
from rackrisk.report.charts import PANEL, PointPlot, draw_points, element

from .record import RESULTS

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "big_book.svg"
_SIZE = replace(PANEL, width=420.0, height=210.0)
_GAP = 24.0
_MEASURES = (
    ("cpu_s", "el", "Processor time of a whole run, seconds of one core"),
    ("peak_mib", "var", "Peak memory of the process, MiB"),
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Curve:
    """Rows along one number while the other stays."""

    along: str
    fixed: str
    value: int
    rows: Sequence[Row]

    @property
    def title(self) -> str:
        """`by facilities, 16 scenarios`."""
        return f"by {self.along}, {self.value:,} {self.fixed}"


def records(folder: Path = RESULTS) -> list[Row]:
    """The newest row of every size."""
    found: dict[tuple[int, int], Row] = {}
    for path in sorted(folder.glob("big_book-*.json")):
        for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
            found[row["facilities"], row["scenarios"]] = row
    return list(found.values())


def curves(rows: Sequence[Row]) -> list[Curve]:
    """The longest curve along facilities, and the longest along scenarios.

    Raises:
        ValueError: there are not two sizes to join.
    """
    return [_longest(rows, "facilities", "scenarios"), _longest(rows, "scenarios", "facilities")]


def picture(rows: Sequence[Row]) -> str:
    """A self-contained SVG document; both axes in powers of ten, so that what is linear is a straight line."""
    drawings = []
    for measure, kind, heading in _MEASURES:
        panels = [_panel(curve, measure, kind) for curve in curves(rows)]
        placed = [
            element("svg", panel, x=place * (_SIZE.width + _GAP), width=_SIZE.width, height=_SIZE.height)
            for place, panel in enumerate(panels)
        ]
        about = "; ".join(("left: ", "right: ")[place] + curve.title for place, curve in enumerate(curves(rows)))
        drawings.append((heading, about, element("svg", *placed), _SIZE.height))
    width = 2 * _SIZE.width + _GAP
    note = "Whole runs of 60 months, from a Parquet tape to the report, on two cores; both axes in powers of ten."
    return standalone(drawings, width=width, title="Large books: time and memory", note=note)


def _panel(curve: Curve, measure: str, kind: str) -> str:
    values = [float(row[measure]) for row in curve.rows]
    plot = PointPlot(
        slug=f"{measure}-{curve.along}",
        title=f"{measure} {curve.title}",
        description="; ".join(f"{row[curve.along]:,}: {row[measure]:,.0f}" for row in curve.rows),
        xs=[float(row[curve.along]) for row in curve.rows],
        values=values,
        low=[None] * len(values),
        high=[None] * len(values),
        kind=kind,
        write=compact,
        powers=True,
    )
    return draw_points(plot, _SIZE)


def _longest(rows: Sequence[Row], along: str, fixed: str) -> Curve:
    values = sorted({row[fixed] for row in rows})
    found = [
        Curve(along, fixed, value, sorted((r for r in rows if r[fixed] == value), key=lambda r: r[along]))
        for value in values
    ]
    longest = max(found, key=lambda curve: len(curve.rows), default=None)
    if longest is None or len(longest.rows) < 2:
        raise ValueError(f"no two sizes along {along}: run python -m bench.big_book first")
    return longest
