"""The copula model in a run: names over years, with the exact figures beside the simulated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._model import Load

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray
    from rich.console import Console

    from ._run import Run
    from .config._copula import CopulaSettings
    from .kernels.copula.arrays import Tally
    from .models.copula import CopulaResult, CopulaSimulation
    from .models.stages import StageReport

_UNITS_PER_SHARD = 10_000_000_000  # loan-scenarios: a minute on two cores, at some 2e8 a second
_SUMS_BY_NAME = 3
_STEP = 1_024  # a tile of the reference engine


@dataclass(frozen=True)
class Copula:
    """See `rackrisk._model.Model`."""

    settings: CopulaSettings
    work_unit: str = "loan-scenario"
    rows: str = "names"

    def with_executor(self, executor: Any) -> Copula:
        """The same with its shards computed elsewhere."""
        return Copula(self.settings.model_copy(update={"executor": executor}))

    def read_book(self) -> pl.DataFrame:
        """The names of the configured portfolio."""
        from .data import check_names_frame, equal_names

        portfolio = self.settings.portfolio
        if portfolio.tape is not None:
            return self.read_tape(Path(portfolio.tape).expanduser())
        names = equal_names(portfolio.count, pd=portfolio.pd, lgd=portfolio.lgd, ead_usd=portfolio.ead_usd)
        return self._fitting(check_names_frame(names, file="portfolio", **self._terms()), "portfolio")

    def read_tape(self, path: Path) -> pl.DataFrame:
        """A tape of names that fits the configured dependence and LGD."""
        from .data import printable, read_names

        return self._fitting(read_names(path, **self._terms()), printable(path))

    def check_book(self, book: pl.DataFrame, file: str) -> None:
        """Names by the rules of a tape."""
        from .data import check_names_frame

        self._fitting(check_names_frame(book, file=file, **self._terms()), file)

    def scopes(self, book: pl.DataFrame) -> int:
        """Segments of the book."""
        return book["segment"].n_unique()

    def work(self, book: pl.DataFrame) -> int:
        """Names x scenarios."""
        return book.height * self.settings.scenarios

    def headline(self, book: pl.DataFrame) -> str:
        """The size of the run."""
        settings, years = self.settings, self.settings.copula.horizon_years
        size = f"{book.height:,} names, {settings.scenarios_in_words}, {years} year{'s' if years > 1 else ''}"
        return f"{size}, seed {settings.seed}, {settings.engine.name}"

    def label(self, choices: Mapping[str, str]) -> str:
        """Portfolio and dependence."""
        del choices
        portfolio = self.settings.portfolio
        return f"{'tape' if portfolio.tape else portfolio.name}-{self.settings.copula.dependence}"

    def load(self, book: pl.DataFrame) -> Load:
        """Names in a scenario; a few sums by name."""
        return Load(book.height, _UNITS_PER_SHARD, 8 * _SUMS_BY_NAME * book.height, _STEP)

    def open(self, book: pl.DataFrame, engine: str) -> CopulaSimulation:
        """The names with their dependence."""
        from .models.copula import open_copula

        return open_copula(book, config=self.settings.dependence, seed=self.settings.seed, engine=engine)

    def result(self, simulation: CopulaSimulation, tally: Tally, seconds: float, report: StageReport) -> CopulaResult:
        """Losses and tables."""
        del report  # it is a matter of milliseconds
        return simulation.result(tally, seconds=seconds)

    def tables(self, book: pl.DataFrame, result: CopulaResult) -> tuple[dict[str, pl.DataFrame], list[str]]:
        """The tables of the result, what can be computed without simulation, and why not more can."""
        from .models.exact import exact_measures

        exact = exact_measures(book, self.settings.dependence, self.settings.measures.levels)
        unused = ["the tape's lgd_sd is not used: copula.lgd.kind is fixed"] if self._spread_is_unused(book) else []
        tables = {"names": result.names, "pd_term": result.pd_term, "exact": exact.table}
        return tables, [*unused, *exact.notes]

    def manifest(self, result: CopulaResult, seconds: float) -> dict[str, Any]:
        """Horizon, size of the book and speed, compilation included."""
        names = result.names.height
        return {
            "horizon_years": result.horizon_years,
            "asset_correlation": self.settings.dependence.asset_correlation,
            "book": {"names": names},
            "loan_scenarios_per_s": names * result.n_scenarios / max(seconds, 1e-9),
        }

    def print_summary(self, run: Run, console: Console) -> None:
        """Measures beside the exact ones, segments, PD term structure and the largest names."""
        from .copula_terminal import print_copula_summary

        print_copula_summary(run, console)

    def answers(self, run: Run) -> dict[str, Any]:
        """The exact figures."""
        from .comparison import compared

        return {"exact": compared(run.measures, run.tables["exact"]).to_dicts()}

    def _fitting(self, names: pl.DataFrame, file: str) -> pl.DataFrame:
        """The names, refused before anything is computed if the model cannot take them."""
        from .data import TapeProblems
        from .models.copula import check_names

        problems = check_names(names, self.settings.dependence, file=file)
        if problems:
            raise TapeProblems(problems)
        return names

    def _spread_is_unused(self, book: pl.DataFrame) -> bool:
        return self.settings.copula.lgd.kind == "fixed" and "lgd_sd" in book.columns

    def _terms(self) -> dict[str, Any]:
        copula = self.settings.dependence
        return {
            "horizon_years": copula.horizon_years,
            "asset_correlation": copula.asset_correlation,
            "correlation_of": self._correlation_of,
            "lgd_sd": None if copula.lgd.kind == "fixed" else copula.lgd.sd,
        }

    def _correlation_of(self, factors: list[str]) -> NDArray[np.float64]:
        import polars as pl

        from .models.copula import factor_matrix

        loadings = pl.DataFrame(schema={f"loading_{factor}": pl.Float64() for factor in factors})
        return factor_matrix(loadings, self.settings.dependence)[1]
