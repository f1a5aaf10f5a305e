"""What is wrong with a file, as data: one `Problem` per broken rule, all of them in one exception.

Values come from files nobody vouched for, and end in terminals, CSV files and reports. So a `Problem` holds
printable text only: control characters are escaped and long values are cut when it is made.
"""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_VALUE_CHARS = 120
_SHOWN = 20
_HEADER = ("file", "row", "column", "value", "rule")
# A spreadsheet runs a cell that starts with one of these as a formula (OWASP, "CSV Injection"), unless it is a number.
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫")
_UNSEEN_STARTS = ("\t", "\r")
_SEPARATORS = re.compile("([;\t|])")  # in some countries lists are separated by semicolons
_UNSEEN = " \u200c\u200d"
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule.

    Args:
        file: Name of the file, or of the source when the tape was made in code.
        row: 1-based data row (in a CSV file without line breaks inside quotes the line is `row + 1`);
            None when the rule is about the whole file.
        column: Name of the column; empty when the rule is about a whole row or file.
        value: What was found, as printable text of at most 120 characters; empty when there was nothing.
        rule: The rule that is broken, in plain English.
    """

    file: str
    row: int | None
    column: str
    value: str
    rule: str

    def __str__(self) -> str:
        place = [self.file]
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column:
            place.append(self.column)
        found = f" (found {self.value!r})" if self.value else ""
        return f"{', '.join(place)}: {self.rule}{found}"


class TapeProblems(Exception):
    """Raised instead of returning a tape; `problems` lists everything that is wrong, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [f"{count} problem{'' if count == 1 else 's'} in the tape"]
        lines += [f"  {problem}" for problem in self.problems[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"  ... and {count - _SHOWN} more")
        return "\n".join(lines)


def printable(value: object, *, most: int = MAX_VALUE_CHARS) -> str:
    """Text of `value` that is safe to show: one line, nothing invisible, at most 120 characters or `most`.

    Characters that a terminal would obey or hide (control, format and bidirectional ones, blanks other than the
    space) are written as escapes such as `\\x1b`. None gives the empty string.
    """
    if value is None:
        return ""
    text = str(value)
    if len(text) > most:
        text = text[: most - 1] + "…"
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def write_problems(problems: Sequence[Problem], path: Path) -> None:
    """Writes every problem as a UTF-8 CSV file with the columns file, row, column, value and rule.

    Text that a spreadsheet would run as a formula gets a leading apostrophe. Row numbers stay numbers.

    Raises:
        OSError: if `path` cannot be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # A new file that takes the name: whatever lies there, a link or a pipe, is replaced and never written to.
        with aside.open("x", encoding="utf-8", newline="") as stream:
            _write_rows(problems, stream)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _write_rows(problems: Sequence[Problem], stream: IO[str]) -> None:
    writer = csv.writer(stream)
    writer.writerow(_HEADER)
    for problem in problems:
        row = "" if problem.row is None else problem.row
        texts = (problem.column, problem.value, problem.rule)
        writer.writerow((inert(problem.file), row, *(inert(text) for text in texts)))


def is_formula(text: str) -> bool:
    """True if a spreadsheet would take the text, or what follows a separator in it, for a formula; a number is none."""
    return text.startswith(_UNSEEN_STARTS) or any(map(_is_run, _SEPARATORS.split(text)))


def inert(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run as a formula."""
    parts = (f"'{part}" if _is_run(part) else part for part in _SEPARATORS.split(text))
    before = "'" if text.startswith(_UNSEEN_STARTS) else ""
    return before + "".join(parts)


def _is_run(part: str) -> bool:
    return part.strip(_UNSEEN).startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(part)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
