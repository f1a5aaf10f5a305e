"""Shards by several processes of this machine.

A process that dies breaks the pool it belongs to; the pool is made anew and goes on with the shards that are not there
yet, unless pool after pool dies without any.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from rackrisk.interruptible import cleaning_up
from rackrisk.ledger import Unfinished, look_at

from ._task import Task, WorkersLost, keep_shard, task_of

MOST_LOST = 3  # pools in a row that may die without having computed anything
LOOK_SECONDS = 0.5


def compute(work: Unfinished, ranges: Sequence[range], workers: int, report: Callable[[int], None]) -> None:
    """Computes shards in so many processes; they are gone when it returns or raises.

    Raises:
        WorkersLost: they die before any of them has computed a shard.
    """
    left, lost = list(ranges), 0
    while left:
        done = sum(map(len, ranges)) - sum(map(len, left))
        with cleaning_up(), _pool(min(workers, len(left))) as pool, suppress(BrokenProcessPool):
            _one_by_one(pool, work.path, left, lambda more, done=done: report(done + more))
        still = work.missing(left)
        lost = lost + 1 if len(still) == len(left) else 0
        if lost == MOST_LOST:
            raise WorkersLost(
                f"{work.path}: processes that compute shards are killed again and again, maybe for memory"
            )
        left = still


def _one_by_one(pool: ProcessPoolExecutor, path: Path, ranges: Sequence[range], report: Callable[[int], None]) -> None:
    waiting: dict[Future[None], int] = {
        pool.submit(_in_worker, str(path), numbers.start, numbers.stop): len(numbers) for numbers in ranges
    }
    done = 0
    while waiting:
        finished, _ = wait(waiting, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
            done += waiting.pop(future)
        report(done)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    with _nothing_from_the_working_directory():
        yield from _pool_of(workers)


@contextmanager
def _nothing_from_the_working_directory() -> Iterator[None]:
    """New processes do not look there for modules: a `multiprocessing.py` among the data would be run."""
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name)
        os.environ.update({} if before is None else {name: before})


def _pool_of(workers: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    cores = context.SimpleQueue()
    for share in _shares(sorted(os.sched_getaffinity(0)), workers):
        cores.put(share)
    ours, theirs = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(ours, cores))
    try:
        yield pool
    finally:
        theirs.close()  # ends the processes
        pool.shutdown(wait=True, cancel_futures=True)


def _shares(cores: list[int], workers: int) -> list[list[int]]:
    """The cores of every worker."""
    return [cores[place::workers] or [cores[place % len(cores)]] for place in range(workers)]


def _begin(lifeline: Any, cores: Any) -> None:
    """A worker keeps to its cores, leaves Ctrl-C to the parent and ends with it, however that ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setaffinity(0, cores.get())
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Any) -> None:
    with suppress(OSError):
        lifeline.poll(None)
    os._exit(1)


def _in_worker(path: str, first: int, last: int) -> None:
    work, task = _opened(path)
    keep_shard(task, work, range(first, last))


@lru_cache(maxsize=1)
def _opened(path: str) -> tuple[Unfinished, Task]:
    work = look_at(Path(path))
    return work, task_of(work.order, work.book())
