"""The structural model in a run: facilities, month by month."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._model import Load

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from ._run import Run
    from .config._structural import StructuralSettings
    from .kernels.tally import Tally
    from .models.results import SimulationResult
    from .models.simulate import StructuralSimulation
    from .models.stages import StageReport

_UNITS_PER_SHARD = 2_000_000_000  # loan-months: a minute on two cores, at some 3e7 a second
_SUMS_BY_FACILITY = 15
# Tiles are powers of two up to 1,024 scenarios, and smaller for larger books: `rackrisk.kernels.jax_engine`.
_STEP, _STEP_OF_MANY, _MANY_OBLIGORS = 1_024, 64, 65_536
_TABLES = ("facilities", "pd_term", "early_warning", "fans", "defaults_by_cause", "loss_given_default")
_TAIL_TABLES = ("pricing", "contributions", "concentration", "offtaker_defaults")


def world_of(settings: StructuralSettings) -> dict[str, Any]:
    """What every simulation of a configured book is told of its world, as keywords."""
    from .models.mechanisms import Mechanisms

    return {
        "market": settings.market,
        "recovery": settings.recovery,
        "mechanisms": Mechanisms(**settings.mechanisms.model_dump()),
        "months": settings.months,
        "seed": settings.seed,
        "as_of": settings.as_of,
        "segments": settings.measures.segments,
    }


@dataclass(frozen=True)
class Structural:
    """See `rackrisk._model.Model`."""

    settings: StructuralSettings
    work_unit: str = "loan-month"
    rows: str = "facilities"

    def with_executor(self, executor: Any) -> Structural:
        """The same with its shards computed elsewhere."""
        return Structural(self.settings.model_copy(update={"executor": executor}))

    def read_book(self) -> pl.DataFrame:
        """The facilities of the configured portfolio."""
        from .data import load_portfolio

        return load_portfolio(self.settings.portfolio, as_of=self.settings.as_of, **self._hardware())

    def read_tape(self, path: Path) -> pl.DataFrame:
        """A tape of facilities."""
        from .data import read_tape

        return read_tape(path, as_of=self.settings.as_of, **self._hardware())

    def check_book(self, book: pl.DataFrame, file: str) -> None:
        """Facilities by the rules of a tape."""
        from .data import check_tape

        check_tape(book, file=file, as_of=self.settings.as_of, **self._hardware())

    def scopes(self, book: pl.DataFrame) -> int:
        """Segments of every column that results are reported by."""
        return sum(book[column].n_unique() for column in self.settings.measures.segments)

    def work(self, book: pl.DataFrame) -> int:
        """Facilities x scenarios x months."""
        return book.height * self.settings.scenarios * self.settings.months

    def headline(self, book: pl.DataFrame) -> str:
        """The size of the run, and the arithmetic that was asked for."""
        settings, engine = self.settings, self.settings.engine
        size = f"{book.height:,} facilities, {settings.scenarios_in_words} x {settings.months} months"
        return f"{size}, seed {settings.seed}, {engine.name} {engine.precision}"

    def label(self, choices: Mapping[str, str]) -> str:
        """Portfolio and market."""
        portfolio = self.settings.portfolio
        return f"{'tape' if portfolio.tape else portfolio.name}-{choices.get('market', 'market')}"

    def load(self, book: pl.DataFrame) -> Load:
        """Facilities x months in a scenario; monthly sums by obligor, and those by facility."""
        rows, months = book.height, self.settings.months
        step = _STEP if book["obligor_id"].n_unique() < _MANY_OBLIGORS else _STEP_OF_MANY
        return Load(rows * months, _UNITS_PER_SHARD, 8 * rows * (months + _SUMS_BY_FACILITY), step)

    def open(self, book: pl.DataFrame, engine: str) -> StructuralSimulation:
        """The loans in their market."""
        from .models.opened import open_simulation
        from .models.simulate import StructuralSimulation

        settings, started = self.settings, time.perf_counter()
        opened = open_simulation(book, **world_of(settings), engine=engine, precision=settings.engine.precision)
        seconds = time.perf_counter() - started
        return StructuralSimulation(opened, settings.months, settings.seed, settings.as_of, seconds)

    def result(
        self, simulation: StructuralSimulation, tally: Tally, seconds: float, report: StageReport
    ) -> SimulationResult:
        """Losses, tables, the worst scenarios and who contributes to the tail."""
        from .models.explain import WORST
        from .models.tail_risk import TailQuestions

        settings = self.settings
        questions = TailQuestions(settings.measures.levels, settings.measures.confidence, settings.pricing)
        return simulation.result(tally, worst=WORST, questions=questions, seconds=seconds, report=report)

    def tables(self, book: pl.DataFrame, result: SimulationResult) -> tuple[dict[str, pl.DataFrame], list[str]]:
        """The tables of the result."""
        del book
        found = {name: getattr(result, name) for name in (*_TABLES, *_TAIL_TABLES)} | result.worst
        return {name: table for name, table in found.items() if table.width}, []

    def manifest(self, result: SimulationResult, seconds: float) -> dict[str, Any]:
        """Horizon, size of the book and speed, compilation included."""
        facilities, obligors = result.facilities.height, result.facilities["obligor_id"].n_unique()
        return {
            "months": result.months,
            "book": {"facilities": facilities, "obligors": obligors},
            "loan_months_per_s": facilities * result.n_scenarios * result.months / max(seconds, 1e-9),
        }

    def print_summary(self, run: Run, console: Console) -> None:
        """Losses, segments, defaults, early warning, the largest losses, spreads and where the tail comes from."""
        from .terminal import print_summary

        print_summary(run, console)

    def answers(self, run: Run) -> dict[str, Any]:
        """Spreads, contributions, concentration and what defaults of offtakers cost."""
        from .pricing_screen import pricing_answers

        return pricing_answers(run)

    def _hardware(self) -> dict[str, tuple[str, ...]]:
        market = self.settings.market
        return {"generations": tuple(market.generations), "asic_classes": tuple(market.asics)}
