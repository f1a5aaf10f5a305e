"""The keys `until` and `max_scenarios`: checked against the rest, and part of what a run is called by only when set."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackrisk.config import ConfigProblems, Settings, checked, load_settings
from rackrisk.kernels.engines import MAX_SCENARIOS
from rackrisk.manifest import config_hash

from .conftest import Command


def settings_of(*overrides: str) -> Settings:
    return load_settings(overrides)[0]


def rules_of(*overrides: str) -> dict[str, str]:
    with pytest.raises(ConfigProblems) as caught:
        load_settings(overrides)
    return {p.key: p.rule for p in caught.value.problems}


def hash_of(*overrides: str) -> str:
    return config_hash(settings_of(*overrides), [])


@pytest.mark.parametrize("model", ["structural", "copula"])
def test_a_run_without_a_target_has_its_scenarios(model: str) -> None:
    settings = settings_of(f"model={model}", "scenarios=123")
    assert (settings.until, settings.target, settings.most) == (None, None, 123)


@pytest.mark.parametrize("model", ["structural", "copula"])
def test_a_target_arrives_in_one_spelling(model: str) -> None:
    settings = settings_of(f"model={model}", "until=ES:.9990:1.0%", "scenarios=1e4", "max_scenarios=1e6")
    assert (settings.until, settings.most, settings.scenarios) == ("ES:0.999:1%", 1_000_000, 10_000)
    assert settings.target is not None
    assert (settings.target.measure, settings.target.level, settings.target.share) == ("ES", 0.999, 0.01)


@pytest.mark.parametrize(
    ("overrides", "most"),
    [
        (("until=EL:1%", "scenarios=20000"), 1_000_000),
        (("until=EL:1%", "scenarios=100"), 10_000),
        (("until=ES:0.999:1%", "scenarios=100"), 4_000_000),
        (("until=EL:1%", "scenarios=2000000"), MAX_SCENARIOS),
    ],
)
def test_the_limit_where_none_is_said(overrides: tuple[str, ...], most: int) -> None:
    assert settings_of(*overrides).most == most


@pytest.mark.parametrize(
    ("overrides", "key", "words"),
    [
        (("until=ES",), "until", "must be MEASURE:P%"),
        (("until=ES:1.5:1%",), "until", "strictly between 0 and 1"),
        (("until=1",), "until", "must be text"),
        (("until=ES:0.95:1%",), "until", "one of measures.levels, which are 0.99, 0.999"),
        (("until=ES:0.99999999:1%", "measures.levels=[0.99999999]"), "until", "to be known at all"),
        (("max_scenarios=10",), "max_scenarios", "has no effect without `until`"),
        (("until=EL:1%", "max_scenarios=0"), "max_scenarios", "greater than or equal to 1"),
        (("until=EL:1%", "max_scenarios=1e12"), "max_scenarios", "less than or equal to"),
        (("until=EL:1%", "max_scenarios=10000"), "max_scenarios", "at least `scenarios`, 20,000"),
        (("until=ES:0.999:1%", "max_scenarios=100000"), "max_scenarios", "at least 400,000"),
        (("untl=EL:1%",), "untl", "did you mean 'until'?"),
    ],
)
def test_a_target_that_no_run_can_meet_is_refused(overrides: tuple[str, ...], key: str, words: str) -> None:
    rules = rules_of(*overrides)
    assert set(rules) == {key}
    assert words in rules[key]


def test_every_problem_of_a_target_is_listed_with_the_others() -> None:
    assert set(rules_of("until=es:1%", "scenarios=0", "seed=-1")) == {"until", "scenarios", "seed"}


def test_runs_without_a_target_keep_their_hash() -> None:
    assert hash_of() == hash_of("until=null", "max_scenarios=null")
    data = settings_of().model_dump(mode="json", exclude={"until", "max_scenarios"})
    before, problems = checked(data, "structural")  # a configuration that was written before there were targets
    assert problems == []
    assert before is not None
    assert config_hash(before, []) == hash_of()


def test_a_target_and_its_limit_are_part_of_the_hash() -> None:
    hashes = [hash_of(*o) for o in ((), ("until=EL:1%",), ("until=EL:2%",), ("until=EL:1%", "max_scenarios=30000"))]
    assert len(set(hashes)) == 4
    assert hash_of("until=EL:1.00%") == hashes[1]


def test_an_attribution_refuses_a_target(command: Command, folder: Path) -> None:
    outcome = command("attribute", "until=EL:1%")
    assert outcome.code == 2
    assert "the worlds that share a loss out all have the same scenarios" in outcome.words
    assert list(folder.iterdir()) == []
