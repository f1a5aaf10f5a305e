"""Why a run's loss is what it is: its worst scenarios, one scenario's world, one obligor's months in it.

`rackrisk.explain("runs/x", scenario=31, obligor="miner-7").obligor.months` is the obligor's life as a Polars frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interruptible import interruptible
from .rebuild import Rebuilt, RunProblems, changed, finished, problem, read_frame, rebuild

if TYPE_CHECKING:
    import polars as pl

    from .data import Problem
    from .models.explain import ObligorStory, ScenarioStory, Told, WorstScenarios
    from .models.opened import Opened

WORST_TABLES = ("worst_scenarios", "worst_moves", "worst_happenings", "worst_losers")


@dataclass(frozen=True)
class Explanation:
    """What was found; one of the last three is there, `scenario` beside `obligor` too.

    Attributes:
        run: folder of the run.
        manifest: what its manifest.json holds.
        notes: what a reader should know: what differs from the run's machine and versions.
        checks: one row a scope: `scope, replayed_quanta, recorded_quanta` (in losses.parquet), `quantum_usd`; None
            where nothing was replayed.
        worst: the run's worst scenarios.
        scenario: one scenario's world and its losers.
        obligor: one obligor in it.
    """

    run: Path
    manifest: Mapping[str, Any] = field(repr=False)
    notes: list[str]
    checks: pl.DataFrame | None = None
    worst: WorstScenarios | None = None
    scenario: ScenarioStory | None = None
    obligor: ObligorStory | None = None

    @property
    def agrees(self) -> bool:
        """Whether everything replayed is what the run recorded, to the last quantum."""
        checks = self.checks
        return checks is None or (checks["replayed_quanta"] == checks["recorded_quanta"]).all()


def explain(
    run: str | Path, *, scenario: int | None = None, obligor: str | None = None, engine: str | None = None
) -> Explanation:
    """Tells about a finished structural run.

    Args:
        run: its folder.
        scenario: one scenario by its number; without it, the worst ones are told about.
        obligor: its id, for its months in that scenario.
        engine: another engine than the run's, where that one cannot run here; numbers then differ by rounding.

    Raises:
        RunProblems: everything that is wrong with the arguments, or in the way of repeating the run.
    """
    folder, manifest = finished(run)
    _refuse_strangers(folder, manifest)
    if (
        scenario is None
        and obligor is None
        and all((folder / f"tables/{name}.parquet").is_file() for name in WORST_TABLES)
    ):
        return Explanation(folder, manifest, [], worst=_read_worst(folder, manifest))
    rebuilt = rebuild(folder, manifest)
    problems = _unknown(rebuilt, scenario, obligor)
    if problems:
        raise RunProblems(str(folder), problems)
    return interruptible(lambda report: _replayed(rebuilt, scenario, obligor, engine), None)


def _replayed(rebuilt: Rebuilt, scenario: int | None, obligor: str | None, engine: str | None) -> Explanation:
    from .models.explain import obligor_story, scenario_story, teller, worst_numbers, worst_scenarios

    opened, settings = rebuilt.open(engine), rebuilt.settings
    tell = teller(opened, months=settings.months, as_of=settings.as_of, seed=settings.seed)
    found = partial(Explanation, rebuilt.folder, rebuilt.manifest, _notes(rebuilt, opened))
    if scenario is None:
        worst = worst_numbers(rebuilt.losses["loss"].to_numpy())
        return found(worst=worst_scenarios(tell, worst))
    place = 0 if obligor is None else _places(opened).index(obligor)
    told = tell(scenario, place)
    story = None if obligor is None else obligor_story(told, place)
    return found(checks=_checks(rebuilt, told), scenario=scenario_story(told), obligor=story)


def _places(opened: Opened) -> list[str]:
    return opened.built.facilities["obligor_id"].unique(maintain_order=True).to_list()


def _checks(rebuilt: Rebuilt, told: Told) -> pl.DataFrame:
    """The replayed loss of every scope beside the one in losses.parquet, in quanta."""
    import polars as pl

    from .models.results import PORTFOLIO_SCOPE, SEGMENT_LOSS_PREFIX
    from .run_folder import LOSSES

    scopes, quantum = told.opened.built.scopes, told.quantum_usd
    row = rebuilt.losses.filter(pl.col("scenario") == told.scenario).row(0, named=True)
    names = ["loss" if scope == PORTFOLIO_SCOPE else f"{SEGMENT_LOSS_PREFIX}{scope}" for scope in scopes]
    if missing := [name for name in names if name not in row]:
        raise RunProblems(
            str(rebuilt.folder), [problem(rebuilt.folder, LOSSES, name, "is no column") for name in missing]
        )
    recorded = [round(row[name] / quantum) for name in names]
    columns = {"replayed_quanta": told.replay.tally.loss[0], "recorded_quanta": recorded}
    return pl.DataFrame({"scope": scopes, **columns}).with_columns(quantum_usd=pl.lit(quantum))


def _notes(rebuilt: Rebuilt, opened: Opened) -> list[str]:
    ran, engine, notes = rebuilt.manifest["engine"], opened.engine, list(rebuilt.notes)
    if (ran["name"], ran["device"]) != (engine.name, engine.device):
        notes.append(
            f"the run was made by {ran['name']} on {ran['device']}, this replay by {engine.name} on {engine.device}"
        )
    return notes


def _read_worst(folder: Path, manifest: Mapping[str, Any]) -> WorstScenarios:
    """The tables that the run left."""
    from .models.explain import WorstScenarios
    from .report._load import WORST_COLUMNS
    from .run_folder import CONFIG, LOSSES

    names = [f"tables/{name}.parquet" for name in WORST_TABLES]
    problems = changed(folder, manifest, [CONFIG, LOSSES, *names])
    if problems:
        raise RunProblems(str(folder), problems)
    for name, columns in WORST_COLUMNS.items():
        read_frame(folder, f"tables/{name}.parquet", columns)
    return WorstScenarios(*(read_frame(folder, name) for name in names))


def _refuse_strangers(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Runs of other models, folders of other commands, and manifests that do not say what one says."""
    from .strange_folder import manifest_problems

    if "n_scenarios" not in manifest or "outputs" not in manifest:
        raise RunProblems(str(folder), [problem(folder, "RUN", str(folder), "is not the folder of a run")])
    if wrong := manifest_problems(manifest):
        raise RunProblems(str(folder), [problem(folder, key, "", rule) for key, rule in wrong])
    model = manifest["config"]["model"]["name"]
    if model != "structural":
        rule = (
            "has no months to tell about: a copula run draws for each name one number that says in which year it "
            "defaults, if at all; losses.parquet has its scenarios and tables/names.parquet its names"
        )
        raise RunProblems(str(folder), [problem(folder, "model", str(model), rule)])


