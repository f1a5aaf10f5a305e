"""Which months to show: all of them fit neither a table nor, beyond ten years, a curve."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

#: Steps between shown months.
_STEPS = (1, 2, 3, 6, 12, 24, 60)


def chosen(months: Sequence[int], *, step: int = 3, most: int = 24) -> list[int]:
    """Months that `step` divides, and the last one; a coarser step where these would be more than `most`."""
    later = [m for m in months if m > 0]
    if not later:
        return list(months)
    steps = [s for s in _STEPS if s >= step]
    width = next((s for s in steps if later[-1] / s <= most), steps[-1])
    return [m for m in later if m % width == 0 or m == later[-1]]


def words(months: Sequence[int]) -> str:
    """How far apart chosen months are: `every 3rd month`."""
    gaps = [b - a for a, b in pairwise(months)]
    width = max(gaps, default=1)
    return "every month" if width == 1 else f"every {_ordinal(width)} month"


def thinned(rows: pl.DataFrame, *, most: int = 121) -> pl.DataFrame:
    """Rows of a curve by month with at most about `most` points, first and last among them."""
    months: list[int] = rows["month"].to_list()
    if len(months) <= most:
        return rows
    kept = [months[0], *chosen(months, step=1, most=most)]
    return rows.filter(pl.col("month").is_in(kept))


def _ordinal(value: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th") if value not in (11, 12, 13) else "th"
    return f"{value}{suffix}"
