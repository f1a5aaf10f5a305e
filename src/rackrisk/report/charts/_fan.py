"""Fans: the middle 90 % and 50 % of the paths, their median and mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ._frame import Frame, Size, end_labels, framed, months_axis, months_scale, svg, swatch, y_axis, zero_scale
from ._scale import Scale
from ._svg import area, curve, element, line

Values = Sequence[float | None]

#: Highest over lowest drawn value beyond which a scale from zero would hide the lower half of the paths.
LOG_RATIO = 60.0


@dataclass(frozen=True, kw_only=True)
class Fan:
    """Quantiles and mean of one channel by month."""

    slug: str
    title: str
    description: str
    months: Sequence[int]
    mean: Values
    quantiles: dict[str, Values]

    def numbers(self) -> list[float]:
        """Every number drawn."""
        return [v for part in (self.mean, *self.quantiles.values()) for v in part if v is not None]


def is_logarithmic(fans: Sequence[Fan]) -> bool:
    """Whether fans that share a scale need powers of ten."""
    values = [v for fan in fans for v in fan.numbers()]
    return bool(values) and min(values) > 0.0 and max(values) / min(values) > LOG_RATIO


def fan_scale(fans: Sequence[Fan], size: Size) -> Scale:
    """The vertical scale for one fan, or for several drawn side by side."""
    values = [v for fan in fans for v in fan.numbers()]
    if not is_logarithmic(fans):
        return zero_scale(values, size)
    return Scale(low=min(values) * 0.9, high=max(values) * 1.1, start=0, end=1, log=True)


def draw_fan(fan: Fan, size: Size, scale: Scale) -> Markup:
    """One fan in one size; the larger sizes name the quantiles at the right end."""
    named = size.name in ("wide", "narrow")
    margin = (12.0, 62.0 if named else 10.0)
    frame = framed(size, months_scale(max(fan.months, default=1)), scale, margin=margin)
    return svg(
        size,
        y_axis(frame),
        months_axis(frame),
        _between(frame, fan, ("p05", "p95"), "outer"),
        _between(frame, fan, ("p25", "p75"), "inner"),
        curve(frame.points(fan.months, fan.quantiles["p50"]), class_="curve median"),
        curve(frame.points(fan.months, fan.mean), class_="curve mean", stroke_dasharray="5 3"),
        _names(frame, fan) if named else "",
        slug=fan.slug,
        title=fan.title,
        description=fan.description,
    )


def fan_keys() -> list[tuple[Markup, str]]:
    """The legend of every fan."""
    return [
        (swatch(element("rect", x=1, y=1, width=24, height=10, class_="fan outer")), "5 to 95\u00a0% of paths"),
        (swatch(element("rect", x=1, y=1, width=24, height=10, class_="fan inner")), "25 to 75\u00a0%"),
        (swatch(line((1, 6), (25, 6), class_="curve median")), "median"),
        (swatch(line((1, 6), (25, 6), class_="curve mean", stroke_dasharray="5 3")), "mean"),
    ]


def _between(frame: Frame, fan: Fan, names: tuple[str, str], kind: str) -> Markup:
    lower, upper = (frame.points(fan.months, fan.quantiles[name]) for name in names)
    return area(lower, upper, class_=f"fan {kind}")


def _names(frame: Frame, fan: Fan) -> Markup:
    words = {"p95": "95\u00a0%", "p75": "75\u00a0%", "p50": "median", "p25": "25\u00a0%", "p05": "5\u00a0%"}
    ends = [(words[name], _last(values)) for name, values in fan.quantiles.items() if name in words]
    return end_labels(frame, [(frame.y(value), word, "") for word, value in ends if value is not None])


def _last(values: Values) -> float | None:
    return next((v for v in reversed(values) if v is not None), None)
