"""`market=FILE.yaml`: a market of the user's own on top of a shipped one, in the form of the files in conf/market."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rackrisk.data import expanded

from ._overrides import MARKET_FILES, Override, screen
from ._problems import ConfigProblem
from ._suggest import did_you_mean
from ._yaml import plain_mapping

_FORM = "must begin with `defaults: [base, _self_]`, the shipped market it inherits and itself"


@dataclass(frozen=True)
class MarketFile:
    """What a file changes in the shipped market that it inherits, and what the run folder calls it."""

    changes: Mapping[str, Any]
    label: str


def market_of(
    overrides: Sequence[Override], shipped: Sequence[str]
) -> tuple[list[Override], MarketFile | None, list[ConfigProblem]]:
    """Takes market files out of the overrides: the last choice of a market counts, as in any group.

    Args:
        overrides: of the command line and of Python, in their order.
        shipped: names of the shipped markets.

    Returns:
        The overrides with the shipped market that the file inherits in its place, the file if there is one, and what is
        wrong with it. Nothing in it is resolved or run: interpolations that call something are among the problems.
    """
    last = next((o for o in reversed(overrides) if o.key == "market"), None)
    plain = [o for o in overrides if not _names_a_file(o)]
    if last is None or not _names_a_file(last):
        return plain, None, []
    parent, changes, problems = _read(last.value, shipped)
    file = None if problems else MarketFile(changes, market_label(last.value))
    return [*plain, Override("market", parent)], file, problems


def _names_a_file(override: Override) -> bool:
    value = override.value
    return override.key == "market" and isinstance(value, str) and value.lower().endswith(MARKET_FILES)


def _read(name: str, shipped: Sequence[str]) -> tuple[str, dict[str, Any], list[ConfigProblem]]:
    """The shipped market that a file inherits, what it changes, and what is wrong with it."""
    data = _load(name)
    if isinstance(data, str):
        return "base", {}, [ConfigProblem("market", name, data)]
    parents = data.pop("defaults", None)
    if not isinstance(parents, list) or len(parents) != 2 or parents[1] != "_self_":
        return "base", {}, [ConfigProblem("market", name, _FORM)]
    parent = str(parents[0])
    if parent not in shipped:
        rule = f"inherits an unknown market; choose one of {', '.join(shipped)}{did_you_mean(parent, shipped)}"
        return "base", {}, [ConfigProblem("market", parent, rule)]
    return parent, data, screen(data, "market")


def market_label(name: str) -> str:
    """What a run folder calls the market: the file's name without its ending, in letters that a folder may have."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", Path(name).stem)[:40].lstrip(".-") or "file"


def _load(name: str) -> dict[str, Any] | str:
    """The mapping in a YAML file, or why there is none."""
    try:
        return plain_mapping(expanded(name))
    except ValueError as error:
        return str(error)


def laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` put into it section by section; lists are replaced whole, new keys stay for the check."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = laid_over(below, value) if both and isinstance(below, Mapping) else value
    return merged
