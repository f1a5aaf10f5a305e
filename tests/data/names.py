"""A small valid tape of names as the text of a CSV file, and ways to break one cell of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from rackrisk.data import Problem, TapeProblems, read_names

# Ids that are numbers, that YAML and spreadsheets would turn into something else, that try to be markup.
IDS = ("007", "NO", "1e5", "=cmd()", "<script>", "Ünïcode ☃", "null", "-")
ROWS: list[dict[str, str]] = [
    {"obligor_id": name, "segment": "ab"[place % 2], "ead": f"{place + 1}e6", "pd": "0.02", "lgd": "0.45"}
    for place, name in enumerate(IDS)
]
LOADED = [{**row, "loading_credit": "0.5", "loading_ai": "0.3"} for row in ROWS]


def write_names(path: Path, rows: list[dict[str, str]]) -> Path:
    """The rows as a CSV file; cells that a row lacks are empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def with_cell(rows: list[dict[str, str]], row: int, column: str, value: str) -> list[dict[str, str]]:
    """The rows with one cell changed; `row` is 1-based."""
    return [{**cells, column: value} if place == row else dict(cells) for place, cells in enumerate(rows, start=1)]


def problems_of(path: Path, **terms: Any) -> list[Problem]:
    """What `read_names` says is wrong; empty when it takes the file."""
    try:
        read_names(path, **terms)
    except TapeProblems as error:
        return error.problems
    return []


def said(problems: list[Problem]) -> list[tuple[int | None, str]]:
    """Row and column of each problem."""
    return [(problem.row, problem.column) for problem in problems]
