"""SVG elements as escaped markup: the one place where pictures become text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup, escape

Point = tuple[float, float | None]


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """`<tag ...>children</tag>` with everything escaped that is not markup already.

    A trailing underscore of an attribute is dropped (`class_`), other underscores become hyphens; numbers have at most
    one decimal, a tenth of a pixel; attributes that are None are left out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = join(children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>" if children else f"<{tag}{written}/>")


def join(parts: Iterable[str]) -> Markup:
    """Parts one after the other, plain strings escaped."""
    return Markup("".join(escape(part) for part in parts))


def group(*children: str, **attributes: object) -> Markup:
    """`<g>`; empty without children."""
    return element("g", *children, **attributes) if children else Markup("")


def line(start: tuple[float, float], end: tuple[float, float], **attributes: object) -> Markup:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def text(content: str, x: float, y: float, **attributes: object) -> Markup:
    """A line of text with its base line at `y`."""
    return element("text", content, x=x, y=y, **attributes)


def curve(points: Sequence[Point], **attributes: object) -> Markup:
    """A path through `points`, broken where a value is missing."""
    commands = [_commands(piece) for piece in _pieces(points)]
    return element("path", d="".join(commands), **attributes) if commands else Markup("")


def area(lower: Sequence[Point], upper: Sequence[Point], **attributes: object) -> Markup:
    """The region between two curves over the same x, broken where either is missing."""
    both = [(x, low, high) for (x, low), (_, high) in zip(lower, upper, strict=True)]
    gaps = [(x, None if low is None or high is None else low) for x, low, high in both]
    tops = {x: high for x, low, high in both if low is not None and high is not None}
    outlines = [[*piece, *((x, tops[x]) for x, _ in reversed(piece))] for piece in _pieces(gaps)]
    return element("path", d="".join(_commands(o) + "Z" for o in outlines), **attributes) if outlines else Markup("")


def marker(shape: int, x: float, y: float, **attributes: object) -> Markup:
    """One of six shapes that differ without colour: disc, square, triangle, diamond, lower triangle, cross."""
    outline = _SHAPES[shape % len(_SHAPES)]
    points = " ".join(f"{_value(x + dx)},{_value(y + dy)}" for dx, dy in outline)
    if not outline:
        return element("circle", cx=x, cy=y, r=3.4, **attributes)
    return element("polygon", points=points, **attributes)


_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-3, -3), (3, -3), (3, 3), (-3, 3)),
    ((0, -4.2), (4, 3), (-4, 3)),
    ((0, -4.4), (4.4, 0), (0, 4.4), (-4.4, 0)),
    ((-4, -3), (4, -3), (0, 4.2)),
    ((-1.2, -4), (1.2, -4), (1.2, -1.2), (4, -1.2), (4, 1.2), (1.2, 1.2), (1.2, 4), (-1.2, 4), (-1.2, 1.2), (-4, 1.2),
     (-4, -1.2), (-1.2, -1.2)),
)  # fmt: skip


def _pieces(points: Sequence[Point]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x, y))
    return [piece for piece in pieces if piece]


def _commands(points: Sequence[tuple[float, float]]) -> str:
    """Steps between points in whole tenths of a pixel: shorter than positions, and their sum does not drift."""
    places = [(round(10 * x), round(10 * y)) for x, y in points]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(places)] or [(0, 0)]
    return f"M{_pair(*places[0])}l" + " ".join(_pair(*step) for step in steps)


def _pair(x: int, y: int) -> str:
    return f"{x / 10:g} {y / 10:g}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")  # adding zero turns -0.0 into 0.0
    return str(value)
