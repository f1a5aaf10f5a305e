"""The screen of `rackrisk validate`: families of cases, the worst figure of each, and what the whole comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from .figures import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from .models.validation import Check, Spread, Validation

FAIL, FEW = "fail", "few"
_STYLES = {"pass": "green", FAIL: "bold red", FEW: "yellow"}
_HEADS = ("case and figure", "by", "known", "ours", "± s.e.", "z", "")
_WIDTHS = (9, 10, 10, 7, 5, 4)  # of all columns but the first: tables stand in line with each other


def print_validation(validation: Validation, console: Console, *, every: bool = False) -> None:
    """Prints one table for each family and source, then the totals; fits 80 columns.

    Args:
        validation: what was checked.
        console: where to.
        every: all figures instead of the worst of each case and engine (and all that fail).
    """
    family = ""
    for (name, source), found in groupby(validation.checks, lambda check: (check.family, check.source)):
        if name != family:
            console.print(name, style="bold", markup=False)
        console.print(visible(source), style="dim", markup=False)
        console.print(_cases(list(found), width=console.width, every=every))
        console.print()
        family = name
    console.print(_totals(validation))
    _footer(validation, console, every=every)


# ---- cases ----


def _cases(checks: Sequence[Check], *, width: int, every: bool) -> Table:
    """A line with the name of each case, and below it the figures of each engine."""
    table = _plain_table("", _HEADS, names=2)
    table.padding, rest = (0, 0), sum(_WIDTHS) + len(_WIDTHS)  # one space between two columns
    for column, size in zip(table.columns, (min(max(width - rest, 20), 36), *_WIDTHS), strict=True):
        column.width = size
    table.columns[0].no_wrap = False
    for case, of_case in groupby(checks, lambda check: check.case):
        table.add_row(visible(case), style="bold")
        for _, found in groupby(of_case, lambda check: check.engine):
            _add_figures(table, list(found), every=every)
    return table


def _add_figures(table: Table, checks: Sequence[Check], *, every: bool) -> None:
    of = "" if every or len(checks) == 1 else f" (of {len(checks)})"
    for check in checks if every else _shown(checks):
        z = "" if check.z is None else f"{check.z:.2f}"
        table.add_row(f"  {check.quantity}{of}", check.engine, *_figures(check), z, _verdict(check.verdict))


def _shown(checks: Sequence[Check]) -> list[Check]:
    """Figures that fail, or else the one that is furthest off."""
    return [check for check in checks if check.verdict == FAIL] or [max(checks, key=_badness)]


def _badness(check: Check) -> tuple[bool, float]:
    """Order of figures: those that are judged first, by |z| or by the part of the tolerance that is used up."""
    if check.z is not None:
        return check.verdict != FEW, abs(check.z)
    if check.tolerance and not isinstance(check.reference, str) and not isinstance(check.ours, str):
        return True, abs(check.ours - check.reference) / check.tolerance
    return True, 0.0


def _figures(check: Check) -> tuple[str, str, str]:
    """Known answer, ours and its error (or the distance allowed) as text."""
    if isinstance(check.reference, str) or isinstance(check.ours, str):
        return _words(check.reference), _words(check.ours), "equal"
    error = f"{check.std_error:.2g}" if check.std_error is not None else _allowed(check.tolerance)
    return _number(check.reference), _number(check.ours), error


def _allowed(distance: float | None) -> str:
    """Largest distance that passes."""
    return "equal" if distance is None else f"≤ {distance:.2g}" if distance >= 0.01 else f"≤ {distance:.0e}"


def _number(value: float) -> str:
    """Five digits, or whole units of a large amount."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.5g}"


def _words(value: float | str) -> str:
    """The first of several words of bits."""
    first, *rest = str(value).split()
    return f"{first}…" if rest else first


def _verdict(verdict: str) -> Text:
    from rich.text import Text

    return Text(verdict.upper() if verdict == FAIL else verdict, style=_STYLES[verdict])


# ---- totals ----


def _totals(validation: Validation) -> Table:
    heads = ("by", "figures", "pass", "few", "fail", "largest |z|", "mean z²", "cases", "p")
    table = _plain_table("Totals", heads, names=1)
    spreads = {spread.engine: spread for spread in validation.spreads}
    for engine in dict.fromkeys(check.engine for check in validation.checks):
        checks = [check for check in validation.checks if check.engine == engine]
        counts = [sum(check.verdict == verdict for check in checks) for verdict in ("pass", FEW, FAIL)]
        cells = [engine, *(f"{count:,}" for count in (len(checks), *counts)), _largest(checks)]
        table.add_row(*cells, *_spread_cells(spreads.get(engine)), style="" if counts[2] == 0 else "bold red")
    return table


def _largest(checks: Iterable[Check]) -> str:
    judged = [abs(check.z) for check in checks if check.z is not None and check.verdict != FEW]
    return f"{max(judged):.2f}" if judged else ""


def _spread_cells(spread: Spread | None) -> tuple[str, ...]:
    return (
        ("", "", "") if spread is None else (f"{spread.mean_square_z:.2f}", str(spread.cases), f"{spread.p_value:.2g}")
    )


def _footer(validation: Validation, console: Console, *, every: bool) -> None:
    console.print()
    for engine, why in validation.engines.items():
        if why is not None:
            console.print(visible(f"{engine} did not run: {why}"), style="yellow")
    console.print(_how_to_read(every=every), style="dim")
    failed = sum(check.verdict == FAIL for check in validation.checks)
    wrong = [spread.engine for spread in validation.spreads if spread.verdict == FAIL]
    size = f"seed {validation.seed}, {'quick' if validation.quick else 'full'}"
    if failed:
        console.print(f"{failed} of {len(validation.checks)} figures fail ({size})", style="bold red")
    for engine in wrong:
        console.print(f"standard errors of {engine} are not what its results spread by ({size})", style="bold red")
    if validation.passed:
        console.print(f"every known answer is met ({size})", style="bold green")


def _how_to_read(*, every: bool) -> str:
    from .models.validation import Z_BOUND

    shown = "" if every else "The worst figure of each case is shown; --all shows every one. "
    rules = (
        f"Sampled figures pass up to |z| = {Z_BOUND}, others up to the distance after ≤. few: too few events to judge."
    )
    return shown + rules


# ---- layout ----


def _plain_table(title: str, heads: Sequence[str], *, names: int) -> Table:
    """A table without frame, its first `names` columns left, the others right."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, header_style="dim"
    )
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < names else "right", no_wrap=True)
    return table
