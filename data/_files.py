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

from ._problems import Problem, printable

CSV_ENDINGS = (".csv",)
PARQUET_ENDINGS = (".parquet", ".pq")
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
    if path.is_dir():
        return _unreadable(file, "must be a file, not a folder")
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
    head = stream.read(4)
    if not head:
        return _unreadable(file, "is empty")
    if head != b"PAR1":
        return _unreadable(file, "is not a Parquet file, whatever its name says")
    stream.seek(0)
    try:
        return RawTape(file, pl.read_parquet(stream), from_text=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        return _unreadable(file, f"is not a whole Parquet file: {printable(error)}")


# ---- CSV ----


def _read_csv(path: Path, file: str, head: bytes) -> RawTape:
    if head.startswith(_UTF16_MARKS):
        return _unreadable(file, "must be UTF-8 text; this is UTF-16")
    if head == b"PAR1":
        return _unreadable(file, "is a Parquet file: its name must end in .parquet")
    # Bytes that are not UTF-8 become lone surrogates, which `_text_column` finds.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        rows = csv.reader(stream, strict=True)
        try:
            header = next(rows, None)
        except csv.Error as error:
            return _unreadable(file, f"must begin with a line of column names: {error}")
        if not header:
            return _unreadable(file, "is empty" if header is None else "must begin with a line of column names")
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            return _unreadable(file, "must separate its columns with commas", header[0])
        return _read_rows(file, header, rows)


def _read_rows(file: str, header: list[str], rows: Iterator[list[str]]) -> RawTape:
    problems = _header_problems(file, header)
    whole_rows = _whole_rows(file, len(header), rows, problems)
    frames = [_text_frame(file, header, [], 0, problems)]
    count = 0
    # Chunks, so that Python objects exist for a part of the file only.
    while chunk := list(islice(whole_rows, _CHUNK_ROWS)):
        frames.append(_text_frame(file, header, chunk, count, problems))
        count += len(chunk)
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
    blank = 0
    for row, (cells, rule) in enumerate(_parsed(rows, width), start=1):
        if not cells and not rule:
            blank += 1  # Harmless at the end of the file only.
            continue
        for missed in range(row - blank, row):
            problems.append(Problem(file, missed, "", "", "must not be a blank line"))
            yield nothing
        blank = 0
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
