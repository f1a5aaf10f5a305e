"""What a run was configured with, by dotted key, and in what two runs were not configured alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Sections of the configuration, and groups of options, that no figure of a run depends on.
NO_FIGURE = frozenset({"name", "out", "attribution", "executor"})
ABSENT = "(absent)"
_KEYS_NAMED = 3


@dataclass(frozen=True)
class Change:
    """One thing that is not the same in both runs."""

    key: str
    first: Any
    second: Any


def configured(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """Options by group, then every value by its dotted key, without what no figure depends on.

    Args:
        config: a complete configuration as plain values.
        choices: the chosen option by group.
    """
    unset = {"max_scenarios"} if config.get("until") is None else set[str]()
    options, values = ({key: data[key] for key in data if key not in NO_FIGURE | unset} for data in (choices, config))
    return {**options, **_flat(values)}


def changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Change]:
    """What is not the same under the same key."""
    keys = dict.fromkeys([*first, *second])
    both = [Change(key, first.get(key, ABSENT), second.get(key, ABSENT)) for key in keys]
    return [change for change in both if change.first != change.second]


def named(found: list[Change]) -> str:
    """`seed, scenarios and 2 more`, or nothing."""
    more = f" and {len(found) - _KEYS_NAMED} more" if len(found) > _KEYS_NAMED else ""
    return ", ".join(change.key for change in found[:_KEYS_NAMED]) + more


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted keys of nested mappings."""
    if not isinstance(data, Mapping):
        return {prefix: data}
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found
