"""Price series for the calibration: files with dates and one labelled column a series, or a list of what is wrong.

A month is the grid of the model, so a series must have a value in every month between its first and its last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from ._cast import cast_column
from ._files import RawTape, read_raw
from ._problems import Problem, TapeProblems, printable
from ._series_columns import DATE, MAY_BE_NEGATIVE, MOST_RATIO, REGIME, SeriesColumn, column_of, nearest

MIN_MONTHS = 13  # twelve changes: below, an error means nothing
MOST_STILL = 0.5  # share of monthly changes that may be exactly zero
REGIME_NAMES = ("calm", "boom", "stress")


@dataclass(frozen=True, slots=True)
class Series:
    """One series.

    Args:
        kind: As in `SeriesColumn`.
        item: The generation or class; "" for kinds that have none.
        column: Its name in the file.
        file: Where it was read.
        dates: Ascending, without gaps of a calendar month.
        values: One a date; of the kind `regime` the place in `calm, boom, stress`.
    """

    kind: str
    item: str
    column: str
    file: str
    dates: tuple[date, ...]
    values: np.ndarray

    @property
    def months(self) -> np.ndarray:
        """Number of each date's calendar month since year 0, int64."""
        return np.array([day.year * 12 + day.month - 1 for day in self.dates], np.int64)


class SeriesProblems(TapeProblems):
    """Raised instead of returning series; `problems` lists everything that is wrong with the files."""


def read_series(paths: Sequence[Path | str]) -> list[Series]:
    """Reads CSV or Parquet files of series.

    Args:
        paths: At least one file; each has `date` (YYYY-MM-DD, ascending) and columns of `docs/calibration.md`. Empty
            cells are allowed; a series may begin and end inside the file.

    Returns:
        The series in the order of the files and their columns.

    Raises:
        SeriesProblems: with everything that is wrong, in file order.
    """
    series: list[Series] = []
    problems: list[Problem] = []
    for path in paths:
        found, wrong = _read_file(read_raw(Path(path)))
        series += found
        problems += wrong
    problems += _twice(series)
    if problems:
        raise SeriesProblems(problems)
    return series


