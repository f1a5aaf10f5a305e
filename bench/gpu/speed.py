"""How fast? Device events around the kernels, medians of several runs, and what the rest of a run costs."""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from rackrisk.kernels.cuda.device import CupyDevice
from rackrisk.kernels.cuda.structural import StructuralCuda

from .book import GpuCase, make_book

SIMPLE_MONTH = 44.3  # instructions of the simplest month with random words and a normal: docs/cuda.md, the floor
LANES_PER_CLOCK = 128  # instructions of single threads that a multiprocessor issues in a clock
REPEATS = 5
LONG_LOAN_MONTHS = 1e11  # a run this long is repeated less often


@dataclass(frozen=True)
class Chip:
    """What limits the card."""

    name: str
    multiprocessors: int
    clock_hz: float
    memory_bytes: int

    @property
    def issue_slots_per_s(self) -> float:
        """The most instructions of single threads in a second."""
        return self.multiprocessors * LANES_PER_CLOCK * self.clock_hz


def chip_of(device: CupyDevice) -> Chip:
    """As the driver describes it; the clock is the highest."""
    properties = device.xp.cuda.runtime.getDeviceProperties(device.number)
    clock = float(query("clocks.max.sm", device.number) or 0) * 1e6 or float(properties.get("clockRate", 0)) * 1e3
    return Chip(device.name, properties["multiProcessorCount"], clock, properties["totalGlobalMem"])


def query(what: str, number: int) -> str | None:
    """One number of nvidia-smi, which only reads; None where it is not to be had."""
    command = ["nvidia-smi", f"--id={number}", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        text = done.stdout.strip()
        if done.returncode == 0 and text.replace(".", "", 1).isdigit():
            return text
    return None


@contextmanager
def power_watched(number: int) -> Iterator[list[float]]:
    """Watts, read every fifth of a second."""
    watts: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            reading = query("power.draw", number)
            if reading is not None:
                watts.append(float(reading))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield watts
    finally:
        stop.set()
        watcher.join()


def event_seconds(device: CupyDevice, work: Callable[[], None], *, repeats: int = REPEATS) -> list[float]:
    """Seconds on the device of each of some runs, after one that does not count."""
    cuda = device.xp.cuda
    work()
    seconds = []
    for _ in range(repeats):
        start, end = cuda.Event(), cuda.Event()
        start.record()
        work()
        end.record()
        end.synchronize()
        seconds.append(cuda.get_elapsed_time(start, end) / 1e3)
    return seconds


def wall_seconds(work: Callable[[], Any], *, repeats: int = REPEATS) -> list[float]:
    """Seconds by the clock on the wall; `work` returns when the device is done."""
    work()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def structural(device: CupyDevice, loans: int, scenarios: int) -> list[dict[str, Any]]:
    """One book in the structural engine, contagion off and on: the loans' kernels alone, and whole runs."""
    case = make_book(loans, seed=loans)
    engine = open_engine(device, case)
    count = min(scenarios, engine.batch)
    return [_structural_row(device, case, engine, count, contagion=contagion) for contagion in (False, True)]


def _structural_row(
    device: CupyDevice, case: GpuCase, engine: StructuralCuda, count: int, *, contagion: bool
) -> dict[str, Any]:
    engine.has_impact = contagion  # without it nothing is settled, and prices stay as the market has them
    numbers, chip = np.arange(count, dtype=np.uint32), chip_of(device)
    long = case.loans * count * case.months > LONG_LOAN_MONTHS
    with device.active():
        world, sums = engine.make_world(numbers), engine.empty_sums(count)
        packed = engine.packed(world, sums)

        def loans_alone() -> None:
            if contagion:
                world["price_impact"][...] = 1
                world["moved"][...] = 1
                engine.settle(world, packed)
            engine.walk("tally_walk", packed, count)

        with power_watched(device.number) as watts:
            kernels = event_seconds(device, loans_alone, repeats=2 if long else REPEATS)
        whole = wall_seconds(lambda: engine.run(numbers), repeats=1 if long else 3)
        pool_bytes = int(device.xp.get_default_memory_pool().total_bytes())
    return row(case, count, kernels, whole, chip=chip) | {
        "contagion": contagion,
        "price_settled_by": engine.settled_by if contagion else None,
        "device_memory_gib": pool_bytes / 2**30,
        "watts": statistics.median(watts) if watts else None,
        "joules": statistics.median(watts) * statistics.median(kernels) if watts else None,
    }


def open_engine(device: CupyDevice, case: GpuCase) -> StructuralCuda:
    """In single precision."""
    return StructuralCuda(
        device, case.book, case.market, case.scale, case.make_paths, key=case.key, precision="float32"
    )


def row(case: GpuCase, scenarios: int, kernels: list[float], whole: list[float], *, chip: Chip) -> dict[str, Any]:
    """Rates and what they leave of the card's issue slots."""
    loan_months = case.loans * scenarios * case.months
    rate = loan_months / statistics.median(kernels)
    return {
        "loans": case.loans,
        "scenarios": scenarios,
        "months": case.months,
        "kernels_s": kernels,
        "whole_s": whole,
        "loan_months_per_s": rate,
        "loan_months_per_s_whole": loan_months / statistics.median(whole),
        "issue_slots_per_loan_month": chip.issue_slots_per_s / rate,
        "share_of_issue_ceiling": rate * SIMPLE_MONTH / chip.issue_slots_per_s,
    }


def jax_engine(case: GpuCase, scenarios: int) -> dict[str, Any]:
    """The JAX engine on the same device, through the function that the product calls."""
    from rackrisk.kernels.engines import MakePaths, run_scenarios
    from rackrisk.kernels.engines import open_engine as open_any

    make: MakePaths = case.make_paths
    seed = case.key[0] | case.key[1] << 32
    started = time.perf_counter()
    engine = open_any("jax", case.book, case.market, case.scale, make, seed=seed, precision="float32")
    run_scenarios(engine, engine.group * engine.parallel)
    compiled = time.perf_counter() - started
    count = max(scenarios // (engine.group * engine.parallel), 1) * engine.group * engine.parallel
    seconds = wall_seconds(lambda: run_scenarios(engine, count), repeats=3)
    rate = case.loans * count * case.months / statistics.median(seconds)
    return {
        "name": f"JAX engine ({engine.device})",
        "loans": case.loans,
        "scenarios": count,
        "whole_s": seconds,
        "compile_s": compiled,
        "loan_months_per_s_whole": rate,
        "mean_defaults": float(run_scenarios(engine, count).causes[:, 0].sum() / count),
    }


def unfused(library: Any, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """Array code of the same month; market paths are given and losses left out."""
    from .unfused import open_unfused

    simulate = open_unfused(library, case, scenarios)
    defaults = simulate()
    seconds = wall_seconds(simulate, repeats=3)
    return {
        "name": library.name,
        "loans": case.loans,
        "scenarios": scenarios,
        "whole_s": seconds,
        "loan_months_per_s": case.loans * scenarios * case.months / statistics.median(seconds),
        "mean_defaults": float(defaults.mean()),
    }
