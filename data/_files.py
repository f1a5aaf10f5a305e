"""Bytes to cells: a CSV or Parquet file as a frame of raw columns, with everything that cannot be a cell named."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import polars as pl

from ._parquet import MAX_COLUMNS, ParquetRefused, read_parquet
from ._problems import MAX_VALUE_CHARS, Problem, printable

CSV_ENDINGS = (".csv",)
PARQUET_ENDINGS = (".parquet", ".pq")
MAX_ROWS = 10_000_000
MAX_LINE = 1_000_000  # characters; 5,000 columns of 200
MAX_BROKEN_ROWS = 100_000  # of a wrong length: a file with more is no table, and the list of them would fill the memory
MAX_CELL_BYTES = 16_000  # 4,000 characters of prose, the longest that any column may have
_CHUNK_ROWS = 50_000
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class RawTape:
    """Cells as they lie in the file.

    Args:
        file: Name used in problems.
        frame: One column per name in the header; all text when the file is CSV.
        from_text: True for CSV: numbers and dates are still to be parsed.
        problems: What was wrong with the file, its header, its rows, or cells that are not text. Rows of a wrong
            length are empty in `frame`.
    """

    file: str
    frame: pl.DataFrame
    from_text: bool
    problems: list[Problem] = field(default_factory=list)


def read_raw(path: Path) -> RawTape:
    """Reads `path` by its ending. Never raises for what is in the file: `RawTape.problems` says it."""
    file = printable(path)
    ending = path.suffix.lower()
    if ending not in (*CSV_ENDINGS, *PARQUET_ENDINGS):
        return _unreadable(file, "must be a file whose name ends in .csv or .parquet", ending)
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a pipe or a device"  # which could block for ever or never end
        return _unreadable(file, f"must be a file, not {what}")
    try:
        # Opened here, because Polars would take a name with stars as a pattern and one with :// as an address.
        with path.open("rb") as stream:
            return _read_csv(path, file, stream.read(4)) if ending in CSV_ENDINGS else _read_parquet(file, stream)
    except FileNotFoundError:
        return _unreadable(file, "does not exist")
    except (OSError, ValueError) as error:
        return _unreadable(file, f"cannot be read: {printable(error)}")


def _unreadable(file: str, rule: str, value: str = "") -> RawTape:
    return RawTape(file, pl.DataFrame(), from_text=False, problems=[Problem(file, None, "", printable(value), rule)])


# ---- Parquet ----


def _read_parquet(file: str, stream: IO[bytes]) -> RawTape:
    try:
        frame = read_parquet(stream, most_rows=MAX_ROWS)
    except ParquetRefused as error:
        return _unreadable(file, printable(error))
    problems: list[Problem] = []
    return RawTape(file, _without_long_cells(file, frame, problems), from_text=False, problems=problems)


def _without_long_cells(file: str, frame: pl.DataFrame, problems: list[Problem]) -> pl.DataFrame:
    """The frame with text that no column may have emptied and named: one page of it can stand in a million cells."""
    for name, cells in zip(frame.columns, frame.iter_columns(), strict=True):
        if cells.dtype != pl.String or not (long := (cells.str.len_bytes() > MAX_CELL_BYTES).fill_null(False)).any():
            continue
        rows = long.arg_true().head(MAX_BROKEN_ROWS)
        shown = [printable(cell) for cell in cells.gather(rows).str.slice(0, 2 * MAX_VALUE_CHARS)]
        rule = f"must have at most {MAX_CELL_BYTES:,} bytes"
        problems += [Problem(file, row + 1, name, cell, rule) for row, cell in zip(rows, shown, strict=True)]
        frame = frame.with_columns(cells.set(long, None))
    return frame


# ---- CSV ----


def _read_csv(path: Path, file: str, head: bytes) -> RawTape:
    if head.startswith(_UTF16_MARKS):
        return _unreadable(file, "must be UTF-8 text; this is UTF-16")
    if head == b"PAR1":
        return _unreadable(file, "is a Parquet file: its name must end in .parquet")
    # Bytes that are not UTF-8 become lone surrogates, which `_text_column` finds.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        rows = csv.reader(_lines(stream), strict=True)
        try:
            header = next(rows, None)
        except csv.Error as error:
            return _unreadable(file, f"must begin with a line of column names: {error}")
        except _NoTable as error:
            return _unreadable(file, str(error))
        if not header:
            return _unreadable(file, "is empty" if header is None else "must begin with a line of column names")
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            return _unreadable(file, "must separate its columns with commas", header[0])
        if len(header) > MAX_COLUMNS:
            return _unreadable(file, f"must have at most {MAX_COLUMNS:,} columns", f"{len(header):,}")
        return _read_rows(file, header, rows)


class _NoTable(Exception):
    """What comes next in the file is no row of a table, and nothing after it is worth reading; the message says why."""


def _lines(stream: IO[str]) -> Iterator[str]:
    """Lines of a bounded length: a file without line breaks must not be read as one."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise _NoTable(f"must have lines of at most {MAX_LINE:,} characters")
        yield line


