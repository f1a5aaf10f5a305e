"""How fast is the copula model: the JAX engine against NumPy and numba ports of it and an open peer, on this machine?

    python -m bench.copula                      1,000 distinct names, one factor, Gaussian, one year, fixed LGD
    python -m bench.copula --quick              fewer scenarios, 3 rounds
    python -m bench.copula --peer-python PATH   also the package creditriskengine, installed for that interpreter

Every contestant simulates the same names in a process of its own, and they take turns, so that noise of the machine
hits all alike; medians count. First each must agree with the reference engine: the numba port, which draws the same
numbers, scenario by scenario; the others, which have their own generators, in mean loss and in the probability of a
large loss. NumPy and the peer run on one core, and in one process a core. The engine also fills its tables by name and
segment; the others give losses by scenario alone. A loan-scenario is one name in one scenario.
"""

import argparse
import math
import os
import statistics
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from .copula_contestants import copula_worker
from .record import say, surroundings, table, write_record
from .worker import Worker

CHECKED = 40_000  # scenarios of the comparison with the reference
SAME_DRAWS = ("jax", "numba")


@dataclass(frozen=True)
class Entry:
    """A row of the table: processes of one contestant, and how many scenarios they simulate in a round."""

    label: str
    contestant: str
    processes: int
    scenarios: int
    python: str = sys.executable


def entries(options: argparse.Namespace, cores: int) -> list[Entry]:
    """Who takes part."""
    slow = options.port_scenarios
    found = [
        Entry("JAX engine", "jax", 1, options.scenarios),
        Entry("NumPy port, 1 process", "numpy", 1, slow),
        Entry(f"NumPy port, {cores} processes", "numpy", cores, slow * cores),
    ]
    if find_spec("numba") is None:
        say("numba is not installed (extra [bench]): its port is left out")
    else:
        found.append(Entry(f"numba prange port, {cores} threads", "numba", 1, options.scenarios))
    if options.peer_python is None:
        say("no --peer-python: the peer creditriskengine is left out")
        return found
    peer = ("creditriskengine", 1, slow, options.peer_python)
    return [
        *found,
        Entry("creditriskengine, 1 process", *peer),
        Entry(f"creditriskengine, {cores} processes", peer[0], cores, slow * cores, peer[3]),
    ]


def check(rows: list[Entry], names: int) -> dict[str, Any]:
    """Compare every contestant with the reference engine.

    Raises:
        SystemExit: one disagrees; nothing is timed then.
    """
    pythons = {"reference": sys.executable} | {row.contestant: row.python for row in rows}
    losses = {}
    for name, python in pythons.items():
        worker = copula_worker(name, python=python, names=names, threads=1)
        worker.answer()
        worker.ask(first=0, count=CHECKED, losses=True)
        losses[name] = np.array(worker.answer()["losses"])
        worker.close()
    reference = losses.pop("reference")
    found = {name: agreement(name, sample, reference) for name, sample in losses.items()}
    for name, result in found.items():
        say(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in result.items()))
    wrong = [name for name, result in found.items() if not result["holds"]]
    if wrong:
        raise SystemExit(f"does not simulate the same thing as the reference: {', '.join(wrong)}")
    return found


