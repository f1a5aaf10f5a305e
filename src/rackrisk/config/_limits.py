"""What a run needs at least, against what the machine has: an impossible run is refused before it begins."""

from __future__ import annotations

from pathlib import Path

from rackrisk.data import memory_there_bytes

from ._problems import ConfigProblem

# Per scenario: number (4 bytes), weight (8) and one float64 loss per scope, held three times at the peak: as the
# engine's integers, as the frame that is written, and as the sorted copy that quantiles are read from.
_COPIES = 3
_BASE_BYTES = 150_000_000  # interpreter and libraries, without JAX


def memory_needed_bytes(scenarios: int, *, book_bytes: int, segments: int) -> int:
    """A lower bound of the peak memory of a run, in bytes; engines add a constant that depends on their tile.

    `book_bytes` is what the book takes with its results.
    """
    per_scenario = _COPIES * (4 + 8 + 8 * (1 + segments))
    return _BASE_BYTES + scenarios * per_scenario + book_bytes


def check_memory(scenarios: int, *, book_bytes: int, segments: int) -> list[ConfigProblem]:
    """A problem if the run cannot fit, else nothing."""
    needed, there = memory_needed_bytes(scenarios, book_bytes=book_bytes, segments=segments), memory_there_bytes()
    if needed <= there:
        return []
    rule = f"needs at least {_gib(needed)} of memory and {_gib(there)} are free"
    return [ConfigProblem("scenarios", f"{scenarios}", f"{rule}; use fewer scenarios or a smaller book")]


def check_tape_memory(tape: Path, rows: int, *, row_bytes: int) -> list[ConfigProblem]:
    """A problem if a tape with so many rows cannot fit, which is known before it is read."""
    needed, there = memory_needed_bytes(0, book_bytes=rows * row_bytes, segments=0), memory_there_bytes()
    if needed <= there:
        return []
    size = f"has {_gib(tape.stat().st_size)} and at least {rows:,} rows, which need {_gib(needed)} of memory"
    return [ConfigProblem("portfolio.tape", str(tape), f"{size}; {_gib(there)} are free, and none of it was read")]


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
