"""The tidy table of a sweep: a row a point, measure and scope, with its difference to the first point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._compare import StoredRun, differences, stored_run, versions_of
from .configured import changes
from .sweep_folder import POINTS

if TYPE_CHECKING:
    import polars as pl

    from .sweep_points import Order

_KEY = ("scope", "measure", "level", "unit")
#: Columns of `rackrisk._compare.Comparison.measures` and what they are called here.
_DIFFERENCE: Mapping[str, str] = {
    "difference": "difference",
    "std_error": "difference_std_error",
    "ci_low": "difference_ci_low",
    "ci_high": "difference_ci_high",
    "relative": "relative",
    "method": "difference_method",
}
FIRST = "the first point"


def sweep_table(order: Order, folder: Path) -> tuple[pl.DataFrame, list[str]]:
    """Measures of all points.

    Args:
        order: what was run.
        folder: of the sweep; each of its points is a finished run. Losses of two points at a time are held.

    Returns:
        `point` (Int64, from 1), a column a swept key (numbers, booleans or text, null for `null`), `run` (path in the
        sweep's folder), `measure`, `level`, `scope`, `value`, `std_error`, `ci_low`, `ci_high`, `unit`,
        `n_scenarios`, `method`, and against the first point `difference`, `difference_std_error`,
        `difference_ci_low`, `difference_ci_high`, `relative` (a fraction of the first point's value),
        `difference_method`. Then what a reader should know: where errors of differences are not of paired
        scenarios, and which points had another machine or version.

    Raises:
        RunFolderError: a point was changed.
    """
    import polars as pl

    first: StoredRun | None = None
    frames: list[pl.DataFrame] = []
    notes: dict[str, list[int]] = {}
    for point in order.points:
        run = stored_run(folder / POINTS / point.folder)
        first = first or run
        beside, said = (_alone(run), []) if run is first else _beside(first, run, order.keys)
        for note in said:
            notes.setdefault(note, []).append(point.number)
        named = _named(order, point.values).with_columns(pl.lit(f"{POINTS}/{point.folder}").alias("run"))
        head = pl.select(pl.lit(point.number, pl.Int64()).alias("point")).hstack(named)
        frames.append(head.join(beside, how="cross"))
    return pl.concat(frames, how="vertical"), _notes(notes, len(order.points) - 1)


def _alone(run: StoredRun) -> pl.DataFrame:
    """The first point has nothing to differ from."""
    import polars as pl

    empty = [pl.lit(None, pl.Float64()).alias(name) for name in list(_DIFFERENCE.values())[:-1]]
    return _measures(run).with_columns(*empty, pl.lit(FIRST).alias("difference_method"))


def _beside(first: StoredRun, run: StoredRun, keys: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """Measures of a later point with their differences, and what to know of them."""
    import polars as pl

    found, common, reason = differences(first, run)
    renamed = found.select(*_KEY, *(pl.col(old).alias(new) for old, new in _DIFFERENCE.items()))
    joined = _measures(run).join(renamed, on=list(_KEY), how="left", nulls_equal=True, maintain_order="left")
    moved = [change.key for change in changes(versions_of(first.manifest), versions_of(run.manifest))]
    moved = [key for key in moved if not (key.startswith("engine ") and any(k.startswith("engine") for k in keys))]
    other = [f"was simulated with other versions than the first point: {', '.join(moved)}"] if moved else []
    independent = [] if common else [f"against the first point: {reason}"]
    return joined, [*independent, *other]


def _measures(run: StoredRun) -> pl.DataFrame:
    names = ("measure", "level", "scope", "value", "std_error", "ci_low", "ci_high", "unit", "n_scenarios", "method")
    return run.measures.select(names)


def _named(order: Order, values: Mapping[str, Any]) -> pl.DataFrame:
    """One row with the value of every swept key."""
    import polars as pl

    kinds = {key: kind_of([point.values[key] for point in order.points]) for key in order.keys}
    cells = {key: [_cell(values[key], kinds[key])] for key in order.keys}
    types = {"number": pl.Float64(), "count": pl.Int64(), "switch": pl.Boolean(), "text": pl.String()}
    return pl.DataFrame(cells, schema={key: types[kind] for key, kind in kinds.items()})


def kind_of(values: Sequence[Any]) -> str:
    """`count`, `number`, `switch` or `text`: what all values but nulls are."""
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "switch"
    if types == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return "count"
    return "number" if types and types <= {int, float} else "text"


def _cell(value: Any, kind: str) -> Any:
    if value is None or kind != "text":
        return float(value) if kind == "number" and value is not None else value
    return value_text(value)


def value_text(value: Any) -> str:
    """A value as the command line has it."""
    import json

    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _notes(found: Mapping[str, Sequence[int]], others: int) -> list[str]:
    """Notes with the points they are about."""

    def about(numbers: Sequence[int]) -> str:
        if len(numbers) == others:
            return "every other point" if others > 1 else f"point {numbers[0]}"
        return f"point{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:5]))}" + (
            f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
        )

    return [f"{about(numbers)}: {note}" for note, numbers in found.items()]
