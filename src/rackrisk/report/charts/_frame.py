"""The frame of a picture: size, margins, axes with round numbers, direct labels that keep clear of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from .._format import compact
from .._text import fit, text_width
from ._scale import Scale, ceiling, flag_rows, month_ticks, spread
from ._svg import Point, element, group, join, line, text

#: Writes the number at a tick.
Write = Callable[[float], str]

#: Font sizes in pixels, the same in the style sheet: labels are placed by them.
LABEL_SIZE = 12.0

#: Styles of series: class `s0` to `s7` in the style sheet set the colour; dash and marker tell them apart without it.
SERIES = 8
DASHES = (None, "7 3", "2 3", "9 3 2 3", "4 2", "12 3", "1 2", "7 2 2 2 2 2")


@dataclass(frozen=True, kw_only=True)
class Size:
    """Pixels of a drawing and the class under which the style sheet shows or hides it."""

    name: str
    width: float
    height: float

    @property
    def small(self) -> bool:
        """True for the sizes made for a phone."""
        return self.name in ("narrow", "mini")


WIDE = Size(name="wide", width=540, height=320)
BROAD = Size(name="wide", width=900, height=320)
NARROW = Size(name="narrow", width=350, height=280)
PANEL = Size(name="panel", width=262, height=176)
MINI = Size(name="mini", width=172, height=148)
LARGE, SMALL = (WIDE, NARROW), (PANEL, MINI)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A drawing's size and its two scales, which span the plotting area."""

    size: Size
    x: Scale
    y: Scale

    @property
    def left(self) -> float:
        """Pixel of the vertical axis."""
        return self.x.start

    @property
    def right(self) -> float:
        """Pixel of the right end of the plotting area."""
        return self.x.end

    @property
    def top(self) -> float:
        """Pixel of the upper end of the plotting area."""
        return self.y.end

    @property
    def bottom(self) -> float:
        """Pixel of the horizontal axis."""
        return self.y.start

    def points(self, xs: Iterable[float], ys: Iterable[float | None]) -> list[Point]:
        """Pixels of data points; a missing value stays missing."""
        return [(self.x(x), None if y is None else self.y(y)) for x, y in zip(xs, ys, strict=True)]


def framed(size: Size, x: Scale, y: Scale, *, write: Write = compact, margin: tuple[float, float] = (24, 12)) -> Frame:
    """A frame that keeps the data ranges of two scales and leaves room for axes and for `margin` (top, right)."""
    ticks = [write(tick) for tick in y.ticks(tick_count(size))]
    left = 8 + max((text_width(tick, LABEL_SIZE) for tick in ticks), default=20.0)
    bottom = size.height - (22 if size.name in ("panel", "mini") else 36)
    across, up = replace(x, start=left, end=size.width - margin[1]), replace(y, start=bottom, end=margin[0])
    return Frame(size=size, x=across, y=up)


def months_scale(months: int) -> Scale:
    """Months from the as-of date, data range only."""
    return Scale(low=0.0, high=float(max(months, 1)), start=0.0, end=1.0)


def zero_scale(values: Iterable[float], size: Size, *, most: float = float("inf")) -> Scale:
    """From zero to a round number not below any value and not above `most`, data range only."""
    return Scale(low=0.0, high=min(ceiling(values, tick_count(size)), most), start=0.0, end=1.0)


def tick_count(size: Size) -> int:
    """How many steps a vertical axis of this size has at most."""
    return 6 if size.height > 250 else 4


def svg(size: Size, *parts: str, slug: str, title: str, description: str) -> Markup:
    """The root of a drawing: a picture with a name and a description for those who cannot see it."""
    name, about = f"{slug}-{size.name}-t", f"{slug}-{size.name}-d"
    return element(
        "svg",
        element("title", title, id=name),
        element("desc", description, id=about),
        *parts,
        class_=f"chart {size.name}",
        viewBox=f"0 0 {size.width:g} {size.height:g}",
        role="img",
        aria_labelledby=f"{name} {about}",
    )


def y_axis(frame: Frame, *, write: Write = compact, title: str = "") -> Markup:
    """Horizontal grid lines with their numbers; the title, if any, stands level above the axis."""
    parts: list[Markup] = []
    for tick in frame.y.ticks(tick_count(frame.size)):
        y = frame.y(tick)
        parts.append(line((frame.left, y), (frame.right, y), class_="grid"))
        parts.append(text(write(tick), frame.left - 6, y + 4, class_="tick", text_anchor="end"))
    if title:
        parts.append(text(title, 0, 11, class_="axis"))
    return group(*parts)


