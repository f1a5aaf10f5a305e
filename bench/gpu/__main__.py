"""Is the CUDA engine right on this GPU, and how fast is it?

    python -m bench.gpu             everything, within 8 minutes on one H100
    python -m bench.gpu --check     correctness alone
    python -m bench.gpu --quick     small sizes, two minutes

Needs NumPy, CuPy and (to compare with) JAX; PyTorch takes part where it is installed. Correctness first: where a check
does not hold, nothing is timed and the exit code is 1. Then both engines over sizes, against the JAX engine and unfused
array code on the same device. The record goes to bench/results/gpu-DATE.json; README and docs/performance.md take their
tables from it (`python -m bench.gpu.show`).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # two libraries share the device

from rackrisk.kernels.cuda.device import COMPILER_OPTIONS, CudaMissing, CupyDevice, cuda_devices
from rackrisk.kernels.cuda.programs import programs

from ..record import say, surroundings, write_record
from . import speed
from .book import GpuCase, make_book
from .copula import check_copula, copula_speed
from .correctness import check_all
from .show import tables

BUDGET_S = 8 * 60
FULL = ((1_000, 100_000), (10_000, 20_000), (100_000, 10_000), (1_000_000, 10_000))  # loans, scenarios
QUICK = ((1_000, 4_096), (10_000, 2_048))
NAMES = (  # copula: names, scenarios, names of one PD and loading
    *((1_000, 1_000_000, 50), (1_000, 1_000_000, 8), (100_000, 100_000, 5_000), (100_000, 100_000, 8)),
    (1_000_000, 65_536, 50_000),
)
PEER_LOANS, PEER_SCENARIOS, JAX_SCENARIOS = 10_000, 512, 2_048


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="correctness alone")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--seed", type=int, default=None, help="of the random books; another every time if not given")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Check, time, record, show."""
    options, started = arguments(words), time.monotonic()
    try:
        device = cuda_devices()[0]
    except CudaMissing as missing:
        print(f"bench.gpu needs a CUDA device: {missing}", file=sys.stderr)
        return 2
    seed = time.time_ns() % 2**31 if options.seed is None else options.seed
    record: dict[str, Any] = surroundings() | {"seed": seed, "device": describe(device)}
    record["kernels"] = resources(device)
    record["checks"] = checks = checked(device, seed, options.quick)
    wrong = [name for name, found in checks.items() if not found["holds"]]
    if wrong or options.check:
        write_record("gpu", record)
        say(f"does not hold: {', '.join(wrong)}" if wrong else "every check holds")
        return 1 if wrong else 0
    record |= timed(device, options.quick, until=started + BUDGET_S)
    write_record("gpu", record)
    print(tables(record))
    return 0


def describe(device: CupyDevice) -> dict[str, Any]:
    """Card, driver and toolkit."""
    runtime, chip = device.xp.cuda.runtime, speed.chip_of(device)
    return {
        **vars(chip),
        "issue_slots_per_s": chip.issue_slots_per_s,
        "compute_capability": device.xp.cuda.Device(device.number).compute_capability,
        "driver": runtime.driverGetVersion(),
        "cuda": runtime.runtimeGetVersion(),
        "cupy": device.xp.__version__,
    }


def resources(device: CupyDevice) -> dict[str, dict[str, int]]:
    """Registers of each kernel on this card, and bytes of a thread's memory beside them: calls' frames and spills."""
    found = {}
    for name, program in programs().items():
        module = device.xp.RawModule(code=program.text, options=(*COMPILER_OPTIONS, *program.definitions))
        for kernel in program.kernels:
            attributes = module.get_function(kernel).attributes
            found[f"{name}: {kernel}"] = {what: int(attributes[what]) for what in ("num_regs", "local_size_bytes")}
    return found


def checked(device: CupyDevice, seed: int, quick: bool) -> dict[str, Any]:
    """All checks of both engines; a check that fails to run does not hold."""
    checks: dict[str, Any] = {}
    for loans in (300, 2_000) if quick else (300, 2_000, 6_000):
        for name, found in check_all(device, loans=loans, scenarios=32, seed=seed).items():
            checks[f"{name}, {loans} loans"] = found
    checks |= check_copula(device, seed)
    for name, found in checks.items():
        say(f"{'holds' if found['holds'] else 'DOES NOT HOLD'}  {name}")
    return checks


def timed(device: CupyDevice, quick: bool, *, until: float) -> dict[str, Any]:
    """Every measurement that there is time for, the most important first."""
    results: dict[str, Any] = {"structural": [], "copula": [], "peers": [], "left_out": []}
    case = make_book(PEER_LOANS, seed=PEER_LOANS)
    jobs: list[tuple[str, str, Callable[[], list[dict[str, Any]]]]] = []
    for loans, scenarios in QUICK if quick else FULL:
        jobs.append(("structural", f"{loans:,} loans", partial(speed.structural, device, loans, scenarios)))
    for names, scenarios, alike in NAMES[: 1 if quick else None]:
        jobs.append(("copula", f"{names:,} names", partial(_alone, copula_speed, device, names, scenarios, alike)))
    if find_spec("jax") is not None:
        jobs.append(("peers", "JAX engine", partial(_alone, speed.jax_engine, case, JAX_SCENARIOS)))
    jobs.append(("peers", "CuPy", partial(_alone, _unfused, cupy_library, case)))
    if find_spec("torch") is not None:
        jobs.append(("peers", "PyTorch", partial(_alone, _unfused, torch_library, case)))
    for kind, name, job in jobs:
        if time.monotonic() > until:
            results["left_out"].append(name)
            continue
        say(name)
        try:
            results[kind] += job()
        except (RuntimeError, MemoryError, ValueError, TypeError, ImportError) as error:  # the others go on
            results["left_out"].append(f"{name}: {type(error).__name__}: {error}")
            say(f"failed: {error}")
    return results


def _alone(work: Callable[..., dict[str, Any]], *words: Any) -> list[dict[str, Any]]:
    """One row."""
    return [work(*words)]


def _unfused(make_library: Callable[[], Any], case: GpuCase) -> dict[str, Any]:
    """A library is loaded when it is its turn."""
    return speed.unfused(make_library(), case, PEER_SCENARIOS)


def cupy_library() -> Any:
    """CuPy."""
    from .unfused import cupy_library as library

    return library()


def torch_library() -> Any:
    """PyTorch on the GPU."""
    from .unfused import torch_library as library

    return library("cuda")


if __name__ == "__main__":
    sys.exit(main())
