"""The contestants of the copula benchmark under one interface, each in a process of its own.

One JSON request a line on stdin (`first`, `count`, `losses`), one JSON reply a line on stdout.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from .worker import Worker

Run = Callable[[int, int], np.ndarray]  # (first scenario, how many) -> losses
ASSET_CORRELATION, SEED = 0.2, 1


def make_names(count: int) -> dict[str, np.ndarray]:
    """PD from 0.03 % to 10 %, exposure and LGD of names of which no two are alike."""
    random = np.random.default_rng(7)
    return {
        "pd": 10 ** random.uniform(-3.5, -1, count),
        "ead": random.lognormal(15, 1, count),
        "lgd": random.uniform(0.2, 0.7, count),
    }


def open_contestant(name: str, count: int, threads: int) -> Run:
    """Make a contestant ready: jax, reference, numpy, numba or the peer creditriskengine."""
    if name == "creditriskengine":
        return _peer(make_names(count))
    from rackrisk.kernels.copula.draws import systematic
    from rackrisk.kernels.copula.engines import open_engine, run_scenarios
    from rackrisk.kernels.streams import key_words

    built = _built(count)
    if name in ("jax", "reference"):
        engine = open_engine(name, built.pool, seed=SEED)
        return lambda first, count: run_scenarios(engine, count).loss[:, 0] * built.quantum_usd
    from .ports.narrow_copula import one_factor

    pool, key = one_factor(built.pool, built.quantum_usd), key_words(SEED)
    if name == "numpy":
        from .ports import numpy_copula

        return lambda first, count: numpy_copula.simulate(pool, first, count)
    from .ports import numba_copula

    def run(first: int, count: int) -> np.ndarray:
        quad = np.arange(first // 4, -(-(first + count) // 4), dtype=np.uint32)
        factor = systematic(np, key, quad, built.pool).factors[0]
        return numba_copula.simulate(pool, factor, key, first // 4, threads=threads).T.reshape(-1)[:count]

    return run


def _built(count: int) -> Any:
    """The names as the product's arrays; imported here, because the peer's interpreter lacks what they need."""
    import polars as pl

    from rackrisk.models.copula import CopulaConfig
    from rackrisk.models.copula._pool import build_pool

    names = make_names(count)
    frame = pl.DataFrame(
        {
            "obligor_id": [f"name {place}" for place in range(count)],
            "segment": ["all"] * count,
            "ead": names["ead"],
            "lgd": names["lgd"],
            "pd_1y": names["pd"],
        }
    )
    return build_pool(frame, CopulaConfig(asset_correlation=ASSET_CORRELATION))


def _peer(names: dict[str, np.ndarray]) -> Run:
    """creditriskengine (Apache-2.0) by its public function, antithetic as it is by default, in its fastest batches."""
    copula = import_module("creditriskengine.portfolio.copula")

    def run(first: int, count: int) -> np.ndarray:
        batch = 2000
        parts = [
            copula.simulate_single_factor(
                names["pd"], names["lgd"], names["ead"], ASSET_CORRELATION, min(batch, first + count - start), start
            )
            for start in range(first, first + count, batch)
        ]
        return np.concatenate(parts)

    return run


def copula_worker(contestant: str, *, python: str, names: int, threads: int) -> Worker:
    """A contestant in a process of its own; `python` is the interpreter that has it."""
    one_thread = contestant in ("numpy", "creditriskengine")
    words = (contestant, str(names), str(threads))
    return Worker("bench.copula_contestants", *words, python=python, one_thread=one_thread)


def main(contestant: str, names: int, threads: int) -> None:
    """Serve until stdin closes. The first reply holds what came before the first request."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not a reply
    started = time.perf_counter()
    run = open_contestant(contestant, names, threads)
    opened = time.perf_counter()
    run(0, 4)
    warm = {"prepare_s": opened - started, "first_run_s": time.perf_counter() - opened}
    print(json.dumps(warm), file=replies)
    for line in sys.stdin:
        request = json.loads(line)
        cpu, clock = time.process_time(), time.perf_counter()
        losses = run(request["first"], request["count"])
        reply: dict[str, Any] = {
            "seconds": time.perf_counter() - clock,
            "cpu_s": time.process_time() - cpu,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if request.get("losses"):
            reply["losses"] = losses.tolist()
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
