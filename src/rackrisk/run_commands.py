"""Commands that prepare, share out, finish and repeat runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from . import __version__
from .output import as_json, drawn, say, typed, write

if TYPE_CHECKING:
    from ._model import Model
    from ._run import Plan, Run
    from .ledger import Unfinished
    from .progress import Shown

DONE, NOT_THE_SAME = 0, 1
FINISHED = "is finished; there is nothing left to do"


def run(args: argparse.Namespace) -> int:
    """Simulates, or prepares a run whose shards others compute."""
    from . import _run

    plan = _run.make_plan(args.overrides)
    if plan.settings.executor.name == "shard":
        return _prepare(plan, args)
    with _run.begun(plan) as work, announced(plan, work, args) as shown:
        result = _run.finish(plan, work, progress=shown, stages=shown.stage if shown else None)
    return _show(result, plan.model, args)


def _prepare(plan: Plan, args: argparse.Namespace) -> int:
    from ._shard import prepare

    prepared = prepare(plan)
    say(as_json(prepared.document()) if args.json else prepared.next_steps(), sys.stdout)
    return DONE


def resume(args: argparse.Namespace) -> int:
    """Finishes a run, or a sweep of runs."""
    from . import _run
    from .ledger import Busy
    from .run_folder import RunFolderError
    from .sweep_commands import resume_sweep
    from .sweep_folder import is_sweep

    if is_sweep(args.run):
        return resume_sweep(args)
    if _run.tidied(args.run):
        return nothing_left(args)
    try:
        with _run.resumed(args.run, args.overrides) as (plan, work), announced(plan, work, args) as shown:
            result = _run.finish(plan, work, progress=shown, stages=shown.stage if shown else None)
    except (Busy, RunFolderError):
        if not _run.tidied(args.run):
            raise
        return nothing_left(args)  # others were faster
    return _show(result, plan.model, args)


def nothing_left(args: argparse.Namespace) -> int:
    """Says of what is to be resumed that it is finished, which is no mistake."""
    say(as_json({"run": args.run, "finished": True}) if args.json else f"{args.run}: {FINISHED}\n", sys.stdout)
    return DONE


def shard(args: argparse.Namespace) -> int:
    """Computes shards."""
    from ._shard import compute_share, share_of
    from .progress import progress

    share = share_of(args.run, args.index, args.of)
    if share is None:
        say(f"{args.run}: {FINISHED}\n", sys.stdout)
        return DONE
    unit = share.task.model.work_unit
    with progress(work=share.units, unit=unit, enabled=not (args.quiet or args.no_progress)) as report:
        needed = compute_share(share, report)
    for numbers in share.missing if needed else []:
        say(f"computed scenarios {numbers.start:,} to {numbers.stop - 1:,}\n", sys.stdout)
    if there := len(share.ranges) - len(share.missing):
        say(f"{there} {'shard was' if there == 1 else 'shards were'} there already\n", sys.stdout)
    if not share.ranges:
        say("no shard falls to this job: there are fewer shards than jobs\n", sys.stdout)
    if not needed:
        say(f"{args.run}: was finished by others in the meantime\n", sys.stdout)
    return DONE


def plan(args: argparse.Namespace) -> int:
    """Says what a run would take."""
    from . import _run
    from .forecast import forecast
    from .forecast_screen import print_forecast

    planned = _run.make_plan(args.overrides)
    if not (args.quiet or args.no_try):
        say("trying a batch of scenarios, up to a minute\n", sys.stderr)
    found = forecast(planned, try_it=not args.no_try)
    screen = partial(print_forecast, found, planned.model.rows)
    write(as_json(found.document()) if args.json else drawn(sys.stdout, screen), sys.stdout)
    return DONE


def rerun(args: argparse.Namespace) -> int:
    """Repeats a run and says whether the same came out."""
    from . import _rerun, _run
    from .rerun_screen import print_rerun

    folder, manifest, again, differs = _rerun.plan_again(args.run, args.overrides, out=args.out, engine=args.engine)
    with _rerun.begun_again(folder, again) as work, announced(again, work, args) as shown:
        repeated = _run.finish(again, work, progress=shown, stages=shown.stage if shown else None)
    found = _rerun.compared(folder, manifest, repeated, differs)
    write(as_json(found.document()) if args.json else drawn(sys.stdout, partial(print_rerun, found)), sys.stdout)
    return DONE if found.same else NOT_THE_SAME


@contextmanager
def announced(plan: Plan, work: Unfinished, args: argparse.Namespace) -> Iterator[Shown | None]:
    """Says what is run, where, and how far it is."""
    from .progress import progress
    from .screen import as_seen

    if not args.quiet:
        there = work.scenarios
        kept = f", where {there:,} scenarios are there already" if there else ""
        say(f"rackrisk {__version__}: {plan.model.headline(plan.book)}\n", sys.stderr)
        say(f"to {as_seen(work.target)}{kept}\n", sys.stderr)
    units, scenarios, unit = plan.model.work(plan.book), plan.settings.scenarios, plan.model.work_unit
    shown = not (args.quiet or args.no_progress)
    with progress(work=units, scenarios=scenarios, unit=unit, enabled=shown) as report:
        yield report


def _show(run: Run, model: Model, args: argparse.Namespace) -> int:
    screen = partial(model.print_summary, run)
    try:
        write(as_json(_document(run, model)) if args.json else drawn(sys.stdout, screen), sys.stdout)
    except BaseException as error:
        error.add_note(f"{run.folder} is finished; what it holds: {typed('report', run.folder)}")
        raise
    return DONE


def _document(run: Run, model: Model) -> dict[str, Any]:
    return {
        "run": str(run.folder),
        "measures": run.measures.to_dicts(),
        **model.answers(run),
        "exposure_usd": run.result.exposure_usd,
        "engine": run.manifest["engine"],
        "config_hash": run.manifest["config_hash"],
        "results_sha256": run.manifest["results_sha256"],
        "warnings": run.manifest["warnings"],
        "version": __version__,
    }


# ---- arguments ----


def run_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Of `rackrisk run`, and of all that print its summary."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the summary")
    return _quietly(parser)


def _quietly(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but problems")
    parser.add_argument("--no-progress", action="store_true", help="no progress on stderr")
    return parser


def resume_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Of `rackrisk resume`."""
    parser.add_argument("run", metavar="RUN", help="its folder, with or without .unfinished")
    return run_arguments(_with_executor(parser))


def _with_executor(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    text = "executor=local executor.workers=4, ...; nothing else can be changed"
    parser.add_argument("overrides", nargs="*", metavar="executor=NAME", help=text)
    return parser


def shard_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Of `rackrisk shard`."""
    parser.add_argument("run", metavar="RUN", help="its folder, with or without .unfinished")
    parser.add_argument("--index", type=int, required=True, metavar="N", help="which shard, or which of --of jobs")
    parser.add_argument("--of", type=int, metavar="M", help="share the shards among so many jobs (default: one each)")
    return _quietly(parser)


def plan_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Of `rackrisk plan`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but problems")
    parser.add_argument("--no-try", action="store_true", help="simulate nothing: no times")
    return parser


def rerun_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Of `rackrisk rerun`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    _with_executor(parser).add_argument(
        "--out", metavar="DIR", help="folder of the repetition (default: a new one in runs/)"
    )
    parser.add_argument("--engine", metavar="NAME", help="another engine, where the run's cannot run here")
    return run_arguments(parser)
