"""Exact engines meet their tables, and a broken one does not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rackrisk.models import exact
from rackrisk.models.validation import FAIL, FORMULAS, PASS, Case

from .benches import CASES, case_of

SOLVED = [case for case in CASES if "formula" in case.tolerance]


@pytest.mark.parametrize("case", SOLVED, ids=[case.id for case in SOLVED])
def test_exact_engines_meet_the_tables(case: Case) -> None:
    checks = list(FORMULAS[case.kind](case))
    assert checks
    assert [check for check in checks if check.verdict != PASS] == []
    assert all((check.std_error, check.z) == (None, None) for check in checks)


BREAKS = {
    "asrf_value_at_risk": ("fine pool of 1 %, rho 0.2", lambda level, pd, rho: rho * level),
    "first_passage_monthly": ("barriers 0.7 and 0.7", lambda name, months: [0.1] * months),
    "merton_debt": ("bullets on a coin", None),
    "irb_capital": ("IRB corporate", None),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_formula_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, broken = case_of(BREAKS[name][0]), BREAKS[name][1]
    right: Any = getattr(exact, name)

    def shifted(value: Any, *others: Any, **options: Any) -> Any:
        return right(value * (1 + 1e-6), *others, **options)

    monkeypatch.setattr(exact, name, broken or shifted)
    assert FAIL in {check.verdict for check in FORMULAS[case.kind](case)}


def test_correlation_taken_for_a_loading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    case, right = case_of("1000 names of 1 %, rho 0.2"), exact.homogeneous_distribution

    def confused(count: int, pd: float, correlation: float, **options: Any) -> Any:
        return right(count, pd, math.sqrt(correlation), **options)

    monkeypatch.setattr(exact, "homogeneous_distribution", confused)
    assert sum(check.verdict == FAIL for check in FORMULAS["pool"](case)) > 5
