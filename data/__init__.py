"""Tapes of facilities and of names: schema, reader, generator; price series; the small tables of the package."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._generator import generate as generate
    from ._memory import memory_there_bytes as memory_there_bytes
    from ._names import check_names_frame as check_names_frame
    from ._names import equal_names as equal_names
    from ._names import read_names as read_names
    from ._parquet import ParquetRefused as ParquetRefused
    from ._parquet import read_parquet as read_parquet
    from ._places import expanded as expanded
    from ._places import is_utf8 as is_utf8
    from ._portfolio import load_portfolio as load_portfolio
    from ._problems import Problem as Problem
    from ._problems import TapeProblems as TapeProblems
    from ._problems import inert as inert
    from ._problems import is_formula as is_formula
    from ._problems import printable as printable
    from ._problems import write_problems as write_problems
    from ._public import public_facilities as public_facilities
    from ._reader import check_tape as check_tape
    from ._reader import read_tape as read_tape
    from ._row_count import least_rows as least_rows
    from ._schema import ASIC_CLASSES as ASIC_CLASSES
    from ._schema import GENERATIONS as GENERATIONS
    from ._schema import Facility as Facility
    from ._schema import tape_schema as tape_schema
    from ._series import Series as Series
    from ._series import SeriesProblems as SeriesProblems
    from ._series import read_series as read_series

# Loaded when first asked for: Polars and dataframely are not on every machine that imports the package.
_HOMES = {
    "ASIC_CLASSES": "_schema",
    "Facility": "_schema",
    "GENERATIONS": "_schema",
    "ParquetRefused": "_parquet",
    "Problem": "_problems",
    "Series": "_series",
    "SeriesProblems": "_series",
    "TapeProblems": "_problems",
    "check_names_frame": "_names",
    "check_tape": "_reader",
    "equal_names": "_names",
    "expanded": "_places",
    "generate": "_generator",
    "least_rows": "_row_count",
    "load_portfolio": "_portfolio",
    "inert": "_problems",
    "is_formula": "_problems",
    "is_utf8": "_places",
    "memory_there_bytes": "_memory",
    "printable": "_problems",
    "public_facilities": "_public",
    "read_names": "_names",
    "read_parquet": "_parquet",
    "read_series": "_series",
    "read_tape": "_reader",
    "tape_schema": "_schema",
    "write_problems": "_problems",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
