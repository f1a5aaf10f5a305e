"""Do time and memory of the JAX engine stay linear in loans and scenarios?

    python -m bench.scaling            100 to 100,000 facilities, 512 to 32,768 scenarios; a few minutes
    python -m bench.scaling --quick    about a minute

Time should be linear in either, that is the time of a loan-month constant; memory linear in facilities and independent
of scenarios, since nothing of size loans x scenarios is stored. Each size runs in a process of its own. Medians of
repeats; compilation apart. Before timing, the engine must agree with the reference on a small book.
"""

import argparse
import os
import statistics
from dataclasses import dataclass
from typing import Any

from .record import say, surroundings, table, write_record
from .structural import check
from .worker import structural_worker


@dataclass(frozen=True)
class Size:
    """One point: which question it belongs to, and how much work it is."""

    along: str
    facilities: int
    scenarios: int


def sizes(*, quick: bool) -> list[Size]:
    """Loans grow with the work kept alike; then scenarios grow on one book."""
    work = 1_000_000 if quick else 5_000_000
    facilities = (100, 1_000, 10_000) if quick else (100, 1_000, 10_000, 100_000)
    scenarios = (512, 2_048) if quick else (512, 2_048, 8_192, 32_768)
    return [
        *(Size("loans", count, max(work // count, 32)) for count in facilities),
        *(Size("scenarios", 1_000, count) for count in scenarios),
    ]


def measure(size: Size, *, months: int, repeats: int) -> dict[str, Any]:
    """Median seconds and the process's peak memory."""
    order = {"facilities": size.facilities, "months": months, "scenarios": size.scenarios, "threads": 1}
    worker = structural_worker("jax", **order)
    opened = worker.answer()
    answers = []
    for _ in range(repeats):
        worker.ask(first=0, count=size.scenarios)
        answers.append(worker.answer())
    worker.close()
    loan_months = opened["obligors"] * size.scenarios * months
    seconds, cpu = (statistics.median(answer[key] for answer in answers) for key in ("seconds", "cpu_s"))
    return {
        **vars(size),
        "obligors": opened["obligors"],
        "loan_months": loan_months,
        "prepare_s": opened["prepare_s"],
        "compile_s": opened["first_run_s"],
        "seconds": seconds,
        "rate": loan_months / seconds,
        "cpu_ns_per_loan_month": cpu / loan_months * 1e9,
        "peak_mib": max(answer["peak_mib"] for answer in answers),
    }


def show(rows: list[dict[str, Any]]) -> str:
    """The table."""
    header = ["along", "facilities", "scenarios", "prepare s", "compile s", "run s", "M/s", "CPU ns", "MiB"]
    lines = [
        [
            row["along"],
            f"{row['facilities']:,}",
            f"{row['scenarios']:,}",
            f"{row['prepare_s']:.1f}",
            f"{row['compile_s']:.1f}",
            f"{row['seconds']:.2f}",
            f"{row['rate'] / 1e6:.1f}",
            f"{row['cpu_ns_per_loan_month']:.1f}",
            f"{row['peak_mib']:,.0f}",
        ]
        for row in rows
    ]
    return table(header, lines)


def main(words: list[str] | None = None) -> None:
    """Check, time, print and record."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    options = parser.parse_args(words)
    record: dict[str, Any] = surroundings() | {"cores": len(os.sched_getaffinity(0)), "sizes": vars(options)}
    record["agreement"] = check(["jax"], options.months)
    rows = []
    for size in sizes(quick=options.quick):
        rows.append(measure(size, months=options.months, repeats=options.repeats))
        say(f"{size.facilities:,} facilities x {size.scenarios:,} scenarios: {rows[-1]['seconds']:.2f} s")
    print(show(rows))
    write_record("scaling", record | {"rows": rows})


if __name__ == "__main__":
    main()
