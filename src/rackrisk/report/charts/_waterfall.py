"""A waterfall: how a first amount becomes a last one, step after step, as rows of bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .._format import compact
from ._frame import Write
from ._rows import ROW_STEPS, Bar, Dot, Link, Mark, Row, RowPlot
from ._scale import Scale, round_step


@dataclass(frozen=True, kw_only=True)
class Step:
    """One row: what an amount changes by, or the amount itself.

    Attributes:
        value: the change, or the amount where `whole`.
        low, high: confidence limits of `value`; None where there are none.
        number: the value in words, with its sign.
        whole: an amount, drawn from zero; a change is drawn from where the last row ended.
    """

    name: str
    value: float
    number: str
    low: float | None = None
    high: float | None = None
    whole: bool = False


def waterfall(
    steps: Sequence[Step], *, slug: str, title: str, description: str, axis: str, write: Write = compact
) -> RowPlot:
    """Steps as a chart of rows: solid bars add, hollow ones take away, dark ones are amounts; a whisker at each end.

    Args:
        steps: amounts and changes from top to bottom.
        description: what the picture shows, for those who cannot see it.
        axis: what the horizontal axis counts, with its unit.
    """
    ends = list(accumulate(steps, lambda end, step: step.value if step.whole else end + step.value, initial=0.0))
    rows = [
        Row(name=step.name, number=step.number, marks=_marks(step, start, end, last=step is steps[-1]))
        for step, start, end in zip(steps, ends, ends[1:], strict=False)
    ]
    reach = [value for row in rows for mark in row.marks for value in _reach(mark)]
    return RowPlot(
        slug=slug, title=title, description=description, rows=rows, scale=_scale(reach), axis=axis, write=write
    )


def _marks(step: Step, start: float, end: float, *, last: bool) -> list[Mark]:
    kind = "whole" if step.whole else "up" if step.value >= 0.0 else "down"
    marks: list[Mark] = [Bar(start=0.0 if step.whole else start, end=end, kind=kind)]
    if not last:
        marks.append(Link(value=end))
    if step.low is not None and step.high is not None:
        moved = end - step.value
        marks.append(Dot(value=end, low=step.low + moved, high=step.high + moved, kind="whole"))
    return marks


def _reach(mark: Mark) -> Iterable[float]:
    if isinstance(mark, Bar):
        return mark.start, mark.end
    return (mark.low, mark.high) if isinstance(mark, Dot) and mark.low is not None and mark.high is not None else ()


def _scale(values: Sequence[float]) -> Scale:
    """Round limits around all values and zero (data range only)."""
    low, high = min([0.0, *values]), max([0.0, *values])
    step = round_step((high - low) or 1.0, ROW_STEPS - 1)
    down, up = -(low // step), -(-high // step)  # steps below and above zero
    return Scale(low=-step * down if down else 0.0, high=step * max(up, 0.0 if down else 1.0), start=0.0, end=1.0)
