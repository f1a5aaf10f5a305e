"""The work of one shard: a pure function of an order, its book and a range of scenarios."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rackrisk._model import Model, Simulation, model_of
from rackrisk.kernels.shards import named_arrays
from rackrisk.ledger import Arrays, Order, Unfinished
from rackrisk.manifest import cpu_name, environment
from rackrisk.run_folder import BOOK, RunFolderError

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int, int], None]
_ANEW = "delete its folder to begin anew"


class WorkersLost(Exception):
    """Processes or machines die whatever is tried; the message is for the user."""


class ShardsMissing(Exception):
    """Shards that others compute are not there yet; the message is for the user."""


@dataclass(frozen=True)
class Task:
    """What every shard of a run needs."""

    order: Order
    model: Model
    book: pl.DataFrame

    @cached_property
    def simulation(self) -> Simulation:
        """The book, ready for its engine; made once a process."""
        return self.model.open(self.book, self.order.engine)

    def close(self) -> None:
        """Lets go of the simulation: the arrays of a large book would fill the memory that its tables need."""
        self.__dict__.pop("simulation", None)


def check_foreseen(until: str | None) -> None:
    """Shards that others compute must be known beforehand.

    Raises:
        rackrisk.config.ConfigProblems: the run has a target, so nobody knows how many it takes.
    """
    from rackrisk.config import ConfigProblem, ConfigProblems

    if until is not None:
        rule = "cannot be known beforehand, and executor=shard hands out shards beforehand: say scenarios instead"
        raise ConfigProblems([ConfigProblem("until", until, rule)])


def task_of(order: Order, book: pl.DataFrame) -> Task:
    """The task of an order that was read from a file.

    Raises:
        RunFolderError: its configuration is not one of this version, or not the one it was begun with.
        rackrisk.data.TapeProblems: its book breaks a rule of tapes.
    """
    from rackrisk.config import checked
    from rackrisk.manifest import config_hash

    section = order.config.get("model")
    name = section.get("name") if isinstance(section, dict) else None
    settings, problems = checked(order.config, name if name == "copula" else "structural")
    if settings is None or problems:
        rows = "; ".join(f"{item.key} {item.value} {item.rule}" for item in problems)
        raise RunFolderError(
            f"the order's configuration is refused by this version: {rows}; delete its folder to begin anew"
        )
    if config_hash(settings, order.inputs) != order.config_hash:
        raise RunFolderError(
            "the order's configuration was changed after the run was begun; delete its folder to begin anew"
        )
    model = model_of(settings)
    model.check_book(book, BOOK)
    if order.shard_scenarios % model.load(book).step:
        raise RunFolderError("the order's shard_scenarios was changed after the run was begun; delete its folder")
    return Task(order, model, book)


def compute_shard(task: Task, numbers: range, progress: Progress | None = None) -> tuple[Arrays, dict[str, Any]]:
    """The tally of a range of scenarios as named arrays, and who computed it in how many seconds."""
    started = time.perf_counter()
    arrays = named_arrays(task.simulation.tally(numbers, progress))
    seconds = round(time.perf_counter() - started, 3)
    flags = environment(os.environ).get("XLA_FLAGS", "")
    return arrays, {**task.simulation.computer, "cpu": cpu_name(), "flags": flags, "seconds": seconds}


def keep_shard(task: Task, work: Unfinished, numbers: range, progress: Progress | None = None) -> None:
    """Computes a shard and keeps it."""
    arrays, facts = compute_shard(task, numbers, progress)
    work.store(numbers, arrays, facts)
