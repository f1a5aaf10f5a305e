"""Writes `docs/tape.md` from the schema: `python -m rackrisk.data._tape_page docs/tape.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import dataframely as dy

from ._check import is_required
from ._columns import ADDS_UP, AGREES
from ._schema import ASIC_CLASSES, GENERATIONS, cross_rules, tape_schema
from ._wording import bounds_words, choice_words, meta

# Only the words of the rules are used, and they are the same for every date.
_AS_OF = date(2026, 8, 31)
_KINDS = {"String": "text", "Float64": "number", "Int64": "whole number", "Date": "date"}
_LEVELS = {AGREES: "same in all rows", ADDS_UP: "added up"}

_HEAD = """\
# The tape

A tape is a table with one row per facility, as a CSV file (UTF-8, commas, column names in the first line) or a Parquet
file. Columns may come in any order. Optional columns may be left out or left empty; then the default holds. A column
that is not listed here is refused, so that a misspelt name never goes unnoticed. This page is made from the schema.

Money is in US dollars. Rates, shares, LTVs and probabilities are decimals: 0.05 is 5 %. Dates are written YYYY-MM-DD.
Months count from the as-of date of the configuration (`as_of`). Numbers have no thousands separator, currency or per
cent sign; `nan` and infinities are refused, and -0 is 0. Names are kept letter for letter (`007`, `NO` and `=1+1` are
names); they must not begin or end with a blank, hold control or invisible characters, or be longer than 200 characters.

Everything that is wrong with a file is listed at once, with row, column, value and rule; then no number is computed.
Row 1 is the first row below the column names. A cell that cannot be read is named for that alone.
"""

_LEVEL_NOTE = """\
"Obligor" says what happens where an obligor has several facilities: the value must be the **same in all rows** of the
obligor (defaults are filled before the comparison, so leaving it empty in one row only is a difference), or amounts
are **added up**; otherwise it belongs to the facility alone.
"""

_FILE_NOTE = """\
- The balances of all rows together are below 1e15 USD.
- Every row of a CSV file has as many fields as its first line, and there are no blank lines between rows.
- Parquet columns may hold numbers of any width and dates as timestamps, as long as nothing is lost by the change of
  type; text is never read as a number there. Names may be whole numbers.
- A column `row` is ignored: rows are counted anew.
"""


def tape_page() -> str:
    """The text of `docs/tape.md`."""
    schema = tape_schema(_AS_OF, GENERATIONS, ASIC_CLASSES)
    columns = {name: column for name, column in schema.columns().items() if name != "row"}
    required = {name: column for name, column in columns.items() if is_required(column)}
    optional = {name: column for name, column in columns.items() if name not in required}
    parts = [
        _HEAD,
        "## Required columns\n",
        _LEVEL_NOTE,
        _table(("Column", "Type", "Unit", "Allowed", "Obligor", "Meaning"), _required_rows(required)),
        "## Optional columns\n",
        _table(("Column", "Type", "Unit", "Default", "Allowed", "Obligor", "Meaning"), _optional_rows(optional)),
        "## Rules between columns\n",
        "\n".join(_rule_lines()) + "\n",
        "## Rules of the file\n",
        _FILE_NOTE,
    ]
    return "\n".join(parts)


def _required_rows(columns: dict[str, dy.Column]) -> Iterable[tuple[str, ...]]:
    for name, column in columns.items():
        yield (
            f"`{name}`",
            _kind(column),
            meta(column)["unit"],
            _allowed(column),
            _level(column),
            column.description or "",
        )


def _optional_rows(columns: dict[str, dy.Column]) -> Iterable[tuple[str, ...]]:
    for name, column in columns.items():
        default = meta(column)["default"]
        shown = "empty" if default is None else f"{default:g}" if isinstance(default, int | float) else str(default)
        unit, words = meta(column)["unit"], column.description or ""
        yield f"`{name}`", _kind(column), unit, shown, _allowed(column), _level(column), words


def _rule_lines() -> Iterable[str]:
    yield '- What is marked "same in all rows" must be the same in all rows of one obligor.'
    for rule in cross_rules(_AS_OF, (*(f"gpus_{name}" for name in GENERATIONS), "site_mw")).values():
        if rule.group != "obligor_id":
            yield f"- `{rule.column}` {rule.says.replace(f' {_AS_OF}', '')}."


def _kind(column: dy.Column) -> str:
    return _KINDS[str(column.dtype)]


def _level(column: dy.Column) -> str:
    return _LEVELS.get(meta(column)["level"], "")


def _allowed(column: dy.Column) -> str:
    if "words" in meta(column):
        return choice_words(column)
    return bounds_words(column, with_unit=False)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(tape_page(), encoding="utf-8")
