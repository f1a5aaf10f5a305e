"""Proportions and ratios against SciPy, against each other, and over many samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rackrisk.models.measures import proportion, ratio, ratio_from_sums


@pytest.mark.parametrize(("count", "n"), [(0, 10), (10, 10), (1, 3), (7, 20_000), (19_999, 20_000), (500, 1_000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_wilson_interval_agrees_with_scipy(count: int, n: int, confidence: float) -> None:
    found = proportion(count, n, confidence=confidence)
    wilson = stats.binomtest(count, n).proportion_ci(confidence, method="wilson")
    assert found.value == count / n
    assert found.std_error == pytest.approx(np.sqrt(count / n * (1 - count / n) / n))
    assert (found.ci_low, found.ci_high) == pytest.approx((wilson.low, wilson.high), rel=1e-12, abs=1e-15)


def test_interval_of_a_certain_event_touches_one_and_of_none_touches_zero() -> None:
    found = proportion([0, 5], 5)
    assert found.ci_low[0] == 0.0
    assert found.ci_high[1] == 1.0
    assert found.ci_high[0] > 0.3
    assert found.ci_low[1] < 0.7


def test_arrays_are_treated_element_by_element() -> None:
    counts = np.array([[0, 3], [9, 10]])
    whole = proportion(counts, 10)
    for index, count in np.ndenumerate(counts):
        for field, single in zip(whole, proportion(count, 10), strict=True):
            assert field[index] == single


@pytest.mark.parametrize(("count", "n"), [(-1, 10), (11, 10), (0, 0), (np.nan, 10), (1, np.inf)])
def test_impossible_counts_are_refused(count: float, n: float) -> None:
    with pytest.raises(ValueError, match="proportion"):
        proportion(count, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, np.nan])
def test_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        proportion(1, 2, confidence=confidence)


def test_constant_lgd_has_no_error() -> None:
    exposure = np.array([0.0, 10.0, 0.0, 30.0])
    assert ratio(0.25 * exposure, exposure) == (0.25, 0.0)


def test_ratio_without_denominator_or_without_a_second_scenario() -> None:
    assert ratio([0.0, 0.0], [0.0, 0.0]) == (None, None)
    assert ratio([1.0], [4.0]) == (0.25, None)


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0, 2.0]), ([np.nan], [1.0]), ([[1.0]], [[1.0]]), ([1.0], [np.inf])])
def test_scenarios_that_do_not_pair_up_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="per scenario"):
        ratio(a, b)


def defaults(rng: np.random.Generator, scenarios: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses and exposures of rare defaults whose severity rises with their number."""
    count = rng.poisson(rng.gamma(0.5, 1.0, scenarios)).astype(np.float64)
    return count * np.minimum(0.3 + 0.05 * count, 1.0) * rng.uniform(0.5, 1.5, scenarios), count


def test_sums_give_the_same_as_samples() -> None:
    pairs = [defaults(np.random.default_rng(seed), 500) for seed in range(4)]
    a, b = np.array([x for x, _ in pairs]).T, np.array([y for _, y in pairs]).T
    found = ratio_from_sums(
        a.sum(0), b.sum(0), sum_aa=(a * a).sum(0), sum_ab=(a * b).sum(0), sum_bb=(b * b).sum(0), n=500
    )
    for i, (losses, exposures) in enumerate(pairs):
        assert (found.value[i], found.std_error[i]) == pytest.approx(ratio(losses, exposures), rel=1e-12)


def test_sums_without_defaults_are_nan() -> None:
    found = ratio_from_sums([0.0, 1.0], [0.0, 2.0], sum_aa=[0.0, 1.0], sum_ab=[0.0, 2.0], sum_bb=[0.0, 4.0], n=1)
    np.testing.assert_array_equal(found.value, [np.nan, 0.5])
    np.testing.assert_array_equal(found.std_error, [np.nan, np.nan])


def test_standard_error_of_a_ratio_is_its_spread_over_samples() -> None:
    found = [ratio(*defaults(np.random.default_rng([5, seed]), 2_000)) for seed in range(800)]
    values = np.array([x.value for x in found], dtype=np.float64)
    errors = np.array([x.std_error for x in found], dtype=np.float64)
    # the standard deviation of 800 values is known to 2.5 %
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=0.1)
