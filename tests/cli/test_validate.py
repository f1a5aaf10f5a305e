"""`rackrisk validate`: exit codes, what goes where, and that a broken formula is a failure."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from rackrisk.models import exact, validation
from rackrisk.models.validation import Validation
from rackrisk.validate import document, run_validation
from rackrisk.validation_screen import print_validation

from ..models.validation.benches import case_of, cases_of
from .conftest import Command

FEW_CASES = ("borrower, scenario 0", "fine pool of 1 %, rho 0.2", "defaults by year", "10000 names of 1 %, rho 0.2")
ABSENT = "engine=cuda needs a GPU"


@pytest.fixture(autouse=True)
def few_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some quick cases of different kinds, on a machine without CUDA."""
    monkeypatch.setattr(validation, "load_cases", lambda: [case_of(name) for name in FEW_CASES])
    monkeypatch.setattr(validation, "engines_here", lambda: {"reference": None, "jax": None, "cuda": ABSENT})


@pytest.fixture
def found() -> Validation:
    return run_validation(engines=["reference"], quick=True)


def broken(level: float, pd: float, correlation: float) -> float:
    """A formula that somebody got wrong."""
    return level * pd + correlation


def test_all_known_answers_met_is_exit_0_and_the_screen_says_so(command: Command) -> None:
    outcome = command("validate", "--quick", "--engine", "reference")
    assert outcome.code == 0, outcome.err
    words = " ".join(outcome.out.split())
    for text in (
        "every known answer is met (seed 1, quick)",
        "jax did not run: not asked for",
        f"cuda did not run: {ABSENT}",
    ):
        assert text in words
    assert max(len(line) for line in outcome.out.splitlines()) <= 80


def test_a_broken_formula_is_exit_1_and_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "asrf_value_at_risk", broken)
    outcome = command("validate", "--quick", "--engine", "reference")
    assert outcome.code == 1
    words = " ".join(outcome.out.split())
    assert "3 of 36 figures fail" in words
    assert "every known answer" not in words
    for level in ("99 %", "99.9 %", "99.97 %"):
        assert any(f"VaR {level}" in line and "FAIL" in line for line in outcome.out.splitlines())


def test_json_is_one_document_with_every_figure(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    good = json.loads(command("validate", "--quick", "--engine", "reference", "--json", "--seed", "7").out)
    assert (good["passed"], good["seed"], good["quick"]) == (True, 7, True)
    assert good["engines"]["cuda"] == {"ran": False, "note": ABSENT}
    assert sum(good["counts"].values()) == len(good["checks"])
    assert {"family", "case", "quantity", "engine", "reference", "ours", "std_error", "z", "verdict", "source"} <= set(
        good["checks"][0]
    )
    monkeypatch.setattr(exact, "asrf_value_at_risk", broken)
    bad = command("validate", "--quick", "--engine", "reference", "--json")
    assert (bad.code, json.loads(bad.out)["counts"]["fail"]) == (1, 3)


def test_a_formula_that_gives_no_number_fails(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "asrf_value_at_risk", lambda *_: math.nan)
    outcome = command("validate", "--quick", "--engine", "reference", "--json")
    failed = [check for check in json.loads(outcome.out)["checks"] if check["verdict"] == "fail"]
    assert (outcome.code, [check["ours"] for check in failed]) == (1, [None] * 3)
    assert "nan" in command("validate", "--quick", "--engine", "reference").out


def test_an_engine_that_cannot_run_here_is_refused(command: Command) -> None:
    outcome = command("validate", "--engine", "cuda")
    assert (outcome.code, outcome.out) == (2, "")
    assert ABSENT in outcome.words


@pytest.mark.parametrize("seed", ["-1", "1.5", "x", str(2**64), "²"])
def test_a_seed_that_is_none_is_refused(command: Command, seed: str) -> None:
    assert command("validate", f"--seed={seed}").code == 2


@pytest.mark.parametrize("arguments", [("--engine", "cobol"), ("scenarios=10",), ("--slow",)])
def test_other_arguments_are_refused(command: Command, arguments: tuple[str, ...]) -> None:
    assert command("validate", *arguments).code == 2


def test_quiet_says_nothing_on_stderr(command: Command) -> None:
    assert command("validate", "--quick", "--engine", "reference", "--quiet").err == ""


def test_the_same_seed_gives_the_same_document(found: Validation) -> None:
    assert document(found) == document(run_validation(engines=["reference"], quick=True))


def test_every_engine_gets_its_own_lines() -> None:
    pytest.importorskip("jax")
    both = run_validation(quick=True)
    assert {check.engine for check in both.checks} == {"formula", "reference", "jax"}
    assert [spread.engine for spread in both.spreads] == ["reference", "jax"]
    assert both.passed


# --- screen ----------------------------------------------------------------------------------------------------


def screen(found: Validation, **options: Any) -> str:
    stream = io.StringIO()
    print_validation(found, Console(file=stream, width=options.pop("width", 80), highlight=False), **options)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(found: Validation, width: int) -> None:
    for every in (False, True):
        text = screen(found, width=width, every=every)
        assert max(len(line) for line in text.splitlines()) <= width
        assert "…" not in text.replace("c564b680…", "").replace("387acdc8…", "")


def test_all_figures_are_shown_when_asked_for(found: Validation) -> None:
    assert sum("pass" in line for line in screen(found, every=True).splitlines()) >= sum(
        check.verdict == "pass" for check in found.checks
    )
    assert len(screen(found).splitlines()) < len(screen(found, every=True).splitlines())


def test_sources_are_on_the_screen(found: Validation) -> None:
    words = " ".join(screen(found).split())
    assert all(check.source in words for check in found.checks)


def test_wrong_standard_errors_are_named(found: Validation) -> None:
    (spread,) = found.spreads
    wrong = replace(found, spreads=(replace(spread, verdict="fail"),))
    assert not wrong.passed
    assert "standard errors of reference are not what its results spread by" in " ".join(screen(wrong).split())


# --- progress --------------------------------------------------------------------------------------------------


def test_every_kind_of_case_is_among_the_shipped_ones() -> None:
    assert all(cases_of(kind) for kind in (*validation.FORMULAS, *validation.SIMULATIONS))


def test_the_command_knows_every_engine_of_the_product() -> None:
    from rackrisk.cli import _parser
    from rackrisk.kernels.engines import ENGINES

    (option,) = (action for action in _parser()[1]["validate"]._actions if action.dest == "engine")
    assert option.choices == ENGINES
