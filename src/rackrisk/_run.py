"""One run from configuration to folder, for the command line and for Python.

`rackrisk.run(portfolio="miners", scenarios=100_000).measures` is the risk of the shipped miners as a Polars frame.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._model import model_of
from .interruptible import ProgressReport, interruptible
from .output import typed

if TYPE_CHECKING:
    import polars as pl

    from ._model import Model, Result
    from .config import Settings
    from .executors import Task
    from .ledger import Unfinished
    from .models.stages import StageReport
    from .run_folder import Draft
    from .simulated import Simulated


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where everything is written.
        measures: polars frame, one row a measure and scope: value, std_error, ci_low, ci_high, in USD.
        result: losses and tables as the engine returned them.
        manifest: what manifest.json holds.
        tables: the other tables of the folder by name; a copula run has its exact figures in `exact`.
    """

    folder: Path
    measures: pl.DataFrame
    result: Any = field(repr=False)
    manifest: Mapping[str, Any] = field(repr=False)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Plan:
    """A checked configuration with its book: everything that can be refused has been."""

    model: Model
    choices: Mapping[str, str]
    book: pl.DataFrame
    inputs: list[dict[str, Any]]
    target: Path
    started: datetime
    timings: dict[str, float]
    engine: str | None = field(default=None, kw_only=True)  # another than the configured one
    notes: tuple[str, ...] = field(default=(), kw_only=True)  # what the reader of the result should know

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.model.settings

    @property
    def book_bytes(self) -> int:
        """Memory that the book takes at least, with its results."""
        from .config import SHAPES

        return self.book.height * SHAPES[self.settings.model.name].bytes_of_row(self.settings)

    @property
    def config_hash(self) -> str:
        """Of everything in the configuration that numbers depend on."""
        from .manifest import config_hash

        return config_hash(self.settings, self.inputs)


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
    with timed(timings, "config"):
        settings, choices = load_settings(overrides, values)
    with timed(timings, "book"):
        model = model_of(settings)
        book, inputs = load_book(model)
    label = settings.name or model.label(choices)
    plan_hash = config_hash(settings, inputs)
    target = target_folder(out=settings.out, label=label, config_hash=plan_hash, now=started)
    return Plan(model, choices, book, inputs, target, started, timings)


def load_book(model: Model) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """The book of the configured portfolio, and the files it was read from.

    Raises:
        ConfigProblems: the book does not fit into memory, or its tape changed while it was read.
        TapeProblems: everything that is wrong with the tape.
    """
    from .config import SHAPES, ConfigProblem, ConfigProblems, check_memory, check_tape_memory
    from .data import least_rows
    from .run_folder import sha256_of

    settings = model.settings
    tape = None if settings.portfolio.tape is None else Path(settings.portfolio.tape).expanduser()
    row_bytes = SHAPES[settings.model.name].bytes_of_row(settings)
    if tape is not None and (problems := check_tape_memory(tape, least_rows(tape), row_bytes=row_bytes)):
        raise ConfigProblems(problems)
    before = None if tape is None else sha256_of(tape)
    book = model.read_book()
    problems = check_memory(settings.most, book_bytes=book.height * row_bytes, segments=model.scopes(book))
    if tape is not None and sha256_of(tape) != before:
        problems.append(ConfigProblem("portfolio.tape", str(tape), "changed while it was read"))
    if problems:
        raise ConfigProblems(problems)
    if tape is None:
        return book, []
    size, where = tape.stat().st_size, str(tape.absolute())
    return book, [{"role": "tape", "path": where, "bytes": size, "sha256": before, "rows": book.height}]


def execute(plan: Plan, *, progress: ProgressReport | None = None) -> Run:
    """Simulates a plan and writes its folder; shards of an interrupted run are kept, see `rackrisk.resume`.

    Args:
        progress: as in `run`.

    Raises:
        rackrisk.executors.ShardsMissing: executor=shard: the run is prepared, and others compute its shards.
    """
    with begun(plan, keep=plan.settings.executor.name == "shard") as work:
        return finish(plan, work, progress=progress)


@contextmanager
def begun(plan: Plan, *, keep: bool = False) -> Iterator[Unfinished]:
    """The plan's unfinished run, made or found there, and locked; with `keep` it stays even without a shard."""
    from .ledger import Order, begin
    from .manifest import numeric_versions
    from .shard_size import shard_scenarios

    settings = plan.settings
    asked, (engine, note) = settings.executor.shard_scenarios, engine_of(plan)
    order = Order(
        config=settings.model_dump(mode="json"),
        choices=dict(plan.choices),
        inputs=plan.inputs,
        config_hash=plan.config_hash,
        started=plan.started,
        engine=engine,
        notes=[note] if note else [],
        versions=numeric_versions(),
        book_sha256="0" * 64,
        shard_scenarios=shard_scenarios(plan.model.load(plan.book), settings.most, engine=engine, asked=asked),
    )
    with begin(order, plan.book, plan.target, chosen=settings.out is not None, keep=keep) as work, kept(work):
        yield work


