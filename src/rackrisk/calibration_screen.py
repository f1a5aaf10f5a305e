"""The terminal table of a calibration: parameter, estimate, error, observations, the base's number and the distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .screen import add_row, one_line, print_line, table_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from .calibrate import Calibrated
    from .models.calibration import Estimate

_SHORT = {
    "factors.correlation_calm": "corr",
    "factors.persistence_monthly": "credit persistence",
    "regimes.transition_monthly": "moves a month",
    "rent.ai_demand_correlation": "rent loading",
}
FAR = 3.0  # standard errors from the base that are marked


def print_calibration(done: Calibrated, console: Console) -> None:
    """Prints every estimate, what was not used, and how to run the result."""
    estimates, notes = done.found.estimates, done.found.notes
    table = table_of(
        f"Calibrated as of {done.as_of}, against market={done.base}",
        "parameter", "estimate", "± s.e.", "n", "years", done.base, "z", "",
    )  # fmt: skip
    for one in estimates:
        add_row(table, _name(one), *_cells(one))
    console.print(table)
    print_line(console, f"z: distance from {done.base} in standard errors, bold beyond {FAR:g}; *: see below")
    for one in estimates:
        if one.note:
            print_line(console, f"* {_name(one)}: {one.note}", "dim")
    for note in notes:
        print_line(console, f"note: {note}", "yellow")
    if not done.found.writes:
        print_line(console, f"nothing could be estimated: the file is market={done.base}", "yellow")
    console.print()
    console.print(one_line(f"market  {done.path}"), soft_wrap=True)
    console.print(one_line(f"run     rackrisk run market={done.path}"), soft_wrap=True)


def _name(one: Estimate) -> str:
    short = one.key.replace("_annual", "")
    for key, words in _SHORT.items():
        short = short.replace(key, words)
    plain = one.what if one.key in {"factors.correlation_calm", "regimes.transition_monthly"} else ""
    return f"{short}: {plain}" if plain else short


def _cells(one: Estimate) -> tuple[str | Text, ...]:
    from rich.text import Text

    if one.key == "regimes.initial":
        return one.what, "", f"{one.n:,}", f"{one.last}", "", "", ""
    period = f"{one.first:%Y}-{one.last:%y}" if one.std_error is not None else f"{one.last}"
    z = "" if one.z is None else f"{one.z:+.1f}"
    far = one.z is not None and abs(one.z) > FAR
    base = "" if one.base is None else _figure(one.base, one)
    error = "" if one.std_error is None else _figure(one.std_error, one)
    return (
        _figure(one.value, one),
        error,
        f"{one.n:,}",
        period,
        base,
        Text(z, style="bold" if far else ""),
        "*" if one.note else "",
    )


def _figure(value: float, one: Estimate) -> str:
    """As many decimals as the error deserves, and no more than a reader wants."""
    size = one.std_error if one.std_error else abs(one.value) / 100
    decimals = 4 if size < 0.001 else 3 if size < 0.1 else 2 if size < 10 else 0
    return f"{value:,.{decimals}f}"
