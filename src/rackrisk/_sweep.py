"""A sweep from its arguments to its folder, for the command line and for Python: a run for every point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._run import timed
from .output import typed
from .sweep_points import Checking, Order, Point

if TYPE_CHECKING:
    import polars as pl

    from ._model import Model
    from .config import Settings
    from .interruptible import ProgressReport
    from .sweep_folder import Workplace

SCHEMA = "rackrisk/sweep/1"
#: What the manifest of a sweep says as its first point's does; configuration and choices are that point's.
_OF_THE_FIRST = (
    "product", "choices", "config", "seed", "rng", "engine", "n_scenarios", "scopes", "exposure_usd", "packages",
    "machine", "environment", "months", "book",
)  # fmt: skip


@dataclass(frozen=True)
class SweepRun:
    """A finished sweep.

    Attributes:
        folder: where everything is written; `points/` holds a run folder a point.
        table: polars frame, one row a point, measure and scope; see `rackrisk.sweep_table.sweep_table`.
        order: what was run.
        manifest: what manifest.json holds.
    """

    folder: Path
    table: pl.DataFrame
    order: Order
    manifest: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class SweepPlan:
    """A sweep whose points have all been checked.

    Attributes:
        first: settings of the first point.
        work: of all points, in `work_unit`.
        executor: overrides for where the points that are left are computed.
    """

    order: Order
    target: Path
    first: Settings
    work: int
    work_unit: str
    headline: str
    started: datetime
    timings: dict[str, float]
    executor: tuple[str, ...] = ()


def sweep(*overrides: str, progress: ProgressReport | None = None, **values: Any) -> SweepRun:
    """Runs the book at every point of a sweep on the same random numbers, and writes a folder.

    Args:
        overrides: as on the command line; those with several values are swept: `"portfolio=neoclouds,miners"`,
            `"market.rent.drift_annual.calm=range(-0.3,0.1,0.1)"`; several of them give all combinations.
        progress: called with (scenarios done, scenarios of all points) now and then.
        values: further values, one for all points, as in `rackrisk.run`.

    Returns:
        The finished sweep.

    Raises:
        rackrisk.sweep_points.SweepProblems: everything that is wrong with any point; nothing is written then.
        rackrisk.run_folder.RunFolderError: the folder cannot be written, or holds another sweep's work.
    """
    return execute(make_plan(overrides, values), progress=progress)


def resume_sweep(path: str | Path, *overrides: str, progress: ProgressReport | None = None) -> SweepRun:
    """Finishes a sweep that was stopped; the table has the bytes of one that was not.

    Args:
        path: its folder, with or without `.unfinished`.
        overrides: keys of the executor, where the rest is to be computed elsewhere: `"executor.workers=4"`.
        progress: as in `sweep`.

    Raises:
        rackrisk.config.ConfigProblems: an override is wrong or changes more than the executor.
        rackrisk.sweep_points.SweepProblems: a point is not what it was, or cannot be run any more.
        rackrisk.run_folder.RunFolderError: there is no unfinished sweep in `path`.
        rackrisk.ledger.Busy: another process works on it.
    """
    return execute(resume_plan(path, overrides), progress=progress)


def make_plan(
    overrides: Sequence[str], values: Mapping[str, Any] | None = None, *, report: Checking | None = None
) -> SweepPlan:
    """Checks every point; writes nothing. `report` is called with (points checked, points)."""
    from .config import flatten
    from .run_folder import target_folder
    from .sweep_points import read_order

    started, timings = datetime.now(UTC), dict[str, float]()
    with timed(timings, "check"):
        order, settings = read_order(overrides, flatten(values or {}), report)
    label = settings.name or "sweep"
    target = target_folder(out=settings.out, label=label, config_hash=order.config_hash, now=started)
    return replace(_plan(order, target, started, timings), executor=_asked(overrides, flatten(values or {})))


def _asked(overrides: Sequence[str], values: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said of the executor: it is no part of the order, so that nobody's folder says where to compute."""
    from .config import key_of
    from .sweep_folder import EXECUTOR

    words = [word for word in overrides if key_of(word).partition(".")[0] == EXECUTOR]
    named = [(key, value) for key, value in values.items() if key.partition(".")[0] == EXECUTOR]
    return (*words, *(f"{key}={'null' if value is None else value}" for key, value in named))


