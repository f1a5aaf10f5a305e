"""Every executor by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rackrisk.ledger import Unfinished
from rackrisk.output import typed

from ._task import ShardsMissing, Task, check_foreseen, keep_shard

Report = Callable[[int], None]


def compute(task: Task, work: Unfinished, ranges: Sequence[range], executor: Any, report: Report) -> None:
    """Computes shards; when it returns, all of them are in the work folder.

    Args:
        ranges: the scenarios of the shards that are missing.
        executor: the section of the configuration.
        report: called with how many of these scenarios are done, now and then.

    Raises:
        ShardsMissing: others compute them.
        ConfigProblems: others cannot know which.
    """
    if executor.name == "shard":
        check_foreseen(task.model.settings.until)
        raise ShardsMissing(_waiting(work, ranges))
    if executor.name == "ray":
        from . import _ray

        _ray.compute(work, ranges, executor, report)
    elif executor.workers == 1:
        _compute_here(task, work, ranges, report)
    else:
        from . import _processes

        _processes.compute(work, ranges, executor.workers, report)


def _compute_here(task: Task, work: Unfinished, ranges: Sequence[range], report: Report) -> None:
    before = 0
    for numbers in ranges:
        keep_shard(task, work, numbers, lambda done, _, before=before: report(before + done))
        before += len(numbers)


def _waiting(work: Unfinished, ranges: Sequence[range]) -> str:
    size, target = work.order.shard_scenarios, work.target
    named = ", ".join(str(numbers.start // size) for numbers in ranges[:10])
    more = f" and {len(ranges) - 10} more" if len(ranges) > 10 else ""
    missing = f"shard {named} is missing" if len(ranges) == 1 else f"shards {named}{more} are missing"
    damaged = f" ({work.damaged} damaged ones were set aside)" if work.damaged else ""
    return (
        f"{work.path}: {missing}{damaged}\nwait for them, or compute one with: {typed('shard', target)} --index N\n"
        f"or all of them here: {typed('resume', target, 'executor=local')}"
    )
