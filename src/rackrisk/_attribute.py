"""Shares of the loss by mechanism, from configuration to folder, for the command line and for Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._run import Plan, load_book, settings_yaml, timed
from ._structural import Structural, world_of
from .interruptible import ProgressReport, interruptible

if TYPE_CHECKING:
    import polars as pl

    from .config import StructuralSettings
    from .models.attribution import Attribution
    from .run_folder import Draft

SCHEMA = "rackrisk/attribution/1"
PICTURE = "attribution.svg"
# What stands in for the keys of a run where the command line does not set them.
_DEFAULTS = ("scenarios=${attribution.scenarios}", "measures.levels=${attribution.levels}")


@dataclass(frozen=True)
class AttributionRun:
    """A finished attribution.

    Attributes:
        folder: where everything is written.
        shares: polars frame, one row a mechanism, measure and scope; see `rackrisk.models.attribution.Attribution`.
        worlds: EL and ES of every combination of the mechanisms.
        result: both, and what ran.
        manifest: what manifest.json holds.
    """

    folder: Path
    shares: pl.DataFrame
    worlds: pl.DataFrame
    result: Attribution = field(repr=False)
    manifest: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class AttributionPlan(Plan):
    """The same for all worlds."""

    model: Structural
    worlds: int

    @property
    def settings(self) -> StructuralSettings:
        """The configuration."""
        return self.model.settings

    @property
    def work(self) -> int:
        """Loan-months of all worlds."""
        return self.worlds * self.model.work(self.book)

    @property
    def headline(self) -> str:
        """The size of the task."""
        return f"{self.worlds} worlds, each of {self.model.headline(self.book)}"


def attribute(*overrides: str, progress: ProgressReport | None = None, **values: Any) -> AttributionRun:
    """Shares out EL and ES over the mechanisms that are on, and writes a folder.

    Args:
        overrides: as on the command line, `"market=hash_credit_crisis"`.
        progress: called with (scenarios done, scenarios in all worlds) now and then.
        values: the same as keywords, as in `rackrisk.run`. They win over `overrides`.

    Returns:
        The finished attribution.

    Raises:
        rackrisk.config.ConfigProblems: everything that is wrong with the configuration.
        rackrisk.data.TapeProblems: everything that is wrong with the tape.
        rackrisk.run_folder.RunFolderError: the folder cannot be written.
    """
    return execute(make_plan(overrides, values), progress=progress)


def make_plan(overrides: Sequence[str], values: Mapping[str, Any] | None = None) -> AttributionPlan:
    """Checks configuration, book and memory; writes nothing."""
    from .manifest import config_hash
    from .run_folder import target_folder

    started, timings = datetime.now(UTC), dict[str, float]()
    with timed(timings, "config"):
        settings, choices = _settings(overrides, values)
        worlds = _worlds(settings)
    with timed(timings, "book"):
        model = Structural(settings)
        book, inputs = load_book(model)
        _check_memory(settings, worlds, model.scopes(book))
    label = settings.name or f"attribution-{model.label(choices)}"
    target = target_folder(out=settings.out, label=label, config_hash=config_hash(settings, inputs), now=started)
    return AttributionPlan(model, choices, book, inputs, target, started, timings, worlds)


def execute(plan: AttributionPlan, *, progress: ProgressReport | None = None) -> AttributionRun:
    """Simulates every world of a plan and writes its folder; interrupted or failed, it leaves nothing behind."""
    from .run_folder import draft

    with draft(plan.target) as folder:
        with timed(plan.timings, "simulate"):
            result = interruptible(partial(_simulate, plan), progress)
        manifest = _write(folder, plan, result)
        return AttributionRun(folder.publish(), result.shares, result.worlds, result, manifest)


def document(run: AttributionRun) -> dict[str, Any]:
    """The finished attribution as one JSON document."""
    from . import __version__

    return {
        "run": str(run.folder),
        "attribution": run.shares.to_dicts(),
        "exposure_usd": run.result.exposure_usd,
        "engine": run.manifest["engine"],
        "config_hash": run.manifest["config_hash"],
        "warnings": run.manifest["warnings"],
        "version": __version__,
    }


def _settings(overrides: Sequence[str], values: Mapping[str, Any] | None) -> tuple[StructuralSettings, dict[str, str]]:
    from .config import ConfigProblem, ConfigProblems, StructuralSettings, load_settings

    settings, _ = load_settings(overrides, values)
    if not isinstance(settings, StructuralSettings):
        rule = "has no mechanisms to share the loss out to; attribution is for model=structural"
        raise ConfigProblems([ConfigProblem("model", settings.model.name, rule)])
    if settings.until is not None:
        rule = "is for runs: the worlds that share a loss out all have the same scenarios, so leave it out"
        raise ConfigProblems([ConfigProblem("until", settings.until, rule)])
    settings, choices = load_settings([*_DEFAULTS, *overrides], values)
    assert isinstance(settings, StructuralSettings)
    return settings, choices


def _worlds(settings: StructuralSettings) -> int:
    """How many combinations of the switches there are."""
    from .config import ConfigProblem, ConfigProblems

    on = sum(settings.mechanisms.model_dump().values())
    if not on:
        raise ConfigProblems([ConfigProblem("mechanisms", "all false", "leaves nothing to attribute: switch one on")])
    return 2**on


def _check_memory(settings: StructuralSettings, worlds: int, segments: int) -> None:
    """The losses of all worlds are held at once."""
    from .config import ConfigProblems, check_memory

    problems = check_memory(worlds * settings.scenarios, book_bytes=0, segments=segments)
    if problems:
        raise ConfigProblems(problems)


def _simulate(plan: AttributionPlan, progress: ProgressReport) -> Attribution:
    from .models.attribution import attribute

    settings = plan.settings
    return attribute(
        plan.book,
        **world_of(settings),
        scenarios=settings.scenarios,
        levels=settings.measures.levels,
        confidence=settings.measures.confidence,
        engine=settings.engine.name,
        precision=settings.engine.precision,
        progress=progress,
    )


def _write(folder: Draft, plan: AttributionPlan, result: Attribution) -> dict[str, Any]:
    """Tables and picture first, then the manifest, then the report that reads them, the manifest with every output."""
    from .attribution_picture import picture
    from .report import render
    from .run_folder import CONFIG, MANIFEST, REPORT, TABLES, list_files

    with timed(plan.timings, "write"):
        folder.write_frame(f"{TABLES}/attribution.parquet", result.shares)
        folder.write_frame(f"{TABLES}/worlds.parquet", result.worlds)
        folder.write_text(CONFIG, settings_yaml(plan.settings))
        confidence = plan.settings.measures.confidence
        folder.write_text(PICTURE, picture(result.shares, exposure_usd=result.exposure_usd, confidence=confidence))
    folder.write_json(MANIFEST, _manifest(plan, result))
    with timed(plan.timings, "report"):
        folder.write_text(REPORT, render(folder.path))
    manifest = _manifest(plan, result) | {"outputs": list_files(folder.path)}
    (folder.path / MANIFEST).unlink()
    folder.write_json(MANIFEST, manifest)
    return manifest


def _manifest(plan: AttributionPlan, result: Attribution) -> dict[str, Any]:
    from .manifest import build_manifest

    seconds = max(plan.timings.get("simulate", 0.0), 1e-9)
    facts = {
        "schema": SCHEMA,
        "months": result.months,
        "mechanisms": list(result.mechanisms),
        "worlds": plan.worlds,
        "book": {"facilities": plan.book.height, "obligors": plan.book["obligor_id"].n_unique()},
        "loan_months_per_s": plan.work / seconds,
        "warnings": list(result.notes),
    }
    known = {"choices": plan.choices, "inputs": plan.inputs, "started": plan.started, "timings": plan.timings}
    return build_manifest(plan.settings, result, facts=facts, **known)