def _unknown(rebuilt: Rebuilt, scenario: int | None, obligor: str | None) -> list[Problem]:
    """A scenario or an obligor that the run does not have."""
    wrong = partial(problem, rebuilt.folder)
    found, count = [], rebuilt.losses.height
    if scenario is None and obligor is not None:
        worst = ", ".join(str(n) for n in rebuilt.losses.sort("loss", descending=True)["scenario"].head(3))
        rule = f"is missing: an obligor has another life in every scenario; the worst scenarios are {worst}"
        found.append(wrong("--scenario", "", rule))
    if scenario is not None and not (isinstance(scenario, int) and 0 <= scenario < count):
        rule = (
            f"must be a whole number from 0 to {count - 1:,}: the run has {count:,} scenario{'s' if count > 1 else ''}"
        )
        found.append(wrong("--scenario", str(scenario), rule))
    if obligor is not None and (hint := _stranger(rebuilt.book, obligor)) is not None:
        found.append(wrong("--obligor", obligor, f"is no obligor of this run{hint}"))
    return found


def _stranger(book: pl.DataFrame, obligor: str) -> str | None:
    """Whom somebody may have meant who names no obligor of the book; None where he does."""
    from .config import did_you_mean

    known = book["obligor_id"].unique(maintain_order=True).to_list()
    if obligor in known:
        return None
    owner = dict(book.select("facility_id", "obligor_id").iter_rows()).get(obligor)
    return f"; it is a facility of '{owner}'" if owner else did_you_mean(obligor, known)
