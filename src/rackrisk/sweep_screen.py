"""What a person reads of a sweep: its points with their losses, and how these differ from the first point's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .figures import NOTHING, MoneyUnit, is_number, percent
from .progress import duration
from .report._facts import Facts
from .report._load import load
from .report._points import Points, Wanted
from .run_folder import REPORT
from .screen import add_row, one_line, print_line, print_notes, print_places, table_of
from .sweep_folder import PICTURE

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ._sweep import SweepRun

MAX_POINTS = 30  # rows of a table
MAX_KEYS = 2  # columns of keys; more do not fit the screen, and the points are then listed before the tables
VALUE_LIMIT = 14  # characters of a key's value in a table

Rows = Mapping[int, Mapping[str, Any]]


def print_sweep(run: SweepRun, console: Console) -> None:
    """Prints the whole summary; fits 80 columns."""
    points = Points(Facts(run=load(run.folder)))
    _headline(run, points, console)
    if len(points.keys) > MAX_KEYS:
        console.print()
        _list(points, console)
    for table in (losses(points), differences(points)):
        console.print()
        console.print(table)
    hidden = len(run.order.points) - MAX_POINTS
    console.print()
    if hidden > 0:
        print_line(console, f"{hidden} more points in tables/sweep.parquet")
    print_notes(console, run.manifest["warnings"])
    places = {"sweep": run.folder, "picture": run.folder / PICTURE, "report": run.folder / REPORT}
    print_places(console, places)


def losses(points: Points) -> Table:
    """EL, VaR and ES of the portfolio, a row a point."""
    columns = [(wanted, _by_point(points, wanted)) for wanted in points.wanted]
    cells = [(row["value"], row["std_error"]) for _, rows in columns for row in rows.values()]
    unit = MoneyUnit((value for value, _ in cells), (error for _, error in cells))
    heads = [head for wanted, _ in columns for head in (_name(wanted), "±")]
    table = table_of(f"Loss of the portfolio by point, {unit.name}", *_heads(points), *heads, names=_names(points))
    for row in _shown(points):
        found = [rows.get(row["point"], {}) for _, rows in columns]
        figures = [unit(item.get(name)) for item in found for name in ("value", "std_error")]
        _add(table, points, row, figures)
    return table


def differences(points: Points) -> Table:
    """What changes against the first point, with errors of paired scenarios."""
    columns = [(wanted, _by_point(points, wanted)) for wanted in points.wanted if wanted.measure != "VaR"]
    cells = [(row["difference"], row["difference_std_error"]) for _, rows in columns for row in rows.values()]
    unit = MoneyUnit((value for value, _ in cells), (error for _, error in cells))
    heads = [head for wanted, _ in columns for head in (_name(wanted), "±", "%")]
    table = table_of(f"Change against point 1, {unit.name}", *_heads(points), *heads, names=_names(points))
    for row in _shown(points)[1:]:
        found = [rows.get(row["point"], {}) for _, rows in columns]
        figures = [cell for item in found for cell in _change(item, unit)]
        _add(table, points, row, figures)
    return table


def _change(row: Mapping[str, Any], unit: MoneyUnit) -> list[str]:
    relative = row.get("relative")
    share = percent(relative, 1) if is_number(relative) else NOTHING
    return [unit(row.get("difference")), unit(row.get("difference_std_error")), share]


def _headline(run: SweepRun, points: Points, console: Console) -> None:
    manifest = run.manifest
    engine, seconds = manifest["engine"], manifest["timings_s"].get("points", 0.0)
    print_line(console, f"{len(run.order.points):,} points of {' x '.join(points.keys)}", "bold")
    counts = sorted(set(run.table["n_scenarios"].drop_nulls()))
    size = f"{counts[0]:,} scenarios each" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,} scenarios each"
    seed = "" if "seed" in points.keys else f", seed {manifest['seed']}"
    where = f"{engine['name']} {engine['precision']} on {engine['device']}"
    print_line(console, f"{size}{seed}: {duration(seconds)}, {where}")


def _list(points: Points, console: Console) -> None:
    """The points in words, where their keys do not fit beside the figures."""
    for row in _shown(points):
        print_line(console, f"{row['point']:>4}  {_typed(points.called(row, points.keys))}")


def _shown(points: Points) -> Sequence[Mapping[str, Any]]:
    return points.rows(Wanted("EL", None))[:MAX_POINTS]


def _by_point(points: Points, wanted: Wanted) -> Rows:
    return {row["point"]: row for row in points.rows(wanted)}


def _heads(points: Points) -> list[str]:
    """The point's number, then the keys where there are few."""
    return ["#", *(_wrapped(points.short[key]) for key in _shown_keys(points))]


def _wrapped(name: str) -> str:
    """A key as the head of a column: a line a part, and never markup."""
    from rich.markup import escape

    return "\n".join(escape(one_line(part).plain) for part in name.split("."))


def _shown_keys(points: Points) -> list[str]:
    return points.keys if len(points.keys) <= MAX_KEYS else []


def _names(points: Points) -> int:
    return 1 + len(_shown_keys(points))


def _add(table: Table, points: Points, row: Mapping[str, Any], figures: Sequence[str]) -> None:
    values = [one_line(_cut(_typed(points.text(key, row[key])))) for key in _shown_keys(points)]
    add_row(table, row["point"], *values, *figures)


def _typed(text: str) -> str:
    """With the minus sign of a keyboard, as the command line has it."""
    return text.replace("−", "-")


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT else f"{text[: VALUE_LIMIT - 1]}…"


def _name(wanted: Wanted) -> str:
    return wanted.short.replace("\u00a0", " ")
