"""What a run needs to know of its model: one small strategy for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from .manifest import Computed

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from rich.console import Console

    from ._run import Run
    from .config import Settings, StructuralSettings
    from .config._copula import CopulaSettings
    from .interruptible import ProgressReport
    from .models.stages import StageReport


class Result(Computed, Protocol):
    """What every model's result has; see `rackrisk.models.results.SimulationResult`."""

    @property
    def segments(self) -> list[str]: ...
    @property
    def losses(self) -> pl.DataFrame: ...
    @property
    def notes(self) -> list[str]: ...

    def losses_of(self, scope: str) -> pl.Series:
        """Loss per scenario of one scope."""
        ...


class Simulation(Protocol):
    """A book ready to be simulated, range by range; tallies are named tuples of exact integers."""

    @property
    def computer(self) -> dict[str, str]:
        """What computes: engine, device and precision in words."""
        ...

    @property
    def batch(self) -> int:
        """Scenarios that are simulated at once."""
        ...

    def tally(self, numbers: range, progress: ProgressReport | None = None) -> Any:
        """Exact sums over the scenarios with these numbers."""
        ...

    def merged(self, parts: Iterable[Mapping[str, np.ndarray]]) -> Any:
        """One tally of several ranges in their order, each as named arrays."""
        ...

    def losses_usd(self, tally: Any) -> np.ndarray:
        """Loss of the book by scenario, float64 [S]."""
        ...


@dataclass(frozen=True)
class Load:
    """What a run weighs, for cutting it into shards.

    Attributes:
        units_per_scenario: units of work in one scenario.
        units_per_shard: about a minute's work of one process on a CPU.
        tally_bytes: of the sums that every shard holds, whatever its scenarios.
        step: a shard begins at a multiple of so many scenarios, so that no tile of an engine is cut.
    """

    units_per_scenario: int
    units_per_shard: int
    tally_bytes: int
    step: int


class Model(Protocol):
    """One model with the configuration of one run."""

    @property
    def settings(self) -> Settings:
        """The configuration of the run."""
        ...

    @property
    def work_unit(self) -> str:
        """What its speed is counted in: `loan-month` or `loan-scenario`."""
        ...

    @property
    def rows(self) -> str:
        """What a row of its book is, as a plural."""
        ...

    def with_executor(self, executor: Any) -> Model:
        """The same with its shards computed elsewhere."""
        ...

    def read_book(self) -> pl.DataFrame:
        """The configured portfolio as a checked tape."""
        ...

    def read_tape(self, path: Path) -> pl.DataFrame:
        """A file as a checked tape of this model."""
        ...

    def check_book(self, book: pl.DataFrame, file: str) -> None:
        """Raises TapeProblems if a book that was kept in a file breaks a rule of tapes: somebody may have made it."""
        ...

    def scopes(self, book: pl.DataFrame) -> int:
        """Number of segments that results are reported for."""
        ...

    def work(self, book: pl.DataFrame) -> int:
        """Units of work in the whole run."""
        ...

    def headline(self, book: pl.DataFrame) -> str:
        """The size of the run in words."""
        ...

    def label(self, choices: Mapping[str, str]) -> str:
        """What a run folder is called by if nobody says."""
        ...

    def load(self, book: pl.DataFrame) -> Load:
        """What the run weighs."""
        ...

    def open(self, book: pl.DataFrame, engine: str) -> Any:
        """The book ready for an engine, a `Simulation` and more."""
        ...

    def result(self, simulation: Any, tally: Any, seconds: float, report: StageReport) -> Any:
        """The result, a `Result` and more, of all scenarios, which took so many seconds; `report` hears how far."""
        ...

    def tables(self, book: pl.DataFrame, result: Any) -> tuple[dict[str, pl.DataFrame], list[str]]:
        """Tables of the run folder beside the measures, by name, and what a reader should know of them."""
        ...

    def manifest(self, result: Any, seconds: float) -> dict[str, Any]:
        """What the manifest says about this model's run of so many seconds."""
        ...

    def print_summary(self, run: Run, console: Console) -> None:
        """The summary that a person reads."""
        ...

    def answers(self, run: Run) -> dict[str, Any]:
        """Results for the JSON document beside the measures."""
        ...


def model_of(settings: Settings) -> Model:
    """The strategy of the configured model; the others are not loaded."""
    if settings.model.name == "copula":
        from ._copula import Copula

        return Copula(cast("CopulaSettings", settings))
    from ._structural import Structural

    return Structural(cast("StructuralSettings", settings))