def _read_rows(file: str, header: list[str], rows: Iterator[list[str]]) -> RawTape:
    problems = _header_problems(file, header)
    whole_rows = _whole_rows(file, len(header), rows, problems)
    frames = [_text_frame(file, header, [], 0, problems)]
    count = 0
    # Chunks, so that Python objects exist for a part of the file only.
    try:
        while chunk := list(islice(whole_rows, _CHUNK_ROWS)):
            frames.append(_text_frame(file, header, chunk, count, problems))
            count += len(chunk)
            if count > MAX_ROWS:
                raise _NoTable(f"must have at most {MAX_ROWS:,} rows")
    except _NoTable as error:
        # What was read so far is no tape; only what is wrong with it is told.
        wrong = [*problems[:MAX_BROKEN_ROWS], Problem(file, None, "", "", f"{error}; the rest was not read")]
        return RawTape(file, pl.DataFrame(), from_text=False, problems=wrong)
    return RawTape(file, pl.concat(frames), from_text=True, problems=problems)


def _header_problems(file: str, header: list[str]) -> list[Problem]:
    problems = [
        Problem(file, None, "", f"column {place}", "must have a name in the first line")
        for place, name in enumerate(header, start=1)
        if not name
    ]
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    return problems + [Problem(file, None, printable(name), "", "must be one column, not several") for name in twice]


def _whole_rows(
    file: str, width: int, rows: Iterator[list[str]], problems: list[Problem]
) -> Iterator[list[str | None]]:
    """Rows of exactly `width` cells; one that is not, or is not CSV, is named in `problems` and comes empty."""
    nothing: list[str | None] = [None] * width
    blank = broken = 0
    for row, (cells, rule) in enumerate(_parsed(rows, width), start=1):
        if not cells and not rule:
            blank += 1  # Harmless at the end of the file only.
            continue
        broken += blank + bool(rule)
        for missed in range(row - min(blank, MAX_BROKEN_ROWS), row):
            problems.append(Problem(file, missed, "", "", "must not be a blank line"))
            yield nothing
        blank = 0
        if broken > MAX_BROKEN_ROWS:
            raise _NoTable(f"has more than {MAX_BROKEN_ROWS:,} rows that are blank or of another length")
        if rule:
            problems.append(Problem(file, row, "", "", rule))
        yield nothing if rule else list(cells)


def _parsed(rows: Iterator[list[str]], width: int) -> Iterator[tuple[list[str], str]]:
    """Cells of each row with the rule that the row breaks, if any."""
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield [], f"must be CSV: {error}"
            continue
        wrong = cells and len(cells) != width
        yield cells, f"must have {width} fields like the first line, not {len(cells)}" if wrong else ""


def _text_frame(
    file: str, header: list[str], chunk: list[list[str | None]], start: int, problems: list[Problem]
) -> pl.DataFrame:
    """A chunk of rows, `start` rows after the first, as columns of text; of two columns with one name the first."""
    columns: dict[str, pl.Series] = {}
    for place, name in enumerate(header):
        # A name that is not UTF-8 is escaped, and then refused as unknown.
        if name and (label := name if name.isascii() else _utf8(name)) not in columns:
            cells = [row[place] for row in chunk]
            columns[label] = _text_column(file, label, cells, start, problems)
    return pl.DataFrame(columns)


def _text_column(file: str, name: str, cells: list[str | None], start: int, problems: list[Problem]) -> pl.Series:
    try:
        return pl.Series(name, cells, dtype=pl.String)
    except UnicodeEncodeError:
        for place, cell in enumerate(cells):
            if cell is not None and _utf8(cell) != cell:
                problems.append(Problem(file, start + place + 1, name, printable(_utf8(cell)), "must be UTF-8 text"))
                cells[place] = None
        return pl.Series(name, cells, dtype=pl.String)


def _utf8(text: str) -> str:
    """`text` with each byte that was not UTF-8 written as \\x and two digits."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
