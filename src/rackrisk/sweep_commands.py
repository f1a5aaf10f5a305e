"""`rackrisk sweep`, and `rackrisk resume` of a sweep."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from . import __version__
from .output import as_json, drawn, say, write

if TYPE_CHECKING:
    from ._sweep import SweepPlan

DONE = 0
SWEEP = "run every combination of several values of keys, key=a,b, on the same random numbers"


def run_sweep(args: argparse.Namespace) -> int:
    """Runs the sweep that a command line asks for."""
    from ._sweep import make_plan

    with _checking(args) as report:
        plan = make_plan(args.overrides, report=report)
    return _finish(plan, args)


def resume_sweep(args: argparse.Namespace) -> int:
    """Finishes a sweep."""
    from ._sweep import resume_plan
    from .run_commands import nothing_left
    from .sweep_folder import is_finished

    if is_finished(args.run):
        return nothing_left(args)

    with _checking(args) as report:
        plan = resume_plan(args.run, args.overrides, report=report)
    return _finish(plan, args)


@contextmanager
def _checking(args: argparse.Namespace) -> Iterator[Callable[[int, int], None] | None]:
    """What is told how many points are checked."""
    from .progress import progress

    with progress(first="checking", enabled=_shown(args)) as shown:
        yield shown and partial(shown.stage, "points checked")


def _finish(plan: SweepPlan, args: argparse.Namespace) -> int:
    from ._sweep import document, execute
    from .progress import progress
    from .sweep_screen import print_sweep

    if not args.quiet:
        say(f"rackrisk {__version__}: {plan.headline}{_finished(plan)}\n", sys.stderr)
    with progress(work=plan.work, unit=plan.work_unit, enabled=_shown(args)) as report:
        found = execute(plan, progress=report)
    write(as_json(document(found)) if args.json else drawn(sys.stdout, partial(print_sweep, found)), sys.stdout)
    return DONE


def _finished(plan: SweepPlan) -> str:
    """How many points an earlier attempt has finished, in words."""
    from .sweep_folder import Workplace, unfinished

    place = Workplace(unfinished(plan.target), plan.target)
    done = sum(place.is_there(point) for point in plan.order.points)
    return f"; {done} of them are finished" if done else ""


def _shown(args: argparse.Namespace) -> bool:
    return not (args.quiet or args.no_progress)
