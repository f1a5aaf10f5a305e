from __future__ import annotations

import csv
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.data import Problem, TapeProblems, write_problems
from rackrisk.data._problems import inert, is_formula, printable

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "＝1+1",
    '=HYPERLINK("http://x")',
    "-cmd|' /C calc'!A0",
]


def written(problems: list[Problem], path: Path) -> list[list[str]]:
    write_problems(problems, path)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_every_problem_is_written_with_its_place(tmp_path: Path) -> None:
    problems = [Problem("t.csv", 3, "balance_usd", "-5", "must be above 0"), Problem("t.csv", None, "", "", "is empty")]
    assert written(problems, tmp_path / "p.csv") == [
        ["file", "row", "column", "value", "rule"],
        ["t.csv", "3", "balance_usd", "-5", "must be above 0"],
        ["t.csv", "", "", "", "is empty"],
    ]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("field", ["file", "column", "value", "rule"])
def test_no_cell_is_a_formula(field: str, text: str, tmp_path: Path) -> None:
    fields = {"file": "t.csv", "column": "c", "value": "v", "rule": "r", field: text}
    (_, row) = written([Problem(row=1, **fields)], tmp_path / "p.csv")
    assert inert(text) in row
    assert not any(map(is_formula, row))


@given(st.text())
def test_shown_values_are_one_short_line_without_hidden_characters(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or len(text) > 120 or not text.isprintable()


def test_missing_values_are_shown_as_nothing_and_long_ones_are_cut() -> None:
    assert printable(None) == ""
    assert printable("x" * 500) == "x" * 119 + "…"
    assert printable(1.5) == "1.5"
    assert printable("\x1b[2J\u202e\n\ud800") == r"\x1b[2J\u202e\n\ud800"


def test_the_message_shows_the_first_twenty_and_counts_the_rest() -> None:
    problems = [Problem("t.csv", row, "balance_usd", "0", "must be above 0") for row in range(1, 26)]
    lines = str(TapeProblems(problems)).splitlines()
    assert lines[0] == "25 problems in the tape"
    assert lines[1] == "  t.csv, row 1, balance_usd: must be above 0 (found '0')"
    assert lines[-1] == "  ... and 5 more"
    assert len(lines) == 22


def test_problems_survive_the_way_between_processes() -> None:
    error = TapeProblems([Problem("t.csv", 1, "c", "v", "r")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems  # noqa: S301 - our own bytes
