"""Waterfalls: bars chain, amounts stand on zero, the axis holds everything, and words say what colour says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.report._picture import light_palette, standalone
from rackrisk.report.charts import BROAD, NARROW, Bar, Dot, Link, RowPlot, Size, Step, draw_rows, waterfall

changes = st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=1, max_size=6)


def chart(first: float, values: list[float]) -> RowPlot:
    steps = [Step(name="before", value=first, number="a", whole=True)]
    steps += [Step(name=f"step {i}", value=v, number="n", low=v - 1.0, high=v + 2.0) for i, v in enumerate(values)]
    steps.append(Step(name="after", value=first + sum(values), number="b", whole=True))
    return waterfall(steps, slug="w", title="t", description="d", axis="USD")


@given(st.floats(min_value=0, max_value=1e9), changes)
def test_every_bar_begins_where_the_last_one_ended(first: float, values: list[float]) -> None:
    plot = chart(first, values)
    bars = [mark for row in plot.rows for mark in row.marks if isinstance(mark, Bar)]
    links = [mark.value for row in plot.rows for mark in row.marks if isinstance(mark, Link)]
    assert (bars[0].start, bars[-1].start) == (0.0, 0.0)
    assert [bar.start for bar in bars[1:-1]] == links[:-1]
    assert bars[-2].end == pytest.approx(bars[-1].end, abs=1e-3)
    for bar, value in zip(bars[1:-1], values, strict=True):
        assert bar.kind == ("up" if value >= 0 else "down")


@given(st.floats(min_value=0, max_value=1e9), changes)
def test_the_axis_holds_zero_and_every_mark(first: float, values: list[float]) -> None:
    plot = chart(first, values)
    ends = [
        value for row in plot.rows for mark in row.marks if isinstance(mark, Bar) for value in (mark.start, mark.end)
    ]
    ends += [
        value
        for row in plot.rows
        for mark in row.marks
        if isinstance(mark, Dot)
        for value in (mark.low, mark.high)
        if value
    ]
    slack = 1e-9 * (plot.scale.high - plot.scale.low)
    assert plot.scale.low <= min([0.0, *ends]) + slack
    assert plot.scale.high >= max([0.0, *ends]) - slack
    assert plot.scale.low < plot.scale.high


@pytest.mark.parametrize("size", [BROAD, NARROW])
def test_what_takes_away_is_drawn_hollow_and_with_positive_width(size: Size) -> None:
    drawn = str(draw_rows(chart(10.0, [-4.0, 3.0]), size))
    assert len(re.findall(r'class="bar down"', drawn)) == 1
    assert all(float(width) >= 0 for width in re.findall(r'width="([-0-9.]+)"', drawn))


def test_a_file_carries_its_own_colours() -> None:
    drawn = draw_rows(chart(10.0, [-4.0, 3.0]), BROAD)
    text = standalone([("Head <b>", "line", drawn, 200.0)], width=900.0, title="Title", note="Note")
    assert "var(" not in text
    assert "Head &lt;b&gt;" in text
    for name in ("ink", "s1", "s2", "page"):
        assert light_palette()[name] in text
