"""What a person reads before a run is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import NOTHING
from .progress import duration
from .screen import add_row, print_line, print_notes, table_of

if TYPE_CHECKING:
    from rich.console import Console

    from .forecast import Forecast

PREFIXES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def print_forecast(found: Forecast, rows: str, console: Console) -> None:
    """Prints shards, memory, disk and time; fits 80 columns."""
    print_line(console, f"{found.rows:,} {rows}, {found.scenarios:,} scenarios, engine {found.engine}", "bold")
    table = table_of("", "", "needed", "there", names=1)
    table.title = None
    add_row(table, "shards", f"{found.shards:,} of {found.shard_scenarios:,} scenarios", "")
    add_row(table, "memory of a process", f"{size(found.memory_bytes)} at least", size(found.memory_there_bytes))
    if found.tried_memory_bytes is not None:
        add_row(table, "memory, seen while simulating", size(found.tried_memory_bytes), "")
    add_row(table, "disk", f"{size(found.disk_bytes)} at most", size(found.disk_there_bytes))
    add_row(table, "time to compile and read", _time(found.prepare_seconds), "")
    add_row(table, "time of a shard", _time(found.shard_seconds), "")
    add_row(table, "time of all scenarios, one process", _time(found.seconds), "")
    console.print(table)
    if found.tried_scenarios:
        tried = f"{found.tried_scenarios:,} scenarios tried on this machine as it is now"
        print_line(console, f"times: from {tried}; the tail, tables and report come on top")
    print_notes(console, [found.note] if found.note else [])


def size(count: int) -> str:
    """Bytes in binary units.

    >>> size(3 * 2**30)
    '3.0 GiB'
    """
    for unit, name in PREFIXES:
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count} B"


def _time(seconds: float | None) -> str:
    return NOTHING if seconds is None else duration(seconds)
