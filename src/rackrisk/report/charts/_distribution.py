"""Two views of the loss distribution: how often each size of loss occurs, and how likely a larger one is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from .._format import compact
from .._text import text_width
from ._frame import (
    LABEL_SIZE,
    Flag,
    Frame,
    Size,
    draw_flags,
    flag_margin,
    framed,
    svg,
    x_axis,
    y_axis,
    zero_scale,
)
from ._scale import Scale, ceiling, round_step
from ._svg import area, curve, element, group, line, marker, text

Floats = NDArray[np.float64]

#: Bins of the histogram at most, and points of the exceedance curve.
BINS, POINTS = 48, 140


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Share of scenarios by loss: `edges` has one entry more than `shares`; in units of the axis."""

    edges: Sequence[float]
    shares: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Exceedance:
    """Probability of a loss of at least each size, with a pointwise interval where scenarios have equal weights."""

    losses: Sequence[float]
    shares: Sequence[float]
    low: Sequence[float] | None
    high: Sequence[float] | None


@dataclass(frozen=True, kw_only=True)
class Tail:
    """VaR or ES at a level: where it lies on the loss axis and on the probability axis."""

    flag: Flag
    share: float
    above: bool


@dataclass(frozen=True, kw_only=True)
class LossPlot:
    """What both pictures say about themselves."""

    slug: str
    title: str
    description: str
    axis: str


def histogram(losses: Floats, weights: Floats) -> Histogram:
    """Bins of a round width from zero to the largest loss."""
    width = round_step(float(losses.max()), BINS)
    bins = max(1, math.ceil(float(losses.max()) / width - 1e-9))
    edges = np.arange(bins + 1) * width
    counts, _ = np.histogram(np.minimum(losses, edges[-1]), bins=edges, weights=weights)
    return Histogram(edges=edges.tolist(), shares=(counts / weights.sum()).tolist())


def exceedance(losses: Floats, weights: Floats, *, z: float) -> Exceedance:
    """The curve at up to `POINTS` losses, evenly spaced in the logarithm of the probability.

    The interval is Wilson's for a share of `n` equally weighted scenarios.
    """
    order = np.argsort(-losses, kind="stable")
    ordered, reached = losses[order], np.cumsum(weights[order]) / weights.sum()
    n = len(ordered)
    ranks = np.unique(np.round(np.geomspace(1, n, min(POINTS, n))).astype(int)) - 1
    ranks = np.unique(np.searchsorted(-ordered, -ordered[ranks], side="right") - 1)  # ties: all of them count
    shares = np.minimum(reached[ranks], 1.0)
    equal = bool(np.all(weights == weights[0]))
    low, high = wilson(shares, n, z) if equal else (None, None)
    return Exceedance(
        losses=ordered[ranks].tolist(),
        shares=shares.tolist(),
        low=None if low is None else low.tolist(),
        high=None if high is None else high.tolist(),
    )


