"""Loss given default by segment: the mean with its interval, and how far the facilities lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from .._facts import PORTFOLIO, Estimate, Facts, finite, scope_name
from .._format import is_number, level_text, percent
from .._model import Column, Figure, Key, Table, number_table
from ..charts import Bar, Dot, Mark, Row, RowPlot, Span, line, marker, row_scale, swatch
from ._row_figure import row_figure

#: 10th and 90th percentile of the facilities.
Range = tuple[float, float]

TITLE = "Loss given default"


def segment_lgd(facts: Facts, scope: str) -> Estimate:
    """Discounted loss over discounted exposure at default of a scope; nothing without a default."""
    frame = facts.run.table("loss_given_default")
    rows = [] if frame is None else frame.filter(pl.col("scope") == scope).to_dicts()
    if not rows or not is_number(rows[0]["lgd"]):
        return Estimate()
    error = rows[0]["std_error"]
    return Estimate(value=rows[0]["lgd"], std_error=error if is_number(error) else None)


def lgd_figure(facts: Facts) -> Figure | None:
    """Dots, whiskers and ranges; nothing where the run has no such table, a sentence without defaults."""
    if facts.run.table("loss_given_default") is None:
        return None
    means = {s: segment_lgd(facts, s) for s in facts.row_scopes}
    known = {s: e for s, e in means.items() if e.value is not None}
    if not known:
        return Figure(slug="lgd", title=TITLE, caption="", empty="No obligor defaulted in any scenario.")
    ranges = {s: _range(facts, s) for s in known}
    return row_figure(
        facts,
        _plot(facts, known, ranges),
        "Discounted loss over discounted exposure at default, over all defaults, with its "
        f"{level_text(facts.confidence)} interval, and where the middle 80\u00a0% of the facilities lie.",
        legend=[
            Key(swatch=swatch(marker(0, 13, 6, class_="mark s0")), text="mean"),
            Key(swatch=swatch(line((2, 6), (24, 6), class_="span s0")), text="middle 80\u00a0% of facilities"),
        ],
        table=_table(known, ranges),
    )


def _range(facts: Facts, scope: str) -> Range | None:
    rows = facts.of_scope(scope)
    if rows is None:
        return None
    low, high = (finite(rows["lgd"]).quantile(share, "linear") for share in (0.1, 0.9))
    return None if low is None or high is None else (low, high)


def _plot(facts: Facts, known: dict[str, Estimate], ranges: dict[str, Range | None]) -> RowPlot:
    style = percent(e.value for e in known.values())
    rows = [
        Row(
            name=scope_name(s),
            number=style.with_error(e.value, e.std_error),
            marks=_marks(e, ranges[s], facts.z, s == PORTFOLIO),
        )
        for s, e in known.items()
    ]
    drawn = [v for row in rows for mark in row.marks for v in _ends(mark)]
    return RowPlot(
        slug="lgd",
        title=TITLE,
        description="Dots: mean loss given default; thick lines: 10th to 90th percentile of the facilities.",
        rows=rows,
        axis="% of exposure at default",
        scale=row_scale(drawn),
    )


def _marks(mean: Estimate, spread: Range | None, z: float, whole: bool) -> list[Span | Dot]:
    kind, value, error = "whole" if whole else "s0", 100 * (mean.value or 0.0), mean.std_error
    reach = None if error is None else 100 * z * error
    low, high = (None, None) if reach is None else (max(value - reach, 0.0), value + reach)
    dot = Dot(value=value, low=low, high=high, kind=kind)
    return [dot] if spread is None else [Span(start=100 * spread[0], end=100 * spread[1], kind=kind), dot]


def _ends(mark: Mark) -> Sequence[float]:
    if isinstance(mark, Bar | Span):
        return mark.start, mark.end
    return (mark.value, mark.high or 0.0) if isinstance(mark, Dot) else (mark.value,)


def _table(known: dict[str, Estimate], ranges: dict[str, Range | None]) -> Table:
    style = percent(e.value for e in known.values())
    heads = [Column(head="Segment", numeric=False), Column(head="LGD", unit="%"), Column(head="±", unit="%")]
    heads += [Column(head="10th percentile", unit="%"), Column(head="90th percentile", unit="%")]
    columns: list[Sequence[float | str | None]] = [[scope_name(s) for s in known]]
    columns += [[e.value for e in known.values()], [e.std_error for e in known.values()]]
    columns += [[None if r is None else r[i] for r in ranges.values()] for i in range(2)]
    return number_table(TITLE, heads, columns, [None, *[style] * 4])
