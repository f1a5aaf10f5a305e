"""Configuration of the copula model: every key works, and no key of another model is silently ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackrisk.config import SHAPES, ConfigProblem, ConfigProblems, load_settings
from rackrisk.config._compose import group_options, option_value
from rackrisk.config._copula import CopulaSettings

from .conftest import Command


def copula(*overrides: str) -> CopulaSettings:
    settings, choices = load_settings(["model=copula", *overrides])
    assert isinstance(settings, CopulaSettings)
    assert choices["model"] == "copula"
    return settings


def problems_of(*overrides: str) -> list[ConfigProblem]:
    with pytest.raises(ConfigProblems) as caught:
        load_settings(overrides)
    return caught.value.problems


def test_the_model_alone_is_a_complete_configuration() -> None:
    settings = copula()
    assert (settings.portfolio.name, settings.portfolio.count, settings.scenarios) == ("equal_names", 1000, 100_000)
    assert (settings.copula.dependence, settings.copula.horizon_years, settings.copula.lgd.kind) == (
        "gaussian", 1, "fixed",
    )  # fmt: skip
    assert settings.dependence.asset_correlation == settings.portfolio.asset_correlation == 0.1928


def test_the_shipped_correlation_is_that_of_the_basel_framework() -> None:
    import math

    settings = copula()
    weight = (1 - math.exp(-50 * settings.portfolio.pd)) / (1 - math.exp(-50))
    assert round(0.12 * weight + 0.24 * (1 - weight), 4) == settings.portfolio.asset_correlation


def test_every_key_of_the_model_arrives() -> None:
    settings = copula(
        "copula.dependence=t", "copula.dof=4", "copula.asset_correlation=0.3", "copula.horizon_years=5",
        "copula.lgd.kind=wrong_way", "copula.lgd.sd=0.2", "copula.lgd.correlation=0.5", "portfolio.count=7",
    )  # fmt: skip
    assert (settings.copula.dependence, settings.copula.dof, settings.copula.horizon_years) == ("t", 4.0, 5)
    assert (settings.copula.lgd.kind, settings.copula.lgd.sd, settings.copula.lgd.correlation) == (
        "wrong_way",
        0.2,
        0.5,
    )
    assert (settings.portfolio.count, settings.dependence.asset_correlation) == (7, 0.3)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{credit: {ai_demand: 0.4}}", {"credit": {"ai_demand": 0.4}}),
        ("[[1, 0.4], [0.4, 1]]", [[1.0, 0.4], [0.4, 1.0]]),
        ("null", None),
    ],
)
def test_factors_correlate_by_name_or_as_rows(given: str, expected: object) -> None:
    assert copula(f"copula.factor_correlation={given}").copula.factor_correlation == expected


def test_a_tape_wins_over_the_shipped_portfolio_and_its_correlation(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("obligor_id,ead,pd,lgd\na,1,0.1,0.5\n")
    settings = copula(f"portfolio.tape={tmp_path / 't.csv'}")
    assert settings.dependence.asset_correlation is None
    assert (
        copula(f"portfolio.tape={tmp_path / 't.csv'}", "copula.asset_correlation=0").dependence.asset_correlation == 0
    )


@pytest.mark.parametrize(
    "override",
    [
        "months=12", "+months=12", "as_of=2026-01-31", "market=flat", "market=base", "market.btc.price_usd=1",
        "recovery=thin", "recovery.system_multiple=2", "mechanisms.offtake=false", "engine.precision=float64",
        "mechanisms={offtake: false}", "~months", "experiment=quick_look", "market.nonsense=1",
    ],
)  # fmt: skip
def test_keys_of_the_structural_model_are_refused_with_what_to_do(override: str) -> None:
    problems = problems_of("model=copula", override)
    assert len(problems) == 1
    assert "belongs to model=structural, and this run has model=copula: leave it out" in problems[0].rule


def test_all_keys_of_another_model_are_named_at_once() -> None:
    problems = problems_of("model=copula", "months=3", "market=flat", "recovery=thin", "mechanisms.vacuum=false")
    assert {p.key for p in problems} == {"months", "market", "recovery", "mechanisms.vacuum"}


@pytest.mark.parametrize(
    "override", ["copula.dof=4", "+copula.dof=4", "copula.asset_correlation=0.2", "copula={dof: 3}"]
)
def test_keys_of_the_copula_model_are_refused_elsewhere(override: str) -> None:
    (problem,) = problems_of(override)
    assert "belongs to model=copula, and this run has model=structural" in problem.rule


@pytest.mark.parametrize(("model", "portfolio"), [("copula", "miners"), ("structural", "equal_names")])
def test_a_portfolio_of_another_model_is_refused_and_the_right_ones_are_named(model: str, portfolio: str) -> None:
    (problem,) = problems_of(f"model={model}", f"portfolio={portfolio}", "portfolio.count=200")
    assert (problem.key, problem.value) == ("portfolio", portfolio)
    assert "portfolio.tape=FILE" in problem.rule
    assert ("equal_names" if model == "copula" else "compute_credit") in problem.rule


def test_every_shipped_portfolio_belongs_to_a_model() -> None:
    kinds = option_value("portfolio", "kind")
    assert set(kinds) == set(group_options()["portfolio"])
    assert set(kinds.values()) == {shape.kind for shape in SHAPES.values()}
    assert set(SHAPES) == set(group_options()["model"])


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("copula.dof=2", "copula.dof"),
        ("copula.dof=4", "copula"),
        ("copula.dependence=t", "copula"),
        ("copula.dependence=clayton", "copula.dependence"),
        ("copula.asset_correlation=1", "copula.asset_correlation"),
        ("copula.asset_correlation=-0.1", "copula.asset_correlation"),
        ("copula.asset_correlation=.nan", "copula.asset_correlation"),
        ("copula.horizon_years=0", "copula.horizon_years"),
        ("copula.horizon_years=31", "copula.horizon_years"),
        ("copula.horizon_years=1.5", "copula.horizon_years"),
        ("copula.factor_correlation=[[1,2],[2,1]]", "copula.factor_correlation"),
        ("copula.factor_correlation=[[1,0.5],[0.4,1]]", "copula"),
        ("copula.factor_correlation=[[2,0],[0,2]]", "copula.factor_correlation"),
        ("copula.factor_correlation=[[1,0.9,-0.9],[0.9,1,0.9],[-0.9,0.9,1]]", "copula"),
        ("copula.factor_correlation={a: {b: NO}}", "copula.factor_correlation"),
        ("copula.lgd.kind=random", "copula.lgd.kind"),
        ("copula.lgd.correlation=0.5", "copula.lgd"),
        ("copula.dependance=t", "copula.dependance"),
        ("measures.segments=[seniority]", "measures.segments"),
        ("portfolio.pd=1.0000001", "portfolio.pd"),
        ("portfolio.lgd=-0.1", "portfolio.lgd"),
        ("portfolio.ead_usd=-1", "portfolio.ead_usd"),
        ("portfolio.count=0", "portfolio.count"),
        ("portfolio.segments=[a]", "portfolio.segments"),
        ("scenarios=0", "scenarios"),
        ("scenarios=67108864", "scenarios"),
    ],
)
def test_bad_values_are_named_by_their_key(override: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackrisk.config._limits.memory_there_bytes", lambda: 2**30)
    problems = problems_of("model=copula", override)
    assert {p.key for p in problems if p.key.startswith(key)} or {p.key for p in problems} == {key}, problems
    assert all(p.rule for p in problems)


def test_a_mistyped_key_comes_with_a_suggestion() -> None:
    (problem,) = problems_of("model=copula", "copula.asset_corelation=0.2")
    assert "did you mean 'copula.asset_correlation'?" in problem.rule


def test_python_values_may_be_nested() -> None:
    settings, _ = load_settings([], {"model": "copula", "portfolio": {"count": 5}, "copula": {"lgd": {"kind": "beta"}}})
    assert isinstance(settings, CopulaSettings)
    assert (settings.portfolio.count, settings.copula.lgd.kind) == (5, "beta")


def test_show_config_prints_what_reads_back(command: Command) -> None:
    from omegaconf import OmegaConf

    outcome = command("show-config", "model=copula", "copula.factor_correlation={a: {b: 0.1}}")
    assert outcome.code == 0
    shown = OmegaConf.to_container(OmegaConf.create(outcome.out))
    assert isinstance(shown, dict)
    assert set(shown) == {
        "model", "portfolio", "copula", "engine", "executor", "measures", "scenarios", "until", "max_scenarios", "seed",
        "name", "out",
    }  # fmt: skip
    assert shown == copula("copula.factor_correlation={a: {b: 0.1}}").model_dump(mode="json")
