"""One simulation: tape and parameters in, losses and tables out."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rackrisk.kernels.engines import run_scenarios
from rackrisk.kernels.filed import give_back, set_aside
from rackrisk.kernels.shards import add_up, tally_of
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import BY_SCENARIO, Tally
from rackrisk.models import tables
from rackrisk.models.book import BuiltBook
from rackrisk.models.explain import teller, worst_numbers, worst_scenarios
from rackrisk.models.market import MarketConfig
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.opened import Opened as Opened
from rackrisk.models.opened import open_simulation as open_simulation
from rackrisk.models.opened import path_maker as path_maker
from rackrisk.models.recovery import RecoveryConfig
from rackrisk.models.results import SimulationResult
from rackrisk.models.stages import StageReport, unheard
from rackrisk.models.tail_risk import TailQuestions, tail_tables

FAN_SCENARIOS = 4096


def simulate(
    tape: pl.DataFrame,
    *,
    market: MarketConfig,
    recovery: RecoveryConfig,
    mechanisms: Mechanisms,
    months: int,
    scenarios: int,
    seed: int,
    as_of: date,
    engine: str = "auto",
    precision: str = "float32",
    segments: tuple[str, ...] = ("segment",),
    worst: int = 0,
    questions: TailQuestions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationResult:
    """Simulate a checked tape month by month in many scenarios.

    Args:
        tape: frame of `rackrisk.data.read_tape`, `check_tape` or `load_portfolio`.
        months: horizon; obligors with debt beyond it survive it.
        scenarios: how many, numbered from 0.
        seed: key of the random generator, below 2^64.
        engine: auto, jax, cuda or reference.
        precision: float32 or float64 of the loans' arithmetic; markets are float64.
        segments: tape columns to report by.
        worst: how many of the worst scenarios to tell about; each costs one more.
        questions: what to look at in the tail, for which its scenarios run again; None for nothing.
        progress: called with (scenarios done, scenarios in all).

    Raises:
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
        rackrisk.models.contributions.ReplayMismatch: a replayed loss is not the run's.
    """
    started = time.perf_counter()
    opened = open_simulation(
        tape,
        market=market,
        recovery=recovery,
        mechanisms=mechanisms,
        months=months,
        seed=seed,
        as_of=as_of,
        engine=engine,
        precision=precision,
        segments=segments,
    )
    simulation = StructuralSimulation(opened, months, seed, as_of, time.perf_counter() - started)
    started = time.perf_counter()
    tally = simulation.tally(range(scenarios), progress)
    return simulation.result(tally, worst=worst, questions=questions, seconds=time.perf_counter() - started)


@dataclass(frozen=True)
class StructuralSimulation:
    """A book in a market, ready to be simulated range by range.

    Attributes:
        prepare_seconds: how long it took to get ready.
    """

    opened: Opened
    months: int
    seed: int
    as_of: date
    prepare_seconds: float

    def tally(self, numbers: range, progress: Callable[[int, int], None] | None = None) -> Tally:
        """Exact sums over the scenarios with these numbers."""
        return run_scenarios(self.opened.engine, numbers, progress)

    def merged(self, parts: Iterable[Mapping[str, np.ndarray]]) -> Tally:
        """One tally of several ranges in their order, each as named arrays."""
        return tally_of(Tally, add_up(parts, BY_SCENARIO, filed=True))

    def losses_usd(self, tally: Tally) -> np.ndarray:
        """Loss of the book by scenario, float64 [S]."""
        return tally.loss[:, 0] * float(self.opened.built.scale.loss_quantum_usd)

    @property
    def batch(self) -> int:
        """Scenarios that are simulated at once."""
        return self.opened.engine.group * self.opened.engine.parallel

    @property
    def computer(self) -> dict[str, str]:
        """What computes: engine, device and precision in words."""
        engine = self.opened.engine
        return {"engine": engine.name, "device": engine.device, "precision": engine.precision}

    def result(
        self,
        tally: Tally,
        *,
        worst: int = 0,
        questions: TailQuestions | None = None,
        seconds: float = 0.0,
        report: StageReport = unheard,
    ) -> SimulationResult:
        """Tables of the scenarios 0, 1, ... of a tally.

        Args:
            worst, questions: as in `simulate`.
            seconds: how long the simulation took.
            report: hears how far the scenarios are that run again.

        Raises:
            rackrisk.models.contributions.ReplayMismatch: a replayed loss is not that of the tally.
        """
        opened, months, seed = self.opened, self.months, self.seed
        built, scenarios, started = opened.built, len(tally.loss), time.perf_counter()
        numbers = worst_numbers(tally.loss[:, 0], worst)
        give_back()
        tell = teller(opened, months=months, as_of=self.as_of, seed=seed, beside=True)
        tail: dict[str, pl.DataFrame] = {}
        if questions is not None:
            tail = tail_tables(opened, tally, months=months, seed=seed, questions=questions, report=report)
        set_aside(tally.carried)  # until the tables are made
        give_back()
        replayed = time.perf_counter()
        result = SimulationResult(
            engine=opened.engine.name,
            device=opened.engine.device,
            precision=opened.engine.precision,
            n_scenarios=scenarios,
            months=months,
            seed=seed,
            scopes=built.scopes,
            exposure_usd=tables.exposures(built),
            fans=_fans(opened, scenarios, months, seed),
            worst=worst_scenarios(tell, numbers, report).tables() if worst else {},
            **_counted(built, tally, scenarios, months),
            **tail,
            notes=[opened.note] if opened.note else [],
            timings={"prepare": self.prepare_seconds, "paths_and_loans": seconds, "tail": replayed - started},
        )
        result.timings["tables"] = time.perf_counter() - replayed
        return result


def _counted(built: BuiltBook, tally: Tally, scenarios: int, months: int) -> dict[str, pl.DataFrame]:
    """The tables that follow from the tally alone."""
    return {
        "losses": tables.losses(built, tally),
        "facilities": tables.facilities(built, tally, scenarios, months),
        "pd_term": tables.pd_term(built, tally, scenarios),
        "early_warning": tables.early_warning(built, tally),
        "defaults_by_cause": tables.defaults_by_cause(built, tally, scenarios),
        "loss_given_default": tables.loss_given_default(built, tally),
    }


def _fans(opened: Opened, scenarios: int, months: int, seed: int) -> pl.DataFrame:
    numbers = np.arange(min(scenarios, FAN_SCENARIOS), dtype=np.uint32)
    return tables.fans(simulate_paths(np, opened.arrays, key_words(seed), numbers), opened.market, months)
