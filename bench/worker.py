"""A contestant in a process of its own: one JSON request a line on stdin, one JSON reply a line on stdout.

`Worker` is the other end of the pipe.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")


class Worker:
    """Starts the process and speaks to it.

    Args:
        module: run with these words by the interpreter `python`.
        one_thread: for NumPy, whose libraries would start threads of their own.
    """

    def __init__(self, module: str, *words: str, python: str = sys.executable, one_thread: bool = False) -> None:
        env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        self._process = subprocess.Popen(
            [python, "-m", module, *words],
            cwd=ROOT,
            env=env | ONE_THREAD if one_thread else env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> None:
        """Send `first` and `count`; `losses=True` to have them sent back."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """What the worker says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with exit code {self._process.wait()}; its message is above")
        return json.loads(line)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


def structural_worker(contestant: str, *, facilities: int, months: int, scenarios: int, threads: int) -> Worker:
    """A contestant of the structural benchmark in a process of its own.

    Args:
        contestant: see `open_contestant`.
        facilities, months, scenarios: of the case; most scenarios in one request.
        threads: of numba.
    """
    order = {"facilities": facilities, "months": months, "scenarios": scenarios, "threads": threads}
    return Worker("bench.worker", contestant, json.dumps(order), one_thread=contestant == "numpy")


def main(contestant: str, order: dict[str, int]) -> None:
    """Serve until stdin closes. The first reply holds what came before the first request."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not a reply
    from .case import make_case
    from .contestants import open_contestant

    started = time.perf_counter()
    case = make_case(order["facilities"], order["months"])
    run = open_contestant(contestant, case, scenarios=order["scenarios"], threads=order["threads"])
    opened = time.perf_counter()
    run(0, 1)
    warm = {"prepare_s": opened - started, "first_run_s": time.perf_counter() - opened, "obligors": case.obligors}
    print(json.dumps(warm), file=replies)
    for line in sys.stdin:
        request = json.loads(line)
        cpu, clock = time.process_time(), time.perf_counter()
        timed = run(request["first"], request["count"])
        reply: dict[str, Any] = {
            "seconds": time.perf_counter() - clock,
            "cpu_s": time.process_time() - cpu,
            "paths_s": timed.paths_s,
            "loans_s": timed.loans_s,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if request.get("losses"):
            reply["losses"] = timed.loss_usd.tolist()
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
