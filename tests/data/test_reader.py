from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rackrisk.data import ASIC_CLASSES, GENERATIONS, TapeProblems, check_tape, read_names, read_tape, tape_schema
from rackrisk.data._check import checked
from rackrisk.data._files import RawTape
from rackrisk.data._schema import facility_form

from .tapes import AS_OF, COLUMNS, ROWS, problems_of, said, valid_frame, with_cell, write_csv

NOTHING_CONTRACTED = "must be 0 in a row without GPUs and site_mw: nothing is contracted"


def known_are(prefix: str, names: Sequence[str]) -> str:
    return f"is not a known column; known are {', '.join(prefix + name for name in names)}"


# ---- What comes back ----


def test_a_valid_tape_has_every_column_in_its_type(tmp_path: Path) -> None:
    frame = read_tape(write_csv(tmp_path / "t.csv", ROWS), as_of=AS_OF)
    schema = tape_schema(AS_OF)
    assert frame.columns == schema.column_names()
    assert frame.schema == {name: column.dtype for name, column in schema.columns().items()}
    assert frame["row"].to_list() == list(range(1, len(ROWS) + 1))
    assert frame["facility_id"].to_list() == [row["facility_id"] for row in ROWS]


def test_defaults_fill_what_is_left_out_or_empty(tmp_path: Path) -> None:
    needed = ["facility_id", "obligor_id", "segment", "currency", "balance_usd", "rate_type", "coupon_annual",
              "amortisation", "maturity_date"]  # fmt: skip
    bare = read_tape(write_csv(tmp_path / "a.csv", [ROWS[6]], needed), as_of=AS_OF)
    empty = read_tape(write_csv(tmp_path / "b.csv", [ROWS[6]]), as_of=AS_OF)
    assert_frame_equal(bare, empty)
    assert bare.select("power_usd_kwh", "pledged_share", "seniority", "gpus_h100").row(0) == (
        0.06,
        1,
        "senior_secured",
        0,
    )
    assert bare.select("covenant_ltv", "offtaker", "contract_end_date", "source").row(0) == (None, None, None, None)


def test_margin_is_restored_to_the_call_unless_stated(tmp_path: Path) -> None:
    rows = [{**row, "margin_restore_ltv": ""} if row["obligor_id"] == "Pickaxe" else row for row in ROWS]
    frame = read_tape(write_csv(tmp_path / "t.csv", rows), as_of=AS_OF)
    assert frame["margin_restore_ltv"].to_list() == [None, None, None, 0.8, 0.8, None, None]


def test_column_order_is_free(tmp_path: Path) -> None:
    one = read_tape(write_csv(tmp_path / "a.csv", ROWS), as_of=AS_OF)
    other = read_tape(write_csv(tmp_path / "b.csv", ROWS, COLUMNS[::-1]), as_of=AS_OF)
    assert_frame_equal(one, other)


def test_csv_and_parquet_give_the_same_tape(tmp_path: Path) -> None:
    frame = read_tape(write_csv(tmp_path / "t.csv", ROWS), as_of=AS_OF)
    frame.write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(read_tape(tmp_path / "t.parquet", as_of=AS_OF), frame)
    frame.write_csv(tmp_path / "again.csv")
    assert_frame_equal(read_tape(tmp_path / "again.csv", as_of=AS_OF), frame)


def test_a_checked_tape_checks_to_itself(tmp_path: Path) -> None:
    frame = read_tape(write_csv(tmp_path / "t.csv", ROWS), as_of=AS_OF)
    assert_frame_equal(check_tape(frame, file="again", as_of=AS_OF), frame)


def test_rows_are_counted_anew(tmp_path: Path) -> None:
    frame = valid_frame(tmp_path).with_columns(row=pl.lit(99)).tail(3)
    assert check_tape(frame, file="made", as_of=AS_OF)["row"].to_list() == [1, 2, 3]


