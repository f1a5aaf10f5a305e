"""The rows of a tape in the book's order, and which obligor each belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Rows:
    """A tape sorted by obligor and facility: F rows of N obligors."""

    tape: pl.DataFrame
    as_of: date
    obligors: list[str]
    owner: np.ndarray  # [F] int32, the obligor of each row
    first: np.ndarray  # [N] first row of each obligor

    @classmethod
    def of(cls, tape: pl.DataFrame, as_of: date) -> "Rows":
        """Sort, so that the order of the tape cannot matter."""
        tape = tape if _in_order(tape) else tape.sort("obligor_id", "facility_id")
        ids = tape["obligor_id"]
        starts = np.flatnonzero((ids != ids.shift(1)).fill_null(True).to_numpy())
        owner = np.repeat(np.arange(len(starts)), np.diff(starts, append=tape.height)).astype(np.int32)
        return cls(tape, as_of, ids.gather(starts).to_list(), owner, starts)

    def blocks(self, size: int) -> Iterator[tuple["Rows", slice, slice]]:
        """The rows of about `size` obligors at a time, and where these rows and obligors are."""
        for begin in range(0, len(self.obligors), size):
            end = min(begin + size, len(self.obligors))
            row, until = int(self.first[begin]), int(self.first[end]) if end < len(self.obligors) else self.tape.height
            part = Rows(
                self.tape.slice(row, until - row),
                self.as_of,
                self.obligors[begin:end],
                self.owner[row:until] - np.int32(begin),
                self.first[begin:end] - row,
            )
            yield part, slice(row, until), slice(begin, end)

    def number(self, name: str, missing: float = 0.0) -> np.ndarray:
        """A numeric column, float64 [F]."""
        return self.tape[name].cast(pl.Float64).fill_null(missing).to_numpy()

    def month(self, name: str) -> np.ndarray:
        """A date column as months after the as-of date's calendar month, int32 [F]; 0 where null."""
        days = self.tape[name]
        count = (days.dt.year() - self.as_of.year) * 12 + (days.dt.month().cast(pl.Int32) - self.as_of.month)
        return count.fill_null(0).to_numpy().astype(np.int32)

    def total(self, rows: np.ndarray) -> np.ndarray:
        """Add up each obligor's rows, along the last dimension."""
        return np.add.reduceat(rows, self.first, axis=-1)

    def largest(self, rows: np.ndarray) -> np.ndarray:
        """The greatest of each obligor's rows, along the last dimension."""
        return np.maximum.reduceat(rows, self.first, axis=-1)

    def agreed(self, name: str, missing: float = 0.0) -> np.ndarray:
        """A column on which the rows of an obligor agree, float64 [N]."""
        return self.number(name, missing)[self.first]


def _in_order(tape: pl.DataFrame) -> bool:
    """Whether it is sorted already: a large tape is then not copied."""
    obligor, facility = pl.col("obligor_id"), pl.col("facility_id")
    before, same = obligor.shift(1) < obligor, obligor.shift(1) == obligor
    return bool(tape.select((before | (same & (facility.shift(1) < facility))).slice(1).all()).item())
