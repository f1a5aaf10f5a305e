"""Names from tapes and configs made safe to show: visible, on one line, of bounded width.

Escaping for HTML happens later and everywhere (the template engine and `charts/_svg.py` do it). This module deals with
what escaping leaves alone: characters that are invisible, that reverse the text around them, or that grow on and on.
"""

from __future__ import annotations

import unicodedata

#: Marks stacked on one letter beyond this number are dropped: a tower of them would cover the lines above.
MAX_COMBINING = 3

#: Characters of a name that tables and legends show.
NAME_LIMIT = 44

#: General categories without a glyph of their own: controls, format characters (all bidirectional controls are among
#: them), surrogates, private use, unassigned, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Width in em of characters in a wide sans-serif face. Only label placement depends on it, so it errs to the wide side.
_NARROW, _WIDE, _UPPER, _DIGIT, _OTHER = 0.38, 0.95, 0.70, 0.64, 0.60


def plain(value: object) -> str:
    """Text of `value` with every invisible character shown as `<U+XXXX>` and white space made plain spaces."""
    shown: list[str] = []
    stacked = 0
    for character in str(value):
        stacked = stacked + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if stacked <= MAX_COMBINING:
            shown.append(_visible(character))
    return "".join(shown)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs" or character in "\t\n\r":
        return " "
    return f"<U+{ord(character):04X}>" if category in _INVISIBLE else character


def shorten(text: str, limit: int) -> str:
    """`text` cut to `limit` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def label(name: object) -> str:
    """A scope or segment for a reader: `data_centre` reads `data centre`, anything unusual stays as it is."""
    text = plain(name)
    return text.replace("_", " ") if text.replace("_", "").isalnum() else text


def text_width(text: str, size: float) -> float:
    """Estimated width of `text` in pixels at a font size in pixels."""
    return size * sum(_em(character) for character in text)


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 1.3
    if character in "iljtfrI.,;:'|!()[] \u00a0":
        return _NARROW
    if character in "mwMW%@—":
        return _WIDE
    if character.isupper():
        return _UPPER
    return _DIGIT if character.isdigit() else _OTHER


def fit(text: str, *, width: float, size: float) -> str:
    """The longest beginning of `text` that fits into `width` pixels, with an ellipsis where it was cut."""
    if text_width(text, size) <= width:
        return text
    cut = text
    while cut and text_width(cut + "…", size) > width:
        cut = cut[:-1]
    return cut.rstrip() + "…"
