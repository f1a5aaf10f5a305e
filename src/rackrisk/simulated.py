"""All scenarios of a run: shards that are there are taken, the others computed, and all of them added up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .executors import Task, WorkersLost, compute
from .interruptible import ProgressReport
from .kernels.shards import ranges_of
from .ledger import Arrays, DamagedShard, Unfinished
from .models.stopping import Look, next_look
from .shard_size import up_to

MOST_ROUNDS = 3  # of computing what was damaged


@dataclass
class Simulated:
    """Exact sums over all scenarios of a run, and how they came about.

    Attributes:
        tally: of the scenarios 0 to `scenarios` - 1.
        shards: what each shard says of itself, in order.
        computed: how many scenarios were computed now; the others were there.
        seconds: how long that took.
        notes: what a reader of the result should know.
        looks: at the target of `until`, if there is one.
    """

    tally: Any
    scenarios: int
    shards: list[Mapping[str, Any]]
    ranges: list[range]
    computed: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def after(self, before: Simulated) -> Simulated:
        """The same with what was done before a look."""
        computed, seconds = before.computed + self.computed, before.seconds + self.seconds
        return replace(self, computed=computed, seconds=seconds, looks=before.looks)

    @property
    def seconds_for_all(self) -> float:
        """How long all scenarios took; of shards that were there already, the seconds that they say of themselves."""
        if self.computed == self.scenarios:
            return self.seconds
        return sum(float(shard["seconds"]) for shard in self.shards)


def simulate_all(task: Task, work: Unfinished, executor: Any, progress: ProgressReport) -> Simulated:
    """Every scenario that the configuration asks for; with `until`, look after look.

    Args:
        executor: the section of the configuration.

    Raises:
        rackrisk.executors.ShardsMissing: others compute them.
        rackrisk.ledger.ShardConflict: a shard was computed twice with different results.
    """
    settings, size = task.model.settings, work.order.shard_scenarios
    run, target = _computer(task, work, executor, progress), settings.target
    found = _added_up(task, work, ranges_of(0, first_look(task), size), run)
    while target is not None:
        losses = task.simulation.losses_usd(found.tally)
        look = next_look(losses, target, settings.measures.confidence, settings.most)
        found.looks.append(look)
        if look.next_scenarios is None:
            break
        last = _whole_tiles(task, look.next_scenarios)
        more = _added_up(task, work, [*found.ranges, *ranges_of(found.scenarios, last, size)], run)
        found = more.after(found)
    found.notes += _notes(work, found)
    return found


def first_look(task: Task) -> int:
    """Scenarios of a run, or with `until` those of its first look."""
    settings = task.model.settings
    return settings.scenarios if settings.target is None else _whole_tiles(task, settings.scenarios)


def _whole_tiles(task: Task, scenarios: int) -> int:
    """No fewer scenarios, and no tile that a later look would cut, up to the most there may be."""
    return min(up_to(scenarios, task.model.load(task.book).step), task.model.settings.most)


Compute = Callable[[list[range], int], None]  # (missing ranges, scenarios in all)


def _computer(task: Task, work: Unfinished, executor: Any, progress: ProgressReport) -> Compute:
    def run(missing: list[range], scenarios: int) -> None:
        there = scenarios - sum(map(len, missing))
        compute(task, work, missing, executor, lambda done: progress(there + done, scenarios))

    return run


def _added_up(task: Task, work: Unfinished, ranges: list[range], run: Compute) -> Simulated:
    """The sum of all shards; damaged ones are computed again."""
    scenarios, computed, seconds, rounds = sum(map(len, ranges)), 0, 0.0, 0
    while True:
        if missing := work.missing(ranges):
            started = time.perf_counter()
            run(missing, scenarios)
            computed, seconds = computed + sum(map(len, missing)), seconds + time.perf_counter() - started
        shards: list[Mapping[str, Any]] = []
        try:
            tally = task.simulation.merged(_parts(work, ranges, shards))
        except (DamagedShard, FileNotFoundError):
            rounds += 1
            if rounds == MOST_ROUNDS:
                raise WorkersLost(f"{work.path}: shards are damaged again and again; look at the disk") from None
            continue
        return Simulated(tally, scenarios, shards, ranges, computed, seconds)


def _parts(work: Unfinished, ranges: list[range], shards: list[Mapping[str, Any]]) -> Iterator[Arrays]:
    """The arrays of one shard after the other, and to `shards` what they say of themselves."""
    for numbers in ranges:
        try:
            shard = work.load(numbers)
        except DamagedShard:
            work.set_aside(numbers)
            raise
        shards.append(shard.facts)
        yield shard.arrays


def _notes(work: Unfinished, found: Simulated) -> list[str]:
    notes = [*work.order.notes, *(look.reason for look in found.looks[-1:])]
    if work.damaged:
        notes.append(f"{work.damaged} damaged shard files were set aside, and their scenarios computed again")
    kinds = sorted({_kind(shard) for shard in found.shards})
    if len(kinds) > 1:
        words = "; repeated on one kind, floating-point results may differ in their last digits"
        notes.append(f"shards were computed by {len(kinds)} kinds of machines ({', '.join(kinds)}){words}")
    return notes


def _kind(shard: Mapping[str, Any]) -> str:
    """What floating-point results may depend on; the number of devices is not part of it."""
    flags = f" with {shard['flags']}" if shard.get("flags") else ""
    device = re.sub(r"^[0-9]+ x ", "", str(shard.get("device", "")))
    return f"{device} of {shard.get('cpu', 'an unknown processor')}{flags}"
