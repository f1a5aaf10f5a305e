"""References such as `${months}`: a value that is nothing but the name of another key takes the value found there.

Only single values and lists of them can be referred to, and a text is never put together from references: a few
lines of sections that refer to one another, or of texts that repeat one another, could stand for gigabytes.
"""

from __future__ import annotations

import re
from typing import Any

from ._problems import ConfigProblem

MOST_STEPS = 10  # references that lead to references; a circle has no end

_REFERENCE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_.]*)\}")
_NOWHERE, _SECTION = "leads to no key", "leads to a section; only single values and lists of them can be referred to"
_CIRCLE = f"leads on through more than {MOST_STEPS} references"


def is_reference(text: str) -> bool:
    """True for `${a.b}` and nothing beside it."""
    return _REFERENCE.fullmatch(text) is not None


def resolved(data: dict[str, Any]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """Plain data with every reference replaced by what it leads to, and a problem for each that leads nowhere."""
    problems: list[ConfigProblem] = []

    def inside(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {key: inside(below, f"{path}.{key}".lstrip(".")) for key, below in value.items()}
        if isinstance(value, list):
            return [inside(below, f"{path}.{place}") for place, below in enumerate(value)]
        if not isinstance(value, str):
            return value
        found, rule = _followed(value, data)
        if rule:
            problems.append(ConfigProblem(path, value, rule))
        return found

    return inside(data, ""), problems


def _followed(value: str, data: dict[str, Any]) -> tuple[Any, str]:
    """What a text stands for, and the rule that it breaks, if any."""
    found: Any = value
    for _ in range(MOST_STEPS):
        reference = _REFERENCE.fullmatch(found) if isinstance(found, str) else None
        if reference is None:
            return (value, _SECTION) if _is_more_than_values(found) else (found, _missing(found))
        try:
            found = _at(data, reference[1])
        except KeyError:
            return value, _NOWHERE
    return value, _CIRCLE


def _at(data: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(data, dict):
            raise KeyError(key)
        data = data[part]
    return data


def _is_more_than_values(found: Any) -> bool:
    entries = found if isinstance(found, list) else [found]
    return any(isinstance(entry, (dict, list)) or "${" in str(entry) for entry in entries)


def _missing(found: Any) -> str:
    """`???` is what the library writes for a value that must still be set."""
    return "is missing" if found == "???" else ""
