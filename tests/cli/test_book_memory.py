"""A book that cannot fit is refused before it is read, and the bound that says so is near what was measured."""

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rackrisk._model import model_of
from rackrisk._run import load_book
from rackrisk.config import SHAPES, ConfigProblems, _limits, load_settings
from rackrisk.config._limits import memory_needed_bytes
from rackrisk.data import generate, least_rows

RESULTS = Path(__file__).parents[2] / "bench" / "results"
ROWS = 50_000


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tapes")
    tape = generate(ROWS, seed=1)
    paths = {ending: folder / f"tape.{ending}" for ending in ("csv", "parquet")}
    tape.write_csv(paths["csv"])
    tape.write_parquet(paths["parquet"])
    return paths


def test_a_parquet_file_says_how_many_rows_it_has_and_a_csv_about_how_many(tapes: dict[str, Path]) -> None:
    assert least_rows(tapes["parquet"]) == ROWS
    assert 0.4 * ROWS <= least_rows(tapes["csv"]) <= ROWS


@pytest.mark.parametrize("name", ["none.parquet", "torn.parquet", "empty.csv", "empty.parquet", "tape.txt"])
def test_a_file_that_cannot_tell_has_no_rows(name: str, tmp_path: Path) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(b"PAR1 and no more" if name.startswith("torn") else b"")
    assert least_rows(tmp_path / name) == 0


def test_a_small_csv_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    assert least_rows(path) == 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_tape_that_cannot_fit_is_refused_unread(
    ending: str, tapes: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(load_settings([f"portfolio.tape={tapes[ending]}"])[0])

    def read(*_: Any) -> NoReturn:
        raise AssertionError("it was read")

    monkeypatch.setattr(type(model), "read_book", read)
    monkeypatch.setattr(_limits, "memory_there_bytes", lambda: 200_000_000)
    with pytest.raises(ConfigProblems) as refused:
        load_book(model)
    (problem,) = refused.value.problems
    assert (problem.key, problem.value) == ("portfolio.tape", str(tapes[ending]))
    assert f"{least_rows(tapes[ending]):,} rows" in problem.rule
    assert "0.2 GiB are free, and none of it was read" in problem.rule


def test_a_tape_that_fits_is_read(tapes: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(load_settings([f"portfolio.tape={tapes['parquet']}"])[0])
    monkeypatch.setattr(_limits, "memory_there_bytes", lambda: 8 * 2**30)
    assert load_book(model)[0].height == ROWS


def measured() -> list[dict[str, Any]]:
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("big_book-*.json"))]
    return [row for record in records for row in record["rows"]]


@pytest.mark.parametrize("row", measured(), ids=lambda row: f"{row['facilities']}x{row['scenarios']}")
def test_the_bound_is_below_what_was_measured_and_for_large_books_near_it(row: dict[str, Any]) -> None:
    settings, _ = load_settings([f"months={row['months']}"])
    book_bytes = row["facilities"] * SHAPES["structural"].bytes_of_row(settings)
    bound = memory_needed_bytes(row["scenarios"], book_bytes=book_bytes, segments=4) / 2**20
    assert bound < row["peak_mib"]
    if row["facilities"] >= 300_000:  # of smaller books the compiler takes most
        assert bound > 0.6 * row["peak_mib"]


def test_a_longer_horizon_needs_more() -> None:
    short, long = (SHAPES["structural"].bytes_of_row(load_settings([f"months={months}"])[0]) for months in (12, 120))
    assert short < long
