"""Long native calls beside a main thread that stays free for signals.

Python handles Ctrl-C and SIGTERM between two steps of the main thread only, and one compiled call can last a minute.
So the call runs in a second thread, and an interruption is raised in the first at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

T = TypeVar("T")
Said = ParamSpec("Said")
ProgressReport = Callable[[int, int], None]

_NAME = "rackrisk-simulation"
_LOOK_SECONDS = 0.2
_CLEAN_UP_SECONDS = 10.0

_cleans_up = threading.Event()


class Cancelled(BaseException):
    """Raised inside the second thread at its next progress report once the first was interrupted."""


def interruptible(call: Callable[[Callable[Said, None]], T], progress: Callable[Said, None] | None) -> T:
    """`call(progress)`, interruptible; what it raises is raised here.

    After an interruption the second thread goes on until its next progress report and does nothing more then.
    """
    cancelled, finished = threading.Event(), threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def report(*args: Said.args, **kwargs: Said.kwargs) -> None:
        if cancelled.is_set():
            raise Cancelled
        if progress is not None:
            progress(*args, **kwargs)

    def work() -> None:
        try:
            results.append(call(report))
        except BaseException as error:  # noqa: BLE001 - raised again in the first thread
            errors.append(error)
        finally:
            finished.set()

    try:
        threading.Thread(target=work, name=_NAME, daemon=True).start()
        # The system may hand a signal to another thread, which does not wake this one: look now and then.
        while not finished.wait(_LOOK_SECONDS):
            pass
    except BaseException:
        cancelled.set()
        if _cleans_up.is_set():
            finished.wait(_CLEAN_UP_SECONDS)
        raise
    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def cleaning_up() -> Iterator[None]:
    """For a call that reports progress several times a second and must end what it started: it is waited for."""
    _cleans_up.set()
    try:
        yield
    finally:
        _cleans_up.clear()


def still_running() -> bool:
    """True while a cancelled call has not noticed yet; the interpreter must not be taken down under it."""
    return any(thread.name == _NAME and thread.is_alive() for thread in threading.enumerate())
