"""What a person reads of two runs: what differs between them, and what that did to the measures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .configured import ABSENT
from .figures import NOTHING, MoneyUnit, is_number, percent
from .screen import (
    add_row,
    interval,
    level_text,
    measure_name,
    one_line,
    portfolio_name,
    print_line,
    print_places,
    table_of,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ._compare import Comparison, StoredRun
    from .configured import Change

MAX_CHANGES = 20
MAX_SEGMENTS = 12
VALUE_LIMIT = 24  # characters of a value of the configuration; all of it is in --json


def print_comparison(found: Comparison, console: Console) -> None:
    """Prints the whole comparison; fits 80 columns."""
    for name, run in (("first", found.first), ("second", found.second)):
        print_places(console, {name: run.folder})
        print_line(console, f"        {_about(run)}")
    for title, changes in (("Configuration", found.config), ("Inputs", found.inputs), ("Versions", found.versions)):
        console.print()
        print_line(console, f"{title}: {f'{len(changes):,} differ' if changes else 'no difference'}", "bold")
        if changes:
            console.print(changed(changes))
        if len(changes) > MAX_CHANGES:
            print_line(console, f"{len(changes) - MAX_CHANGES} more in --json")
    for table in (portfolio(found), segments(found)):
        console.print()
        console.print(table)
    console.print()
    print_line(console, found.reason)


def changed(changes: Sequence[Change]) -> Table:
    """What is not the same: key, value in the first run, value in the second."""
    table = table_of("", "key", "first", "second", names=3)
    table.title = None
    for change in changes[:MAX_CHANGES]:
        add_row(table, change.key, *(one_line(_short(value)) for value in (change.first, change.second)))
    return table


def portfolio(found: Comparison) -> Table:
    """Measures of the portfolio side by side."""
    rows = [row for row in found.measures.iter_rows(named=True) if row["scope"] == "portfolio"]
    unit = _unit(rows)
    coverage = level_text(found.first.manifest["config"]["measures"]["confidence"])
    heads = ("first", "±", "second", "±", "change", "±", "%", f"{coverage} % interval")
    table = table_of(f"Loss of the portfolio, {unit.name}", "measure", *heads)
    for row in rows:
        cells = [unit(row[key]) for key in _VALUES]
        add_row(table, measure_name(row), *cells, _relative(row), interval(row, unit))
    return table


def segments(found: Comparison) -> Table:
    """Expected loss by segment side by side; the largest change first."""
    rows = [row for row in found.measures.iter_rows(named=True) if row["measure"] == "EL"]
    unit = _unit(rows)
    table = table_of(f"EL by segment, {unit.name}", "segment", "first", "±", "second", "±", "change", "±", "%")
    parts = [row for row in rows if row["scope"] != "portfolio"]
    parts.sort(key=lambda row: (-abs(row["difference"] or 0.0), row["scope"]))
    for row in [*parts[:MAX_SEGMENTS], *(row for row in rows if row["scope"] == "portfolio")]:
        add_row(table, row["scope"], *(unit(row[key]) for key in _VALUES), _relative(row))
    if len(parts) > MAX_SEGMENTS:
        table.caption = f"{len(parts) - MAX_SEGMENTS} more segments in --json"
    return table


_VALUES = ("first", "first_std_error", "second", "second_std_error", "difference", "std_error")


def _unit(rows: Sequence[dict[str, Any]]) -> MoneyUnit:
    values = [row[key] for row in rows for key in ("first", "second")]
    return MoneyUnit(values, [row[key] for row in rows for key in ("first_std_error", "second_std_error")])


def _relative(row: dict[str, Any]) -> str:
    return percent(row["relative"], 1) if is_number(row["relative"]) else NOTHING


def _about(run: StoredRun) -> str:
    manifest = run.manifest
    started, version = manifest.get("started_utc", ""), manifest["packages"].get("rackrisk", "")
    chosen = [f"{key} {value}" for key, value in manifest["choices"].items() if key in ("market", "experiment")]
    size = f"{manifest['n_scenarios']:,} scenarios, seed {manifest['seed']}"
    return f"{started}, version {version}: {', '.join([portfolio_name(manifest['config']), *chosen, size])}"


def _short(value: Any) -> str:
    text = value if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LIMIT else f"{text[: VALUE_LIMIT - 1]}…"