def agreement(name: str, losses: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
    """Equal draws: scenarios that differ. Own draws: differences of mean and tail probability in standard errors."""
    if name in SAME_DRAWS:
        differ = int(np.count_nonzero(np.abs(losses - reference) > 1e-9 * reference.max()))
        return {"scenarios_that_differ": differ, "holds": differ == 0}
    large = np.quantile(reference, 0.99)
    mean = (losses.mean() - reference.mean()) / math.hypot(losses.std(), reference.std()) * math.sqrt(losses.size)
    share = np.mean(losses > large)
    tail = (share - 0.01) / math.sqrt((share * (1 - share) + 0.01 * 0.99) / losses.size)
    # antithetic pairs are not independent: their mean is nearer, their tail may be somewhat further
    return {"mean_z": float(mean), "tail_z": float(tail), "holds": bool(abs(mean) < 4 and abs(tail) < 5)}


def take_turns(rows: list[Entry], *, names: int, repeats: int, cores: int) -> list[dict[str, Any]]:
    """Open all contestants, let each run in turn, `repeats` times; medians by row."""
    teams = [
        [copula_worker(row.contestant, python=row.python, names=names, threads=cores) for _ in range(row.processes)]
        for row in rows
    ]
    opened = [[worker.answer() for worker in team] for team in teams]
    rounds: list[list[dict[str, float]]] = [[] for _ in rows]
    for turn in range(repeats):
        for place, (row, team) in enumerate(zip(rows, teams, strict=True)):
            rounds[place].append(_one_round(row, team))
            say(f"round {turn + 1} of {repeats}: {row.label}: {rounds[place][-1]['seconds']:.2f} s")
    for team in teams:
        for worker in team:
            worker.close()
    return [_summary(row, opened[place], rounds[place], names) for place, row in enumerate(rows)]


def _one_round(row: Entry, team: list[Worker]) -> dict[str, float]:
    """All processes of a row at once, each with its share of the scenarios."""
    share = row.scenarios // row.processes
    for place, worker in enumerate(team):
        worker.ask(first=place * share, count=share)
    answers = [worker.answer() for worker in team]
    return {
        "seconds": max(answer["seconds"] for answer in answers),
        "cpu_s": sum(answer["cpu_s"] for answer in answers),
        "peak_mib": sum(answer["peak_mib"] for answer in answers),
    }


def _summary(row: Entry, opened: list[dict[str, float]], rounds: list[dict[str, float]], names: int) -> dict[str, Any]:
    """Medians of a row, in seconds and in loan-scenarios a second."""
    work = row.scenarios * names
    seconds, cpu = (statistics.median(turn[key] for turn in rounds) for key in ("seconds", "cpu_s"))
    return {
        "label": row.label,
        "contestant": row.contestant,
        "processes": row.processes,
        "scenarios": row.scenarios,
        "loan_scenarios": work,
        "compile_s": max(answer["first_run_s"] for answer in opened),
        "seconds": seconds,
        "rate": work / seconds,
        "cpu_ns_per_loan_scenario": cpu / work * 1e9,
        "peak_mib": max(turn["peak_mib"] for turn in rounds),
        "rounds": rounds,
    }


def show(rows: list[dict[str, Any]]) -> str:
    """The table; ratios are rates of the engine over the row's."""
    header = ["contestant", "scenarios", "first run s", "s", "M/s", "CPU ns", "MiB", "ratio"]
    lines = [
        [
            row["label"],
            f"{row['scenarios']:,}",
            f"{row['compile_s']:.1f}",
            f"{row['seconds']:.2f}",
            f"{row['rate'] / 1e6:.1f}",
            f"{row['cpu_ns_per_loan_scenario']:.2f}",
            f"{row['peak_mib']:,.0f}",
            f"{rows[0]['rate'] / row['rate']:.2f}",
        ]
        for row in rows
    ]
    return table(header, lines)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.copula", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--scenarios", type=int, default=2**20, help="of the engine and of numba")
    parser.add_argument("--port-scenarios", type=int, default=40_000, help="of a slower process; rates are compared")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-python", help="interpreter that has the package creditriskengine")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(words)
    if options.quick:
        options.scenarios, options.port_scenarios, options.repeats = 2**18, 10_000, 3
    return options


def main(words: list[str] | None = None) -> None:
    """Check, time, print and record."""
    options = arguments(words)
    cores = len(os.sched_getaffinity(0))
    record: dict[str, Any] = surroundings() | {
        "sizes": {key: v for key, v in vars(options).items() if key != "peer_python"}
    }
    rows = entries(options, cores)
    record["agreement"] = check(rows, options.names)
    timed = take_turns(rows, names=options.names, repeats=options.repeats, cores=cores)
    print(show(timed))
    record |= {"rows": timed, "ratios": {row["label"]: timed[0]["rate"] / row["rate"] for row in timed[1:]}}
    write_record("copula", record)


if __name__ == "__main__":
    main()
