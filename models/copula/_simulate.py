"""One copula simulation: names and parameters in, losses and tables out."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from rackrisk.data import TapeProblems
from rackrisk.kernels.copula.arrays import BY_SCENARIO, Tally
from rackrisk.kernels.copula.engines import PRECISION, CopulaEngine, open_engine, run_scenarios
from rackrisk.kernels.engines import choose
from rackrisk.kernels.shards import add_up, tally_of
from rackrisk.models.results import PORTFOLIO_SCOPE

from . import _tables as tables
from ._check import check_names
from ._config import CopulaConfig
from ._pool import BuiltPool, build_pool
from ._result import CopulaResult


def simulate_copula(
    names: pl.DataFrame,
    *,
    config: CopulaConfig,
    scenarios: int,
    seed: int,
    engine: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> CopulaResult:
    """Simulate defaults and losses of a pool of names in many scenarios.

    Args:
        names: canonical frame: `obligor_id, segment, ead, lgd, pd_1y ... pd_<H>y`, maybe `loading_<factor>` and
            `lgd_sd`.
        config: of the model.
        scenarios: how many, numbered from 0; at most 2^26.
        seed: key of the random generator, below 2^64.
        engine: auto, jax, cuda or reference.
        progress: called with (scenarios done, scenarios in all).

    Raises:
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
        rackrisk.data.TapeProblems: names and configuration do not fit; `check_names` has all problems.
    """
    simulation = open_copula(names, config=config, seed=seed, engine=engine)
    started = time.perf_counter()
    tally = simulation.tally(range(scenarios), progress)
    return simulation.result(tally, seconds=time.perf_counter() - started)


@dataclass(frozen=True)
class CopulaSimulation:
    """A pool of names ready to be simulated range by range.

    Attributes:
        note: a sentence to show if the engine was chosen for the user.
        prepare_seconds: how long it took to get ready.
    """

    names: pl.DataFrame
    config: CopulaConfig
    seed: int
    built: BuiltPool
    engine: CopulaEngine
    note: str | None
    prepare_seconds: float

    def tally(self, numbers: range, progress: Callable[[int, int], None] | None = None) -> Tally:
        """Exact sums over the scenarios with these numbers."""
        return run_scenarios(self.engine, numbers, progress)

    def merged(self, parts: Iterable[Mapping[str, np.ndarray]]) -> Tally:
        """One tally of several ranges in their order, each as named arrays."""
        return tally_of(Tally, add_up(parts, BY_SCENARIO))

    def losses_usd(self, tally: Tally) -> np.ndarray:
        """Loss of the pool by scenario, float64 [S]."""
        return tables.losses(self.built, tally)["loss"].to_numpy()

    @property
    def batch(self) -> int:
        """Scenarios that are simulated at once."""
        return self.engine.batch

    @property
    def computer(self) -> dict[str, str]:
        """What computes: engine, device and precision in words."""
        return {"engine": self.engine.name, "device": self.engine.device, "precision": PRECISION}

    def result(self, tally: Tally, *, seconds: float = 0.0) -> CopulaResult:
        """Tables of the scenarios 0, 1, ... of a tally, which took so many seconds."""
        names, config, built, started = self.names, self.config, self.built, time.perf_counter()
        result = CopulaResult(
            engine=self.engine.name,
            device=self.engine.device,
            precision=PRECISION,
            n_scenarios=len(tally.loss),
            seed=self.seed,
            horizon_years=config.horizon_years,
            scopes=[PORTFOLIO_SCOPE, *built.segments],
            exposure_usd=tables.exposures(names, built),
            losses=tables.losses(built, tally),
            names=tables.by_name(names, built, config, tally),
            pd_term=tables.pd_term(names, built, config, tally),
            quantum_usd=built.quantum_usd,
            notes=[*([self.note] if self.note else []), *_notes(built, config)],
            timings={"prepare": self.prepare_seconds, "names": seconds, "tables": 0.0},
        )
        result.timings["tables"] = time.perf_counter() - started
        return result


def open_copula(names: pl.DataFrame, *, config: CopulaConfig, seed: int, engine: str = "auto") -> CopulaSimulation:
    """Make a pool ready to be simulated; arguments and errors as in `simulate_copula`."""
    started = time.perf_counter()
    name, note = choose(engine)
    problems = check_names(names, config)
    if problems:
        raise TapeProblems(problems)
    built = build_pool(names, config)
    opened = open_engine(name, built.pool, seed=seed)
    return CopulaSimulation(names, config, seed, built, opened, note, time.perf_counter() - started)


def _notes(built: BuiltPool, config: CopulaConfig) -> list[str]:
    cells = built.pool.lgd_table.shape[1]
    if config.lgd.kind == "fixed":
        return []
    return [f"random LGDs are drawn from {cells} equiprobable cells of their beta distribution, by their means"]
