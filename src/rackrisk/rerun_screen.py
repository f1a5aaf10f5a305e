"""What a person reads when a run was repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import MoneyUnit, is_number
from .screen import add_row, measure_name, print_line, print_notes, print_places, table_of

if TYPE_CHECKING:
    from rich.console import Console

    from ._rerun import Rerun


def print_rerun(found: Rerun, console: Console) -> None:
    """Prints the verdict, what differs, and the measures where bytes are not the same; fits 80 columns."""
    print_places(console, {"run": found.first, "again": found.again.folder})
    if found.same:
        print_line(console, "same: losses and every table have the bytes of the run", "bold green")
    else:
        print_line(console, f"not the same: other bytes in {', '.join(found.files)}", "bold red")
        _print_measures(found, console)
    if not found.differs:
        print_line(console, "versions, machine, device and inputs are those of the run")
    print_notes(console, found.differs)


def _print_measures(found: Rerun, console: Console) -> None:
    rows = [row for row in found.measures.iter_rows(named=True) if row["scope"] == "portfolio"]
    unit = MoneyUnit([row["first"] for row in rows])
    table = table_of(f"Measures of the book, {unit.name}", "measure", "run", "again", "difference, USD", "± s.e.")
    for row in rows:
        gap = row["difference"]
        exact = f"{gap:,.0f}" if is_number(gap) and (abs(gap) >= 1 or gap == 0) else "<1"
        add_row(table, measure_name(row), unit(row["first"]), unit(row["again"]), exact, unit(row["std_error"]))
    console.print(table)
