"""Problems on stderr: the first of them as a table; all of them in a file that is named, where that helps."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from .config import ConfigProblem
    from .data import Problem

SHOWN = 20
CONFIGURATION = "configuration"  # what configuration problems have for a file


def report_problems(problems: Sequence[Problem], console: Console, *, what: str, keep: bool) -> None:
    """Prints the first problems; writes all of them to a CSV file and says where that is, where there are more.

    Args:
        problems: at least one.
        console: where to print, stderr.
        what: where they are: `the configuration` or the name of a file.
        keep: write the file also where all problems are shown, for a tape that is mended elsewhere.
    """
    from rich.text import Text

    from .data import printable

    what = printable(what)
    count = f"{len(problems):,} problem{'s' if len(problems) > 1 else ''}"
    console.print(Text(f"{count} in {what}; nothing was run and no result was written.", style="bold red"))
    console.print(_table(problems[:SHOWN], what))
    if not keep and len(problems) <= SHOWN:
        return
    file = write_all(problems)
    shown = f"the first {SHOWN} are shown; " if len(problems) > SHOWN else ""
    where = f"{shown}all of them are in {file}" if file else f"{shown}no file could be written with all of them"
    console.print(Text(where), soft_wrap=True)


def write_all(problems: Sequence[Problem]) -> Path | None:
    """Writes `rackrisk-problems-<hash>.csv` into the working directory, or where that fails a temporary one."""
    from .data import write_problems

    name = f"rackrisk-problems-{hashlib.sha256(repr(problems).encode()).hexdigest()[:8]}.csv"
    for folder in (Path.cwd, lambda: Path(tempfile.mkdtemp(prefix="rackrisk-"))):
        try:
            path = folder() / name
            if path.is_symlink():
                continue
            write_problems(problems, path)
        except OSError:
            continue
        return path
    return None


def as_problems(problems: Sequence[ConfigProblem]) -> list[Problem]:
    """Configuration problems in the form that tape problems have; the key stands in the column."""
    from .data import Problem, printable

    def shown(p: ConfigProblem) -> Problem:
        # A rule may quote the file: a suggestion is a key of it.
        return Problem(CONFIGURATION, None, printable(p.key), printable(p.value), printable(p.rule, most=400))

    return [shown(p) for p in problems]


def _table(problems: Sequence[Problem], what: str) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    with_rows, is_config = any(p.row is not None for p in problems), problems[0].file == CONFIGURATION
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for head in (*(("row",) if with_rows else ()), "column" if with_rows or not is_config else "key", "value", "rule"):
        table.add_column(head, justify="right" if head == "row" else "left", overflow="fold")
    for p in problems:
        row = (Text("" if p.row is None else f"{p.row:,}"),) if with_rows else ()
        table.add_row(*row, Text(p.column or ("" if p.file == what else p.file)), Text(p.value), Text(p.rule))
    return table
