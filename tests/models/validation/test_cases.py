"""Case files: each says where it is from, and a wrong one is refused with its name."""

from __future__ import annotations

import json
from copy import deepcopy
from importlib import resources
from typing import Any

import pytest

from rackrisk.models.validation import FAMILIES, FORMULAS, SIMULATIONS, Case, load_cases, parse_cases

from .benches import CASES

FILES = sorted(file.name for file in (resources.files("rackrisk.data") / "cases").iterdir())


@pytest.mark.parametrize("name", FILES)
def test_every_file_states_its_source(name: str) -> None:
    text = (resources.files("rackrisk.data") / "cases" / name).read_text("utf-8")
    document = json.loads(text)
    assert len(document["about"]) > 40
    for entry in (document, *document["cases"]):
        source = entry.get("source", document["source"])
        assert all(len(source[key]) >= 5 for key in ("document", "place", "how"))
        assert source["values"] in {"published", "recomputed"}
        assert source["values"] == "recomputed" or any(year in source["document"] for year in ("1997", "2004", "2011"))


def test_every_tolerance_has_a_reason() -> None:
    assert all(len(rule.reason) > 10 for case in CASES for rule in case.tolerance.values())


def test_every_kind_can_be_run_the_way_its_tolerance_says() -> None:
    runners = {"formula": FORMULAS, "simulation": SIMULATIONS}
    assert [case.id for case in CASES for way in case.tolerance if case.kind not in runners[way]] == []
    assert {*FORMULAS, *SIMULATIONS} == {case.kind for case in CASES}


def test_families_come_in_their_order() -> None:
    order = [FAMILIES.index(case.family) for case in load_cases()]
    assert order == sorted(order)
    assert set(order) == set(range(len(FAMILIES)))


GOOD: dict[str, Any] = {
    "family": "Closed forms",
    "kind": "asrf",
    "about": "a pool",
    "source": {"document": "somebody (1900)", "place": "Table 1", "values": "published", "how": "read"},
    "tolerance": {"formula": {"kind": "absolute", "value": 1.0, "reason": "rounding"}},
    "inputs": {"pd": 0.01},
    "cases": [{"id": "one", "inputs": {"correlation": 0.2}, "expected": {"var": {"0.99": 0.1}}}],
}


def test_inputs_of_the_file_hold_for_its_cases() -> None:
    (case,) = parse_cases(GOOD, "good.json")
    assert case.inputs == {"pd": 0.01, "correlation": 0.2}
    assert str(case.source) == "somebody (1900), Table 1 (published)"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("source",), None, "no source"),
        (("sources",), {}, "unknown sources"),
        (("source", "document"), "", "a source names its document"),
        (("source", "values"), "known", "published or recomputed"),
        (("source", "author"), "me", "author"),
        (("family",), "Others", "unknown family"),
        (("tolerance",), {}, "formula, simulation or both"),
        (("tolerance", "formula", "kind"), "rough", "a tolerance is one of"),
        (("tolerance", "formula", "reason"), "", "has a reason"),
        (("tolerance", "formula", "value"), None, "has a value"),
        (("cases", 0, "expected"), None, "no expected"),
    ],
)
def test_a_wrong_file_is_refused_by_name(path: tuple[Any, ...], value: Any, words: str) -> None:
    document = deepcopy(GOOD)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(ValueError, match=words) as refused:
        parse_cases(document, "wrong.json")
    assert str(refused.value).startswith("wrong.json: ")


def test_cases_are_frozen() -> None:
    case: Case = CASES[0]
    with pytest.raises(AttributeError):
        case.id = "another"  # pyright: ignore[reportAttributeAccessIssue]
