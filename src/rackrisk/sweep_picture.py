"""The small multiples of a sweep as one picture: a band a measure, a panel a combination of the keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from .report._facts import Facts
from .report._format import level_text
from .report._load import load
from .report._picture import standalone
from .report._points import MOST_PANELS, Points, Wanted, panels_of, reach_of, rows_plot
from .report._text import fit
from .report.charts import BROAD, PANEL, PointPlot, Size, draw_points, draw_rows, element, row_height

NOTE = "Dots with whiskers: {} intervals."
OWN_AXES = " Every panel has a vertical axis of its own, for its own book."
_ROOM, _TITLE = 18.0, 20.0
_COLUMNS = (4, 3)
_FONT_SIZE = 12.0

Drawing = tuple[str, str, Markup, float]


def picture(folder: Path) -> str:
    """EL, and VaR and ES at one level, of a sweep's folder as a self-contained SVG document."""
    points = Points(Facts(run=load(folder)))
    drawings = [_rows(points, wanted) if points.across is None else _band(points, wanted) for wanted in points.wanted]
    own = OWN_AXES if points.across is not None and points.others and not points.same_book else ""
    note = NOTE.format(level_text(points.facts.confidence)) + own
    swept = ", ".join(points.short[key] for key in points.keys)
    return standalone(drawings, width=BROAD.width, title=f"Loss over {swept}", note=note)


def _rows(points: Points, wanted: Wanted) -> Drawing:
    plot = rows_plot(points, wanted)
    size = replace(BROAD, height=row_height(plot))
    return wanted.name, f"{plot.axis}, by point", draw_rows(plot, size), size.height


def _band(points: Points, wanted: Wanted) -> Drawing:
    """Panels side by side, several rows of them where there are many."""
    assert points.across is not None
    panels = panels_of(points, wanted)
    reach, columns = reach_of(points, panels), _columns(len(panels))
    size = _size(columns)
    drawn = [_placed(panel, size, divmod(place, columns), reach) for place, panel in enumerate(panels)]
    height = math.ceil(len(panels) / columns) * (size.height + _TITLE + _ROOM) - _ROOM
    grid = element("svg", *drawn, viewBox=f"0 0 {BROAD.width:g} {height:g}")
    hidden = len(points.combinations(wanted)) - MOST_PANELS
    more = f"; {hidden} more combinations in the tables" if hidden > 0 else ""
    about = f"{points.style(wanted).unit}, by {points.short[points.across]}{more}"
    return wanted.name, about, grid, height


def _columns(panels: int) -> int:
    """Panels side by side: all of a few, else as many as leave the fewest places empty."""
    return panels if panels <= min(_COLUMNS) else min(_COLUMNS, key=lambda columns: -panels % columns)


def _size(columns: int) -> Size:
    """The panels of a row fill the picture; one alone is lower than wide."""
    width = (BROAD.width - (columns - 1) * _ROOM) / columns
    return replace(PANEL, width=width, height=190.0 if columns > 1 else 240.0)


def _placed(panel: PointPlot, size: Size, place: tuple[int, int], reach: Sequence[float] | None) -> Markup:
    """A panel with its name at a (row, column)."""
    x, y = place[1] * (size.width + _ROOM), place[0] * (size.height + _TITLE + _ROOM)
    name = fit(panel.title, width=size.width - 8, size=_FONT_SIZE)
    drawing = draw_points(panel, size, reach=reach)
    inside = element("svg", drawing, x=x, y=y + _TITLE, width=size.width, height=size.height)
    return element("g", element("text", name, x=x + 8, y=y + 12, class_="label"), inside)
