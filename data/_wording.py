"""The rules of a single column in plain English: the same words in a list of problems and in `docs/tape.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import dataframely as dy

_PLAIN = {
    "nullability": "is required and must not be empty",
    "nan": "must be a finite number",
    "inf": "must be a finite number",
    "check__characters": "must not hold line breaks, control characters or invisible characters",
    "check__blanks": "must not begin or end with a blank",
    "check__length": "must have at most 200 characters",
    "check__segment": "must not be portfolio: that names the whole book in every result",
    "check__prose": "must not hold control characters",
    "check__prose_length": "must have at most 4000 characters",
}
_BOUNDS: dict[str, Callable[[str], str]] = {
    "min": "at least {}".format,
    "min_exclusive": "above {}".format,
    "max": "at most {}".format,
    "max_exclusive": "below {}".format,
}
# Percentages are the commonest slip, and a bound alone does not tell.
_HINTS = {
    "date": "",
    "decimal": " (a decimal: 0.05 means 5 %)",
    "multiple": " (a multiple: 1.25 means 1.25x)",
    "loading": " (a loading, the square root of an asset correlation)",
}


def rule_words(column: dy.Column, rule: str) -> str:
    """What `rule`, a rule name of dataframely without its column, asks of a cell of `column`."""
    if rule in _BOUNDS:
        return f"must be {bounds_words(column)}"
    if rule == "check__choice":
        return f"must be {choice_words(column)}"
    return _PLAIN[rule]


def bounds_words(column: dy.Column, *, with_unit: bool = True) -> str:
    """The bounds of a number, with its unit or without; empty when it has none."""
    bounds = {name: getattr(column, name, None) for name in _BOUNDS}
    parts = [_BOUNDS[name](_figure(bound)) for name, bound in bounds.items() if bound is not None]
    unit = meta(column)["unit"] if with_unit else ""
    hint = _HINTS.get(unit, f" {unit}" if unit else "")
    return " and ".join(parts) + hint if parts else ""


def choice_words(column: dy.Column) -> str:
    """The words that a column of choices takes."""
    *first, last = meta(column)["words"]
    return f"one of {', '.join(first)} or {last}" if first else last


def meta(column: dy.Column) -> dict[str, Any]:
    """The unit, level, default and words that the schema declares for `column`."""
    return column.metadata or {}


def _figure(bound: float | date) -> str:
    if isinstance(bound, date):
        return str(bound)
    return f"{bound:,.0f}".replace(",", " ") if 1e4 <= bound < 1e12 else f"{bound:g}".replace("e+", "e")
