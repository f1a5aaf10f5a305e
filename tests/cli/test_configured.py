"""Two runs differ in what their figures depend on, and in nothing else: keys that are told, and the hash, agree."""

from __future__ import annotations

import pytest

from rackrisk.config import load_settings
from rackrisk.configured import changes, configured, named
from rackrisk.manifest import config_hash


def difference(*overrides: str) -> tuple[list[str], bool]:
    """The keys that differ from the defaults, and whether the hash does."""
    both = [load_settings(words) for words in ((), overrides)]
    found = changes(*(configured(settings.model_dump(mode="json"), choices) for settings, choices in both))
    return [change.key for change in found], len({config_hash(settings, []) for settings, _ in both}) == 2


@pytest.mark.parametrize(
    "override", ["executor=ray", "executor.workers=3", "executor.shard_scenarios=64", "name=x", "out=x"]
)
def test_what_no_figure_depends_on_is_no_difference(override: str) -> None:
    assert difference(override) == ([], False)


@pytest.mark.parametrize("override", ["seed=7", "mechanisms.vacuum=false", "measures.confidence=0.9"])
def test_what_figures_depend_on_is_named(override: str) -> None:
    assert difference(override) == ([override.partition("=")[0]], True)


def test_many_keys_are_counted() -> None:
    keys = dict.fromkeys("abcde", 1)
    assert named(changes(keys, {})) == "a, b, c and 2 more"
    assert named(changes(keys, keys)) == ""
