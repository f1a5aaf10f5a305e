"""What a run would take, before it is begun: shards, memory, disk and time."""

from __future__ import annotations

import resource
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interruptible import interruptible

if TYPE_CHECKING:
    from ._model import Simulation
    from ._run import Plan


@dataclass(frozen=True)
class Pace:
    """A batch of scenarios on this machine: seconds that it took, that the engine took to get ready, and peak memory
    of the process.
    """

    scenarios: int
    seconds: float
    prepare_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Forecast:
    """What a run would take.

    Attributes:
        scenarios: of the run, or the most that a run with a target may have.
        engine: that would compute; note: how it was chosen, and what a target means for the figures.
        shards, shard_scenarios: how the scenarios are cut.
        memory_bytes: of a process at least; memory_there_bytes: what it could get on this machine.
        disk_bytes: of shards and results at most; disk_there_bytes: what is free where the run would be.
        seconds: of all scenarios on this machine, by one process; None where nothing was tried.
        prepare_seconds: for compilation and reading, once a process.
        tried_scenarios: how many scenarios the times come from.
        tried_memory_bytes: peak memory of the process that simulated them; None where nothing was tried.
    """

    rows: int
    scenarios: int
    engine: str
    note: str | None
    shards: int
    shard_scenarios: int
    memory_bytes: int
    memory_there_bytes: int
    disk_bytes: int
    disk_there_bytes: int
    seconds: float | None
    prepare_seconds: float | None
    tried_scenarios: int
    tried_memory_bytes: int | None

    @property
    def shard_seconds(self) -> float | None:
        """Of one shard."""
        return None if self.seconds is None else self.seconds * min(self.shard_scenarios / self.scenarios, 1.0)

    def document(self) -> dict[str, Any]:
        """For the JSON document."""
        return asdict(self) | {"shard_seconds": self.shard_seconds}


def forecast(plan: Plan, *, try_it: bool = True) -> Forecast:
    """What a plan would take.

    Args:
        try_it: simulate two batches of scenarios to see how long they take; False leaves times out.

    Raises:
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
        rackrisk.config.ConfigProblems: the disk has no room for it.
    """
    from ._run import engine_of
    from .config import ConfigProblem, ConfigProblems, memory_needed_bytes, memory_there_bytes
    from .shard_size import disk_bytes, shard_scenarios

    settings, load, scopes = plan.settings, plan.model.load(plan.book), plan.model.scopes(plan.book)
    engine, note = engine_of(plan)
    size = shard_scenarios(load, settings.most, engine=engine, asked=settings.executor.shard_scenarios)
    shards = -(-settings.most // size)
    book_bytes = int(plan.book.estimated_size())
    disk, free = disk_bytes(load, settings.most, shards, scopes=scopes, book_bytes=book_bytes), _free_bytes(plan.target)
    if disk > free:
        rule = f"{plan.target.parent} has {free / 2**30:,.1f} GiB left, and the run may need {disk / 2**30:,.1f}"
        raise ConfigProblems([ConfigProblem("out", str(plan.target), f"{rule}; name another disk with out=DIR")])
    pace = interruptible(lambda _: _try(plan, engine), None) if try_it and _is_here(engine) else None
    return Forecast(
        rows=plan.book.height,
        scenarios=settings.most,
        engine=engine,
        note=_with_target(note, settings.until),
        shards=shards,
        shard_scenarios=size,
        memory_bytes=memory_needed_bytes(settings.most, book_bytes=plan.book_bytes, segments=scopes),
        memory_there_bytes=memory_there_bytes(),
        disk_bytes=disk,
        disk_there_bytes=free,
        seconds=None if pace is None else settings.most * pace.seconds / pace.scenarios,
        prepare_seconds=None if pace is None else pace.prepare_seconds,
        tried_scenarios=0 if pace is None else pace.scenarios,
        tried_memory_bytes=None if pace is None else pace.memory_bytes,
    )


def _with_target(note: str | None, until: str | None) -> str | None:
    """The note, and what the figures are of where a run ends by itself."""
    if until is None:
        return note
    said = f"until={until}: these are the most scenarios that it may take; the run ends when the target is met"
    return said if note is None else f"{note}; {said}"


def _try(plan: Plan, engine: str) -> Pace:
    """One batch to compile, and one to time."""
    started = time.perf_counter()
    simulation: Simulation = plan.model.open(plan.book, engine)
    numbers = range(min(simulation.batch, plan.settings.most))
    simulation.tally(numbers)
    ready = time.perf_counter()
    simulation.tally(numbers)
    done = time.perf_counter()
    return Pace(len(numbers), done - ready, ready - started, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _is_here(engine: str) -> bool:
    """False for an engine of other machines, those that compute the shards."""
    from .kernels.engines import EngineMissing, choose

    try:
        choose(engine)
    except EngineMissing:
        return False
    return True


def _free_bytes(path: Path) -> int:
    """Room on the disk that a path would be on."""
    there = next(folder for folder in path.absolute().parents if folder.is_dir())
    return shutil.disk_usage(there).free
