"""The contestants under one interface: open on a case, then run scenarios 0, 1, ... as often as asked."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.engines import open_engine, run_scenarios
from rackrisk.models.simulate import path_maker

from .case import Case
from .ports.narrow import Outcome, join, narrow_book

SCENARIOS_PER_CALL = 256  # whose market paths a port makes at a time


@dataclass(frozen=True)
class Timed:
    """Losses of some scenarios and where the time went.

    Attributes:
        loss_usd: [S].
        paths_s: seconds for market paths; nan where they are made inside the loans' loop.
        loans_s: seconds for everything else.
    """

    loss_usd: np.ndarray
    paths_s: float
    loans_s: float


Run = Callable[[int, int], Timed]  # (first scenario, how many)


def open_contestant(name: str, case: Case, *, scenarios: int, threads: int) -> Run:
    """Make a contestant ready.

    Args:
        name: jax, jax_loans (market paths are given), reference, numpy or numba.
        scenarios: most that will be asked for at once.
        threads: of numba.
    """
    if name in ("jax", "jax_loans", "reference"):
        return _engine(name, case, scenarios)
    return _port(_numba(case, threads) if name == "numba" else _numpy(case), case)


def _engine(name: str, case: Case, scenarios: int) -> Run:
    """An engine of the product through the function the product calls; it always starts with scenario 0."""
    built = case.built
    market, make = (_given(case, scenarios)) if name == "jax_loans" else (case.market, path_maker(built))
    kind = "reference" if name == "reference" else "jax"
    precision = "float64" if name == "reference" else "float32"
    engine = open_engine(kind, built.book, market, built.scale, make, seed=case.seed, precision=precision)

    def run(first: int, count: int) -> Timed:
        if first:
            raise ValueError("engines count scenarios from 0")
        started = time.perf_counter()
        tally = run_scenarios(engine, count)
        loans = time.perf_counter() - started
        return Timed(tally.loss[:, 0] * float(built.scale.loss_quantum_usd), float("nan"), loans)

    return run


def _given(case: Case, scenarios: int) -> tuple[Paths, Callable[..., Paths]]:
    """Ready-made market paths, and a path maker that only looks them up."""
    paths = case.paths(0, scenarios)

    def look_up(xp: Any, market: Any, key: Any, scenario: Any) -> Paths:
        return Paths(*(xp.asarray(field)[scenario.astype(xp.int32) % scenarios] for field in market))

    return paths, look_up


def _port(simulate: Callable[[Paths, np.ndarray], Outcome], case: Case) -> Run:
    """A port: market paths of some hundred scenarios by NumPy, then their loans."""

    def run(first: int, count: int) -> Timed:
        outcomes, paths_s, loans_s = [], 0.0, 0.0
        for start in range(first, first + count, SCENARIOS_PER_CALL):
            started = time.perf_counter()
            numbers = np.arange(start, min(start + SCENARIOS_PER_CALL, first + count), dtype=np.uint32)
            paths = case.paths(start, numbers.shape[0])
            made = time.perf_counter()
            outcomes.append(simulate(paths, numbers))
            paths_s += made - started
            loans_s += time.perf_counter() - made
        return Timed(join(outcomes).loss_usd, paths_s, loans_s)

    return run


def _numpy(case: Case) -> Callable[[Paths, np.ndarray], Outcome]:
    from .ports.numpy_month import simulate

    book = narrow_book(case.built.book)
    return lambda paths, scenario: simulate(book, paths, case.key, scenario)


def _numba(case: Case, threads: int) -> Callable[[Paths, np.ndarray], Outcome]:
    from .ports.numba_month import pack, simulate

    packed = pack(narrow_book(case.built.book))
    return lambda paths, scenario: simulate(packed, paths, case.key, scenario, threads=threads)