def x_axis(frame: Frame, ticks: Sequence[float], *, write: Write = compact, title: str = "") -> Markup:
    """The base line, small marks and numbers below it, the title at its right end."""
    parts = [line((frame.left, frame.bottom), (frame.right, frame.bottom), class_="base")]
    for tick in ticks:
        x = frame.x(tick)
        parts.append(line((x, frame.bottom), (x, frame.bottom + 4), class_="base"))
        parts.append(text(write(tick), x, frame.bottom + 17, class_="tick", text_anchor="middle"))
    if title:
        parts.append(text(title, frame.right, frame.bottom + 32, class_="axis", text_anchor="end"))
    return group(*parts)


def months_axis(frame: Frame) -> Markup:
    """The horizontal axis of a picture over time; the smallest pictures leave its title to the caption."""
    small = frame.size.name in ("panel", "mini")
    ticks = month_ticks(round(frame.x.high), 3 if frame.size.name == "mini" else 6)
    return x_axis(frame, ticks, title="" if small else "months from the as-of date")


def end_labels(frame: Frame, labels: Sequence[tuple[float, str, str]]) -> Markup:
    """Names at the right ends of curves, given as (pixel, text, class), moved apart and tied to their curve."""
    placed = spread([y for y, _, _ in labels], gap=LABEL_SIZE + 2, low=frame.top, high=frame.bottom)
    width = frame.size.width - frame.right - 14
    parts: list[Markup] = []
    for (y, content, kind), at in zip(labels, placed, strict=True):
        if abs(at - y) > 1.5:
            parts.append(line((frame.right + 1, y), (frame.right + 11, at), class_="leader"))
        parts.append(text(fit(content, width=width, size=LABEL_SIZE), frame.right + 13, at + 4, class_=f"label {kind}"))
    return group(*parts)


def label_room(labels: Iterable[str], size: Size) -> float:
    """Right margin that holds `labels`, at most a third of the picture."""
    widest = max((1.1 * text_width(content, LABEL_SIZE) for content in labels), default=0.0)  # some are bold
    return min(widest + 18, size.width / 3)


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A value marked over the whole height of a picture: where, how surely, called what."""

    value: float
    text: str
    low: float | None = None
    high: float | None = None
    kind: str = ""


def flag_margin(x: Scale, flags: Sequence[Flag], size: Size) -> tuple[float, float]:
    """Top and right margins that flags in the order of their values need above a plot of about the right width."""
    guess = replace(x, start=50.0, end=size.width - 14.0)
    right = 14.0
    if flags:
        right = max(14.0, guess(flags[-1].value) + _flag_width(flags[-1]) - size.width + 16.0)
    rows = _flag_rows(replace(guess, end=size.width - right), flags)
    return 16.0 + (max(rows) + 1) * _FLAG_STEP if rows else 14.0, right


def draw_flags(frame: Frame, flags: Sequence[Flag]) -> Markup:
    """Poles with their interval as a strip behind them and their names on top; flags are in order of their values."""
    parts: list[Markup] = []
    for flag, row in zip(flags, _flag_rows(frame.x, flags), strict=True):
        x, base = frame.x(flag.value), frame.top - 6 - row * _FLAG_STEP
        if flag.low is not None and flag.high is not None:
            left, right = frame.x(flag.low), frame.x(flag.high)
            strip = {"x": left, "width": max(right - left, 0.6), "y": frame.top, "height": frame.bottom - frame.top}
            parts.append(element("rect", **strip, class_=f"interval {flag.kind}"))
        parts.append(line((x, base - 9), (x, frame.bottom), class_=f"flag {flag.kind}"))
        parts.append(text(flag.text, x + 4, base, class_=f"label {flag.kind}"))
    return group(*parts)


_FLAG_STEP = LABEL_SIZE + 3


def _flag_width(flag: Flag) -> float:
    return 1.1 * text_width(flag.text, LABEL_SIZE) + 8


def _flag_rows(x: Scale, flags: Sequence[Flag]) -> list[int]:
    return flag_rows([x(flag.value) for flag in flags], [_flag_width(flag) for flag in flags])


def swatch(*parts: str) -> Markup:
    """A drawing of 26 by 12 pixels for a legend; decoration, its text says the same."""
    return element("svg", join(parts), class_="swatch", viewBox="0 0 26 12", aria_hidden="true")