def test_hardware_is_what_the_market_knows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [{**ROWS[6], "gpus_x1": "5"}])
    assert read_tape(path, as_of=AS_OF, generations=[*GENERATIONS, "x1"])["gpus_x1"].to_list() == [5.0]
    with pytest.raises(TapeProblems, match="gpus_x1: is not a known column; known are gpus_a100, gpus_h100"):
        read_tape(path, as_of=AS_OF)


def test_maturities_beyond_the_horizon_are_legal(tmp_path: Path) -> None:
    frame = read_tape(write_csv(tmp_path / "t.csv", ROWS), as_of=AS_OF)
    assert frame["maturity_date"].max() == date(2045, 6, 1)


# ---- Columns of the file ----


def test_all_missing_and_unknown_columns_are_listed_with_suggestions(tmp_path: Path) -> None:
    swaps = {"balance_usd": "Balance USD", "segment": "sgment", "hash_ph_s21": "hash_ph_s29", "gpus_h100": "gpus_p100"}
    rows = [{swaps.get(name, name): cell for name, cell in row.items()} for row in ROWS]
    columns = [swaps.get(name, name) for name in COLUMNS]
    problems = problems_of(write_csv(tmp_path / "t.csv", rows, columns))
    assert sorted(said(problems), key=str) == sorted(
        [
            (None, "segment", "is a required column and is missing"),
            (None, "balance_usd", "is a required column and is missing"),
            (None, "Balance USD", "is not a known column; did you mean balance_usd?"),
            (None, "sgment", "is not a known column; did you mean segment?"),
            (None, "hash_ph_s29", known_are("hash_ph_", ASIC_CLASSES)),
            (None, "gpus_p100", known_are("gpus_", GENERATIONS)),
            # This rule reads what is there: contracts without the GPUs of the misspelt column.
            *((row, "contracted_share", NOTHING_CONTRACTED) for row in (1, 2, 3)),
        ],
        key=str,
    )  # fmt: skip


def test_a_tape_of_the_other_model_is_known_as_one(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("obligor_id,ead,pd,lgd\nA,1,0.01,0.4\n", encoding="utf-8")
    first = problems_of(tmp_path / "names.csv")[0]
    assert said([first]) == [(None, "", "has the columns of a tape of names, which model=copula takes")]
    with pytest.raises(TapeProblems) as caught:
        read_names(write_csv(tmp_path / "loans.csv", ROWS), asset_correlation=0.2)
    assert "has the columns of a tape of facilities, which model=structural takes" in str(caught.value)


def test_an_unknown_column_far_from_all_gets_no_suggestion(tmp_path: Path) -> None:
    (problem,) = problems_of(write_csv(tmp_path / "t.csv", [{**ROWS[6], "zzzzzz": "1"}]))
    assert said([problem]) == [(None, "zzzzzz", "is not a known column")]


def test_a_column_given_twice_or_without_name_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    lines = path.read_text(encoding="utf-8").replace('term sheet,\n""page 2""', "x").splitlines()
    twice = [f"{lines[0]},balance_usd,", *(f"{line},1," for line in lines[1:])]
    path.write_text("\n".join(twice), encoding="utf-8")
    assert said(problems_of(path)) == [
        (None, "", "must have a name in the first line"),
        (None, "balance_usd", "must be one column, not several"),
    ]


# ---- Rows and bytes of a CSV file ----


def test_rows_of_wrong_length_are_named_and_hide_nothing_else(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", with_cell(7, "balance_usd", "-5"))
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] += ",extra"
    lines[2] = lines[2].rsplit(",", 1)[0]
    path.write_text("\n".join(lines), encoding="utf-8")
    width = len(COLUMNS)
    assert said(problems_of(path)) == [
        (1, "", f"must have {width} fields like the first line, not {width + 1}"),
        (2, "", f"must have {width} fields like the first line, not {width - 1}"),
        (7, "balance_usd", "must be above 0 and below 1e15 USD"),
    ]


def test_blank_lines_are_named_between_rows_and_harmless_at_the_end(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS[:5])
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\n\r\n\n", encoding="utf-8", newline="")
    assert not problems_of(path)
    lines = text.splitlines()
    path.write_text("\n".join([*lines[:5], "", "", lines[5]]), encoding="utf-8")
    assert said(problems_of(path)) == [(row, "", "must not be a blank line") for row in (5, 6)]


def test_quotes_hold_commas_and_line_breaks(tmp_path: Path) -> None:
    frame = read_tape(write_csv(tmp_path / "t.csv", ROWS), as_of=AS_OF)
    assert frame["source"][5] == 'term sheet,\n"page 2"'


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(ending: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS[:5])
    text = path.read_text(encoding="utf-8")
    path.write_bytes(text.replace("\n", ending).encode())
    assert not problems_of(path)


def test_broken_quotes_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS[:5])
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Pickaxe", '"Pick"axe', 1), encoding="utf-8")
    (problem,) = problems_of(path)
    assert (problem.row, problem.column) == (4, "")
    assert problem.rule.startswith("must be CSV: ")
    path.write_text(text.replace("Pickaxe", '"Pickaxe', 1), encoding="utf-8")
    (problem,) = problems_of(path)
    assert (problem.row, problem.rule) == (4, "must be CSV: unexpected end of data")


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert not problems_of(path)


