"""What does a run cost from tape to report, as books and scenarios grow?

    python -m bench.big_book                    10,000 to 1,000,000 facilities, 16 to 4,096 scenarios; half an hour
    python -m bench.big_book --quick            1,000 to 30,000 facilities; some minutes
    python -m bench.big_book --sizes 1000000x1000      the sizes that you name, facilities x scenarios

    python -m bench.big_book --draw             the picture of the documents from all records, without a run

Each size is a `rackrisk run` of a generated Parquet tape in a process of its own: reading, checking, simulating, the
questions about the tail, tables and report. Peak memory is that of the whole process. Time and memory should be linear
in facilities, and memory should not depend on scenarios. CPU seconds tell more than seconds on a shared machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .big_book_picture import PICTURE, picture, records
from .record import say, surroundings, table, write_record

MONTHS = 60
PHASES = ("book", "simulate", "tail", "write", "report")


class Size(NamedTuple):
    """One point of the curve."""

    facilities: int
    scenarios: int


BOOKS = tuple(Size(facilities, 16) for facilities in (10_000, 30_000, 100_000, 300_000, 1_000_000))
LENGTHS = tuple(Size(10_000, scenarios) for scenarios in (256, 4_096))
QUICK = (Size(1_000, 16), Size(10_000, 16), Size(30_000, 16), Size(10_000, 64))


@dataclass(frozen=True)
class Spent:
    """What a process took."""

    seconds: float
    cpu_s: float
    peak_mib: float


def spend(*words: str) -> Spent:
    """Runs a command of rackrisk to its end.

    Raises:
        RuntimeError: it failed; its last words are above.
    """
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "rackrisk", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"rackrisk {' '.join(words)}: exit code {child.returncode}")
    return Spent(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """One run from a tape that is made first, and what its manifest says about its phases."""
    tape, out = folder / f"{size.facilities}.parquet", folder / f"{size.facilities}x{size.scenarios}"
    made = None
    if not tape.exists():
        made = spend("book", "portfolio=synthetic", f"portfolio.count={size.facilities}", "--out", str(tape))
    run = spend(
        "run", f"portfolio.tape={tape}", f"scenarios={size.scenarios}", f"months={MONTHS}", "engine=jax", f"out={out}"
    )
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    loan_months = size.facilities * size.scenarios * MONTHS
    return {
        **size._asdict(),
        "months": MONTHS,
        "tape_mib": tape.stat().st_size / 2**20,
        "generate_s": made and made.seconds,
        **vars(run),
        "phases_s": {name: manifest["timings_s"].get(name) for name in PHASES},
        "loan_months": loan_months,
        "cpu_ns_per_loan_month": run.cpu_s / loan_months * 1e9,
        "device": manifest["engine"]["device"],
    }


def show(rows: list[dict[str, Any]]) -> str:
    """The table."""
    header = ["facilities", "scenarios", *(f"{name} s" for name in PHASES), "whole s", "CPU s", "peak MiB"]
    lines = [
        [
            f"{row['facilities']:,}",
            f"{row['scenarios']:,}",
            *(f"{row['phases_s'][name] or 0:.1f}" for name in PHASES),
            f"{row['seconds']:.0f}",
            f"{row['cpu_s']:.0f}",
            f"{row['peak_mib']:,.0f}",
        ]
        for row in rows
    ]
    return table(header, lines)


def named_sizes(text: str) -> list[Size]:
    """`1000000x1000,30000x16` as sizes."""
    return [Size(*map(int, word.split("x"))) for word in text.split(",")]


def main(words: list[str] | None = None) -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(prog="python -m bench.big_book", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller books")
    parser.add_argument("--sizes", type=named_sizes, help="facilities x scenarios, as 30000x16,1000000x1000")
    parser.add_argument("--draw", action="store_true", help="draw the records that are there")
    options = parser.parse_args(words)
    if options.draw:
        PICTURE.write_text(picture(records()), encoding="utf-8")
        return
    record: dict[str, Any] = surroundings()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="big-book-") as folder:
        for size in options.sizes or (QUICK if options.quick else BOOKS + LENGTHS):
            rows.append(measure(size, Path(folder)))
            said = rows[-1]
            say(f"{size.facilities:,} x {size.scenarios:,}: {said['seconds']:.0f} s, {said['peak_mib']:,.0f} MiB")
    print(show(rows))
    write_record("big_book", record | {"rows": rows})


if __name__ == "__main__":
    main()
