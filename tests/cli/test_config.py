"""Good configuration: every shipped choice is valid, values arrive as given, nothing is left behind in the process."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra

import rackrisk.conf
from rackrisk.config import SHAPES, ConfigProblems, StructuralSettings, load_settings, structural_settings
from rackrisk.config._limits import memory_needed_bytes

from .conftest import Command

CONF = Path(rackrisk.conf.__path__[0])
NOT_YET = {"engine=cuda"}  # refused by name, see test_problems.py
NAMES = {"equal_names"}  # portfolios of names, which only the copula model takes
CHOICES = sorted({f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml")} - NOT_YET)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_shipped_choice_is_valid(choice: str) -> None:
    group, option = choice.split("=")
    of_copula = group == "portfolio" and option in NAMES
    _, choices = load_settings([*(["model=copula"] if of_copula else []), choice])
    assert choices[group] == option


def test_the_defaults_are_the_documented_ones() -> None:
    settings, (_, choices) = structural_settings(), load_settings()
    assert (settings.scenarios, settings.months, settings.seed, settings.as_of) == (20_000, 60, 1, date(2026, 8, 31))
    assert choices == {
        "model": "structural", "portfolio": "compute_credit", "market": "base", "recovery": "base", "engine": "auto",
        "executor": "local", "measures": "default",
    }  # fmt: skip
    assert all(settings.mechanisms.model_dump().values())
    assert settings.measures.levels == (0.99, 0.999)


def test_overrides_arrive_as_given() -> None:
    settings, _ = load_settings(
        [
            "scenarios=1e5",
            "seed=18446744073709551615",
            "measures.levels=[0.5]",
            "as_of=2025-01-31",
            "name=a-b.c",
            "months=7",
        ]
    )
    assert isinstance(settings, StructuralSettings)
    assert (settings.scenarios, settings.seed, settings.measures.levels) == (100_000, 2**64 - 1, (0.5,))
    assert (settings.as_of, settings.name, settings.months) == (date(2025, 1, 31), "a-b.c", 7)


def test_python_values_win_over_arguments_and_may_be_nested() -> None:
    settings, choices = load_settings(
        ["seed=1", "portfolio=synthetic"],
        {
            "seed": 2,
            "portfolio": "miners",
            "mechanisms": {"offtake": False},
            "measures.levels": (0.9,),
            "as_of": date(2026, 1, 1),
        },
    )
    assert isinstance(settings, StructuralSettings)
    assert (settings.seed, choices["portfolio"], settings.mechanisms.offtake) == (2, "miners", False)
    assert (settings.measures.levels, settings.as_of) == ((0.9,), date(2026, 1, 1))


def test_python_values_are_checked_like_arguments() -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_settings([], {"sceanrios": 5, "out": "${oc.env:HOME}", "_target_": "x", "seed": "1", "portfolio": "mners"})
    assert {p.key for p in caught.value.problems} == {"sceanrios", "out", "_target_", "seed", "portfolio"}


def test_a_plain_reference_to_another_key_is_resolved() -> None:
    settings, _ = load_settings(["seed=${months}"])
    assert settings.seed == 60


def test_an_experiment_overrides_groups_and_an_argument_overrides_the_experiment() -> None:
    settings, choices = load_settings(["experiment=quick_look", "months=12"])
    assert isinstance(settings, StructuralSettings)
    assert (settings.scenarios, settings.months, choices["experiment"]) == (2_000, 12, "quick_look")


def test_plus_signs_before_a_known_key_do_no_harm() -> None:
    settings, choices = load_settings(["+portfolio=miners", "++seed=3", "+months=5"])
    assert isinstance(settings, StructuralSettings)
    assert (choices["portfolio"], settings.seed, settings.months) == ("miners", 3, 5)


@pytest.mark.parametrize("none", ["experiment=null", "~experiment"])
def test_the_last_choice_counts_and_none_is_no_experiment(none: str) -> None:
    _, choices = load_settings(["market=flat", "experiment=quick_look", "market=base", none])
    assert choices["market"] == "base"
    assert "experiment" not in choices
    assert "experiment" not in load_settings([], {"experiment": None})[1]


def test_settings_cannot_be_changed() -> None:
    settings, _ = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "seed", 3)  # noqa: B010 - an assignment would not pass the type check


def test_the_hydra_state_of_the_calling_program_survives() -> None:
    with initialize_config_module("rackrisk.conf", version_base="1.3"):
        before = GlobalHydra.instance().hydra
        load_settings()
        assert GlobalHydra.instance().hydra is before
    assert not GlobalHydra.instance().is_initialized()


def test_the_memory_bound_grows_with_scenarios_scopes_and_facilities() -> None:
    row = SHAPES["structural"].bytes_of_row(load_settings()[0])
    one = memory_needed_bytes(1_000_000, book_bytes=1_000 * row, segments=1)
    assert one < memory_needed_bytes(1_000_000, book_bytes=1_000 * row, segments=4)
    assert one < memory_needed_bytes(1_000_000, book_bytes=100_000 * row, segments=1)
    assert one < 2**30


@pytest.mark.parametrize("arguments", [("show-config",), ("--cfg",), ("run", "--cfg")])
def test_show_config_prints_a_complete_configuration_that_reads_back(
    command: Command, arguments: tuple[str, ...]
) -> None:
    from omegaconf import OmegaConf

    outcome = command(*arguments, "portfolio=miners", "seed=7")
    assert outcome.code == 0
    data = OmegaConf.to_container(OmegaConf.create(outcome.out))
    assert isinstance(data, dict)
    settings, _ = load_settings(["portfolio=miners", "seed=7"])
    assert data == settings.model_dump(mode="json")
