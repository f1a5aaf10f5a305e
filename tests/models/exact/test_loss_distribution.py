"""Measures of a law on a lattice, from laws that can be worked out by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.models.exact import LossDistribution, homogeneous_distribution

THREE_POINTS = LossDistribution(10.0, np.array([0.9, 0.06, 0.04]))

laws = st.lists(st.floats(1e-3, 1.0), min_size=2, max_size=30).map(
    lambda weights: LossDistribution(2.0, np.array(weights) / sum(weights))
)
levels = st.floats(0.01, 0.99)


def test_measures_of_three_points_by_hand() -> None:
    assert THREE_POINTS.mean() == pytest.approx(1.4)
    assert THREE_POINTS.standard_deviation() == pytest.approx((0.06 * 100 + 0.04 * 400 - 1.4**2) ** 0.5)
    assert [THREE_POINTS.cdf(x) for x in (-1.0, 0.0, 9.99, 10.0, 20.0, 99.0)] == pytest.approx(
        [0, 0.9, 0.9, 0.96, 1, 1]
    )
    assert THREE_POINTS.tranche_expected_loss(5.0, 15.0) == pytest.approx((0.06 * 5 + 0.04 * 10) / 10)


def test_value_at_risk_is_the_smallest_loss_whose_cdf_reaches_the_level() -> None:
    assert [THREE_POINTS.value_at_risk(level) for level in (0.5, 0.9, 0.9001, 0.96, 0.961)] == [0, 0, 10, 10, 20]


def test_a_level_met_up_to_rounding_is_met() -> None:
    tenths = LossDistribution(1.0, np.full(10, 0.1))  # cumulated in binary, 0.3 and 0.8 are missed by an ulp
    assert [tenths.value_at_risk(k / 10) for k in range(1, 10)] == list(range(9))


def test_expected_shortfall_splits_the_atom() -> None:
    assert THREE_POINTS.expected_shortfall(0.95) == pytest.approx((0.01 * 10 + 0.04 * 20) / 0.05)
    assert THREE_POINTS.expected_shortfall(0.5) == pytest.approx((0.06 * 10 + 0.04 * 20) / 0.5)


def test_expected_shortfall_has_no_jump_where_value_at_risk_has_one() -> None:
    below, above = 0.96 - 1e-9, 0.96 + 1e-9
    assert THREE_POINTS.value_at_risk(above) - THREE_POINTS.value_at_risk(below) == 10.0
    assert THREE_POINTS.expected_shortfall(above) == pytest.approx(THREE_POINTS.expected_shortfall(below), abs=1e-6)


@given(laws, levels)
def test_expected_shortfall_lies_between_value_at_risk_and_the_largest_loss(
    law: LossDistribution, level: float
) -> None:
    es = law.expected_shortfall(level)
    assert law.value_at_risk(level) - 1e-9 <= es <= law.losses_usd[-1] + 1e-9


@given(laws, levels)
def test_tail_weights_give_the_expected_shortfall_and_count_the_tail_once(law: LossDistribution, level: float) -> None:
    weights = law.tail_weights(level)
    assert weights @ law.probabilities == pytest.approx(1.0, abs=1e-9)
    assert law.losses_usd * weights @ law.probabilities == pytest.approx(law.expected_shortfall(level), rel=1e-9)


@given(laws)
def test_tranches_that_cover_everything_lose_the_expected_loss(law: LossDistribution) -> None:
    cuts = [0.0, 3.0, 7.5, max(8.0, float(law.losses_usd[-1]))]
    parts = [law.tranche_expected_loss(a, d) * (d - a) for a, d in itertools.pairwise(cuts)]
    assert sum(parts) == pytest.approx(law.mean(), rel=1e-12)


def test_a_law_on_its_lattice_has_no_resolution_error() -> None:
    assert homogeneous_distribution(5, 0.1, 0.2, loss_usd=7.0).resolution_usd == 0.0


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_levels_outside_the_open_interval_are_refused(level: float) -> None:
    with pytest.raises(ValueError):
        THREE_POINTS.value_at_risk(level)


def test_an_empty_tranche_is_refused() -> None:
    with pytest.raises(ValueError):
        THREE_POINTS.tranche_expected_loss(10.0, 10.0)
