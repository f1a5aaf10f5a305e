"""Tapes that unfold to gigabytes, never end, or are no files: refused with their reason, in bounded time and memory."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rackrisk.data import ParquetRefused, TapeProblems, read_names, read_parquet, read_series, read_tape
from rackrisk.data._files import MAX_BROKEN_ROWS, read_raw
from rackrisk.data._parquet import parquet_size

from ..cli.tapes import tape_rows, write_tape
from .cage import at_most

HEAD = ",".join(tape_rows(1)[0])
CSV = {
    "one endless line": (f"{HEAD}\n" + "x" * 20_000_000, "lines of at most"),
    "no line at all": ("\0" * 20_000_000, "lines of at most"),
    "blank lines": (f"{HEAD}\n" + "\n" * 3_000_000 + "x\n", "blank or of another length"),
    "short lines": (f"{HEAD}\n" + "a\n" * 3_000_000, "blank or of another length"),
    "a quote that never closes": (f'{HEAD}\n"' + "x\n" * 3_000_000, "blank or of another length"),
    "columns": (",".join(f"c{i}" for i in range(100_000)) + "\n", "at most 5,000 columns"),
}


@pytest.mark.parametrize("name", CSV)
def test_a_csv_bomb_is_refused_without_time_or_memory(tmp_path: Path, name: str) -> None:
    text, rule = CSV[name]
    (tmp_path / "tape.csv").write_text(text)
    with at_most(gigabytes=1.5):
        started = time.monotonic()
        raw = read_raw(tmp_path / "tape.csv")
        assert time.monotonic() - started < 30.0
    assert any(rule in problem.rule for problem in raw.problems)
    assert len(raw.problems) <= MAX_BROKEN_ROWS + 1
    assert raw.frame.is_empty()


def test_a_sparse_file_of_many_gigabytes_is_not_read(tmp_path: Path) -> None:
    for name in ("tape.csv", "tape.parquet"):
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(50 * 2**30)
        started = time.monotonic()
        assert read_raw(tmp_path / name).problems
        assert time.monotonic() - started < 10.0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"{kind}.{ending}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    for reader in (_tape, read_names, lambda path: read_series([path])):
        with pytest.raises(TapeProblems, match="must be a file, not"):
            reader(path)


def test_rows_that_cost_nothing_in_the_file_are_counted_before_they_are_made(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"balance_usd": pl.repeat(1.0, 30_000_000, eager=True)}).write_parquet(path)
    assert path.stat().st_size < 1_000_000
    with at_most(gigabytes=0.2):
        (problem,) = read_raw(path).problems
    assert "has 30,000,000 rows" in problem.rule


def test_a_table_larger_than_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.parquet"
    pl.DataFrame({"x": pl.repeat(1.0, 1_000_000, eager=True)}).write_parquet(path)
    monkeypatch.setattr("rackrisk.data._parquet.memory_there_bytes", lambda: 1_000_000)
    with pytest.raises(ParquetRefused, match="GiB of memory"):
        read_parquet(path)


def test_text_that_no_column_may_have_is_emptied_and_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "text.parquet"
    tape = pl.DataFrame(tape_rows(4)).with_columns(obligor_id=pl.lit("x" * 20_000_000))
    tape.write_parquet(path)
    assert path.stat().st_size < 100_000
    started = time.monotonic()
    raw = read_raw(path)
    assert time.monotonic() - started < 10.0
    assert [(p.row, p.column) for p in raw.problems] == [(row, "obligor_id") for row in range(1, 5)]
    assert raw.frame["obligor_id"].null_count() == 4


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_a_parquet_file_with_a_changed_or_missing_end_is_refused_or_the_same(tmp_path: Path, place: int) -> None:
    path = tmp_path / "tape.parquet"
    honest = pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    honest.write_parquet(path)
    data = bytearray(path.read_bytes())
    data[-1 - place % len(data)] ^= 0xFF
    path.write_bytes(data)
    try:
        read = read_parquet(path)
    except ParquetRefused:
        return
    assert read.shape[1] <= 2


def test_the_footer_says_what_polars_wrote(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    for rows, columns in ((0, 1), (1, 3), (1000, 20)):
        frame = pl.DataFrame({f"c{i}": pl.arange(0, rows, eager=True) for i in range(columns)})
        frame.write_parquet(path, row_group_size=100)
        with path.open("rb") as stream:
            size = parquet_size(stream)
        assert (size.rows, size.columns) == (rows, columns)
        assert size.uncompressed_bytes >= rows


def test_a_name_with_invisible_letters_is_refused(tmp_path: Path) -> None:
    for hidden in ("\u00ad", "\u200b", "\u200e", "\u202e", "\u2060", "\u2066", "\ufeff", "\U000e0041", "\x1b", "\x7f"):
        rows = [{**row, "facility_id": f"a{hidden}b"} for row in tape_rows(1)]
        write_tape(tmp_path / "tape.csv", rows)
        with pytest.raises(TapeProblems) as caught:
            _tape(tmp_path / "tape.csv")
        assert any(problem.column == "facility_id" for problem in caught.value.problems)
        assert hidden not in str(caught.value)


def _tape(path: Path) -> pl.DataFrame:
    return read_tape(path, as_of=date(2026, 8, 31))


def test_letters_that_join_others_in_their_script_are_letters(tmp_path: Path) -> None:
    rows = [{**row, "facility_id": f"می\u200cخواهم {i}"} for i, row in enumerate(tape_rows(2))]
    assert _tape(write_tape(tmp_path / "tape.csv", rows)).height == 2


def test_a_tape_of_names_with_thousands_of_factors_is_refused_at_once(tmp_path: Path) -> None:
    loadings = {f"loading_f{i}": [0.001] for i in range(3_000)}
    pl.DataFrame({"obligor_id": ["a"], "ead": [1.0], "pd": [0.01], "lgd": [0.5], **loadings}).write_csv(
        tmp_path / "n.csv"
    )
    started = time.monotonic()
    with pytest.raises(TapeProblems, match="at most 256 factors, not 3,000"):
        read_names(tmp_path / "n.csv")
    assert time.monotonic() - started < 10.0