def resume_plan(path: str | Path, overrides: Sequence[str] = (), *, report: Checking | None = None) -> SweepPlan:
    """What is left of a sweep; arguments and errors as in `resume_sweep`, `report` as in `make_plan`."""
    from .run_folder import DONE, SWEEP_ORDER, RunFolderError
    from .sweep_folder import Workplace, is_sweep, read_order_file, target_of, unfinished
    from .sweep_points import check_again

    target = target_of(path)
    if not is_sweep(target):
        raise RunFolderError(f"{path}: no unfinished sweep here (no {SWEEP_ORDER} in it)")
    if (target / DONE).is_file():
        raise RunFolderError(f"{path}: is finished; there is nothing left to do")
    order, started, timings = read_order_file(unfinished(target)), datetime.now(UTC), dict[str, float]()
    place = Workplace(unfinished(target), target)
    with timed(timings, "check"):
        check_again(order, [point for point in order.points if not place.is_begun(point)], report)
    plan = _plan(order, target, started, timings, place)
    _check_executor(plan, overrides)
    return replace(plan, executor=tuple(overrides))


def execute(plan: SweepPlan, *, progress: ProgressReport | None = None) -> SweepRun:
    """Runs the points that are not finished, then writes the sweep's own files; finished ones are kept if it stops."""
    from .sweep_folder import workplace

    with workplace(plan.target, plan.order) as place, _kept(plan, place):
        _run_points(plan, place, progress)
        table, manifest = _write(plan, place)
        return SweepRun(place.publish(), table, plan.order, manifest)


@contextmanager
def _kept(plan: SweepPlan, place: Workplace) -> Iterator[None]:
    """Says with every error what is kept of the sweep, and not what is kept of a single point."""
    try:
        yield
    except BaseException as error:
        points = plan.order.points
        if any(place.is_begun(point) for point in points):
            done = sum(place.is_there(point) for point in points)
            text = f"{place.path} keeps {done} of {len(points)} points; go on with: {typed('resume', plan.target)}"
            error.__notes__ = [text]
        raise


def document(run: SweepRun) -> dict[str, Any]:
    """The finished sweep as one JSON document."""
    from . import __version__

    points = [{"point": p.number, "values": dict(p.values), "run": _run_path(p)} for p in run.order.points]
    return {
        "run": str(run.folder),
        "keys": list(run.order.keys),
        "points": points,
        "sweep": run.table.to_dicts(),
        "engine": run.manifest["engine"],
        "config_hash": run.manifest["config_hash"],
        "warnings": run.manifest["warnings"],
        "version": __version__,
    }


def _plan(
    order: Order, target: Path, started: datetime, timings: dict[str, float], place: Workplace | None = None
) -> SweepPlan:
    """The work of all points is estimated from the first one's."""
    model, book = _first(order, place)
    per_scenario = model.work(book) / model.settings.scenarios
    return SweepPlan(
        order=order,
        target=target,
        first=model.settings,
        work=round(per_scenario * sum(point.scenarios for point in order.points)),
        work_unit=model.work_unit,
        headline=f"{len(order.points)} points, the first of {model.headline(book)}",
        started=started,
        timings=timings,
    )


def _first(order: Order, place: Workplace | None) -> tuple[Model, pl.DataFrame]:
    """Model and book of the first point: those that it keeps where it was begun, so that its tape need not be there."""
    from . import _run
    from ._model import model_of
    from .executors import task_of
    from .ledger import look_at
    from .rebuild import finished, recorded
    from .sweep_folder import unfinished

    point = order.points[0]
    if place is not None and place.is_done(point):
        kept = recorded(*finished(place.point(point)))
        return model_of(kept.settings), kept.book
    if place is not None and place.is_begun(point):
        work = look_at(unfinished(place.point(point)))
        task = task_of(work.order, work.book())
        return task.model, task.book
    plan = _run.make_plan(order.arguments(point), order.keywords)
    return plan.model, plan.book


def _check_executor(plan: SweepPlan, overrides: Sequence[str]) -> None:
    from .config import ConfigProblems, load_executor
    from .sweep_points import check_executor

    if problems := check_executor(load_executor(overrides, plan.first.executor)):
        raise ConfigProblems(problems)


def _run_points(plan: SweepPlan, place: Workplace, progress: ProgressReport | None) -> None:
    """All points in their order; those that are there already count as done."""
    points = plan.order.points
    total = sum(point.scenarios for point in points)
    finished = {point.number for point in points if place.is_done(point)}
    done = sum(point.scenarios for point in points if point.number in finished)
    for point in points:
        if point.number not in finished:
            _run_point(plan, point, place, _shifted(progress, done, point, total))
            done += point.scenarios


