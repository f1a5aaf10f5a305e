"""One run by many machines: it is prepared once, each computes some shards, and whoever comes last adds them up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interruptible import ProgressReport, interruptible

if TYPE_CHECKING:
    from ._run import Plan
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
        return (
            f"{self.work.path}: {len(self.ranges)} shards of {self.work.order.shard_scenarios:,} scenarios\n"
            f"  each, wherever it runs:   rackrisk shard {target} --index N     N from 0 to {last}\n"
            f"  when all of them are there: rackrisk resume {target}\n"
        )


@dataclass(frozen=True)
class ShardsDone:
    """What `rackrisk shard` found and did.

    Attributes:
        computed: scenarios of the shards that were computed.
        there: how many shards were there already.
        finished: True where the whole run is finished, and nothing was left to do.
    """

    computed: list[range]
    there: int
    finished: bool = False


def prepare(plan: Plan) -> Prepared:
    """Writes the unfinished folder of a run, or finds it there; computes nothing."""
    from ._run import begun
    from .config import ConfigProblem, ConfigProblems
    from .kernels.shards import ranges_of

    if plan.settings.until is not None:
        rule = "cannot be known beforehand, and executor=shard hands out shards beforehand: say scenarios instead"
        raise ConfigProblems([ConfigProblem("until", plan.settings.until, rule)])

    with begun(plan, keep=True) as work:
        return Prepared(work, ranges_of(0, plan.settings.scenarios, work.order.shard_scenarios))


def run_shards(run: str | Path, index: int, of: int | None, progress: ProgressReport | None) -> ShardsDone:
    """Computes shards of a prepared run: the one with this index, or of `of` tasks the share of this one.

    Shards that are there stay as they are, so that it does no harm to call it twice.

    Raises:
        rackrisk.run_folder.RunFolderError: no such run or shard, or another version began it.
        rackrisk.ledger.ShardConflict: it is there with other numbers.
        rackrisk.kernels.engines.EngineMissing: the run's engine cannot run on this machine.
    """
    from .executors import keep_shard, task_of
    from .kernels.shards import ranges_of
    from .ledger import look_at, unfinished_folder
    from .run_folder import DONE, RunFolderError

    if (Path(run).expanduser() / DONE).is_file():
        return ShardsDone([], 0, finished=True)
    work = look_at(unfinished_folder(str(run)))
    task = task_of(work.order, work.book())
    ranges = ranges_of(0, task.model.settings.scenarios, work.order.shard_scenarios)
    tasks = len(ranges) if of is None else of
    if not 0 <= index < tasks:
        raise RunFolderError(f"--index {index}: must be from 0 to {tasks - 1}")
    mine = ranges[index::tasks]
    missing = [numbers for numbers in mine if not work.whole(numbers)]

    def compute(report: ProgressReport) -> None:
        before, count = 0, sum(map(len, missing))
        for numbers in missing:
            keep_shard(task, work, numbers, lambda done, _, before=before: report(before + done, count))
            before += len(numbers)

    interruptible(compute, progress)
    return ShardsDone(missing, len(mine) - len(missing))