def _twice(series: Iterable[Series]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for one in series:
        if one.column in first:
            yield Problem(one.file, None, one.column, "", f"must be given once; {first[one.column]} has it too")
        first.setdefault(one.column, one.file)


def _read_file(raw: RawTape) -> tuple[list[Series], list[Problem]]:
    problems = list(raw.problems)
    if not raw.frame.width:
        return [], problems
    if DATE not in raw.frame.columns:
        return [], [*problems, Problem(raw.file, None, DATE, "", "is missing: every file needs a column of dates")]
    dates, wrong = _dates(raw)
    problems += wrong
    series: list[Series] = []
    others = [name for name in raw.frame.columns if name != DATE]
    if not others:
        problems.append(Problem(raw.file, None, "", "", "must have a column beside the dates"))
    for name in others:
        one, wrong = _column(raw, name, dates)
        problems += wrong
        if one is not None:
            series.append(one)
    return series, problems


def _dates(raw: RawTape) -> tuple[list[date | None], list[Problem]]:
    """The dates, None where there is none, and what is wrong with them."""
    cast = cast_column(raw.frame[DATE], pl.Date(), from_text=raw.from_text)
    if cast.column_rule:
        return [None] * len(raw.frame), [Problem(raw.file, None, DATE, "", cast.column_rule)]
    dates: list[date | None] = cast.values.to_list()
    problems: list[Problem] = []
    last: date | None = None
    for row, (day, bad) in enumerate(zip(dates, cast.bad, strict=True), start=1):
        rule = cast.rule if bad else "must not be empty" if day is None else _order_rule(last, day)
        if rule:
            problems.append(Problem(raw.file, row, DATE, printable(raw.frame[DATE][row - 1]), rule))
            dates[row - 1] = None
        last = day if last is None else max(last, day or last)
    if not dates:
        problems.append(Problem(raw.file, None, "", "", "must have at least one row below the column names"))
    return dates, problems


def _order_rule(last: date | None, day: date) -> str:
    if last is None or day > last:
        return ""
    return "must be used once: one row a date" if day == last else "must come after the dates above it"


def _column(raw: RawTape, name: str, dates: list[date | None]) -> tuple[Series | None, list[Problem]]:
    if name == REGIME:
        return _regimes(raw, dates)
    known = column_of(name)
    if known is None:
        rule = f"is not the name of a series{nearest(name, ())}"
        return None, [Problem(raw.file, None, printable(name), "", rule)]
    column, item = known
    cast = cast_column(raw.frame[name], pl.Float64(), from_text=raw.from_text)
    if cast.column_rule:
        return None, [Problem(raw.file, None, name, "", cast.column_rule)]
    rows = [(row, day, value) for row, (day, value) in enumerate(zip(dates, cast.values, strict=True), 1) if day]
    problems = [
        Problem(raw.file, row, name, printable(raw.frame[name][row - 1]), cast.rule)
        for row, bad in enumerate(cast.bad, 1)
        if bad
    ]
    problems += _value_problems(raw.file, name, column, [(row, v) for row, _, v in rows if v is not None])
    kept = [(day, value) for _, day, value in rows if value is not None]
    series = Series(column.kind, item, name, raw.file, tuple(d for d, _ in kept), np.array([v for _, v in kept]))
    return series, problems or ([] if None in dates else _shape_problems(series, moves=column.moves))


def _value_problems(file: str, name: str, column: SeriesColumn, rows: Sequence[tuple[int, float]]) -> list[Problem]:
    """One problem a cell: not finite, not positive, in another unit, or in another unit than the one before."""
    problems: list[Problem] = []
    before: float | None = None
    for row, value in rows:
        rule = _value_rule(column, value, before)
        if rule:
            problems.append(Problem(file, row, name, f"{value:.10g}", rule))
        before = None if rule else value
    return problems


def _value_rule(column: SeriesColumn, value: float, before: float | None) -> str:
    if not np.isfinite(value):
        return "must be a finite number"
    if value <= 0 and column.kind not in MAY_BE_NEGATIVE:
        return "must be positive"
    if not column.low <= value <= column.high:
        return f"must be between {column.low:g} and {column.high:g}: is this {column.unit}?"
    if before is None or column.kind in MAY_BE_NEGATIVE:
        return ""
    jump = max(value / before, before / value)
    return f"is {jump:.1f} times off the value before: was the unit changed?" if jump > MOST_RATIO else ""


def _shape_problems(series: Series, *, moves: bool) -> list[Problem]:
    """Short, gappy or stale, one problem a reason."""

    def wrong(rule: str, value: str = "") -> Problem:
        return Problem(series.file, None, series.column, value, rule)

    months = np.unique(series.months)
    if len(months) < MIN_MONTHS:
        rule = f"is too short: must have values in at least {MIN_MONTHS} months"
        return [wrong(rule, f"{len(months)} months")]
    problems = [wrong("has a gap: every month needs a value", gap) for gap in _gaps(months)]
    last_of_month = series.values[np.append(np.diff(series.months) != 0, True)]
    still = float(np.mean(np.diff(last_of_month) == 0))
    if still == 1.0 and series.kind != REGIME:
        problems.append(wrong("never changes, so it says nothing"))
    elif moves and still > MOST_STILL:
        rule = f"is stale: at most {MOST_STILL:.0%} of its monthly changes may be zero; a list price is no market price"
        problems.append(wrong(rule, f"{still:.0%}"))
    return problems


def _gaps(months: np.ndarray) -> Iterator[str]:
    for before, after in pairwise(months):
        if after - before > 1:
            first, last = _month_text(before + 1), _month_text(after - 1)
            yield first if first == last else f"{first} to {last}"


def _month_text(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _regimes(raw: RawTape, dates: list[date | None]) -> tuple[Series | None, list[Problem]]:
    """The column of regimes, one name a row."""
    cells = raw.frame[REGIME].cast(pl.String).to_list()
    rule = f"must be one of {', '.join(REGIME_NAMES)}"
    problems = [
        Problem(raw.file, row, REGIME, printable(cell), rule)
        for row, cell in enumerate(cells, 1)
        if cell not in (None, "", *REGIME_NAMES)
    ]
    kept = [(day, REGIME_NAMES.index(c)) for day, c in zip(dates, cells, strict=True) if day and c in REGIME_NAMES]
    series = Series(REGIME, "", REGIME, raw.file, tuple(d for d, _ in kept), np.array([r for _, r in kept], float))
    return series, problems or ([] if None in dates else _shape_problems(series, moves=False))