def wilson(shares: Floats, n: int, z: float) -> tuple[Floats, Floats]:
    """Wilson's score interval (1927) for shares observed in `n` independent trials."""
    centre = (shares + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(shares * (1 - shares) / n + z * z / (4 * n * n))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def draw_histogram(plot: LossPlot, bars: Histogram, flags: Sequence[Flag], size: Size) -> Markup:
    """Bars of shares with the measures marked above them."""
    x = Scale(low=0.0, high=_end(bars.edges[-1], flags, size), start=0, end=1)
    y = zero_scale(bars.shares, size)
    frame = framed(size, x, y, write=_percent, margin=flag_margin(x, flags, size))
    boxes = [
        _box(frame, (left, right), share)
        for left, right, share in zip(bars.edges, bars.edges[1:], bars.shares, strict=False)
        if share > 0.0
    ]
    return svg(
        size,
        y_axis(frame, write=_percent),
        group(*boxes),
        x_axis(frame, x.ticks(_steps(size)), title=plot.axis),
        draw_flags(frame, flags),
        slug=plot.slug,
        title=plot.title,
        description=plot.description,
    )


def draw_exceedance(
    plot: LossPlot,
    tail: Exceedance,
    marks: Sequence[Tail],
    size: Size,
    *,
    mean: Flag | None,
    rings: Sequence[tuple[float, float]] = (),
) -> Markup:
    """The curve on a logarithmic probability axis with VaR and ES as points with their intervals.

    `rings` are further points, (loss, probability), drawn hollow and without a name.
    """
    flags = [mean] if mean else []
    furthest = max([*tail.losses, *(loss for loss, _ in rings)])
    x = Scale(low=0.0, high=_end(furthest, [m.flag for m in marks], size), start=0, end=1)
    least = min(min(tail.shares), *(mark.share for mark in marks), 0.1)
    y = Scale(low=10.0 ** math.floor(math.log10(least) + 1e-9), high=1.0, start=0, end=1, log=True)
    top, right = flag_margin(x, flags, size)
    frame = framed(size, x, y, write=_percent, margin=(top, max(right, _tail_room(x, marks, size))))
    return svg(
        size,
        y_axis(frame, write=_percent),
        x_axis(frame, x.ticks(_steps(size)), title=plot.axis),
        _tail_band(frame, tail),
        draw_flags(frame, flags),
        curve(_points(frame, tail.losses, tail.shares), class_="curve loss"),
        *(_tail_mark(frame, mark) for mark in marks),
        *(element("circle", cx=frame.x(loss), cy=frame.y(share), r=7, class_="ring") for loss, share in rings),
        slug=plot.slug,
        title=plot.title,
        description=plot.description,
    )


def _percent(value: float) -> str:
    return f"{compact(100.0 * value)} %"


def _end(largest: float, flags: Sequence[Flag], size: Size) -> float:
    values = [largest, *(f.value for f in flags), *(f.high for f in flags if f.high is not None)]
    return ceiling(values, _steps(size))


def _steps(size: Size) -> int:
    return 5 if size.small else 8


def _box(frame: Frame, edges: tuple[float, float], share: float) -> Markup:
    left, right, top = frame.x(edges[0]), frame.x(edges[1]), frame.y(share)
    width = max(right - left - 0.8, 0.6)
    return element("rect", x=left, y=top, width=width, height=frame.bottom - top, class_="bar loss")


def _points(frame: Frame, losses: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float | None]]:
    return [(frame.x(v), frame.y(p)) for v, p in zip(losses, shares, strict=True)]


def _tail_band(frame: Frame, tail: Exceedance) -> Markup:
    if tail.low is None or tail.high is None:
        return Markup("")
    lower, upper = _points(frame, tail.losses, tail.low), _points(frame, tail.losses, tail.high)
    return area(lower, upper, class_="band loss")


def _tail_room(x: Scale, marks: Sequence[Tail], size: Size) -> float:
    """Right margin that holds the names right of ES; a little more than needed, since it moves the marks itself."""
    guess = replace(x, start=60.0, end=size.width - 14.0)
    flags = [mark.flag for mark in marks if mark.above]
    ends = [guess(f.value if f.high is None else f.high) + 10 + text_width(f.text, LABEL_SIZE) for f in flags]
    return 14.0 + max(0.0, *(end - size.width for end in ends)) if ends else 14.0


def _tail_mark(frame: Frame, mark: Tail) -> Markup:
    flag, y = mark.flag, frame.y(mark.share)
    x, low, high = (frame.x(flag.value if v is None else v) for v in (flag.value, flag.low, flag.high))
    known = [at for at, bound in ((low, flag.low), (high, flag.high)) if bound is not None]
    ends = [line((at, y - 4), (at, y + 4), class_=f"whisker {flag.kind}") for at in known]
    return group(
        line((low, y), (high, y), class_=f"whisker {flag.kind}"),
        *ends,
        marker(3 if mark.above else 0, x, y, class_=f"mark {flag.kind}"),
        _tail_text(frame, mark, (low, high)),
    )


def _tail_text(frame: Frame, mark: Tail, reach: tuple[float, float]) -> Markup:
    """VaR lies on the curve, so its name goes to the free side below left; ES lies right of it, so right."""
    y, width, kind = frame.y(mark.share), text_width(mark.flag.text, LABEL_SIZE), f"label {mark.flag.kind}"
    if mark.above and reach[1] + 8 + width < frame.size.width:
        return text(mark.flag.text, reach[1] + 8, y + 4, class_=kind)
    if not mark.above and reach[0] - 8 - width > frame.left:
        return text(mark.flag.text, reach[0] - 8, y + 4, class_=kind, text_anchor="end")
    x = min(max(frame.x(mark.flag.value), frame.left + width / 2), frame.right - width / 2)
    return text(mark.flag.text, x, y - 9 if mark.above else y + 18, class_=kind, text_anchor="middle")
