"""Series files: what is read, and everything that is refused, with its place."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.data import SeriesProblems, read_series

MONTHS = [date(2020 + m // 12, m % 12 + 1, 28) for m in range(30)]
VALUES = [round(2.0 + 0.01 * (i * 7 % 13), 3) for i in range(30)]


def write(folder: Path, header: str, rows: list[str], name: str = "series.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def rents(values: list[object] | None = None, days: list[object] | None = None) -> list[str]:
    return [f"{d},{v}" for d, v in zip(days or MONTHS, values or VALUES, strict=True)]


def refused(*paths: Path) -> list[tuple[int | None, str, str]]:
    with pytest.raises(SeriesProblems) as caught:
        read_series(paths)
    return [(p.row, p.column, p.rule) for p in caught.value.problems]


HEADER = "date,rent_h100_usd_gpu_hour"


def test_columns_are_read_by_their_labels(tmp_path: Path) -> None:
    rows = [f"{d},{v},{100 * v},calm" for d, v in zip(MONTHS, VALUES, strict=True)]
    path = write(tmp_path, f"{HEADER},btc_usd,regime", rows)
    found = read_series([path])
    assert [(one.kind, one.item) for one in found] == [("rent", "h100"), ("btc", ""), ("regime", "")]
    assert found[0].values.tolist() == VALUES
    assert found[0].dates == tuple(MONTHS)


def test_a_series_may_begin_and_end_inside_the_file(tmp_path: Path) -> None:
    values: list[object] = ["", "", *VALUES[2:27], "", "", ""]
    found = read_series([write(tmp_path, HEADER, rents(values))])
    assert len(found[0].values) == 25


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        (4, "0", "positive"),
        (4, "-2.1", "positive"),
        (4, "nan", "finite"),
        (4, "inf", "finite"),
        (4, "2,1", "fields"),
        (4, "$2.10", "must be a number"),
        (4, "21", "was the unit changed"),
        (4, "2100", "between"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(tmp_path: Path, place: int, value: str, rule: str) -> None:
    values: list[object] = [*VALUES[:place], value, *VALUES[place + 1 :]]
    (row, _, words), *_ = refused(write(tmp_path, HEADER, rents(values)))
    assert row == place + 1
    assert rule in words


@pytest.mark.parametrize(
    ("days", "row", "rule"),
    [
        ([*MONTHS[:5], MONTHS[4], *MONTHS[6:]], 6, "used once"),
        ([*MONTHS[:5], MONTHS[2], *MONTHS[6:]], 6, "must come after"),
        ([*MONTHS[:5], "2020-13-01", *MONTHS[6:]], 6, "calendar date"),
        ([*MONTHS[:5], "28.06.2020", *MONTHS[6:]], 6, "calendar date"),
        ([*MONTHS[:5], "", *MONTHS[6:]], 6, "not be empty"),
    ],
)
def test_a_wrong_date_is_named_once(tmp_path: Path, days: list[object], row: int, rule: str) -> None:
    found = refused(write(tmp_path, HEADER, rents(days=days)))
    assert [(place, column) for place, column, _ in found] == [(row, "date")]
    assert rule in found[0][2]


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (["" for _ in range(18)] + VALUES[18:], "too short"),
        ([*VALUES[:9], "", "", *VALUES[11:]], "gap"),
        ([2.0] * 25 + VALUES[25:], "stale"),
        (["" for _ in range(30)], "too short"),
    ],
)
def test_short_gappy_and_stale_series_are_refused(tmp_path: Path, values: list[object], rule: str) -> None:
    ((row, column, words),) = refused(write(tmp_path, HEADER, rents(values)))
    assert row is None
    assert column == "rent_h100_usd_gpu_hour"
    assert rule in words


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("rent_h100", "rent_"),
        ("btc", "btc_usd"),
        ("hashprice_usd_th_day", "hashprice_usd_ph_day"),
        ("rent_H100_usd_gpu_hour", "rent_"),
        ("short_rate_percent", "short_rate_annual"),
        ("=cmd|calc", "known are"),
    ],
)
def test_a_mislabelled_column_is_refused_with_a_suggestion(tmp_path: Path, column: str, hint: str) -> None:
    ((_, named, words),) = refused(write(tmp_path, f"date,{column}", rents()))
    assert named == column
    assert hint in words


def test_percent_is_not_taken_for_a_decimal(tmp_path: Path) -> None:
    found = refused(write(tmp_path, "date,short_rate_annual", rents()))
    assert "decimal a year" in found[0][2]


def test_everything_wrong_in_all_files_is_listed_at_once(tmp_path: Path) -> None:
    first = write(tmp_path, f"{HEADER},rent_a100", [f"{d},{v},1" for d, v in zip(MONTHS, VALUES, strict=True)], "a.csv")
    second = write(tmp_path, HEADER, rents([-1.0, *VALUES[1:29], "x"]), "b.csv")
    words = [rule for _, _, rule in refused(first, second, tmp_path / "none.csv")]
    expected = ("not the name", "positive", "must be a number", "does not exist")
    assert all(any(part in rule for rule in words) for part in expected)


def test_one_series_in_two_files_is_refused(tmp_path: Path) -> None:
    first, second = write(tmp_path, HEADER, rents(), "a.csv"), write(tmp_path, HEADER, rents(), "b.csv")
    ((_, column, words),) = refused(first, second)
    assert column == "rent_h100_usd_gpu_hour"
    assert "a.csv" in words


def test_a_file_without_dates_or_without_series_is_refused(tmp_path: Path) -> None:
    assert "column of dates" in refused(write(tmp_path, "day,btc_usd", rents()))[0][2]
    assert "beside the dates" in refused(write(tmp_path, "date", [str(d) for d in MONTHS]))[0][2]


def test_unknown_regimes_are_named(tmp_path: Path) -> None:
    words = ["calm"] * 29 + ["panic"]
    ((row, column, rule),) = refused(
        write(tmp_path, "date,regime", [f"{d},{w}" for d, w in zip(MONTHS, words, strict=True)])
    )
    assert (row, column) == (30, "regime")
    assert "calm, boom, stress" in rule


@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_be_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("series") / "series.csv"
    path.write_bytes(data)
    with pytest.raises(SeriesProblems) as caught:
        read_series([path])
    assert caught.value.problems


def test_daily_files_keep_every_day(tmp_path: Path) -> None:
    days = [date(2020, 1, 1) + timedelta(days=i) for i in range(500)]
    price = 100 * np.exp(0.01 * np.sin(np.arange(500)))
    path = write(tmp_path, "date,btc_usd", [f"{d},{p:.4f}" for d, p in zip(days, price, strict=True)])
    assert len(read_series([path])[0].values) == 500


@pytest.mark.parametrize("column", ["short_rate_annual", "lease_usd_kw_month"])
def test_a_series_that_never_changes_is_refused(tmp_path: Path, column: str) -> None:
    values: list[object] = [0.05 if column.startswith("short") else 150.0] * 30
    ((_, named, words),) = refused(write(tmp_path, f"date,{column}", rents(values)))
    assert named == column
    assert "never changes" in words
