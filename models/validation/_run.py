"""Every case on every engine, and what the whole comes to."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtr, chdtrc

from ._bench import Bench
from ._case import Case
from ._check import FAIL, FEW, PASS, Check
from ._copula import check_names, check_pool
from ._formulas import solve_asrf, solve_first_passage, solve_irb, solve_merton
from ._pools import solve_creditrisk_plus, solve_hull_white, solve_names, solve_pool
from ._structural import check_first_passage, check_merton, check_spreadsheet
from ._words import check_counter, check_normals, check_philox

#: How a kind of case is solved without sampling.
FORMULAS: Mapping[str, Callable[[Case], Iterator[Check]]] = {
    "asrf": solve_asrf,
    "irb": solve_irb,
    "creditrisk_plus": solve_creditrisk_plus,
    "hull_white": solve_hull_white,
    "pool": solve_pool,
    "names": solve_names,
    "merton": solve_merton,
    "first_passage": solve_first_passage,
}

#: How a kind of case is run on an engine.
SIMULATIONS: Mapping[str, Callable[[Case, Bench], Iterator[Check]]] = {
    "philox": check_philox,
    "counter": check_counter,
    "normals": check_normals,
    "pool": check_pool,
    "names": check_names,
    "merton": check_merton,
    "first_passage": check_first_passage,
    "spreadsheet": check_spreadsheet,
}

#: Two-sided level at which the spread of an engine's z is implausible.
SPREAD_LEVEL = 1e-3

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Spread:
    """Whether the errors of an engine are as large as it says, over all its sampled cases.

    The figures of a case come from one run and depend on each other; cases do not. So the z² of a case are averaged,
    and the averages added up over the cases. Of n cases with one figure each the sum would be chi-square with n degrees
    of freedom; averages vary less, so that the test errs on the side of passing.

    Attributes:
        engine: its name.
        cases: n, cases with a judged sampled figure.
        mean_square_z: the sum over n; 1 is expected.
        p_value: two-sided, of chi-square with n degrees of freedom.
        verdict: `pass` or `fail`.
    """

    engine: str
    cases: int
    mean_square_z: float
    p_value: float
    verdict: str


@dataclass(frozen=True)
class Validation:
    """Everything that was checked.

    Attributes:
        checks: in the order of the cases; formulas before engines.
        spreads: one for each engine that sampled.
        engines: each engine of the product: None where it ran, else why not.
        seed, quick: as asked for.
    """

    checks: tuple[Check, ...]
    spreads: tuple[Spread, ...]
    engines: Mapping[str, str | None]
    seed: int
    quick: bool

    @property
    def passed(self) -> bool:
        """True where nothing fails."""
        return all(item.verdict != FAIL for item in (*self.checks, *self.spreads))


def validate(
    cases: Sequence[Case],
    benches: Sequence[Bench],
    *,
    absent: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> Validation:
    """Checks every case by formula and on every bench.

    Args:
        cases: of `load_cases`.
        benches: one for each engine; at least one, all with one seed and size.
        absent: engines that do not run, and why.
        progress: called with (jobs done, jobs in all); what it raises stops the jobs that have not begun.
        workers: jobs at a time; the result does not depend on it.
    """
    jobs = [job for case in cases for job in _jobs(case, benches)]
    checks: list[Check] = []
    pool = ThreadPoolExecutor(workers)
    try:
        running = [pool.submit(job) for job in jobs]
        for done, job in enumerate(running, start=1):
            checks += job.result()
            if progress is not None:
                progress(done, len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)
    engines = {**{bench.engine: None for bench in benches}, **(absent or {})}
    spreads = tuple(filter(None, (spread_of(checks, bench.engine) for bench in benches)))
    return Validation(tuple(checks), spreads, engines, benches[0].seed, benches[0].quick)


def _jobs(case: Case, benches: Sequence[Bench]) -> Iterator[Callable[[], list[Check]]]:
    """What there is to do for a case: by formula, then on each engine."""
    if "formula" in case.tolerance:
        yield lambda: list(FORMULAS[case.kind](case))
    if "simulation" in case.tolerance:
        for bench in benches:
            yield lambda bench=bench: list(SIMULATIONS[case.kind](case, bench))


def spread_of(checks: Sequence[Check], engine: str) -> Spread | None:
    """The spread of an engine's z; None where it sampled nothing."""
    squares: dict[str, list[float]] = defaultdict(list)
    for check in checks:
        if check.engine == engine and check.z is not None and check.verdict != FEW:
            squares[check.case].append(check.z**2)
    if not squares:
        return None
    total, n = math.fsum(float(np.mean(values)) for values in squares.values()), len(squares)
    p_value = min(1.0, 2.0 * min(float(chdtr(n, total)), float(chdtrc(n, total))))
    return Spread(engine, n, total / n, p_value, PASS if p_value >= SPREAD_LEVEL else FAIL)
