"""Charts of the report as one SVG file of its own: nothing to fetch, no script, no style but its own.

Programs that show SVG outside a browser know no variables of style sheets, so the colours of the page's light palette
are written out, on a white ground.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

from markupsafe import Markup

from .charts import element

_HEAD, _GAP, _MARGIN = 46.0, 22.0, 16.0
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
#: Classes of `templates/style.css` that these charts use: what they colour, and with which colour of the palette.
_RULES = (
    (".grid", "stroke", "grid"),
    (".base, .leader", "stroke", "axis"),
    (".bar.whole", "fill", "ink"),
    (".bar.up", "fill", "s1"),
    (".bar.down", "stroke", "s2"),
    (".bar.down", "fill", "page"),
    (".whisker", "stroke", "ink"),
    (".mark", "fill", "ink"),
    (".mark", "stroke", "page"),
    (".curve.el, .whisker.el", "stroke", "s0"),
    (".curve.var, .whisker.var", "stroke", "s1"),
    (".curve.es, .whisker.es", "stroke", "s3"),
    (".mark.el", "fill", "s0"),
    (".mark.var", "fill", "s1"),
    (".mark.es", "fill", "s3"),
    ("text", "fill", "muted"),
    (".label, .title", "fill", "ink"),
)


@cache
def light_palette() -> dict[str, str]:
    """Colours of the page in its light scheme by name."""
    style = resources.files("rackrisk.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    block = re.search(r":root \{(.*?)\}", style, flags=re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block[1]))


def standalone(drawings: Sequence[tuple[str, str, Markup, float]], *, width: float, title: str, note: str) -> str:
    """One SVG document with drawings below each other.

    Args:
        drawings: heading, line below it, the drawing as `<svg>`, its height in pixels.
        width: of every drawing, pixels.
        title: name of the picture.
        note: last line, how to read it.
    """
    parts: list[Markup] = []
    y = _MARGIN
    for heading, line, drawing, height in drawings:
        parts.append(element("text", heading, x=_MARGIN, y=y + 16, class_="title"))
        parts.append(element("text", line, x=_MARGIN, y=y + 34))
        parts.append(element("svg", drawing, x=_MARGIN, y=y + _HEAD, width=width, height=height))
        y += _HEAD + height + _GAP
    parts.append(element("text", note, x=_MARGIN, y=y + 4))
    across, down = width + 2 * _MARGIN, y + _GAP
    ground = element("rect", width=across, height=down, fill=light_palette()["page"])
    size = {"width": f"{across:g}", "height": f"{down:g}", "viewBox": f"0 0 {across:g} {down:g}"}
    whole = element(
        "svg", element("title", title), element("style", _style()), ground, *parts,
        xmlns="http://www.w3.org/2000/svg", role="img", aria_label=title, **size,
    )  # fmt: skip
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}\n'


def _style() -> Markup:
    palette = light_palette()
    rules = [f"{where} {{ {what}: {palette[name]} }}" for where, what, name in _RULES]
    rules.append(f"text {{ font: 12px {_FONT} }} .title {{ font-size: 15px; font-weight: bold }}")
    rules.append(".whisker { stroke-width: 1.6 } .bar.down { stroke-width: 1.5 }")
    rules.append(".curve { fill: none; stroke-width: 1.5 }")
    return Markup("\n".join(rules))