def _run_point(plan: SweepPlan, point: Point, place: Workplace, progress: ProgressReport | None) -> None:
    """One point as an ordinary run, from its shards where it was begun before.

    Raises:
        RunFolderError: its configuration or its tape is not the one that was checked.
    """
    from . import _run
    from .config import key_of
    from .run_folder import RunFolderError

    folder = place.point(point)
    if place.is_begun(point):
        settled = "executor.shard_scenarios"  # by the shards that are there
        _run.resume(folder, *(word for word in plan.executor if key_of(word) != settled), progress=progress)
    else:
        run = _run.make_plan([*plan.order.arguments(point), *plan.executor], plan.order.keywords)
        if run.config_hash != point.config_hash:
            raise RunFolderError(f"point {point.number}: its inputs were changed after the sweep had begun")
        _run.execute(replace(run, target=folder), progress=progress)
    if not place.is_done(point):
        raise RunFolderError(f"{folder}: is not there after it was run; another process works in {place.path}")


def _shifted(progress: ProgressReport | None, before: int, point: Point, total: int) -> ProgressReport | None:
    """Progress of one point as that of the sweep: with `until`, a point has more scenarios than it is counted with."""
    if progress is None:
        return None
    return lambda done, of: progress(before + round(point.scenarios * done / max(of, 1)), total)


def _write(plan: SweepPlan, place: Workplace) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Table and picture first, then the manifest, then the report that reads them, the manifest with every output."""
    from .report import render
    from .run_folder import CONFIG, MANIFEST, REPORT, TABLES, list_files
    from .sweep_folder import PICTURE
    from .sweep_picture import picture
    from .sweep_table import sweep_table

    folder = place.draft()
    with timed(plan.timings, "table"):
        table, notes = sweep_table(plan.order, place.path)
        folder.write_frame(f"{TABLES}/sweep.parquet", table)
        folder.write_text(CONFIG, (place.point(plan.order.points[0]) / CONFIG).read_text(encoding="utf-8"))
    folder.write_json(MANIFEST, _manifest(plan, place, notes))
    with timed(plan.timings, "report"):
        folder.write_text(PICTURE, picture(folder.path))
        folder.write_text(REPORT, render(folder.path))
    manifest = _manifest(plan, place, notes) | {"outputs": list_files(place.path)}
    (folder.path / MANIFEST).unlink()
    folder.write_json(MANIFEST, manifest)
    return table, manifest


def _manifest(plan: SweepPlan, place: Workplace, notes: Sequence[str]) -> dict[str, Any]:
    """The sweep's own facts, and what the first point's manifest says of all."""
    from .sweep_folder import manifest_of

    manifests = [manifest_of(place.point(point)) or {} for point in plan.order.points]
    first = manifests[0]
    return {
        "schema": SCHEMA,
        **{name: first[name] for name in _OF_THE_FIRST if name in first},
        "started_utc": _utc(plan.started),
        "finished_utc": _utc(max(plan.started, datetime.now(UTC))),  # clocks are set back now and then
        "config_hash": plan.order.config_hash,
        "keys": list(plan.order.keys),
        "points": [_entry(point, place, found) for point, found in zip(plan.order.points, manifests, strict=True)],
        "inputs": _inputs(manifests),
        "timings_s": {**_rounded(plan.timings), "points": round(math.fsum(map(_seconds, manifests)), 3)},
        "warnings": [*notes, *_warnings(plan.order, manifests)],
    }


def _entry(point: Point, place: Workplace, manifest: Mapping[str, Any]) -> dict[str, Any]:
    from .run_folder import MANIFEST, sha256_of

    return {
        "point": point.number,
        "values": dict(point.values),
        "run": _run_path(point),
        "config_hash": point.config_hash,
        "manifest_sha256": sha256_of(place.point(point) / MANIFEST),
        "exposure_usd": manifest["exposure_usd"],
    }


def _rounded(timings: Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in timings.items()}


def _seconds(manifest: Mapping[str, Any]) -> float:
    """What a point took, in whichever attempt it was finished."""
    return math.fsum(seconds for seconds in manifest["timings_s"].values() if isinstance(seconds, float))


def _inputs(manifests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Files of all points, each once."""
    found = {(item["role"], item["path"], item["sha256"]): dict(item) for m in manifests for item in m["inputs"]}
    return list(found.values())


def _warnings(order: Order, manifests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Notes of the points, each once with the first point that has it."""
    found: dict[str, int] = {}
    for point, manifest in zip(order.points, manifests, strict=True):
        for note in manifest.get("warnings", []):
            found.setdefault(note, point.number)
    return [f"point {number}: {note}" for note, number in found.items()]


def _run_path(point: Point) -> str:
    from .sweep_folder import POINTS

    return f"{POINTS}/{point.folder}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
