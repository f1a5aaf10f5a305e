"""What a person reads of an attribution: EL by mechanism with a waterfall, ES, and the segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .figures import MoneyUnit, is_number, percent, ratio
from .progress import duration, rate_text
from .report._shares import pictured, rows_of
from .screen import add_row, level_text, one_line, portfolio_name, print_line, print_notes, print_places, table_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ._attribute import AttributionRun

BAR_CELLS = 17
HEAD_LIMIT = 14  # characters of a segment's name
CALLED: Mapping[str, str] = {"without them": "without any", "total": "all of them"}
MAX_SEGMENTS = 3  # beside the portfolio; more do not fit the screen

Rows = Sequence[Mapping[str, Any]]


def print_attribution(run: AttributionRun, console: Console) -> None:
    """Prints the whole summary; fits 80 columns."""
    _headline(run, console)
    for measure, level in pictured(run.shares, "portfolio"):
        console.print()
        console.print(by_mechanism(run, measure, level))
    console.print()
    console.print(by_segment(run))
    console.print()
    print_line(console, "shares are means over all orders of switching the mechanisms on; alone: added")
    print_line(console, "to a world without any; removed: gone if only this one is switched off, errors")
    print_line(console, "of both in tables/attribution.parquet")
    hidden = len(run.result.segments) - len(_shown(run)) + 1
    if hidden > 0:
        print_line(console, f"{hidden} more segments in tables/attribution.parquet")
    print_notes(console, run.manifest["warnings"])
    places = {"run": run.folder, "picture": run.folder / "attribution.svg", "report": run.folder / "report.html"}
    print_places(console, places)


def by_mechanism(run: AttributionRun, measure: str, level: float | None) -> Table:
    """One measure of the portfolio: shares in money and of the total, with a waterfall; effects alone and removed."""
    rows = rows_of(run.shares, "portfolio", measure, level)
    unit = MoneyUnit((row["value"] for row in rows), (row["std_error"] for row in rows))
    name = measure if level is None else f"{measure} {level_text(level)} %"
    heads = (unit.name, "±", "%", "±", "alone", "removed")
    table = table_of(f"{name} of the portfolio by mechanism, Shapley shares", "mechanism", *heads)
    table.add_column("", no_wrap=True, min_width=BAR_CELLS)
    for row, bar in zip(_ordered(rows), bars(_ordered(rows)), strict=True):
        money = [unit(row["value"]), unit(row["std_error"])]
        share = [percent(row["share"], 1), "" if _is_total(row) else percent(row["share_std_error"], 1)]
        beside = [unit(row[key]) if is_number(row[key]) else "" for key in ("alone", "removed")]
        add_row(table, _called(row), *money, *share, *beside, bar, bold=_is_total(row))
    return table


def by_segment(run: AttributionRun) -> Table:
    """Shares of EL in percent of each segment's exposure."""
    scopes = _shown(run)
    table = table_of("EL by mechanism, % of the segment's balance", "mechanism", *map(_head, scopes))
    found = {scope: {row["mechanism"]: row for row in rows_of(run.shares, scope, "EL", None)} for scope in scopes}
    for row in _ordered(rows_of(run.shares, "portfolio", "EL", None)):
        parts = [(found[scope][row["mechanism"]], run.result.exposure_usd[scope]) for scope in scopes]
        cells = [
            f"{percent(ratio(part['value'], whole))} ±{percent(ratio(part['std_error'], whole)):>5}"
            for part, whole in parts
        ]
        add_row(table, _called(row), *cells, bold=_is_total(row))
    return table


def bars(rows: Rows) -> list[str]:
    """A waterfall in characters: amounts from zero, changes from where the last row ended; taking away is hollow."""
    steps = [(row["value"], row["mechanism"] in ("without them", "total")) for row in rows]
    spans: list[tuple[float, float]] = []
    end = 0.0
    for value, whole in steps:
        start, end = (0.0, value) if whole else (end, end + value)
        spans.append((start, end))
    low, high = min(0.0, *map(min, spans)), max(0.0, *map(max, spans))
    per_cell = (high - low) / BAR_CELLS or 1.0
    return [
        _bar((start - low) / per_cell, (end - low) / per_cell, whole=whole)
        for (start, end), (_, whole) in zip(spans, steps, strict=True)
    ]


def _bar(start: float, end: float, *, whole: bool) -> str:
    """Cells from start to end, at least a thin line."""
    left, right = sorted((round(start), round(end)))
    if left == right:
        return " " * min(left, BAR_CELLS - 1) + "│"
    return " " * left + ("█" if whole else "▓" if end >= start else "░") * (right - left)


def _ordered(rows: Rows) -> Rows:
    """What stays, the mechanisms with the largest first, the total: as in the picture."""
    *mechanisms, rest, total = rows
    return [rest, *sorted(mechanisms, key=lambda row: -row["value"]), total]


def _head(scope: str) -> str:
    """A segment as the head of a column: short, and never markup."""
    from rich.markup import escape

    name = one_line(scope).plain
    return escape(name if len(name) <= HEAD_LIMIT else f"{name[: HEAD_LIMIT - 1]}…")


def _called(row: Mapping[str, Any]) -> str:
    name: str = row["mechanism"]
    return CALLED.get(name, name)


def _is_total(row: Mapping[str, Any]) -> bool:
    return row["mechanism"] == "total"


def _shown(run: AttributionRun) -> list[str]:
    exposure = run.result.exposure_usd
    return [*sorted(run.result.segments, key=lambda s: (-exposure[s], s))[:MAX_SEGMENTS], "portfolio"]


def _headline(run: AttributionRun, console: Console) -> None:
    result, manifest = run.result, run.manifest
    config, book = manifest["config"], manifest["book"]
    choices = ", ".join(f"{k} {v}" for k, v in manifest["choices"].items() if k in {"market", "experiment"})
    size = f"{book['facilities']:,} facilities, {manifest['worlds']} worlds of {result.n_scenarios:,} scenarios"
    pace = f"{duration(manifest['timings_s']['simulate'])}, {rate_text(manifest['loan_months_per_s'], 'loan-month')}"
    print_line(console, f"{portfolio_name(config)}: {choices}, as of {config['as_of']}", "bold")
    print_line(console, f"{size} x {result.months} months, seed {result.seed}")
    print_line(console, f"engine {result.engine} {result.precision} on {result.device}: {pace}")
    off = [name for name, on in config["mechanisms"].items() if not on]
    if off:
        print_line(console, f"off in every world: {', '.join(off)}", "yellow")
