"""No CSV file of the product holds what a spreadsheet would run, unless its user asks for it letter for letter."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.data import inert, is_formula

from ..cli.conftest import Command
from ..cli.tapes import tape_rows, write_tape

FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "＝1", "=1+1", '=HYPERLINK("http://x")')
STARTS = ("=", "+", "-", "@", "\t", "\r")


def cells_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as stream:
        return [cell for row in csv.reader(stream) for cell in row]


@pytest.fixture
def hostile_tape(folder: Path) -> Path:
    """A tape whose names are formulas."""
    rows = [{**row, "facility_id": name} for row, name in zip(tape_rows(7), FORMULAS, strict=True)]
    return write_tape(folder / "hostile.csv", [{**row, "obligor_id": f"@{row['obligor_id']}"} for row in rows])


def test_names_that_are_formulas_are_refused_in_csv_with_a_list_of_all(command: Command, hostile_tape: Path) -> None:
    outcome = command("book", f"portfolio.tape={hostile_tape}", "--out", "out.csv")
    assert (outcome.code, outcome.out) == (2, "")
    assert "14 problems" in outcome.words
    assert "--formulas escape" in outcome.words
    assert not Path("out.csv").exists()


def test_escaped_names_are_inert_and_the_file_is_a_tape_with_other_names(command: Command, hostile_tape: Path) -> None:
    outcome = command("book", f"portfolio.tape={hostile_tape}", "--out", "out.csv", "--formulas", "escape")
    assert outcome.code == 0
    assert "14 names begin with an apostrophe now" in outcome.words
    assert not any(is_formula(cell) for cell in cells_of(Path("out.csv")))
    assert command("book", "portfolio.tape=out.csv", "--out", "again.csv").code == 0
    assert Path("again.csv").read_bytes() == Path("out.csv").read_bytes()


@pytest.mark.parametrize(("name", "options"), [("out.parquet", ()), ("out.csv", ("--formulas", "keep"))])
def test_names_are_kept_letter_for_letter_where_that_is_asked_for(
    command: Command, hostile_tape: Path, name: str, options: tuple[str, ...]
) -> None:
    assert command("book", f"portfolio.tape={hostile_tape}", "--out", name, *options).code == 0
    kept = pl.read_parquet(name) if name.endswith("parquet") else pl.read_csv(name, infer_schema=False)
    assert kept["facility_id"].to_list() == list(FORMULAS)


def test_escaping_never_makes_two_names_one(command: Command, folder: Path) -> None:
    rows = [{**row, "facility_id": name} for row, name in zip(tape_rows(2), ("=a", "'=a"), strict=True)]
    write_tape(folder / "twins.csv", rows)
    outcome = command("book", "portfolio.tape=twins.csv", "--out", "out.csv", "--formulas", "escape")
    assert outcome.code == 2
    assert not (folder / "out.csv").exists()


def test_no_shipped_book_has_such_names(command: Command) -> None:
    for portfolio in ("compute_credit", "synthetic"):
        assert command("book", f"portfolio={portfolio}", "--out", f"{portfolio}.csv").code == 0


def test_the_list_of_problems_is_inert(command: Command, folder: Path) -> None:
    rows = [{**row, "currency": f"{start}1+1"} for row, start in zip(tape_rows(4), STARTS, strict=False)]
    write_tape(folder / "=bad.csv", rows)
    assert command("run", "portfolio.tape==bad.csv").code == 2
    (listed,) = folder.glob("rackrisk-problems-*.csv")
    assert not any(is_formula(cell) for cell in cells_of(listed))


@given(st.text("=+-@;\t|a1'\u200c "), st.sampled_from(STARTS))
def test_what_a_spreadsheet_would_run_gets_apostrophes_and_nothing_else(text: str, start: str) -> None:
    cell = inert(start + text)
    assert not is_formula(cell)
    assert cell.replace("'", "") == (start + text).replace("'", "")
    assert (cell == start + text) != is_formula(start + text)


@pytest.mark.parametrize("name", ["a;=1+1", "a\t=1", "\u200c=1+1", "﹦1", "x|@SUM(A1)"])
def test_formulas_behind_separators_and_unseen_letters_are_formulas(name: str) -> None:
    assert is_formula(name)


@pytest.mark.parametrize("name", ["-5", "+1.5e3", "a-b", "x = y", "a; b", "5;-3"])
def test_names_and_numbers_are_none(name: str) -> None:
    assert not is_formula(name)
