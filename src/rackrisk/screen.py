"""Lines and tables on a terminal that several summaries share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .figures import NOTHING, MoneyUnit, is_number, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ._run import Run

MAX_SEGMENTS = 12  # rows of the segment tables
MAX_NOTES = 6


def shown_scopes(run: Run) -> list[str]:
    """Segments by exposure, the largest first and not too many of them, then the portfolio."""
    exposure = run.result.exposure_usd
    return [*sorted(run.result.segments, key=lambda s: (-exposure[s], s))[:MAX_SEGMENTS], "portfolio"]


def highest_level(run: Run) -> float:
    """The highest level whose VaR has an error; the highest of all where none has."""
    rows = [r for r in run.measures.iter_rows(named=True) if r["scope"] == "portfolio" and r["measure"] == "VaR"]
    known = [r["level"] for r in rows if is_number(r["std_error"])]
    return max(known or [r["level"] for r in rows])


def measure_name(row: Mapping[str, Any]) -> str:
    """`EL`, `VaR 99.9 %`."""
    return row["measure"] if row["level"] is None else f"{row['measure']} {level_text(row['level'])} %"


def interval(row: Mapping[str, Any], unit: MoneyUnit) -> str:
    """The confidence interval of a measure, open where it has one end only."""
    low, high = row["ci_low"], row["ci_high"]
    if is_number(low) and is_number(high):
        return f"{unit(low)} to {unit(high)}"
    return f"from {unit(low)}" if is_number(low) else f"up to {unit(high)}" if is_number(high) else NOTHING


def level_text(level: float) -> str:
    """A level in percent, without the sign."""
    return f"{100 * level:.6g}"


def portfolio_name(config: Mapping[str, Any]) -> str:
    """What the book is called."""
    return "tape" if config["portfolio"].get("tape") else config["portfolio"]["name"]


def print_footer(run: Run, console: Console, *, hidden: int) -> None:
    """Segments that are not shown, notes of the run, and where everything is."""
    console.print()
    if hidden > 0:
        print_line(console, f"{hidden} more segments in tables/measures.parquet")
    print_notes(console, run.manifest["warnings"])
    print_places(console, {"run": run.folder, "report": run.folder / "report.html"})


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """The first notes of a run, and how many there are more."""
    for note in notes[:MAX_NOTES]:
        print_line(console, f"note: {note}", "yellow")
    if len(notes) > MAX_NOTES:
        print_line(console, f"{len(notes) - MAX_NOTES} more notes in manifest.json", "yellow")


def print_places(console: Console, places: Mapping[str, Path]) -> None:
    """Where things are, as seen from the working directory."""
    for label, path in places.items():
        console.print(one_line(f"{label:<8}{as_seen(path)}"), soft_wrap=True)


def as_seen(path: Path) -> Path:
    """A path as seen from the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_line(console: Console, text: str, style: str = "") -> None:
    """One line, wrapped where the screen ends."""
    console.print(one_line(text), style=style, no_wrap=False)


def table_of(title: str, *heads: str, names: int = 1) -> Table:
    """A table without frame; the first `names` columns hold names, left and cut where too long, the others figures."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, header_style="dim")
    table.show_edge, table.padding, table.caption_justify = False, (0, 1, 0, 0), "left"
    for i, head in enumerate(heads):
        is_name = i < names
        table.add_column(head, justify="left" if is_name else "right", no_wrap=not is_name, vertical="bottom")
    return table


def add_row(table: Table, name: object, *cells: str | Text, bold: bool = False) -> None:
    """A row that begins with a name; the portfolio's is bold, and any other that is asked for."""
    table.add_row(one_line(name), *cells, style="bold" if bold or name == "portfolio" else "")


def one_line(value: object) -> Text:
    """Text that may come from a file as one line, without markup and with nothing a terminal would obey."""
    from rich.text import Text

    return Text(visible(str(value)), no_wrap=True, overflow="ellipsis")
