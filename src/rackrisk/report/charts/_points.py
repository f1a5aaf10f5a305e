"""Estimates with their intervals over a number that was varied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .._format import compact
from .._text import text_width
from ._frame import LABEL_SIZE, Frame, Size, Write, framed, svg, x_axis, y_axis, zero_scale
from ._scale import Scale
from ._svg import curve, group, line, marker

#: Largest over smallest value between which the horizontal axis is logarithmic; beyond, the smallest is nothing.
LOG_RATIO, MOST_RATIO = 30.0, 1e12
#: Part of the range that is left free at either end, so that no whisker stands on an axis.
_MARGIN = 0.06
#: Pixels of the widest number below the axis; half of it stands beyond the last tick.
_WIDEST = 44.0


@dataclass(frozen=True, kw_only=True)
class PointPlot:
    """Estimates by a number; `low` and `high` are the ends of their intervals, None where there are none.

    Attributes:
        xs: the number, in any order.
        kind: style class of `templates/style.css`.
        axis: what the horizontal axis is; the smallest pictures leave it to the caption.
        powers: the vertical axis is in powers of ten, for positive values alone; else it begins at zero.
    """

    slug: str
    title: str
    description: str
    xs: Sequence[float]
    values: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]
    kind: str = "s0"
    axis: str = ""
    write: Write = compact
    powers: bool = False

    @property
    def reach(self) -> list[float]:
        """Every number drawn against the vertical axis."""
        return [v for part in (self.values, self.low, self.high) for v in part if v is not None]


def draw_points(plot: PointPlot, size: Size, *, reach: Sequence[float] | None = None) -> Markup:
    """The estimates in one size; `reach` makes pictures side by side share a vertical axis."""
    drawn = plot.reach if reach is None else reach
    y = powers_scale(drawn) if plot.powers else zero_scale(drawn, size)
    frame = framed(size, points_scale(plot.xs), y, write=plot.write, margin=(12.0, 2.0 + _WIDEST / 2))
    small, (ticks, write) = size.name in ("panel", "mini"), point_ticks(frame, plot.xs)
    places = sorted(range(len(plot.xs)), key=lambda i: plot.xs[i])
    path = frame.points([plot.xs[i] for i in places], [plot.values[i] for i in places])
    return svg(
        size,
        y_axis(frame, write=plot.write),
        x_axis(frame, ticks, write=write, title="" if small else plot.axis),
        curve(path, class_=f"curve {plot.kind}"),
        *(_estimate(frame, plot, i) for i in places),
        slug=plot.slug,
        title=plot.title,
        description=plot.description,
    )


def powers_scale(values: Sequence[float]) -> Scale:
    """From the power of ten below all of `values` to the one above, data range only."""
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return Scale(low=10.0**low, high=10.0 ** max(high, low + 1), start=0.0, end=1.0, log=True)


def points_scale(xs: Sequence[float]) -> Scale:
    """Around all of `xs` with a margin; in powers of ten where they span many (data range only)."""
    low, high = min(xs), max(xs)
    if low > 0.0 and LOG_RATIO < high / low < MOST_RATIO:
        free = (high / low) ** _MARGIN
        return Scale(low=low / free, high=high * free, start=0.0, end=1.0, log=True)
    free = _MARGIN * (high - low) or 0.5 * abs(low) or 1.0
    return Scale(low=low - free, high=high + free, start=0.0, end=1.0)


def point_ticks(frame: Frame, xs: Sequence[float]) -> tuple[list[float], Write]:
    """The numbers themselves where they can be written beside each other, else round ones; and how to write them."""
    own = sorted(set(xs))
    widths = [text_width(exactly(x), LABEL_SIZE) for x in own]
    gaps = [
        frame.x(b) - frame.x(a) - (left + right) / 2
        for a, b, left, right in zip(own, own[1:], widths, widths[1:], strict=False)
    ]
    if all(gap >= 6.0 for gap in gaps) and max(widths) <= _WIDEST:
        return own, exactly
    return frame.x.ticks(3 if frame.size.name == "mini" else 5), compact


def exactly(value: float) -> str:
    """A number that somebody chose, all of its digits."""
    return f"{value:.12g}".replace("-", "−")


def _estimate(frame: Frame, plot: PointPlot, i: int) -> Markup:
    value, low, high = plot.values[i], plot.low[i], plot.high[i]
    if value is None:
        return Markup("")
    x = frame.x(plot.xs[i])
    drawn = marker(0, x, frame.y(value), class_=f"mark {plot.kind}")
    if low is None or high is None:
        return drawn
    bottom, top = frame.y(low), frame.y(high)
    ends = [line((x - 4, y), (x + 4, y), class_=f"whisker {plot.kind}") for y in (bottom, top)]
    return group(line((x, bottom), (x, top), class_=f"whisker {plot.kind}"), *ends, drawn)
