from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from rackrisk.data import Problem, TapeProblems, check_tape, read_tape

from .tapes import AS_OF, problems_of, said, valid_frame


def frame_problems(frame: pl.DataFrame) -> list[Problem]:
    with pytest.raises(TapeProblems) as caught:
        check_tape(frame, file="made", as_of=AS_OF)
    return caught.value.problems


# ---- Parquet ----


def test_cut_parquet_files_are_refused_wherever_they_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    buffer = io.BytesIO()
    valid_frame(tmp_path).write_parquet(buffer)
    content = buffer.getvalue()
    for size in [0, 1, 4, 5, 8, 12, *range(100, len(content), len(content) // 20), len(content) - 1]:
        path.write_bytes(content[:size])
        (problem,) = problems_of(path)
        assert problem.rule.startswith(("is empty", "is not a"))


def test_other_content_under_a_parquet_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text("facility_id\n1\n", encoding="utf-8")
    assert said(problems_of(path)) == [(None, "", "is not a Parquet file, whatever its name says")]


NUMERIC_TYPES = [
    pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Int128(), pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64(),
    pl.Float32(), pl.Float64(), pl.Decimal(20, 4), pl.Null(),
]  # fmt: skip


@pytest.mark.parametrize("dtype", NUMERIC_TYPES, ids=str)
def test_numbers_of_every_type_are_taken(dtype: pl.DataType, tmp_path: Path) -> None:
    number = None if dtype == pl.Null() else 3
    frame = valid_frame(tmp_path).with_columns(
        pl.lit(number).cast(dtype).alias("reserve_usd"), pl.lit(number).cast(dtype).alias("interest_only_months")
    )
    frame = frame.with_columns(pl.lit("bullet").alias("amortisation"), pl.lit(0.0).alias("balloon_fraction"))
    frame.write_parquet(tmp_path / "t.parquet")
    read = read_tape(tmp_path / "t.parquet", as_of=AS_OF)
    assert read.select("reserve_usd", "interest_only_months").row(0) == (number or 0, number or 0)


def test_numbers_that_would_change_are_named(tmp_path: Path) -> None:
    frame = valid_frame(tmp_path)
    big = pl.Series("balance_usd", [1, 2, 3, 4, 5, 6, 2**53 + 1], dtype=pl.UInt64)
    (problem,) = frame_problems(frame.with_columns(big))
    assert (problem.row, problem.column, problem.value) == (7, "balance_usd", str(2**53 + 1))
    halves = pl.Series("interest_only_months", [6.0, 0, 0, 0, 0, 0, 0.5])
    (problem,) = frame_problems(frame.with_columns(halves))
    assert said([problem]) == [(7, "interest_only_months", "must be a whole number of at most 64 bits")]
    huge = pl.Series("interest_only_months", [6, 0, 0, 0, 0, 0, 2**64 - 1], dtype=pl.UInt64)
    (problem,) = frame_problems(frame.with_columns(huge))
    assert (problem.row, problem.column) == (7, "interest_only_months")


def test_decimals_and_narrow_floats_keep_their_value(tmp_path: Path) -> None:
    frame = valid_frame(tmp_path).with_columns(
        pl.Series("coupon_annual", [Decimal("0.07")] * 7, dtype=pl.Decimal(10, 2))
    )
    assert check_tape(frame, file="made", as_of=AS_OF)["coupon_annual"].to_list() == [0.07] * 7
    narrow = frame.with_columns(pl.lit(0.5, dtype=pl.Float32).alias("coupon_annual"))
    assert check_tape(narrow, file="made", as_of=AS_OF)["coupon_annual"].to_list() == [0.5] * 7


@pytest.mark.parametrize("zone", [None, "America/New_York"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_timestamps_at_midnight_are_dates(unit: str, zone: str | None, tmp_path: Path) -> None:
    frame = valid_frame(tmp_path)
    stamps = frame["maturity_date"].cast(pl.Datetime(unit)).dt.replace_time_zone(zone)  # pyright: ignore[reportArgumentType]
    read = check_tape(frame.with_columns(stamps), file="made", as_of=AS_OF)
    assert read["maturity_date"].to_list() == frame["maturity_date"].to_list()
    later = stamps.dt.offset_by("1h")
    problems = frame_problems(frame.with_columns(later))
    assert said(problems) == [
        (row, "maturity_date", "must be a date in the years 1 to 9999, without a time of day") for row in range(1, 8)
    ]
    assert problems[0].value.startswith("2030-06-30 01:00:00")


@pytest.mark.parametrize(
    ("column", "values", "rule"),
    [
        ("balance_usd", pl.Series(["1"] * 7), "must be a column of numbers, not of type String"),
        ("balance_usd", pl.Series([True] * 7), "must be a column of numbers, not of type Boolean"),
        ("balance_usd", pl.Series([[1.0]] * 7), "must be a column of numbers, not of type List(Float64)"),
        ("maturity_date", pl.Series(["2030-01-01"] * 7), "must be a column of dates, not of type String"),
        ("maturity_date", pl.Series([20300101] * 7), "must be a column of dates, not of type Int64"),
        ("facility_id", pl.Series([1.5] * 7), "must be a column of text, not of type Float64"),
        ("source", pl.Series([b"x"] * 7), "must be a column of text, not of type Binary"),
    ],
)
def test_columns_of_another_type_are_one_problem(column: str, values: pl.Series, rule: str, tmp_path: Path) -> None:
    problems = frame_problems(valid_frame(tmp_path).with_columns(values.alias(column)))
    assert said(problems) == [(None, column, rule)]


def test_whole_numbers_and_categories_are_names(tmp_path: Path) -> None:
    frame = valid_frame(tmp_path).with_columns(
        pl.int_range(1, 8).alias("facility_id"),
        pl.col("segment").cast(pl.Categorical),
        pl.col("rate_type").cast(pl.Enum(["fixed", "floating"])),
    )
    read = check_tape(frame, file="made", as_of=AS_OF)
    assert read["facility_id"].to_list() == list("1234567")
    assert read["segment"].dtype == pl.String


def test_not_a_number_and_infinity_are_named_in_frames(tmp_path: Path) -> None:
    frame = valid_frame(tmp_path)
    for value in (float("nan"), float("inf"), float("-inf")):
        values = [*frame["site_mw"].to_list()[:6], value]
        assert said(frame_problems(frame.with_columns(pl.Series("site_mw", values)))) == [
            (7, "site_mw", "must be a finite number")
        ]


def test_dates_that_python_does_not_know_are_named(tmp_path: Path) -> None:
    frame = valid_frame(tmp_path)
    for column in ("maturity_date", "contract_end_date"):
        days = (
            pl.when(pl.int_range(pl.len()) == 6)
            .then(pl.lit(2**31 - 1, pl.Int32).cast(pl.Date))
            .otherwise(pl.col(column))
        )
        (problem,) = frame_problems(frame.with_columns(days.alias(column)))
        assert (problem.row, problem.column) == (7, column)


def test_a_frame_without_anything_lists_what_is_missing() -> None:
    assert {problem.rule for problem in frame_problems(pl.DataFrame())} == {"is a required column and is missing"}


def test_a_timestamp_as_of_is_refused() -> None:
    with pytest.raises(TypeError, match="as_of must be a date"):
        check_tape(pl.DataFrame(), file="made", as_of=datetime(2026, 8, 31, tzinfo=UTC))
