"""One run by many machines: it is prepared once, each computes some shards, and whoever comes last adds them up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interruptible import ProgressReport, interruptible
from .output import typed

if TYPE_CHECKING:
    from ._run import Plan
    from .executors import Task
    from .ledger import Unfinished


@dataclass(frozen=True)
class Prepared:
    """An unfinished run whose shards others compute."""

    work: Unfinished
    ranges: list[range]

    def document(self) -> dict[str, Any]:
        """For the JSON document."""
        return {
            "run": str(self.work.target),
            "unfinished": str(self.work.path),
            "shards": len(self.ranges),
            "shard_scenarios": self.work.order.shard_scenarios,
            "config_hash": self.work.order.config_hash,
        }

    def next_steps(self) -> str:
        """What to do with it, for people."""
        target, last = self.work.target, len(self.ranges) - 1
        size = f"{len(self.ranges[0]):,} scenarios"
        count = f"{last + 1:,} shards of {size}" if last else f"one shard of {size}"
        return (
            f"{self.work.path}: {count}\n"
            f"  each, wherever it runs:      {typed('shard', target)} --index N   (N from 0 to {last})\n"
            f"  shared out to M jobs:        {typed('shard', target)} --index N --of M   (N from 0 to M - 1)\n"
            f"  when all of them are there:  {typed('resume', target)}\n"
        )


@dataclass(frozen=True)
class Share:
    """The shards that one job computes.

    Attributes:
        ranges: scenarios of all its shards; missing: of those that are not there yet.
    """

    work: Unfinished
    task: Task
    ranges: list[range]
    missing: list[range]

    @property
    def units(self) -> int:
        """Units of work that are left to do."""
        return sum(map(len, self.missing)) * self.task.model.load(self.task.book).units_per_scenario


def prepare(plan: Plan) -> Prepared:
    """Writes the unfinished folder of a run, or finds it there; computes nothing."""
    from ._run import begun
    from .executors import check_foreseen
    from .kernels.shards import ranges_of

    check_foreseen(plan.settings.until)
    with begun(plan, keep=True) as work:
        return Prepared(work, ranges_of(0, plan.settings.scenarios, work.order.shard_scenarios))


def share_of(run: str | Path, index: int, of: int | None = None) -> Share | None:
    """The shards of a job: the one with this index, or of `of` jobs the share of this one; None if the run is finished.

    Raises:
        rackrisk.run_folder.RunFolderError: no such run or shard, or another version began it.
        rackrisk.ledger.ShardConflict: a shard is there twice with different numbers.
    """
    from .executors import task_of
    from .kernels.shards import ranges_of
    from .ledger import look_at, run_of, unfinished_folder
    from .run_folder import RunFolderError, is_finished

    if is_finished(run_of(str(run))):
        return None
    try:
        work = look_at(unfinished_folder(str(run)))
        task = task_of(work.order, work.book())
    except (FileNotFoundError, RunFolderError):
        if is_finished(run_of(str(run))):  # by others, in this very moment
            return None
        raise
    if task.model.settings.until is not None:
        raise RunFolderError(f"{work.path}: goes on until {task.model.settings.until}, so its shards are not known")
    ranges = ranges_of(0, task.model.settings.scenarios, work.order.shard_scenarios)
    if of is not None and of < 1:
        raise RunFolderError(f"--of {of}: must be at least 1")
    jobs = len(ranges) if of is None else of
    if not 0 <= index < jobs:
        raise RunFolderError(f"--index {index}: must be from 0 to {jobs - 1}")
    mine = ranges[index::jobs]
    return Share(work, task, mine, [numbers for numbers in mine if not work.whole(numbers)])


def compute_share(share: Share, progress: ProgressReport | None) -> bool:
    """Computes the missing shards; False if the run was finished by others in the meantime.

    Raises:
        rackrisk.ledger.ShardConflict: one is there with other numbers.
        rackrisk.kernels.engines.EngineMissing: the run's engine cannot run on this machine.
    """
    from .executors import keep_shard
    from .run_folder import is_finished

    def compute(report: ProgressReport) -> None:
        before, count = 0, sum(map(len, share.missing))
        for numbers in share.missing:
            keep_shard(share.task, share.work, numbers, lambda done, _, before=before: report(before + done, count))
            before += len(numbers)

    try:
        interruptible(compute, progress)
    except FileNotFoundError:
        if is_finished(share.work.target):
            return False
        raise
    return True
