"""Parquet files that nobody vouched for: what a file would take is looked up before it is decompressed.

A few kilobytes of Parquet can stand for billions of rows or for gigabytes of text. Its footer says how much it holds;
`read_parquet` refuses what no table of this product needs, and what does not fit into memory.

The footer is a Thrift structure in the compact protocol: https://parquet.apache.org/docs/file-format/metadata/ and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from ._memory import memory_there_bytes

MAX_COLUMNS = 5_000
MAX_ROWS = 2_000_000_000
MAX_FOOTER_BYTES = 50_000_000

_MAGIC = b"PAR1"
_MAX_FIELDS = 5_000_000
# Fields of the footer by their numbers.
_NUM_ROWS, _ROW_GROUPS, _SCHEMA = 3, 4, 2
_GROUP_COLUMNS, _COLUMN_METADATA, _UNCOMPRESSED = 1, 3, 6
_CELL_BYTES = 8  # of a number; text takes a view of 16 bytes and shares what it views


class ParquetRefused(ValueError):
    """The file cannot be read or would take too much; the message is the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class ParquetSize:
    """What the footer of a file says of it.

    Args:
        rows: Rows of the table.
        columns: Columns, nested ones counted by their leaves.
        uncompressed_bytes: Size of all pages after decompression.
    """

    rows: int
    columns: int
    uncompressed_bytes: int

    @property
    def needed_bytes(self) -> int:
        """Memory that the table takes at least: equal cells are stored once in the file, but not as a frame."""
        return self.uncompressed_bytes + self.rows * self.columns * _CELL_BYTES


def read_parquet(source: IO[bytes] | Path, *, most_rows: int = MAX_ROWS) -> pl.DataFrame:
    """The table in a Parquet file; of a path, only in a regular file and not in many by a pattern.

    Raises:
        ParquetRefused: it is no whole Parquet file, or takes more than there is.
        OSError: it cannot be read.
    """
    if isinstance(source, Path):
        if source.exists() and not source.is_file():
            raise ParquetRefused("is not a file")
        with source.open("rb") as stream:
            return read_parquet(stream, most_rows=most_rows)
    _check(parquet_size(source), most_rows)
    source.seek(0)
    try:
        return pl.read_parquet(source)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ParquetRefused(f"is not a whole Parquet file: {error}") from None


def _check(size: ParquetSize, most_rows: int) -> None:
    if size.rows > most_rows or size.columns > MAX_COLUMNS:
        words = f"has {size.rows:,} rows and {size.columns:,} columns"
        raise ParquetRefused(f"{words}; at most {most_rows:,} and {MAX_COLUMNS:,} are read")
    there = memory_there_bytes()
    if size.needed_bytes > there:
        words = f"would take {size.needed_bytes / 2**30:,.1f} GiB of memory and {there / 2**30:,.1f} GiB are free"
        raise ParquetRefused(words)


def parquet_size(stream: IO[bytes]) -> ParquetSize:
    """What the footer says, without reading anything else.

    Raises:
        ParquetRefused: there is no footer that can be read.
    """
    try:
        footer = _Compact(_footer(stream)).struct()
        groups = footer[_ROW_GROUPS]
        columns = max((len(group[_GROUP_COLUMNS]) for group in groups), default=len(footer[_SCHEMA]) - 1)
        pages = [column[_COLUMN_METADATA][_UNCOMPRESSED] for group in groups for column in group[_GROUP_COLUMNS]]
        rows, uncompressed = int(footer[_NUM_ROWS]), sum(int(page) for page in pages)
    except (IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ParquetRefused):
            raise
        raise ParquetRefused("is not a whole Parquet file: its end cannot be read") from None
    if rows < 0 or any(int(page) < 0 for page in pages):
        raise ParquetRefused("is not a whole Parquet file: it states a negative size")
    return ParquetSize(rows, columns, uncompressed)


def _footer(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    head = stream.read(4)
    if not head:
        raise ParquetRefused("is empty")
    if head != _MAGIC:
        raise ParquetRefused("is not a Parquet file, whatever its name says")
    end = stream.seek(0, 2)
    stream.seek(max(0, end - 8))
    tail = stream.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length > min(MAX_FOOTER_BYTES, end - 12):
        raise ParquetRefused("is not a whole Parquet file: its end is missing")
    stream.seek(end - 8 - length)
    return stream.read(length)


class _Compact:
    """A reader of Thrift's compact protocol: structures become dicts by field number, lists become lists."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._left = data, 0, _MAX_FIELDS

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            number = number + step if step else _unzigzag(self._varint())
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many fields")
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return _unzigzag(self._varint())
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            return self._list()
        if kind == 12:
            return self.struct()
        raise ValueError("unknown type")

    def _list(self) -> list[Any]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        count = self._varint() if count == 15 else count
        return [self._value(kind) for _ in range(count)]

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise ValueError("ends too early")
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("too long a number")


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
