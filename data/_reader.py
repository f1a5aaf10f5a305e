"""Tapes from files and from frames made in code, checked by the same rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl

from ._check import checked
from ._files import RawTape, read_raw
from ._schema import ASIC_CLASSES, GENERATIONS, facility_form


def read_tape(
    path: Path | str,
    *,
    as_of: date,
    generations: Sequence[str] = GENERATIONS,
    asic_classes: Sequence[str] = ASIC_CLASSES,
) -> pl.DataFrame:
    """Reads a CSV (UTF-8, commas) or Parquet file, one facility a row, columns in any order.

    Args:
        path: The file; its ending says which kind it is.
        as_of: The as-of date that balances are stated at; every maturity lies after it.
        generations: GPU generations that the market knows: the `gpus_<generation>` columns.
        asic_classes: ASIC classes that the market knows: the `hash_ph_<class>` columns.

    Returns:
        Every column of `docs/tape.md` in its type, with defaults filled, rows as in the file, and `row` (1-based).

    Raises:
        TapeProblems: listing everything that is wrong with the file. Then there is no tape.
    """
    return _checked(read_raw(Path(path)), as_of, generations, asic_classes)


def check_tape(
    frame: pl.DataFrame,
    *,
    file: str,
    as_of: date,
    generations: Sequence[str] = GENERATIONS,
    asic_classes: Sequence[str] = ASIC_CLASSES,
) -> pl.DataFrame:
    """Checks a frame made in code by the rules of `read_tape`; `file` is its name in problems.

    A column `row` is ignored and counted anew. Returns and raises as `read_tape` does.
    """
    return _checked(RawTape(file, frame, from_text=False), as_of, generations, asic_classes)


def _checked(raw: RawTape, as_of: date, generations: Sequence[str], asic_classes: Sequence[str]) -> pl.DataFrame:
    if not isinstance(as_of, date) or isinstance(as_of, datetime):
        raise TypeError(f"as_of must be a date, not {as_of!r}")
    tape = checked(raw, facility_form(as_of, generations, asic_classes))
    return tape.with_columns(pl.col("margin_restore_ltv").fill_null(pl.col("margin_call_ltv")))
