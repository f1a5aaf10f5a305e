"""Scales, ticks, label placement and the two views of a loss distribution."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rackrisk.report.charts import Scale, ceiling, element, exceedance, histogram, wilson
from rackrisk.report.charts._scale import flag_rows, linear_ticks, log_ticks, month_ticks, spread
from rackrisk.report.charts._svg import area, curve

positive = st.floats(min_value=1e-9, max_value=1e12)


@given(positive, st.integers(2, 10))
def test_ticks_are_round_few_and_inside(high: float, count: int) -> None:
    ticks = linear_ticks(0.0, high, count)
    assert 1 <= len(ticks) <= count + 1
    assert ticks[0] == 0.0
    assert ticks[-1] <= high * (1 + 1e-6)
    for a, b in pairwise(ticks):
        digits = f"{b - a:.6e}".split("e")[0].rstrip("0").rstrip(".")
        assert digits in {"1", "2", "2.5", "5"}


@example([1.000000001], 2)
@given(st.lists(positive, min_size=1, max_size=5), st.integers(2, 8))
def test_an_axis_ends_with_a_tick_not_below_any_value(values: list[float], count: int) -> None:
    end = ceiling(values, count)
    assert end >= max(values) * (1 - 1e-9)
    assert linear_ticks(0.0, end, count)[-1] == pytest.approx(end)


@given(st.floats(min_value=1e-9, max_value=1.0), st.floats(min_value=3.0, max_value=1e9), st.integers(3, 8))
def test_logarithmic_ticks_lie_inside_and_are_few(low: float, ratio: float, count: int) -> None:
    ticks = log_ticks(low, low * ratio, count)
    assert len(ticks) <= count + 1
    assert all(low * (1 - 1e-6) <= t <= low * ratio * (1 + 1e-6) for t in ticks)


@pytest.mark.parametrize(("months", "count", "ticks"), [(60, 6, 6), (60, 3, 3), (12, 6, 7), (600, 6, 6), (1, 6, 2)])
def test_month_ticks_divide_years(months: int, count: int, ticks: int) -> None:
    assert len(month_ticks(months, count)) == ticks


@given(st.lists(st.floats(min_value=0, max_value=300), min_size=1, max_size=12))
def test_spread_labels_keep_order_distance_and_bounds(wanted: list[float]) -> None:
    placed = spread(wanted, gap=14.0, low=0.0, high=300.0)
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    assert all(placed[b] - placed[a] >= 14.0 - 1e-6 for a, b in pairwise(order))
    assert min(placed) >= -1e-6
    assert max(placed) <= 300.0 + 1e-6


def test_labels_with_room_stay_where_they_belong() -> None:
    assert spread([10.0, 200.0, 100.0], gap=14.0, low=0.0, high=300.0) == [10.0, 200.0, 100.0]


@given(st.lists(st.floats(min_value=0, max_value=500), min_size=1, max_size=7), st.floats(min_value=10, max_value=90))
def test_no_pole_of_a_flag_crosses_another_flags_text(values: list[float], width: float) -> None:
    places = sorted(values)
    rows = flag_rows(places, [width] * len(places))
    for i, j in combinations(range(len(places)), 2):
        if places[j] <= places[i] + width:
            assert rows[i] > rows[j], "the left text must lie above the right pole"


def test_scales_clamp_and_invert_for_pictures() -> None:
    up = Scale(low=0.0, high=10.0, start=100.0, end=20.0)
    assert (up(0.0), up(10.0), up(5.0), up(99.0)) == (100.0, 20.0, 60.0, 20.0)
    log = Scale(low=0.01, high=1.0, start=0.0, end=100.0, log=True)
    assert log(0.1) == pytest.approx(50.0)


@given(st.lists(st.floats(min_value=0, max_value=1e3), min_size=1, max_size=200), st.integers(0, 2**32 - 1))
def test_the_histogram_holds_every_scenario(losses: list[float], seed: int) -> None:
    assume(max(losses) > 1e-6)
    weights = np.random.default_rng(seed).uniform(0.1, 2.0, len(losses))
    bars = histogram(np.array(losses), weights)
    assert math.isclose(sum(bars.shares), 1.0, rel_tol=1e-9)
    assert bars.edges[0] == 0.0
    assert bars.edges[-1] >= max(losses) * (1 - 1e-9)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=300))
def test_exceedance_counts_ties_and_falls(values: list[int]) -> None:
    losses = np.array(values, dtype=float)
    tail = exceedance(losses, np.ones(len(losses)), z=1.96)
    assert list(tail.shares) == sorted(tail.shares)
    for loss, share in zip(tail.losses, tail.shares, strict=True):
        assert share == pytest.approx((losses >= loss).mean())
    assert tail.low is not None
    assert tail.high is not None
    assert all(a <= p + 1e-12 and p <= b + 1e-12 for a, p, b in zip(tail.low, tail.shares, tail.high, strict=True))


def test_unequal_weights_have_no_pointwise_interval() -> None:
    tail = exceedance(np.array([1.0, 2.0]), np.array([1.0, 3.0]), z=1.96)
    assert tail.low is None
    assert tail.shares == [0.75, 1.0]


def test_wilson_interval_of_a_textbook_case() -> None:
    low, high = wilson(np.array([0.1]), 50, 1.959963984540054)  # 5 of 50
    assert (low[0], high[0]) == (pytest.approx(0.04347, abs=1e-5), pytest.approx(0.21360, abs=1e-5))


def test_elements_escape_text_and_attributes() -> None:
    made = element("text", "</svg><script>", x=1.25, data_name='"><b>', class_="a & b")
    assert made == ('<text x="1.2" data-name="&#34;&gt;&lt;b&gt;" class="a &amp; b">&lt;/svg&gt;&lt;script&gt;</text>')


def test_curves_and_areas_break_at_gaps() -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, None), (3.0, 4.0)]
    assert curve(points, class_="c") == '<path d="M0 1l1 1M3 4l0 0" class="c"/>'
    below = [(x, 0.0) for x, _ in points]
    assert str(area(below, points)).count("Z") == 2
    assert curve([(0.0, None)]) == ""