def engine_of(plan: Plan) -> tuple[str, str | None]:
    """The engine of every shard, and a sentence to show if there was a choice.

    `auto` is decided once for all of them. An engine that was named need not be here if they are computed elsewhere.

    Raises:
        rackrisk.kernels.engines.EngineMissing: it cannot run on this machine.
    """
    from .kernels.engines import choose

    name = plan.engine or plan.settings.engine.name
    return choose(name) if name == "auto" or plan.settings.executor.name == "local" else (name, None)


def resume(run: str | Path, *overrides: str, progress: ProgressReport | None = None) -> Run:
    """Finishes a run that was stopped; the result has the bytes of one that was not.

    Args:
        run: its folder, with or without `.unfinished`.
        overrides: keys of the executor, where it is to be another one: `"executor.workers=4"`.
        progress: as in `run`.

    Raises:
        rackrisk.config.ConfigProblems: an override is wrong or changes more than the executor.
        rackrisk.run_folder.RunFolderError: there is no unfinished run, or this version cannot finish it.
        rackrisk.ledger.Busy: another process works on it.
        rackrisk.executors.ShardsMissing: executor=shard, and not all shards are there.
    """
    with resumed(run, overrides) as (plan, work):
        return finish(plan, work, progress=progress)


def tidied(run: str | Path) -> bool:
    """True if a run is finished; what a kill at the last moment left of its unfinished folder is then removed."""
    from .ledger import remove_leftover, run_of
    from .rebuild import finished
    from .run_folder import is_finished

    target = run_of(str(run))
    if not is_finished(target):
        return False
    manifest = finished(target)[1]
    remove_leftover(target, str(manifest["config_hash"]), str(manifest["engine"]["name"]))
    return True


@contextmanager
def resumed(run: str | Path, overrides: Sequence[str]) -> Iterator[tuple[Plan, Unfinished]]:
    """The plan of an unfinished run, and the run itself, locked; arguments and errors as in `resume`."""
    from .config import load_executor, of_a_folder
    from .executors import task_of
    from .ledger import reopen, unfinished_folder
    from .rebuild import moved

    with reopen(unfinished_folder(str(run))) as work, kept(work):
        order = work.order
        task = task_of(order, work.book())
        named = task.model.settings.executor
        executor = load_executor(overrides, of_a_folder(named), begun=True)
        notes = moved(order.inputs)
        if named.name == "ray" and executor.name == "local" and not overrides:
            notes.append("begun with executor=ray, finished on this machine; say executor=ray to go on with Ray")
        begun = (order.choices, task.book, order.inputs, work.target, order.started)
        yield Plan(task.model.with_executor(executor), *begun, {}, notes=tuple(notes)), work


@contextmanager
def kept(work: Unfinished) -> Iterator[None]:
    """Says with every error what is kept."""
    from .executors import ShardsMissing
    from .run_folder import is_finished

    try:
        yield
    except BaseException as error:
        if work.kept and not isinstance(error, ShardsMissing):
            error.add_note(f"{work.path} keeps what was computed; go on with: {typed('resume', work.target)}")
        elif is_finished(work.target):
            error.add_note(f"{work.target} is finished; show it with: {typed('report', work.target)}")
        raise


def finish(
    plan: Plan, work: Unfinished, *, progress: ProgressReport | None = None, stages: StageReport | None = None
) -> Run:
    """Computes the shards that are missing, adds all of them up and writes the run folder.

    Args:
        progress: called with (scenarios done, scenarios in all).
        stages: called with (what is done, how much of it is, of how much) after the simulation.
    """
    from .executors import Task
    from .simulated import simulate_all

    work.check_book()
    task = Task(work.order, plan.model, plan.book)
    with timed(plan.timings, "simulate"):
        found = interruptible(partial(simulate_all, task, work, plan.settings.executor), progress)
    with timed(plan.timings, "tail"):
        result = interruptible(partial(_looked_at, task, found), stages)
    if stages is not None:
        stages("tables and report", 0, 0)
    measures, tables, notes = _figures(plan, result)
    notes = [*plan.notes, *found.notes, *notes]
    with work.draft() as folder:
        _copy_book(work, folder)
        manifest = _write(folder, plan, result, found, tables={"measures": measures, **tables}, notes=notes)
        work.check_conflicts()
        return Run(folder.publish(), measures, result, manifest, tables)


def _looked_at(task: Task, found: Simulated, report: StageReport) -> Result:
    """The result of the sums; these and the simulation are let go: what they hold of a large book its tables need."""
    from .kernels.filed import give_back

    result = task.model.result(task.simulation, found.tally, found.seconds_for_all, report)
    task.close()
    found.tally = None
    give_back()
    return result


