"""Horizontal charts with one row a name: bars, and dots with whiskers, each with its number written out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from .._format import compact
from .._text import fit, text_width
from ._frame import LABEL_SIZE, Frame, Size, Write, svg, x_axis
from ._scale import Scale, ceiling
from ._svg import element, group, line, marker, text


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A filled span, from value to value."""

    start: float
    end: float
    kind: str = "s0"


@dataclass(frozen=True, kw_only=True)
class Span:
    """A thin line between two values: a range or a distance."""

    start: float
    end: float
    kind: str = "s0"


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A value with its interval as a whisker."""

    value: float
    low: float | None = None
    high: float | None = None
    kind: str = "s0"
    shape: int = 0


@dataclass(frozen=True, kw_only=True)
class Link:
    """A vertical line from the middle of its row to that of the next."""

    value: float


Mark = Bar | Span | Dot | Link


@dataclass(frozen=True, kw_only=True)
class Row:
    """Name at the left, marks in the middle, the number in words at the right."""

    name: str
    number: str
    marks: Sequence[Mark] = ()


def row_scale(values: Iterable[float]) -> Scale:
    """From zero to a round number not below any value, data range only."""
    return Scale(low=0.0, high=ceiling(values, ROW_STEPS), start=0.0, end=1.0)


def wide_row_scale(values: Iterable[float]) -> Scale:
    """Like `row_scale`; in powers of ten where a few values are so large that the others would sit on the axis."""
    positive = sorted(v for v in values if v > 0.0)
    if not positive or positive[-1] <= LOG_RATIO * positive[len(positive) // 2]:
        return row_scale(positive)
    low, high = math.floor(math.log10(positive[0]) + 1e-9), math.ceil(math.log10(positive[-1]) - 1e-9)
    return Scale(low=10.0**low, high=10.0**high, start=0.0, end=1.0, log=True)


@dataclass(frozen=True, kw_only=True)
class RowPlot:
    """Rows over one horizontal scale (data range only)."""

    slug: str
    title: str
    description: str
    rows: Sequence[Row]
    scale: Scale
    axis: str
    write: Write = compact


#: Steps of the horizontal axis at most; a scale that ends with a tick is made with the same number.
ROW_STEPS = 6

#: Largest over median value beyond which `wide_row_scale` is logarithmic.
LOG_RATIO = 12.0

_INLINE, _STACKED = 26.0, 40.0
_HALF_BAR = 7.0
_TOP, _FOOT = 6.0, 38.0


def draw_rows(plot: RowPlot, size: Size) -> Markup:
    """The chart in one size: names beside the rows where there is room, above them on a phone."""
    step = _STACKED if size.small else _INLINE
    sized = replace(size, height=row_height(plot, small=size.small))
    frame = _frame(plot, sized, step=step)
    ticks = plot.scale.ticks(4 if size.small else ROW_STEPS)
    return svg(
        sized,
        _grid(frame, ticks),
        x_axis(frame, ticks, write=plot.write, title=plot.axis),
        *(_row(frame, row, top=_TOP + step * i) for i, row in enumerate(plot.rows)),
        slug=plot.slug,
        title=plot.title,
        description=plot.description,
    )


def row_height(plot: RowPlot, *, small: bool = False) -> float:
    """Pixels that the chart is high."""
    return _TOP + (_STACKED if small else _INLINE) * len(plot.rows) + _FOOT


def _frame(plot: RowPlot, size: Size, *, step: float) -> Frame:
    below = text_width(plot.write(plot.scale.low), LABEL_SIZE) / 2 if plot.scale.low < 0.0 else 0.0
    left, right = 4.0 + below, size.width - 18.0  # half of the first and last number stand beside their ticks
    if not size.small:
        names = max((text_width(row.name, LABEL_SIZE) for row in plot.rows), default=0.0)
        numbers = max((text_width(row.number, LABEL_SIZE) for row in plot.rows), default=0.0)
        left, right = min(names + 12, size.width * 0.36), size.width - min(numbers + 10, size.width * 0.28)
    bottom = _TOP + step * len(plot.rows)
    x = replace(plot.scale, start=left, end=right)
    return Frame(size=size, x=x, y=Scale(low=0, high=1, start=bottom, end=_TOP))


def _grid(frame: Frame, ticks: Sequence[float]) -> Markup:
    return group(*(line((frame.x(t), frame.top), (frame.x(t), frame.bottom), class_="grid") for t in ticks))


def _row(frame: Frame, row: Row, *, top: float) -> Markup:
    if frame.size.small:
        width, name_at, middle = frame.right - text_width(row.number, LABEL_SIZE) - 12, top + 13, top + 26
    else:
        width, name_at, middle = frame.left - 10, top + _INLINE / 2 + 4, top + _INLINE / 2
    x, anchor = (0.0, "start") if frame.size.small else (frame.left - 8, "end")
    return group(
        text(fit(row.name, width=width, size=LABEL_SIZE), x, name_at, class_="label name", text_anchor=anchor),
        *(_mark(frame, mark, middle, step=_STACKED if frame.size.small else _INLINE) for mark in row.marks),
        text(row.number, frame.size.width - 1, name_at, class_="label number", text_anchor="end"),
    )


def _mark(frame: Frame, mark: Mark, y: float, *, step: float) -> Markup:
    if isinstance(mark, Dot):
        return _dot(frame, mark, y)
    if isinstance(mark, Link):
        x = frame.x(mark.value)
        return line((x, y + _HALF_BAR), (x, y + step - _HALF_BAR), class_="leader")
    start, end = sorted((frame.x(mark.start), frame.x(mark.end)))
    if isinstance(mark, Span):
        return line((start, y), (end, y), class_=f"span {mark.kind}")
    return element("rect", x=start, y=y - _HALF_BAR, width=end - start, height=2 * _HALF_BAR, class_=f"bar {mark.kind}")


def _dot(frame: Frame, dot: Dot, y: float) -> Markup:
    drawn = marker(dot.shape, frame.x(dot.value), y, class_=f"mark {dot.kind}")
    if dot.low is None or dot.high is None:
        return drawn
    low, high = frame.x(dot.low), frame.x(dot.high)
    ends = [line((x, y - 4), (x, y + 4), class_=f"whisker {dot.kind}") for x in (low, high)]
    return group(line((low, y), (high, y), class_=f"whisker {dot.kind}"), *ends, drawn)
