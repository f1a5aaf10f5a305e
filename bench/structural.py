"""How fast is the structural month: the JAX engine against NumPy and numba ports of it, on this machine's cores?

    python -m bench.structural            10,000 facilities x 2,000 scenarios x 60 months; several minutes
    python -m bench.structural --quick    about a minute

Every contestant simulates the same generated book in the same market with contagion on, in a process of its own. First
each must agree with the reference engine on a small book. Then they take turns, so that noise of the machine hits all
alike, and medians count. `whole run` has the market paths in it (the engine makes them inside its compiled tile, the
ports by the NumPy path generator), `loans only` has not. Compilation is reported apart, peak memory is the process's.
The NumPy port runs on one core, as NumPy does, and in one process a core. The ports report losses by scenario alone;
the engine also fills its early-warning and facility tables. The last row is the command line from start to report.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .agreement import agreement
from .record import say, surroundings, table, write_record
from .worker import ROOT, Worker, structural_worker

SMALL_FACILITIES, SMALL_SCENARIOS = 500, 64


@dataclass(frozen=True)
class Entry:
    """A row of the table: processes of one contestant, and how many scenarios they simulate in a round."""

    label: str
    contestant: str
    processes: int
    scenarios: int


def entries(options: argparse.Namespace, cores: int) -> list[Entry]:
    """Who takes part; numba only where it is installed."""
    slow = min(options.port_scenarios, options.scenarios)
    found = [
        Entry("JAX engine", "jax", 1, options.scenarios),
        Entry("JAX engine, market given", "jax_loans", 1, options.scenarios),
        Entry("NumPy port, 1 process", "numpy", 1, slow),
        Entry(f"NumPy port, {cores} processes", "numpy", cores, slow - slow % cores),
    ]
    if find_spec("numba") is None:
        say("numba is not installed (extra [bench]): its port is left out")
        return found
    return [*found, Entry(f"numba prange port, {cores} threads", "numba", 1, slow)]


def check(contestants: list[str], months: int) -> dict[str, Any]:
    """Compare every contestant with the reference on a small book.

    Raises:
        SystemExit: one disagrees; nothing is timed then.
    """
    small = {"facilities": SMALL_FACILITIES, "months": months, "scenarios": SMALL_SCENARIOS, "threads": 1}
    losses = {}
    for name in ["reference", *contestants]:
        worker = structural_worker(name, **small)
        worker.answer()
        worker.ask(first=0, count=SMALL_SCENARIOS, losses=True)
        losses[name] = np.array(worker.answer()["losses"])
        worker.close()
    found = {name: agreement(losses[name], losses["reference"]) for name in contestants}
    for name, result in found.items():
        say(
            f"{name}: {result.scenarios - result.near_ties} of {result.scenarios} scenarios agree with the reference "
            f"(worst relative error {result.worst_error:.1e}), {result.near_ties} near-ties"
        )
    wrong = [name for name, result in found.items() if not result.holds]
    if wrong:
        raise SystemExit(f"does not simulate the same thing as the reference: {', '.join(wrong)}")
    return {name: vars(result) for name, result in found.items()}


def take_turns(rows: list[Entry], *, facilities: int, months: int, repeats: int, cores: int) -> list[dict[str, Any]]:
    """Open all contestants, let each run in turn, `repeats` times; medians by row."""
    teams = [
        [structural_worker(e.contestant, facilities=facilities, months=months, scenarios=e.scenarios, threads=cores)
         for _ in range(e.processes)]
        for e in rows
    ]  # fmt: skip
    opened = [[worker.answer() for worker in team] for team in teams]
    rounds: list[list[dict[str, float]]] = [[] for _ in rows]
    for turn in range(repeats):
        for place, (row, team) in enumerate(zip(rows, teams, strict=True)):
            rounds[place].append(_one_round(row, team))
            say(f"round {turn + 1} of {repeats}: {row.label}: {rounds[place][-1]['whole_s']:.2f} s")
    for team in teams:
        for worker in team:
            worker.close()
    return [_summary(row, opened[place], rounds[place], months=months) for place, row in enumerate(rows)]


def _one_round(row: Entry, team: list[Worker]) -> dict[str, float]:
    """All processes of a row at once, each with its share of the scenarios."""
    share = row.scenarios // row.processes
    for place, worker in enumerate(team):
        worker.ask(first=place * share, count=share)
    answers = [worker.answer() for worker in team]
    whole = max(answer["seconds"] for answer in answers)
    return {
        "whole_s": whole,
        "loans_s": max(answer["loans_s"] for answer in answers),
        "cpu_s": sum(answer["cpu_s"] for answer in answers),
        "peak_mib": sum(answer["peak_mib"] for answer in answers),
    }


def _summary(
    row: Entry, opened: list[dict[str, float]], rounds: list[dict[str, float]], *, months: int
) -> dict[str, Any]:
    """Medians of a row, in seconds and in loan-months a second."""
    loan_months = row.scenarios * months * opened[0]["obligors"]
    median = {key: statistics.median(turn[key] for turn in rounds) for key in ("whole_s", "loans_s", "cpu_s")}
    return {
        "label": row.label,
        "contestant": row.contestant,
        "processes": row.processes,
        "scenarios": row.scenarios,
        "loan_months": loan_months,
        "compile_s": max(answer["first_run_s"] for answer in opened),
        **median,
        "whole_rate": loan_months / median["whole_s"],
        "loans_rate": loan_months / median["loans_s"],
        "cpu_ns_per_loan_month": median["cpu_s"] / loan_months * 1e9,
        "peak_mib": max(turn["peak_mib"] for turn in rounds),
        "rounds": rounds,
    }


def run_command(facilities: int, scenarios: int, months: int) -> dict[str, float]:
    """`rackrisk run` from start to report, in seconds and MiB."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as folder:
        words = ["portfolio=synthetic", f"portfolio.count={facilities}", f"scenarios={scenarios}", f"months={months}"]
        command = [sys.executable, "-m", "rackrisk", "run", *words, "engine=jax", f"out={Path(folder) / 'run'}"]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        message = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"rackrisk run failed: {message.decode(errors='replace')}")
    return {"seconds": seconds, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def ratios(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Rate of the engine over each port's: whole run against whole run, loans against loans."""
    by_name = {row["contestant"]: row for row in rows if row["contestant"].startswith("jax")}
    whole, loans = by_name["jax"]["whole_rate"], by_name["jax_loans"]["loans_rate"]
    ports = [row for row in rows if row["contestant"] not in by_name]
    return {row["label"]: {"whole": whole / row["whole_rate"], "loans": loans / row["loans_rate"]} for row in ports}


def show(rows: list[dict[str, Any]], found: dict[str, dict[str, float]]) -> str:
    """The table."""
    header = [
        "contestant",
        "scenarios",
        "compile s",
        "whole s",
        "M/s whole",
        "M/s loans",
        "CPU ns",
        "MiB",
        "ratio whole",
        "loans",
    ]
    lines = []
    for row in rows:
        ratio = found.get(row["label"])
        given = row["contestant"] == "jax_loans"
        made_inside = row["contestant"] == "jax"
        lines.append([
            row["label"],
            f"{row['scenarios']:,}",
            f"{row['compile_s']:.1f}",
            "" if given else f"{row['whole_s']:.2f}",
            "" if given else f"{row['whole_rate'] / 1e6:.1f}",
            "" if made_inside else f"{row['loans_rate'] / 1e6:.1f}",
            f"{row['cpu_ns_per_loan_month']:.1f}",
            f"{row['peak_mib']:,.0f}",
            f"{ratio['whole']:.2f}" if ratio else "",
            f"{ratio['loans']:.2f}" if ratio else "",
        ])  # fmt: skip
    return table(header, lines)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.structural", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--facilities", type=int, default=10_000)
    parser.add_argument("--scenarios", type=int, default=2_000, help="of the engine")
    parser.add_argument("--port-scenarios", type=int, default=384, help="of the slower ports; rates are compared")
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="fewer scenarios, 3 rounds, no command-line run")
    options = parser.parse_args(words)
    if options.quick:
        options.scenarios, options.port_scenarios, options.repeats = 256, 64, 3
    return options


def main(words: list[str] | None = None) -> None:
    """Check, time, print and record."""
    options = arguments(words)
    cores = len(os.sched_getaffinity(0))
    record: dict[str, Any] = surroundings() | {"sizes": vars(options)}
    rows = entries(options, cores)
    record["agreement"] = check(sorted({row.contestant for row in rows}), options.months)
    timed = take_turns(rows, facilities=options.facilities, months=options.months, repeats=options.repeats, cores=cores)
    found = ratios(timed)
    print(show(timed, found))
    record |= {"rows": timed, "ratios": found}
    if not options.quick:
        record["command"] = command = run_command(options.facilities, options.scenarios, options.months)
        print(f"rackrisk run, start to report: {command['seconds']:.1f} s, {command['peak_mib']:,.0f} MiB")
    write_record("structural", record)


if __name__ == "__main__":
    main()
