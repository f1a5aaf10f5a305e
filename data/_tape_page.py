"""Writes `docs/tape.md` and `docs/tape_names.md` from their schemas: `python -m rackrisk.data._tape_page docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import dataframely as dy
import numpy as np

from ._check import is_required
from ._columns import ADDS_UP, AGREES
from ._names_schema import names_form
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


_NAMES_HEAD = """\
# The tape of names

What `rackrisk run model=copula portfolio.tape=FILE` reads: one row per obligor, as a CSV file (UTF-8, commas, column
names in the first line) or a Parquet file, columns in any order. Facilities of one obligor are added up by you: they
default together. A column that is not listed here is refused, so that a misspelt name never goes unnoticed. This page
is made from the schema.

    obligor_id,segment,ead,pd,lgd,loading_credit,loading_ai_demand
    Nebula,neocloud,250e6,0.021,0.45,0.45,0.35
    Pickaxe,miner,30e6,0.06,0.6,0.3,0.1

Probabilities and shares are decimals: 0.05 is 5 %. Numbers have no thousands separator, currency or per cent sign;
`nan` and infinities are refused, and -0 is 0. PD 0 never defaults and PD 1 always. Names are kept letter for letter
(`007`, `NO` and `=1+1` are names); they must not begin or end with a blank, hold control or invisible characters, or be
longer than 200 characters.

Everything that is wrong with a file is listed at once, with row, column, value and rule; then no number is computed.
Row 1 is the first row below the column names. A cell that cannot be read is named for that alone.
"""

_NAMES_PDS = """\
A tape has either `pd` or `pd_1y`, `pd_2y`, ... up to `copula.horizon_years` at least (30 at most), without a gap. The
yearly figures are cumulative and must not fall. More years than the horizon are checked and not used.
"""

_NAMES_DEPENDENCE = """\
Either the tape has one column `loading_<factor>` for each factor, or `copula.asset_correlation` is set; both together
or neither is refused. **A loading is not a correlation**: names with loadings a and b on one factor have the asset
correlation a x b, so that `copula.asset_correlation=0.2` is a loading of 0.447 for everybody.

Factors are named by their columns: letters, digits, blanks, `_`, `-` and `.`, 64 at most, beginning with a letter or
digit. `copula.factor_correlation` names the same factors, or is a matrix in their sorted order; without it factors are
independent. The systematic variance w'Rw of every name (for independent factors the sum of its squared loadings) is at
most 1; rounding may take it 1e-9 above.
"""

# Stand for the columns whose names the tape chooses.
_FACTOR, _OTHER = "<factor>", "<other factor>"


def names_page() -> str:
    """The text of `docs/tape_names.md`."""
    forms = [_names_columns(*columns) for columns in (("pd",), ("pd_1y", "lgd_sd", "loading_x"))]
    columns = {**forms[1], **forms[0]}
    always = {name: columns[name] for name in ("obligor_id", "ead", "lgd")}
    pds = {"pd": columns["pd"], "pd_1y": columns["pd_1y"]}
    loading = {f"loading_{_FACTOR}": columns["loading_x"]}
    optional = {name: columns[name] for name in ("segment", "lgd_sd")}
    head = ("Column", "Type", "Unit", "Allowed", "Meaning")
    parts = [
        _NAMES_HEAD,
        "## Required columns\n",
        _table(head, _plain_rows(always)),
        "## Default probabilities\n",
        _NAMES_PDS,
        _table(head, _plain_rows(pds)),
        "## Dependence\n",
        _NAMES_DEPENDENCE,
        _table(head, _plain_rows(loading, x="the factor")),
        "## Optional columns\n",
        _table((*head, "Default"), _plain_rows(optional, default=True)),
        "## Rules between columns\n",
        "\n".join(_names_rule_lines()) + "\n",
        "## Rules of the file\n",
        _FILE_NOTE.replace("balances", "exposures"),
    ]
    return "\n".join(parts)


def _names_columns(*present: str) -> dict[str, dy.Column]:
    form = names_form(["obligor_id", "ead", "lgd", *present], years=1, correlation=None, lgd_sd=None)
    return form.schema.columns()


def _plain_rows(columns: dict[str, dy.Column], *, x: str = "", default: bool = False) -> Iterable[tuple[str, ...]]:
    for name, column in columns.items():
        words = (column.description or "").replace("the factor x:", f"{x}:")
        row = (f"`{name}`", _kind(column), meta(column)["unit"], _allowed(column), words)
        yield (*row, str(meta(column)["default"] or "none")) if default else row


def _names_rule_lines() -> Iterable[str]:
    """Rules of a tape with all kinds of columns; of the PDs by year those of the second stand for all."""
    columns = ["obligor_id", "ead", "lgd", "lgd_sd", "pd_1y", "pd_2y", "loading_x", "loading_y"]
    form = names_form(columns, years=2, correlation=np.eye(2), lgd_sd=None)
    for rule in form.rules.values():
        words = f"- `{rule.column}` {rule.says}."
        yield words.replace("loading_x", f"loading_{_FACTOR}").replace("loading_y", f"loading_{_OTHER}")


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


#: Pages by the name of their file.
PAGES = {"tape.md": tape_page, "tape_names.md": names_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        Path(sys.argv[1], file).write_text(page(), encoding="utf-8")
