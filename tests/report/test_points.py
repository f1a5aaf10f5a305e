"""Pictures of a sweep: every point is drawn where it belongs, whatever was swept."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.report._facts import Facts
from rackrisk.report._load import load
from rackrisk.report._points import Points, panels_of
from rackrisk.report.charts import BROAD, LARGE, SMALL, PointPlot, draw_points
from rackrisk.report.charts._frame import framed, zero_scale
from rackrisk.report.charts._points import exactly, point_ticks, points_scale

from .sweep_folders import write_sweep

Numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=12)


def plot(xs: list[float], values: list[float | None]) -> PointPlot:
    low = [None if v is None else 0.9 * v for v in values]
    high = [None if v is None else 1.2 * v for v in values]
    return PointPlot(slug="p", title="t", description="d", xs=xs, values=values, low=low, high=high, kind="el")


def discs(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([-0-9.]+)" cy="([-0-9.]+)"', svg)]


@given(Numbers)
def test_every_point_lies_inside_and_in_order(xs: list[float]) -> None:
    for size in (*LARGE, *SMALL):
        found = discs(draw_points(plot(xs, [1.0] * len(xs)), size))
        assert len(found) == len(xs)
        assert all(0 < x < size.width and 0 < y < size.height for x, y in found)
        assert [x for x, _ in found] == sorted(x for x, _ in found)


def test_tapes_of_one_name_keep_panels_and_names_of_their_own(tmp_path: Path) -> None:
    tapes = ["/data/june/tape.csv", "/data/july/tape.csv", "/data/other.csv"]
    folder = write_sweep(tmp_path / "sweep", {"seed": [1.0, 2.0], "portfolio.tape": tapes})
    points = Points(Facts(run=load(folder)))
    panels = panels_of(points, points.wanted[0])
    assert [panel.title for panel in panels] == ["june/tape.csv", "july/tape.csv", "other.csv"]
    assert [len(panel.xs) for panel in panels] == [2, 2, 2]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0, 1.0], ["0", "1"]),
        ([True, False], ["true", "false"]),
        ([None, 0.5], ["null", "0.5"]),
        (["t", "gaussian"], ["t", "gaussian"]),
    ],
)
def test_values_are_written_as_they_were_chosen(values: list[object], texts: list[str], tmp_path: Path) -> None:
    points = Points(Facts(run=load(write_sweep(tmp_path / "sweep", {"seed": [1, 2], "copula.dof": values}))))
    assert [points.text("copula.dof", value) for value in values] == texts


def test_dots_are_where_their_values_say() -> None:
    found = discs(draw_points(plot([0.0, 1.0, 2.0], [0.0, 5.0, 10.0]), LARGE[0]))
    (x0, y0), (x1, y1), (x2, y2) = found
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)  # drawn to a tenth of a pixel
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.11)


def test_wide_ranges_are_drawn_in_powers_of_ten() -> None:
    found = [x for x, _ in discs(draw_points(plot([1e2, 1e3, 1e4], [1.0] * 3), LARGE[0]))]
    assert found[1] - found[0] == pytest.approx(found[2] - found[1], abs=0.11)
    assert points_scale([1e2, 1e4]).log
    assert not points_scale([0.0, 1e4]).log
    assert not points_scale([-1e2, 1e4]).log


def test_a_missing_figure_is_not_drawn() -> None:
    assert len(discs(draw_points(plot([1.0, 2.0, 3.0], [1.0, None, 2.0]), LARGE[0]))) == 2


def test_panels_with_one_reach_have_one_axis() -> None:
    alone = draw_points(plot([1.0, 2.0], [1.0, 2.0]), SMALL[0])
    beside = draw_points(plot([1.0, 2.0], [1.0, 2.0]), SMALL[0], reach=[100.0])
    assert discs(alone) != discs(beside)
    assert ">100<" in beside


@given(Numbers)
def test_numbers_below_the_axis_do_not_touch(xs: list[float]) -> None:
    frame = framed(BROAD, points_scale(xs), zero_scale([1.0], BROAD))
    ticks, _ = point_ticks(frame, xs)
    places = [frame.x(tick) for tick in ticks]
    assert all(b - a > 6.0 for a, b in pairwise(places))


@pytest.mark.parametrize(("value", "text"), [(-0.3, "−0.3"), (12_345.0, "12345"), (0.1 + 0.2, "0.3"), (1e6, "1000000")])
def test_chosen_numbers_keep_their_digits(value: float, text: str) -> None:
    assert exactly(value) == text
