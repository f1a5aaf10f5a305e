"""Progress on stderr: a bar with rate and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

QUIET_SECONDS = 2.0  # runs shorter than this show nothing
LINE_SECONDS = 10.0  # between two lines where there is no terminal


class Shown(Protocol):
    """What is told how far a command is."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` scenarios are simulated."""

    def stage(self, what: str, done: int, total: int) -> None:
        """`done` of `total` of something else are there; of 0: nobody knows how many there will be."""


@contextmanager
def progress(
    *,
    work: int = 1,
    scenarios: int | None = None,
    unit: str = "",
    first: str = "compiling",
    enabled: bool = True,
    stream: TextIO | None = None,
) -> Iterator[Shown | None]:
    """Yields what is told how far the command is, or None where nothing is to be shown.

    Args:
        work: units of work, for the rate.
        scenarios: that take so much work; those of the first report if not said.
        unit: what they are: `loan-month` or `loan-scenario`.
        first: what is done until the first word.
        enabled: False shows nothing.
        stream: where to; stderr by default.
    """
    target = sys.stderr if stream is None else stream
    if not enabled:
        yield None
    elif target.isatty():
        with _bar(Pace(work, scenarios=scenarios), unit, first, target) as shown:
            yield shown
    else:
        yield Lines(Pace(work, scenarios=scenarios), unit, target)


class Pace:
    """Rate and time left from the first report on, so that compilation before it does not distort them.

    `work` is for so many `scenarios`, or the total of the first report: a run until a target has more to do later.
    """

    def __init__(self, work: int, clock: Callable[[], float] = time.monotonic, *, scenarios: int | None = None) -> None:
        self._work, self._scenarios, self._clock = work, scenarios, clock
        self._first: tuple[float, int, int] | None = None

    def __call__(self, done: int, total: int) -> tuple[float, float] | None:
        """Units of work per second and seconds left; None before there are two reports to compare."""
        now = self._clock()
        if self._first is None:
            self._first = (now, done, total)
        start, done_then, total_then = self._first
        if now <= start or done <= done_then:
            return None
        per_second = (done - done_then) / (now - start)
        return per_second * self._work / (self._scenarios or total_then), (total - done) / per_second


class Lines:
    """Plain lines, at most one in `LINE_SECONDS`, for logs and pipes."""

    def __init__(self, pace: Pace, unit: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._stages, self._unit = pace, Stages(clock), unit
        self._stream, self._clock, self._last = stream, clock, clock()

    def __call__(self, done: int, total: int) -> None:
        """Notes that `done` of `total` scenarios are simulated."""
        if done > 0:
            pace = self._pace(done, total)
            rest = "" if pace is None else f", {rate_text(pace[0], self._unit)}, {duration(pace[1])} left"
            self._say(done, total, f"{done:,} of {total:,} scenarios{rest}")

    def stage(self, what: str, done: int, total: int) -> None:
        """Notes that `done` of `total` of something are there."""
        left = self._stages(what, done, total)
        if done > 0:
            self._say(done, total, f"{done:,} of {total:,} {what}{left}")

    def _say(self, done: int, total: int, text: str) -> None:
        now = self._clock()
        if done >= total or now - self._last < LINE_SECONDS:
            return
        self._last = now
        with suppress(OSError):  # a closed pipe must not stop the run
            print(f"{done / total:4.0%}  {text}", file=self._stream, flush=True)


class Stages:
    """Time left of one stage after the other, in words."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._what, self._pace = clock, "", Pace(1, clock)

    def __call__(self, what: str, done: int, total: int) -> str:
        """`, 12 s left`, or nothing before there are two reports of this stage to compare."""
        if what != self._what:
            self._what, self._pace = what, Pace(1, self._clock)
        pace = self._pace(done, total) if total else None
        return "" if pace is None else f", {duration(pace[1])} left"


def rate_text(per_s: float, unit: str) -> str:
    """`3.5e+07` of `loan-month` as `35 million loan-months/s`."""
    for size, name in ((1e12, "trillion "), (1e9, "billion "), (1e6, "million "), (1e3, "thousand ")):
        if per_s >= size:
            return f"{per_s / size:.3g} {name}{unit}s/s"
    return f"{per_s:.0f} {unit}s/s"


def pace_text(manifest: Mapping[str, Any], per_s: float, unit: str) -> str:
    """How long the simulation of a finished run took, `33 s, 13.4 million loan-months/s`.

    Where shards were there already, that is the time of all shards, one after the other.
    """
    shards = manifest.get("shards", {})
    if not shards.get("scenarios_computed_before"):
        return f"{duration(manifest['timings_s']['simulate'])}, {rate_text(per_s, unit)}"
    return f"{duration(shards['seconds'])} in {shards['count']} shards, {rate_text(per_s, unit)}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@contextmanager
def _bar(pace: Pace, unit: str, first: str, stream: TextIO) -> Iterator[Shown]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(20), TaskProgressColumn(), TextColumn("{task.fields[pace]}"))
    bar = Progress(*columns, console=Console(file=stream), transient=True)
    late = threading.Timer(QUIET_SECONDS, bar.start)
    late.daemon = True
    late.start()
    try:
        yield _Bar(bar, bar.add_task(first, total=None, pace=""), pace, unit)
    finally:
        late.cancel()
        late.join()
        if bar.live.is_started:
            bar.stop()


class _Bar:
    """One line that is drawn again and again."""

    def __init__(self, bar: Progress, task: TaskID, pace: Pace, unit: str) -> None:
        self._bar, self._task, self._unit = bar, task, unit
        self._pace, self._stages = pace, Stages()

    def __call__(self, done: int, total: int) -> None:
        if done > 0:
            now = self._pace(done, total)
            text = "" if now is None else f"{rate_text(now[0], self._unit)}, {duration(now[1])} left"
            self._bar.update(self._task, description="simulating", completed=done, total=total, pace=text)

    def stage(self, what: str, done: int, total: int) -> None:
        left = self._stages(what, done, total)
        if total:
            self._bar.update(
                self._task, description=what, completed=done, total=total, pace=f"{done:,} of {total:,}{left}"
            )
        else:
            self._bar.reset(self._task, description=what, total=None, pace="")