def test_cells_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    path.write_bytes(path.read_bytes().replace(b"Pickaxe", b"Pick\xe9", 1).replace(b"Lab B", b"\xff\xfe", 1))
    problems = problems_of(path)
    assert said(problems) == [(3, "offtaker", "must be UTF-8 text"), (4, "obligor_id", "must be UTF-8 text")]
    assert [problem.value for problem in problems] == [r"\xff\xfe", r"Pick\xe9"]


def test_column_names_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    path.write_bytes(path.read_bytes().replace(b"reserve_usd", b"r\xe9serve_usd", 1))
    (problem,) = problems_of(path)
    assert (problem.row, problem.column) == (None, r"r\xe9serve_usd")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n", "must begin with a line of column names"),
        ("facility_id,balance_usd".encode("utf-16"), "must be UTF-8 text; this is UTF-16"),
        (b"facility_id;balance_usd\n1;2\n", "must separate its columns with commas"),
        (b"PAR1....", "is a Parquet file: its name must end in .parquet"),
        (b'"facility_id\n', "must begin with a line of column names: unexpected end of data"),
    ],
)
def test_what_is_no_table_is_one_problem(content: bytes, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert said(problems_of(path)) == [(None, "", rule)]


def test_a_header_alone_is_no_tape(tmp_path: Path) -> None:
    assert said(problems_of(write_csv(tmp_path / "t.csv", []))) == [
        (None, "", "must have at least one row below the column names")
    ]


def test_a_field_without_end_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(write_csv(tmp_path / "t.csv", with_cell(7, "source", "x" * 200_000)))
    assert (problem.row, problem.rule) == (7, "must be CSV: field larger than field limit (131072)")


def test_rows_are_numbered_on_beyond_the_first_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackrisk.data._files._CHUNK_ROWS", 2)
    frame = read_tape(write_csv(tmp_path / "t.csv", ROWS), as_of=AS_OF)
    assert frame["facility_id"].to_list() == [row["facility_id"] for row in ROWS]
    path = write_csv(tmp_path / "t.csv", with_cell(5, "balance_usd", "x"))
    path.write_bytes(path.read_bytes().replace(b"Lab B", b"\xff", 1))
    assert [(problem.row, problem.column) for problem in problems_of(path)] == [(3, "offtaker"), (5, "balance_usd")]


# ---- The file itself ----


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv.gz", "t.json", "t.txt"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("facility_id\n1\n", encoding="utf-8")
    assert said(problems_of(tmp_path / name)) == [(None, "", "must be a file whose name ends in .csv or .parquet")]


@pytest.mark.parametrize("name", ["no.csv", "no.parquet", "*.parquet", "s3:/bucket/a.parquet", "a\x00.csv"])
def test_files_that_are_not_there_are_named(name: str, tmp_path: Path) -> None:
    valid_frame(tmp_path).write_parquet(tmp_path / "there.parquet")
    (problem,) = problems_of(tmp_path / name)
    assert problem.rule == "does not exist" or problem.rule.startswith("cannot be read: embedded null")


def test_folders_and_locked_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    assert said(problems_of(tmp_path / "t.csv")) == [(None, "", "must be a file, not a folder")]
    locked = write_csv(tmp_path / "locked.csv", ROWS)
    locked.chmod(0)
    if not os.access(locked, os.R_OK):  # root may read everything
        assert problems_of(locked)[0].rule.startswith("cannot be read: ")


def test_hostile_file_names_are_shown_as_text(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "a\x1b[31m\n.csv")
    assert problem.file.endswith(r"a\x1b[31m\n.csv")


# ---- Many problems ----


def test_problems_come_in_file_order_and_all_at_once(tmp_path: Path) -> None:
    rows = with_cell(7, "balance_usd", "x")
    rows[6].update(maturity_date="2026-02-30", currency="EUR", unheard="1")
    rows[0].update(coupon_annual="nan", facility_id="NO")
    problems = problems_of(write_csv(tmp_path / "t.csv", rows))
    assert [(problem.row, problem.column) for problem in problems] == [
        (None, "unheard"), (1, "coupon_annual"), (5, "facility_id"), (7, "currency"), (7, "balance_usd"),
        (7, "maturity_date"),
    ]  # fmt: skip


def test_a_missing_column_silences_the_rules_that_read_it(tmp_path: Path) -> None:
    columns = [name for name in COLUMNS if name not in ("obligor_id", "maturity_date")]
    assert said(problems_of(write_csv(tmp_path / "t.csv", ROWS, columns))) == [
        (None, "obligor_id", "is a required column and is missing"),
        (None, "maturity_date", "is a required column and is missing"),
    ]


def test_the_list_ends_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackrisk.data._check.MAX_LISTED", 3)
    rows = [{**row, "currency": "EUR"} for row in ROWS]
    problems = problems_of(write_csv(tmp_path / "t.csv", rows))
    assert len(problems) == 4
    assert problems[3].rule == "has 4 more problems, which are not listed"


# ---- Anything at all ----


@settings(max_examples=25)
@given(st.text(max_size=30))
@example("0")
@example("1e-400")
@example("９")
def test_any_text_in_a_number_column_is_its_number_or_is_named(text: str) -> None:
    raw = RawTape("made", pl.DataFrame([{**ROWS[6], "fixed_cost_usd_month": text}]), from_text=True)
    try:
        cost = checked(raw, facility_form(AS_OF, GENERATIONS, ASIC_CLASSES))["fixed_cost_usd_month"].item()
    except TapeProblems as error:
        named = [(problem.row, problem.column) for problem in error.problems]
    else:
        named = [(1, "fixed_cost_usd_month")]
        assert cost == (float(text) if text.strip(" \t") else 0.0)
    assert named == [(1, "fixed_cost_usd_month")]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_damaged_file_is_a_tape_or_a_list_of_problems(name: str, tmp_path: Path) -> None:
    frame = valid_frame(tmp_path)
    if name == "t.parquet":
        frame.write_parquet(tmp_path / name)
    else:
        write_csv(tmp_path / name, ROWS)
    content = (tmp_path / name).read_bytes()
    chance = random.Random(1)
    for _ in range(25):
        start = chance.randrange(len(content))
        end = start + chance.choice((0, 1, 40))
        damage = chance.choice((b"", b'"', b"\x00", b"\xff", b"\n", b",", chance.randbytes(20)))
        (tmp_path / name).write_bytes(content[:start] + damage + content[end:])
        assert all(problem.rule for problem in problems_of(tmp_path / name))


def test_the_package_imports_neither_polars_nor_dataframely() -> None:
    code = "import rackrisk.data, sys; print({'polars', 'dataframely'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
