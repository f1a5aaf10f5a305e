"""Coherence, equivariance and independence of order, for any losses."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rackrisk.models.measures import Measure, measure_losses

from .test_measures_oracles import exact_var_es

LEVELS = ("0.05", "0.5", "0.9", "0.95", "0.99", "0.999")
amounts = st.one_of(st.integers(-50, 50).map(float), st.floats(-1e9, 1e9))
levels = st.sampled_from(LEVELS).map(float)
Array = NDArray[np.float64]


@st.composite
def samples(draw: st.DrawFn, count: int) -> list[Array]:
    """`count` losses of the same scenarios."""
    n = draw(st.integers(1, 60))
    return [np.array(draw(st.lists(amounts, min_size=n, max_size=n))) for _ in range(count)]


def rows(losses: Array, level: float = 0.9) -> list[Measure]:
    return measure_losses(losses, levels=[level], confidence=0.9, scope="portfolio")


def value(losses: Array, name: str, level: float = 0.9) -> float:
    found = next(row.value for row in rows(losses, level) if row.measure == name)
    assert found is not None
    return found


def rounding(*losses: Array) -> float:
    """A few units in the last place of the largest loss, magnified by sums of at most 60 of them over a small tail."""
    return 1e-13 * max(1.0, *(float(np.abs(x).max()) for x in losses))


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60), st.sampled_from(LEVELS))
def test_var_and_es_equal_their_rational_definitions(losses: list[int], level: str) -> None:
    var, es = exact_var_es(losses, level)
    assert value(np.array(losses, dtype=float), "VaR", float(level)) == float(var)
    assert abs(value(np.array(losses, dtype=float), "ES", float(level)) - float(es)) <= 1e-15 * max(1.0, abs(es)) * 4


@given(samples(2), levels)
def test_es_is_subadditive(pair: list[Array], level: float) -> None:
    x, y = pair
    assert value(x + y, "ES", level) <= value(x, "ES", level) + value(y, "ES", level) + rounding(x, y)


@given(samples(2), levels)
def test_var_and_es_are_monotone(pair: list[Array], level: float) -> None:
    x, y = pair[0], pair[0] + np.abs(pair[1])
    assert value(x, "VaR", level) <= value(y, "VaR", level)
    assert value(x, "ES", level) <= value(y, "ES", level) + rounding(x, y)


@given(samples(1), levels)
def test_es_lies_between_var_and_the_largest_loss_and_above_el(single: list[Array], level: float) -> None:
    (x,) = single
    es = value(x, "ES", level)
    assert value(x, "VaR", level) <= es <= x.max() + rounding(x)
    assert value(x, "EL") <= es + rounding(x)


@given(samples(1), st.sampled_from([(0.5, 0.9), (0.9, 0.95), (0.99, 0.999)]))
def test_var_and_es_rise_with_the_level(single: list[Array], pair: tuple[float, float]) -> None:
    (x,) = single
    for name in ("VaR", "ES"):
        assert value(x, name, pair[0]) <= value(x, name, pair[1]) + rounding(x)


@given(samples(1), amounts)
def test_a_certain_loss_moves_every_value_but_the_spread(single: list[Array], shift: float) -> None:
    (x,) = single
    for name in ("EL", "VaR", "ES"):
        assert abs(value(x + shift, name) - (value(x, name) + shift)) <= rounding(x, x + shift)


@given(samples(1), st.integers(-40, 40))
def test_a_power_of_two_scales_every_number_exactly(single: list[Array], exponent: int) -> None:
    (x,) = single
    x = np.round(x)  # no subnormal numbers, whose last bits a division would drop
    for before, after in zip(rows(x), rows(np.ldexp(x, exponent)), strict=True):
        for field in ("value", "std_error", "ci_low", "ci_high"):
            old, new = getattr(before, field), getattr(after, field)
            assert new == (None if old is None else np.ldexp(old, exponent))


@given(samples(1), st.randoms(use_true_random=False), levels)
def test_order_of_scenarios_changes_no_bit(single: list[Array], random: Random, level: float) -> None:
    (x,) = single
    shuffled = x.tolist()
    random.shuffle(shuffled)
    assert repr(rows(np.array(shuffled), level)) == repr(rows(x, level))


def test_order_changes_no_bit_of_a_large_sample() -> None:
    rng = np.random.default_rng(3)
    x = rng.lognormal(10.0, 3.0, size=50_000) * (rng.random(50_000) < 0.4)  # many zeros, thirty orders of magnitude
    x[:100] *= -1.0  # with negative zeros
    first = rows(x, 0.999)
    for _ in range(5):
        assert repr(rows(rng.permutation(x), 0.999)) == repr(first)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=60), st.integers(-30, 0))
def test_values_of_quantised_losses_are_rounded_once(counts: list[int], exponent: int) -> None:
    losses = np.ldexp(np.array(counts, dtype=float), exponent)
    assert value(losses, "EL") == np.ldexp(sum(counts) / len(counts), exponent)
    assert value(losses, "VaR", 0.5) == np.ldexp(sorted(counts)[-(-len(counts) // 2) - 1], exponent)


@given(st.lists(amounts, min_size=2, max_size=40))
def test_el_and_sd_equal_their_rational_definitions(losses: list[float]) -> None:
    exact, n = [Fraction(x) for x in losses], len(losses)
    mean = sum(exact) / n
    assert value(np.array(losses), "EL") == float(sum(exact)) / n
    sd = math.sqrt(sum((x - mean) ** 2 for x in exact) / (n - 1))
    assert value(np.array(losses), "SD") == pytest.approx(sd, rel=1e-12, abs=rounding(np.array(losses)))


def test_large_losses_that_cancel_leave_the_small_one() -> None:
    assert value(np.array([1e16, 1.0, -1e16, 0.0]), "EL") == 0.25


def test_signs_of_zero_do_not_depend_on_the_order() -> None:
    assert repr(rows(np.array([0.0, -0.0, 0.0]), 0.5)) == repr(rows(np.array([-0.0, 0.0, -0.0]), 0.5))


@given(samples(1), levels)
def test_intervals_contain_their_estimates_in_order(single: list[Array], level: float) -> None:
    (x,) = single
    for row in rows(np.tile(x, 20), level):
        if row.value is not None and row.measure == "VaR":
            assert row.ci_low is None or row.ci_low <= row.value
            assert row.ci_high is None or row.ci_high >= row.value
        if row.ci_low is not None and row.ci_high is not None:
            assert row.ci_low <= row.ci_high
        assert row.std_error is None or row.std_error >= 0.0
