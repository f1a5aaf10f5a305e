"""Differences of measures between runs: coverage against exact answers, with common random numbers and without."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.models.measures import Sample, difference, measure_losses
from rackrisk.models.measures._difference import INDEPENDENT, PAIRED, PARTLY_PAIRED, UNKNOWN

LEVEL = 0.95
MEASURES = (("EL", None), ("SD", None), ("VaR", LEVEL), ("ES", LEVEL))
NORMAL = NormalDist()
Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def exact(mean: float, sd: float) -> dict[str, float]:
    """Measures of a normal loss."""
    z = NORMAL.inv_cdf(LEVEL)
    return {"EL": mean, "SD": sd, "VaR": mean + sd * z, "ES": mean + sd * NORMAL.pdf(z) / (1 - LEVEL)}


def sample(losses: np.ndarray) -> Sample:
    return Sample.of(losses, levels=(LEVEL,), confidence=0.95)


def coverage(draw: Draw, *, common: bool, tries: int = 300) -> tuple[dict[str, float], dict[str, float]]:
    """Share of intervals that hold the exact difference, and the mean standard error over the spread of the values."""
    rng = np.random.default_rng(8)
    hits, errors, values = ({name: [] for name, _ in MEASURES} for _ in range(3))
    truth = {name: exact(1.0, 1.5)[name] - exact(0.0, 1.0)[name] for name, _ in MEASURES}
    for _ in range(tries):
        first, second = map(sample, draw(rng))
        for name, level in MEASURES:
            found = difference(first, second, measure=name, level=level, confidence=0.95, common=common)
            assert found.value is not None
            assert found.std_error is not None
            assert found.ci_low is not None
            assert found.ci_high is not None
            hits[name].append(found.ci_low <= truth[name] <= found.ci_high)
            errors[name].append(found.std_error)
            values[name].append(found.value)
    ratio = {name: float(np.mean(errors[name]) / np.std(values[name], ddof=1)) for name in hits}
    return {name: float(np.mean(hits[name])) for name in hits}, ratio


def together(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Correlated normal losses N(0, 1) and N(1, 1.5^2)."""
    world = rng.normal(size=1_000)
    return world, 1.0 + 1.5 * (0.9 * world + np.sqrt(1 - 0.81) * rng.normal(size=1_000))


def partly(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The first has the first half of the second's scenarios."""
    first, second = together(rng)
    return first[:500], second


def apart(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=1_000), 1.0 + 1.5 * rng.normal(size=1_000)


@pytest.mark.parametrize(("draw", "common"), [(together, True), (partly, True), (apart, False)])
def test_intervals_cover_and_errors_are_those_of_repetition(draw: Draw, common: bool) -> None:
    hits, ratio = coverage(draw, common=common)
    # Of 300 tries 1.3 % is one standard deviation of a coverage, 4.1 % of a spread: four, and the bias of tails.
    assert all(0.89 <= share <= 0.995 for share in hits.values()), hits
    assert all(0.82 <= found <= 1.2 for found in ratio.values()), ratio


def test_common_random_numbers_make_the_error_of_a_difference_smaller() -> None:
    first, second = map(sample, together(np.random.default_rng(1)))
    for name, level in MEASURES:
        paired, apart_ = (
            difference(first, second, measure=name, level=level, confidence=0.95, common=common)
            for common in (True, False)
        )
        assert (paired.method, apart_.method) == (PAIRED, INDEPENDENT)
        assert paired.value == apart_.value
        assert (paired.std_error or 0) < 0.8 * (apart_.std_error or 0)


@given(st.integers(30, 400), st.floats(0.1, 10), st.floats(-5, 5))
def test_a_run_and_itself_differ_by_nothing(count: int, scale: float, shift: float) -> None:
    losses = shift + scale * np.random.default_rng(count).exponential(size=count)
    one = sample(losses)
    for name, level in MEASURES:
        found = difference(one, sample(losses.copy()), measure=name, level=level, confidence=0.95, common=True)
        assert found.value == 0.0
        assert found.std_error in (0.0, None)


def test_independent_errors_are_those_of_the_measures() -> None:
    first, second = map(sample, apart(np.random.default_rng(4)))
    for name, level in MEASURES:
        rows = [
            next(r for r in measure_losses(s.losses, levels=[LEVEL], confidence=0.95, scope="x") if r.measure == name)
            for s in (first, second)
        ]
        found = difference(first, second, measure=name, level=level, confidence=0.95, common=False)
        assert found.std_error == pytest.approx(sum((row.std_error or 0) ** 2 for row in rows) ** 0.5, rel=2e-3)


def test_overlap_is_said_and_its_error_lies_between() -> None:
    first, second = partly(np.random.default_rng(3))
    error = [
        difference(sample(first), sample(second), measure="EL", level=None, confidence=0.95, common=common)
        for common in (True, False)
    ]
    assert error[0].method == PARTLY_PAIRED
    assert 0 < (error[0].std_error or 0) < (error[1].std_error or 0)


def test_no_error_is_made_up_for_a_measure_without_one() -> None:
    few = sample(np.arange(40.0))
    found = difference(few, few, measure="ES", level=LEVEL, confidence=0.95, common=True)
    assert (found.std_error, found.ci_low, found.method) == (None, None, UNKNOWN)
    assert found.value == 0.0
