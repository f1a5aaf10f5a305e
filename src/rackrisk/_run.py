"""One run from configuration to folder, for the command line and for Python.

`rackrisk.run(portfolio="miners", scenarios=100_000).measures` is the risk of the shipped miners as a Polars frame.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interruptible import ProgressReport, interruptible

if TYPE_CHECKING:
    import polars as pl

    from .config import Settings
    from .models.results import SimulationResult
    from .run_folder import Draft

_TABLES = ("facilities", "pd_term", "early_warning", "fans", "defaults_by_cause", "loss_given_default")


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where everything is written.
        measures: polars frame, one row a measure and scope: value, std_error, ci_low, ci_high, in USD.
        result: losses, facilities and tables as the engine returned them.
        manifest: what manifest.json holds.
    """

    folder: Path
    measures: pl.DataFrame
    result: SimulationResult
    manifest: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """A checked configuration with its book: everything that can be refused has been."""

    settings: Settings
    choices: Mapping[str, str]
    book: pl.DataFrame
    inputs: list[dict[str, Any]]
    target: Path
    started: datetime
    timings: dict[str, float]


def run(*overrides: str, progress: ProgressReport | None = None, **values: Any) -> Run:
    """Runs one simulation and writes its folder.

    Args:
        overrides: as on the command line, `"market=hash_credit_crisis"`.
        progress: called with (scenarios done, scenarios in all) now and then.
        values: the same as keywords, nested keys as dicts or with dots: `portfolio="miners"`,
            `mechanisms={"offtake": False}`, `**{"portfolio.tape": "tape.csv"}`. They win over `overrides`.

    Returns:
        The finished run.

    Raises:
        rackrisk.config.ConfigProblems: everything that is wrong with the configuration.
        rackrisk.data.TapeProblems: everything that is wrong with the tape.
        rackrisk.run_folder.RunFolderError: the folder cannot be written.
    """
    return execute(make_plan(overrides, values), progress=progress)


def make_plan(overrides: tuple[str, ...] | list[str], values: Mapping[str, Any] | None = None) -> Plan:
    """Checks configuration, book and memory; writes nothing."""
    from .config import load_settings
    from .manifest import config_hash
    from .run_folder import target_folder

    started, timings = _now(), dict[str, float]()
    with _timed(timings, "config"):
        settings, choices = load_settings(overrides, values)
    with _timed(timings, "book"):
        book, inputs = load_book(settings)
    label = settings.name or f"{_book_name(settings)}-{choices.get('market', 'market')}"
    target = target_folder(out=settings.out, label=label, config_hash=config_hash(settings, inputs), now=started)
    return Plan(settings, choices, book, inputs, target, started, timings)


def load_book(settings: Settings) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """The facilities of the configured portfolio, and the files they were read from.

    Raises:
        ConfigProblems: the book does not fit into memory, or its tape changed while it was read.
        TapeProblems: everything that is wrong with the tape.
    """
    from .config import ConfigProblem, ConfigProblems, check_memory
    from .data import load_portfolio
    from .run_folder import sha256_of

    tape = None if settings.portfolio.tape is None else Path(settings.portfolio.tape).expanduser()
    before = None if tape is None else sha256_of(tape)
    book = load_portfolio(
        settings.portfolio,
        as_of=settings.as_of,
        generations=tuple(settings.market.generations),
        asic_classes=tuple(settings.market.asics),
    )
    segments = sum(book[column].n_unique() for column in settings.measures.segments)
    problems = check_memory(settings.scenarios, facilities=book.height, segments=segments)
    if tape is not None and sha256_of(tape) != before:
        problems.append(ConfigProblem("portfolio.tape", str(tape), "changed while it was read"))
    if problems:
        raise ConfigProblems(problems)
    if tape is None:
        return book, []
    size, where = tape.stat().st_size, str(tape.absolute())
    return book, [{"role": "tape", "path": where, "bytes": size, "sha256": before, "rows": book.height}]


def execute(plan: Plan, *, progress: ProgressReport | None = None) -> Run:
    """Simulates a plan and writes its folder; interrupted or failed, it leaves nothing behind."""
    from .run_folder import draft

    with draft(plan.target) as folder:
        with _timed(plan.timings, "simulate"):
            result = interruptible(partial(_simulate, plan), progress)
        measures, manifest = _write(folder, plan, result)
        return Run(folder.publish(), measures, result, manifest)


def _simulate(plan: Plan, progress: ProgressReport) -> SimulationResult:
    from .models.mechanisms import Mechanisms
    from .models.simulate import simulate

    settings = plan.settings
    return simulate(
        plan.book,
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=Mechanisms(**settings.mechanisms.model_dump()),
        months=settings.months,
        scenarios=settings.scenarios,
        seed=settings.seed,
        as_of=settings.as_of,
        engine=settings.engine.name,
        precision=settings.engine.precision,
        segments=settings.measures.segments,
        progress=progress,
    )


def _write(folder: Draft, plan: Plan, result: SimulationResult) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Tables first, then the manifest, then the report that reads them, then the manifest with every output."""
    from .manifest import build_manifest
    from .models.measures import measures_table
    from .report import render
    from .run_folder import CONFIG, LOSSES, MANIFEST, REPORT, TABLES, list_files

    settings, timings = plan.settings, plan.timings
    with _timed(timings, "measures"):
        measures = measures_table(result, settings.measures.levels, settings.measures.confidence)
    with _timed(timings, "tables"):
        folder.write_frame(LOSSES, result.losses)
        folder.write_frame(f"{TABLES}/measures.parquet", measures)
        for name in _TABLES:
            folder.write_frame(f"{TABLES}/{name}.parquet", getattr(result, name))
        folder.write_text(CONFIG, settings_yaml(settings))
    known = {"choices": plan.choices, "inputs": plan.inputs, "started": plan.started, "timings": timings}
    folder.write_json(MANIFEST, build_manifest(settings, result, **known))
    with _timed(timings, "report"):
        folder.write_text(REPORT, render(folder.path))
    manifest = build_manifest(settings, result, **known) | {"outputs": list_files(folder.path)}
    (folder.path / MANIFEST).unlink()
    folder.write_json(MANIFEST, manifest)
    return measures, manifest


def render_again(folder: str) -> Path:
    """Makes report.html of a finished run anew, brings the manifest up to date, and returns the report's path.

    Raises:
        RunFolderError: there is no finished run in `folder`, or its files cannot be read.
    """
    from .report import ReportError, render
    from .run_folder import REPORT, RunFolderError, finished_run, replace_report

    path = finished_run(folder)
    try:
        replace_report(path, render(path))
    except (ReportError, ValueError) as error:
        raise RunFolderError(str(error)) from error
    return path / REPORT


def settings_yaml(settings: Settings) -> str:
    """The complete configuration as YAML; every key is there, so defaults of later versions do not matter."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(settings.model_dump(mode="json")))


def _now() -> datetime:
    return datetime.now(UTC)


def _book_name(settings: Settings) -> str:
    return "tape" if settings.portfolio.tape else settings.portfolio.name


@contextmanager
def _timed(timings: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[phase] = time.perf_counter() - start
