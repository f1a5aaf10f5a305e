"""Curves over time with error bands, told apart by colour, dash and marker, named at their right ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .._format import compact
from ._frame import (
    DASHES,
    SERIES,
    Frame,
    Size,
    Write,
    end_labels,
    framed,
    label_room,
    months_axis,
    months_scale,
    svg,
    swatch,
    y_axis,
    zero_scale,
)
from ._svg import area, curve, group, line, marker, text

Values = Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One curve by month; `rank` picks colour, dash and marker, a rank of None is the whole book."""

    name: str
    months: Sequence[int]
    values: Values
    low: Values | None = None
    high: Values | None = None
    rank: int | None = None

    @property
    def kind(self) -> str:
        """Style class."""
        return "whole" if self.rank is None else f"s{self.rank % SERIES}"

    @property
    def dash(self) -> str | None:
        """Dash pattern."""
        return None if self.rank is None else DASHES[self.rank % SERIES]

    def extremes(self) -> list[float]:
        """Every number drawn."""
        return [v for part in (self.values, self.low or (), self.high or ()) for v in part if v is not None]

    def last(self) -> tuple[int, float] | None:
        """Month and value of the right end."""
        known = [(m, v) for m, v in zip(self.months, self.values, strict=True) if v is not None]
        return known[-1] if known else None


@dataclass(frozen=True, kw_only=True)
class LinePlot:
    """Curves that share their axes."""

    slug: str
    title: str
    description: str
    series: Sequence[Series]
    months: int
    write: Write = compact
    most: float = float("inf")
    named: bool = True
    reference: tuple[float, str] | None = None


def draw_lines(plot: LinePlot, size: Size, *, highest: float | None = None) -> Markup:
    """The curves in one size; `highest` fixes the end of the vertical axis for pictures side by side."""
    names = [s.name for s in plot.series] if plot.named else []
    values = [v for s in plot.series for v in s.extremes()] if highest is None else [highest]
    margin = (12.0, max(label_room(names, size), 12.0))
    y = zero_scale(values, size, most=plot.most)
    frame = framed(size, months_scale(plot.months), y, write=plot.write, margin=margin)
    return svg(
        size,
        y_axis(frame, write=plot.write),
        months_axis(frame),
        _reference(frame, plot.reference),
        *(_band(frame, s) for s in plot.series),
        *(_curve(frame, s) for s in reversed(plot.series)),
        _names(frame, plot.series) if plot.named else Markup(""),
        slug=plot.slug,
        title=plot.title,
        description=plot.description,
    )


def line_key(series: Series, *, marked: bool = True) -> Markup:
    """The legend's drawing of a curve; the smallest pictures have no markers."""
    return swatch(
        line((1, 6), (25, 6), class_=f"curve {series.kind}", stroke_dasharray=series.dash),
        marker(series.rank, 13, 6, class_=f"mark {series.kind}") if marked and series.rank is not None else "",
    )


def _reference(frame: Frame, reference: tuple[float, str] | None) -> Markup:
    if reference is None or not frame.y.low < reference[0] < frame.y.high:
        return Markup("")
    y = frame.y(reference[0])
    return group(
        line((frame.left, y), (frame.right, y), class_="reference"),
        text(reference[1], frame.left + 4, y - 4, class_="tick"),
    )


def _band(frame: Frame, series: Series) -> Markup:
    if series.low is None or series.high is None:
        return Markup("")
    lower, upper = frame.points(series.months, series.low), frame.points(series.months, series.high)
    return area(lower, upper, class_=f"band {series.kind}")


def _curve(frame: Frame, series: Series) -> Markup:
    points = frame.points(series.months, series.values)
    drawn = curve(points, class_=f"curve {series.kind}", stroke_dasharray=series.dash)
    if series.rank is None or frame.size.name in ("panel", "mini"):
        return drawn
    yearly = [(x, y) for (x, y), month in zip(points, series.months, strict=True) if month % 12 == 0 and month]
    marks = [marker(series.rank, x, y, class_=f"mark {series.kind}") for x, y in yearly if y is not None]
    return group(drawn, *marks)


def _names(frame: Frame, series: Sequence[Series]) -> Markup:
    ends = [(s, end) for s in series if (end := s.last()) is not None]
    return end_labels(frame, [(frame.y(end[1]), s.name, s.kind) for s, end in ends])