def _figures(plan: Plan, result: Result) -> tuple[pl.DataFrame, dict[str, pl.DataFrame], list[str]]:
    """The measures, every other table by name, and notes on them all."""
    from .models.measures import measures_table

    levels, confidence = plan.settings.measures.levels, plan.settings.measures.confidence
    with timed(plan.timings, "measures"):
        measures = measures_table(result, levels, confidence)
    with timed(plan.timings, "tables"):
        tables, notes = plan.model.tables(plan.book, result)
    return measures, tables, [*result.notes, *notes]


def _write(
    folder: Draft,
    plan: Plan,
    result: Result,
    found: Simulated,
    *,
    tables: Mapping[str, pl.DataFrame],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Tables first, then the manifest, then the report that reads them, then the manifest with every output."""
    from .manifest import results_hash
    from .report import render
    from .run_folder import CONFIG, LOSSES, MANIFEST, REPORT, TABLES, list_files

    with timed(plan.timings, "write"):
        folder.write_frame(LOSSES, result.losses)
        for name, table in tables.items():
            folder.write_frame(f"{TABLES}/{name}.parquet", table)
        folder.write_text(CONFIG, settings_yaml(plan.settings))
    folder.write_json(MANIFEST, _manifest(plan, result, found, notes))
    with timed(plan.timings, "report"):
        folder.write_text(REPORT, render(folder.path))
    outputs = list_files(folder.path)
    manifest = _manifest(plan, result, found, notes) | {"results_sha256": results_hash(outputs), "outputs": outputs}
    (folder.path / MANIFEST).unlink()
    folder.write_json(MANIFEST, manifest)
    return manifest


def _copy_book(work: Unfinished, folder: Draft) -> None:
    from .run_folder import BOOK, sync

    work.check_book()
    shutil.copyfile(work.path / BOOK, folder.path / BOOK)
    sync(folder.path / BOOK)


def _manifest(plan: Plan, result: Result, found: Simulated, notes: Sequence[str]) -> dict[str, Any]:
    from .manifest import build_manifest

    facts = plan.model.manifest(result, found.seconds_for_all) | {"shards": _shards(plan, found)}
    known = {"choices": plan.choices, "inputs": plan.inputs, "started": plan.started, "timings": plan.timings}
    return build_manifest(plan.settings, result, facts={**facts, "warnings": list(notes)}, **known)


def _shards(plan: Plan, found: Simulated) -> dict[str, Any]:
    """How the scenarios were computed."""
    return {
        "executor": plan.settings.executor.model_dump(mode="json"),
        "count": len(found.shards),
        "scenarios": max(map(len, found.ranges)),
        "scenarios_computed_before": found.scenarios - found.computed,
        "seconds": round(sum(float(shard["seconds"]) for shard in found.shards), 3),
        "devices": sorted({str(shard.get("device", "")) for shard in found.shards}),
        "cpus": sorted({str(shard.get("cpu", "")) for shard in found.shards}),
        "flags": sorted({str(shard.get("flags", "")) for shard in found.shards}),
        "looks": [asdict(look) for look in found.looks],
    }


def render_again(folder: str) -> Path:
    """Makes report.html of a finished run anew, brings the manifest up to date, and returns the report's path.

    Raises:
        RunFolderError: there is no finished run in `folder`, its files cannot be read, or were changed after the run.
    """
    from .rebuild import changed
    from .report import ReportError, render
    from .run_folder import LOSSES, MANIFEST, REPORT, TABLES, RunFolderError, finished_run, replace_report
    from .strange_folder import OUTPUTS, folder_problems, manifest_problems, read_manifest, understood

    path = finished_run(folder)
    if not any(
        (path / name).is_file() for name in (LOSSES, f"{TABLES}/attribution.parquet", f"{TABLES}/sweep.parquet")
    ):
        raise RunFolderError(f"{folder}: holds neither losses nor shares of them: there is no report to be made of it")
    try:
        manifest = read_manifest(path / MANIFEST)
        if strange := [*manifest_problems(manifest, OUTPUTS), *folder_problems(path)]:
            raise RunFolderError(f"{folder}: {'; '.join(f'{name} {rule}' for name, rule in strange)}")
        names = [item["path"] for item in manifest["outputs"] if item["path"] != REPORT]
        if wrong := [f"{row.column} {row.rule}" for row in changed(path, manifest, names)]:
            raise RunFolderError(f"{folder}: {'; '.join(wrong)}: there is no report to be made of it")
        with understood(folder):
            replace_report(path, render(path))
    except (ReportError, OSError, ValueError) as error:
        raise RunFolderError(str(error)) from error
    return path / REPORT


def settings_yaml(settings: Settings) -> str:
    """The complete configuration as YAML; every key is there, so defaults of later versions do not matter."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(settings.model_dump(mode="json")))


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def timed(timings: dict[str, float], phase: str) -> Iterator[None]:
    """Notes how many seconds the body took."""
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[phase] = time.perf_counter() - start
