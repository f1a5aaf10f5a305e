"""Columns of a file to the types of the schema: exact or not at all, and every cell that does not fit is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

NOT_A_NUMBER = "must be a number such as 1500000 or 0.05, without thousands separator, currency or per cent sign"
NOT_WHOLE = "must be a whole number of at most 64 bits"
NOT_A_DATE = "must be a calendar date written YYYY-MM-DD"
NOT_A_DAY = "must be a date in the years 1 to 9999, without a time of day"

_FIRST_DAY, _LAST_DAY = ((day - date(1970, 1, 1)).days for day in (date(1, 1, 2), date(9999, 12, 30)))
_TICKS_PER_DAY = {unit: 86_400 * per_second for unit, per_second in (("ms", 10**3), ("us", 10**6), ("ns", 10**9))}


@dataclass(frozen=True, slots=True)
class Cast:
    """A column after its cast.

    Args:
        values: The column in the type of the schema; null in `bad` rows, all null when `column_rule` is set.
        bad: True where the cell does not fit.
        rule: What the bad cells break.
        column_rule: What the column as a whole breaks, when its type cannot be cast at all.
    """

    values: pl.Series
    bad: pl.Series
    rule: str = ""
    column_rule: str = ""


def cast_column(raw: pl.Series, dtype: pl.DataType, *, from_text: bool) -> Cast:
    """Casts `raw` to `dtype`: Float64, Int64, Date or String.

    Empty text is null, and -0 is 0. With `from_text` (CSV) numbers and dates are parsed, blanks around them ignored.
    Otherwise numbers of any width, decimals and datetimes at midnight are taken when nothing is lost by it; whole
    numbers are also taken as names. Text is then never read as a number or date.
    """
    if raw.dtype == pl.Null:
        raw = raw.cast(dtype)
    if dtype == pl.String:
        return _to_text(raw)
    if raw.dtype == pl.String and from_text:
        return _parse(raw, dtype)
    if dtype == pl.Date:
        return _to_date(raw)
    if not raw.dtype.is_numeric():
        return _unfit(raw, dtype, "must be a column of numbers")
    return _to_whole(raw) if dtype == pl.Int64 else _to_number(raw)


def _unfit(raw: pl.Series, dtype: pl.DataType, rule: str) -> Cast:
    nothing = pl.repeat(None, len(raw), dtype=dtype, eager=True)
    return Cast(nothing, _none(raw), column_rule=f"{rule}, not of type {raw.dtype}")


def _none(raw: pl.Series) -> pl.Series:
    return pl.repeat(False, len(raw), dtype=pl.Boolean, eager=True)


def _keep(values: pl.Series, bad: pl.Series, rule: str) -> Cast:
    bad = bad.fill_null(False)
    return Cast(values.set(bad, None) if bad.any() else values, bad, rule)


def _unsigned_zero(numbers: pl.Series) -> pl.Series:
    """-0 as 0. Adding 0.0 would do by IEEE 754, but Polars leaves that sum out."""
    is_zero = numbers == 0
    return numbers.set(is_zero, 0.0) if is_zero.any() else numbers


def _to_text(raw: pl.Series) -> Cast:
    if raw.dtype not in (pl.String, pl.Categorical, pl.Enum) and not raw.dtype.is_integer():
        return _unfit(raw, pl.String(), "must be a column of text")
    text = raw.cast(pl.String)
    return Cast(text.set(text == "", None), _none(raw))


def _parse(raw: pl.Series, dtype: pl.DataType) -> Cast:
    text = raw.str.strip_chars(" \t")
    text = text.set(text == "", None)
    if dtype == pl.Date:
        dates = text.set(text.str.starts_with("0000"), None).str.to_date("%Y-%m-%d", strict=False)
        return _keep(dates, ~text.str.contains(DATE_PATTERN) | (text.is_not_null() & dates.is_null()), NOT_A_DATE)
    numbers = text.cast(pl.Float64, strict=False)
    bad = text.is_not_null() & numbers.is_null()
    if dtype == pl.Float64:
        return _keep(_unsigned_zero(numbers), bad, NOT_A_NUMBER)
    whole = _to_whole(numbers)
    return Cast(whole.values, bad | whole.bad, NOT_WHOLE)


def _to_number(raw: pl.Series) -> Cast:
    # No bound in the schema is above 1e15, and up to 2^53 whole numbers are exact: what is not exact is refused there.
    return Cast(_unsigned_zero(raw.cast(pl.Float64)), _none(raw))


def _to_whole(raw: pl.Series) -> Cast:
    if raw.dtype.is_integer():
        whole = raw.cast(pl.Int64, strict=False)
        return _keep(whole, raw.is_not_null() & whole.is_null(), NOT_WHOLE)
    numbers = raw.cast(pl.Float64)
    whole = numbers.cast(pl.Int64, strict=False)
    return _keep(whole, numbers.is_not_null() & ~(whole.cast(pl.Float64) == numbers).fill_null(False), NOT_WHOLE)


def _to_date(raw: pl.Series) -> Cast:
    if raw.dtype != pl.Date and not isinstance(raw.dtype, pl.Datetime):
        return _unfit(raw, pl.Date(), "must be a column of dates")
    wild = ~has_known_year(raw)
    local = raw.set(wild, None)
    if raw.dtype == pl.Date:
        return _keep(local, wild, NOT_A_DAY)
    local = local.dt.replace_time_zone(None)
    dates = local.cast(pl.Date)
    return _keep(dates, wild | (dates.cast(local.dtype) != local), NOT_A_DAY)


def has_known_year(cells: pl.Series) -> pl.Series:
    """True where a date or timestamp lies in the years 1 to 9999, which Python knows and Polars can write as text."""
    ticks = _TICKS_PER_DAY[cells.dtype.time_unit] if isinstance(cells.dtype, pl.Datetime) else 1
    days = cells.to_physical().cast(pl.Int64) // ticks
    return days.is_between(_FIRST_DAY, _LAST_DAY).fill_null(True)
