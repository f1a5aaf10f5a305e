"""Shards as tasks of a Ray cluster, which may have many machines and GPUs.

A task takes the order of the run, its book and a range of scenarios, and gives back the sums: no file system need be
shared, the driver alone writes. What befalls the infrastructure (a worker killed, a machine lost, a file server that
hiccups) is tried again by Ray; an error in data or program comes back at once.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rackrisk.config import ConfigProblem, ConfigProblems
from rackrisk.ledger import Arrays, Unfinished, read_order
from rackrisk.run_folder import BOOK, RunFolderError

from ._ray_cluster import ray_cluster
from ._task import Task, WorkersLost, compute_shard, task_of

_LOOK_SECONDS = 0.2  # how long Ctrl-C may wait
_AHEAD = 2  # tasks handed to Ray for every one that can run

Answer = tuple[Arrays, dict[str, Any]]
_opened: dict[str, Task] = {}  # in a worker: the task it works on


def compute(work: Unfinished, ranges: Sequence[range], executor: Any, report: Callable[[int], None]) -> None:
    """Computes shards and keeps each as it arrives.

    Raises:
        ConfigProblems: Ray cannot be used as configured.
        WorkersLost: a shard's workers die whatever is tried.
    """
    done = 0
    with ray_cluster(executor.address, gpus=executor.num_gpus > 0) as ray:
        if executor.address is None:
            _check_room(ray, executor)
        start = _starter(ray, work, executor)
        for answers in _answers(ray, start, ranges, ahead=_AHEAD * _slots(ray, executor)):
            for numbers, (arrays, facts) in answers:
                work.store(numbers, arrays, facts)
                done += len(numbers)
            report(done)  # also where nothing has come: whoever interrupts the run is heard here


def _starter(ray: Any, work: Unfinished, executor: Any) -> Callable[[range], Any]:
    """What hands a range to Ray; the book is handed over once for all of them."""
    tasks = ray.remote(
        num_cpus=executor.num_cpus,
        num_gpus=executor.num_gpus,
        max_retries=executor.retries,
        retry_exceptions=[OSError],
    )(_computed)
    order = work.order.text()
    book = ray.put((work.path / BOOK).read_bytes())
    # In a list, a worker fetches the book when it asks for it, not with every range.
    return lambda numbers: tasks.remote(order, [book], numbers)


def _answers(
    ray: Any, start: Callable[[range], Any], ranges: Sequence[range], *, ahead: int
) -> Iterator[list[tuple[range, Answer]]]:
    """Ranges and their sums as they arrive, if any, several times a second; at most `ahead` are under way."""
    waiting = list(reversed(ranges))
    under_way: dict[Any, range] = {}
    while waiting or under_way:
        while waiting and len(under_way) < ahead:
            numbers = waiting.pop()
            under_way[start(numbers)] = numbers
        ready, _ = ray.wait(list(under_way), num_returns=1, timeout=_LOOK_SECONDS)
        arrived = [(answer, under_way.pop(answer)) for answer in ready]
        yield [(numbers, _value(ray, answer, numbers)) for answer, numbers in arrived]


def _value(ray: Any, answer: Any, numbers: range) -> Answer:
    """What a task gave back; its own exception where it raised one."""
    try:
        return ray.get(answer)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        reason = str(error).strip().partition("\n")[0]
        what = f"scenarios {numbers.start:,} to {numbers.stop - 1:,}: Ray lost their worker again and again"
        raise WorkersLost(f"{what} ({type(error).__name__}: {reason})") from None


def _slots(ray: Any, executor: Any) -> int:
    """Tasks that can run at once; one where none can, because a cluster may grow when it is asked."""
    has = ray.cluster_resources()
    return max(1, min(int(has.get(name, 0) / wish) for name, wish in _wishes(executor).items() if wish))


def _check_room(ray: Any, executor: Any) -> None:
    """Refuses tasks that this machine can never run; Ray would wait for ever."""
    has = ray.cluster_resources()
    problems = [
        ConfigProblem(
            f"executor.num_{name.lower()}s", str(wish), f"must be at most {has.get(name, 0):g} on this machine"
        )
        for name, wish in _wishes(executor).items()
        if wish > has.get(name, 0)
    ]
    if problems:
        raise ConfigProblems(problems)


def _wishes(executor: Any) -> dict[str, float]:
    """What a task takes, in Ray's words."""
    return {"CPU": executor.num_cpus, "GPU": executor.num_gpus}


def _computed(order: str, book: Sequence[Any], numbers: range) -> Answer:
    """One shard, in a worker."""
    if order not in _opened:
        import ray

        _opened.clear()
        _opened[order] = _open(order, ray.get(book[0]))
    return compute_shard(_opened[order], numbers)


def _open(text: str, book: bytes) -> Task:
    import polars as pl

    order = read_order(text, "the order")
    if differences := order.strangers():
        raise RunFolderError(f"a Ray worker has other versions than the driver: {'; '.join(differences)}")
    if hashlib.sha256(book).hexdigest() != order.book_sha256:
        raise RunFolderError("the book that reached a Ray worker is not the one that the run was begun with")
    return task_of(order, pl.read_parquet(io.BytesIO(book)))
