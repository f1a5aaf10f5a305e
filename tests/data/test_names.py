"""A tape of names is read exactly or refused with everything that is wrong with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rackrisk.data import TapeProblems, check_names_frame, equal_names, read_names

from .names import IDS, LOADED, ROWS, problems_of, said, with_cell, write_names

RHO: dict[str, Any] = {"asset_correlation": 0.2}


def correlated(value: float) -> dict[str, Any]:
    return {"correlation_of": lambda factors: np.where(np.eye(len(factors), dtype=bool), 1.0, value)}


# ---- What comes back ----


def test_a_tape_comes_back_in_the_canonical_columns(tmp_path: Path) -> None:
    frame = read_names(write_names(tmp_path / "t.csv", LOADED), horizon_years=3)
    text, number = pl.String(), pl.Float64()
    assert dict(frame.schema) == {
        "obligor_id": text, "segment": text, "ead": number, "lgd": number, "pd_1y": number, "pd_2y": number,
        "pd_3y": number, "loading_ai": number, "loading_credit": number,
    }  # fmt: skip
    assert frame["obligor_id"].to_list() == list(IDS)
    assert frame["ead"].to_list() == [(place + 1) * 1e6 for place in range(len(IDS))]


def test_a_tape_without_segments_is_one_segment(tmp_path: Path) -> None:
    rows = [{key: cell for key, cell in row.items() if key != "segment"} for row in ROWS]
    assert set(read_names(write_names(tmp_path / "t.csv", rows), **RHO)["segment"]) == {"all"}
    with_gap = with_cell(ROWS, 2, "segment", "")
    assert read_names(write_names(tmp_path / "g.csv", with_gap), **RHO)["segment"][1] == "all"


def test_a_yearly_pd_compounds_and_the_first_year_is_untouched(tmp_path: Path) -> None:
    frame = read_names(write_names(tmp_path / "t.csv", ROWS), horizon_years=30, **RHO)
    assert frame["pd_1y"].to_list() == [0.02] * len(ROWS)
    for year in range(2, 31):
        # The reference power has an error of a few units in the last place of 1.
        assert frame[f"pd_{year}y"][0] == pytest.approx(1 - 0.98**year, abs=1e-15)


@settings(max_examples=50)
@given(st.floats(min_value=0, max_value=1), st.integers(min_value=1, max_value=30))
def test_cumulative_pds_are_probabilities_that_never_fall(pd: float, years: int) -> None:
    frame = check_names_frame(equal_names(1, pd=pd, lgd=0.4, ead_usd=1.0), file="made", horizon_years=years, **RHO)
    term = [frame[f"pd_{year}y"].item() for year in range(1, years + 1)]
    assert term[0] == pd
    assert term == sorted(term)
    assert all(0 <= value <= 1 for value in term)
    # Of a small PD the sum of years is left, not the rounding of 1 - pd.
    assert term[-1] == pytest.approx(min(1.0, -math.expm1(years * math.log1p(-pd))) if pd < 1 else 1.0, rel=1e-14)


@pytest.mark.parametrize("pd", ["0", "1", "-0", "1e-300", "0.9999999999999999"])
def test_pds_of_zero_and_one_are_legal(tmp_path: Path, pd: str) -> None:
    frame = read_names(write_names(tmp_path / "t.csv", with_cell(ROWS, 1, "pd", pd)), horizon_years=5, **RHO)
    assert frame["pd_1y"][0] == float(pd)
    if pd in ("0", "-0", "1"):
        assert frame["pd_5y"][0] == float(pd)
        assert math.copysign(1, frame["pd_1y"][0]) == 1


def test_pds_by_year_are_taken_as_they_are_and_later_years_are_left_out(tmp_path: Path) -> None:
    rows = [{**row, "pd_1y": "0.01", "pd_2y": "0.01", "pd_3y": "0.5", "pd_4y": "1"} for row in without(ROWS, "pd")]
    frame = read_names(write_names(tmp_path / "t.csv", rows), horizon_years=3, **RHO)
    assert frame.select("pd_1y", "pd_2y", "pd_3y").row(0) == (0.01, 0.01, 0.5)
    assert "pd_4y" not in frame.columns


def without(rows: list[dict[str, str]], *columns: str) -> list[dict[str, str]]:
    return [{key: cell for key, cell in row.items() if key not in columns} for row in rows]


def test_the_frame_of_a_tape_passes_its_own_check(tmp_path: Path) -> None:
    rows = [{**row, "lgd_sd": "0.2"} for row in LOADED]
    frame = read_names(write_names(tmp_path / "t.csv", rows), horizon_years=4)
    assert_frame_equal(check_names_frame(frame, file="made", horizon_years=4), frame)
    assert check_names_frame(frame, file="made", horizon_years=2).columns == [
        name for name in frame.columns if name not in ("pd_3y", "pd_4y")
    ]


def test_csv_and_parquet_are_the_same_tape(tmp_path: Path) -> None:
    frame = read_names(write_names(tmp_path / "t.csv", LOADED))
    frame.write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(read_names(tmp_path / "t.parquet"), frame)


def test_whole_numbers_are_names_in_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"obligor_id": [7, 8], "ead": [1, 2], "pd": [0, 1], "lgd": [0, 1]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_names(tmp_path / "t.parquet", **RHO)["obligor_id"].to_list() == ["7", "8"]


def test_one_name_and_a_million_equal_names_are_tapes(tmp_path: Path) -> None:
    assert read_names(write_names(tmp_path / "t.csv", ROWS[:1]), **RHO).height == 1
    names = check_names_frame(equal_names(1_000_000, pd=0.01, lgd=0.4, ead_usd=1e6), file="made", **RHO)
    assert names["obligor_id"].n_unique() == 1_000_000
    assert names.select(pl.exclude("obligor_id")).unique().height == 1


# ---- What is refused ----


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pd", "1.0000001"), ("pd", "-1e-9"), ("pd", "nan"), ("pd", "inf"), ("pd", ""), ("pd", "1 %"), ("pd", "NO"),
        ("lgd", "1.01"), ("lgd", "-0.1"), ("lgd", "nan"), ("lgd", ""), ("ead", "-1"), ("ead", "inf"), ("ead", "1e15"),
        ("ead", ""), ("ead", "1,000"), ("loading_ai", "1.1"), ("loading_ai", "-1.1"), ("loading_ai", "nan"),
        ("loading_ai", ""), ("obligor_id", ""), ("obligor_id", " x"), ("obligor_id", "a\x1b[2J"),
        ("obligor_id", "a\u202eb"), ("obligor_id", "x" * 201), ("obligor_id", "two\nlines"), ("segment", "portfolio"),
        ("segment", "a\x00b"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_the_one_problem(tmp_path: Path, column: str, value: str) -> None:
    problems = problems_of(write_names(tmp_path / "t.csv", with_cell(LOADED, 3, column, value)))
    assert said(problems) == [(3, column)]
    assert problems[0].value == "" or value.startswith(problems[0].value[:3]) or "\\" in problems[0].value


def test_everything_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    rows = with_cell(LOADED, 1, "pd", "2")
    rows = with_cell(rows, 4, "lgd", "x")
    rows = with_cell(rows, 5, "obligor_id", "007")
    rows = with_cell(rows, 6, "loading_ai", "0.9")
    rows = [{**row, "colour": "red"} for row in rows]
    problems = problems_of(write_names(tmp_path / "t.csv", rows), asset_correlation=0.2)
    assert said(problems) == [
        (None, ""), (None, "colour"), (1, "pd"), (4, "lgd"), (5, "obligor_id"), (6, "loading_ai"),
    ]  # fmt: skip


def test_a_second_row_of_an_obligor_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(write_names(tmp_path / "t.csv", with_cell(ROWS, 4, "obligor_id", "NO")), **RHO)
    assert (problem.row, problem.value) == (4, "NO")
    assert problem.rule == "must be used once only; row 2 has it too"


def test_an_empty_tape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("obligor_id,ead,pd,lgd\n")
    (problem,) = problems_of(path, **RHO)
    assert problem.rule == "must have at least one row below the column names"
    path.write_text("")
    assert [problem.rule for problem in problems_of(path, **RHO)] == ["is empty"]


@pytest.mark.parametrize("missing", ["obligor_id", "ead", "pd", "lgd"])
def test_a_required_column_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    problems = problems_of(write_names(tmp_path / "t.csv", without(ROWS, missing)), **RHO)
    assert [(problem.column, problem.rule) for problem in problems] == [
        (missing, "is a required column and is missing")
    ]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("EAD", "ead"), ("lgds", "lgd"), ("obligor", "obligor_id"), ("Segment", "segment"),
     ("loadings_credit", "loading_<factor>"), ("lgd_std", "lgd_sd"), ("PD", "pd")],
)  # fmt: skip
def test_a_misspelt_column_comes_with_a_suggestion(tmp_path: Path, wrong: str, right: str) -> None:
    problems = problems_of(write_names(tmp_path / "t.csv", [{**row, wrong: "1"} for row in ROWS]), **RHO)
    assert [(problem.column, problem.rule) for problem in problems] == [
        (wrong, f"is not a known column; did you mean {right}?")
    ]


@pytest.mark.parametrize("column", ["loading_", "loading_\x1b", "loading_<b>", "pd_0y", "pd_31y", "pd_01y"])
def test_a_column_that_only_looks_known_is_refused(tmp_path: Path, column: str) -> None:
    problems = problems_of(write_names(tmp_path / "t.csv", [{**row, column: "1"} for row in ROWS]), **RHO)
    assert len(problems) == 1
    assert problems[0].rule.startswith("is not a known column")


def test_a_falling_pd_term_is_refused_once(tmp_path: Path) -> None:
    rows = [{**row, "pd_1y": "0.01", "pd_2y": "0.02", "pd_3y": "0.03"} for row in without(ROWS, "pd")]
    path = write_names(tmp_path / "t.csv", with_cell(rows, 2, "pd_2y", "0.009"))
    (problem,) = problems_of(path, horizon_years=1, **RHO)  # also where no more than the first year is used
    assert (problem.row, problem.column, problem.value) == (2, "pd_2y", "0.009")
    assert problem.rule == "must not be below pd_1y: PDs are cumulative"


def test_a_pd_term_shorter_than_the_horizon_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "pd_1y": "0.01", "pd_3y": "0.03"} for row in without(ROWS, "pd")]
    problems = problems_of(write_names(tmp_path / "t.csv", rows), horizon_years=4, **RHO)
    assert said(problems) == [(None, "pd_2y"), (None, "pd_4y")]


def test_a_pd_beside_pds_by_year_is_refused(tmp_path: Path) -> None:
    problems = problems_of(write_names(tmp_path / "t.csv", [{**row, "pd_1y": "0.02"} for row in ROWS]), **RHO)
    assert said(problems) == [(None, "pd")]


# ---- Dependence ----


def test_neither_loadings_nor_a_correlation_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(write_names(tmp_path / "t.csv", ROWS))
    assert "copula.asset_correlation must be set" in problem.rule


def test_loadings_beside_a_correlation_are_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(write_names(tmp_path / "t.csv", LOADED), asset_correlation=0.25)
    assert "copula.asset_correlation = 0.25" in problem.rule


@pytest.mark.parametrize(
    ("loadings", "correlation", "fits"),
    [
        (("0.6", "0.8"), 0.0, True),
        (("0.6", "0.8000001"), 0.0, False),
        (("0.7071067811865476", "0.7071067811865476"), 0.0, True),  # 1 + 2e-16 by rounding
        (("0.6", "0.8"), 0.1, False),
        (("0.6", "0.8"), -0.9, True),
        (("1", "0"), 0.5, True),
        (("1", "0.1"), 0.0, False),
        (("-1", "-1"), -1.0, True),
        (("0.5", "0.5"), 1.0, True),
        (("0.5", "0.5000001"), 1.0, False),
    ],
)
def test_loadings_leave_some_variance_to_the_name(
    tmp_path: Path, loadings: tuple[str, str], correlation: float, fits: bool
) -> None:
    rows = with_cell(with_cell(LOADED, 2, "loading_ai", loadings[0]), 2, "loading_credit", loadings[1])
    problems = problems_of(write_names(tmp_path / "t.csv", rows), **correlated(correlation))
    assert said(problems) == ([] if fits else [(2, "loading_ai")])
    assert all("w'Rw must not be above 1" in problem.rule for problem in problems)


def test_a_loading_that_cannot_be_read_does_not_break_the_norm_too(tmp_path: Path) -> None:
    rows = with_cell(with_cell(LOADED, 2, "loading_ai", "x"), 2, "loading_credit", "1")
    assert said(problems_of(write_names(tmp_path / "t.csv", rows))) == [(2, "loading_ai")]


def test_words_on_the_factors_are_passed_on(tmp_path: Path) -> None:
    def refuse(factors: list[str]) -> np.ndarray:
        raise ValueError(f"knows nothing of {' and '.join(factors)}")

    (problem,) = problems_of(write_names(tmp_path / "t.csv", LOADED), correlation_of=refuse)
    assert (problem.row, problem.rule) == (None, "knows nothing of ai and credit")


# ---- Random LGD ----


@pytest.mark.parametrize(
    ("lgd", "sd", "fits"),
    [("0.5", "0.4999", True), ("0.5", "0.5", False), ("0.45", "0", True), ("0", "0", True), ("1", "0", True),
     ("0", "0.1", False), ("0.1", "0.31", False), ("0.1", "0.29", True)],
)  # fmt: skip
def test_the_spread_of_lgd_must_be_possible(tmp_path: Path, lgd: str, sd: str, fits: bool) -> None:
    rows = with_cell([{**row, "lgd_sd": "0.1"} for row in ROWS], 3, "lgd", lgd)
    problems = problems_of(write_names(tmp_path / "t.csv", with_cell(rows, 3, "lgd_sd", sd)), **RHO)
    assert said(problems) == ([] if fits else [(3, "lgd_sd")])


def test_a_configured_spread_must_be_possible_for_every_name(tmp_path: Path) -> None:
    problems = problems_of(write_names(tmp_path / "t.csv", with_cell(ROWS, 3, "lgd", "0.99")), lgd_sd=0.3, **RHO)
    assert said(problems) == [(3, "lgd")]
    assert "copula.lgd.sd = 0.3" in problems[0].rule


def test_a_frame_made_in_code_is_checked_alike() -> None:
    frame = pl.DataFrame({"obligor_id": ["a", "a"], "ead": [1.0, -1.0], "pd": [0.1, float("nan")], "lgd": [0.5, 0.5]})
    with pytest.raises(TapeProblems) as caught:
        check_names_frame(frame, file="made", **RHO)
    assert [(p.file, p.row, p.column) for p in caught.value.problems] == [
        ("made", 2, "obligor_id"), ("made", 2, "ead"), ("made", 2, "pd"),
    ]  # fmt: skip


@pytest.mark.parametrize("years", [0, 31])
def test_a_horizon_out_of_range_is_an_error_of_the_caller(years: int) -> None:
    with pytest.raises(ValueError, match="horizon_years"):
        check_names_frame(equal_names(1, pd=0.1, lgd=0.5, ead_usd=1.0), file="made", horizon_years=years, **RHO)
