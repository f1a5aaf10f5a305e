"""Loan tapes: schema, reader and generator, and the small tables shipped with the package."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._generator import generate as generate
    from ._portfolio import load_portfolio as load_portfolio
    from ._problems import Problem as Problem
    from ._problems import TapeProblems as TapeProblems
    from ._problems import write_problems as write_problems
    from ._public import public_facilities as public_facilities
    from ._reader import check_tape as check_tape
    from ._reader import read_tape as read_tape
    from ._schema import ASIC_CLASSES as ASIC_CLASSES
    from ._schema import GENERATIONS as GENERATIONS
    from ._schema import Facility as Facility
    from ._schema import tape_schema as tape_schema

# Loaded when first asked for: Polars and dataframely are not on every machine that imports the package.
_HOMES = {
    "ASIC_CLASSES": "_schema",
    "Facility": "_schema",
    "GENERATIONS": "_schema",
    "Problem": "_problems",
    "TapeProblems": "_problems",
    "check_tape": "_reader",
    "generate": "_generator",
    "load_portfolio": "_portfolio",
    "public_facilities": "_public",
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
