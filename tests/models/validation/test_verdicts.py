"""Verdicts: what passes, what fails, what is not judged, and how often a right program is blamed."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from rackrisk.models.validation import FAIL, FEW, PASS, SPREAD_LEVEL, Z_BOUND, Check, parse_cases
from rackrisk.models.validation._check import MIN_EVENTS, TAIL, exact, frequency, sampled
from rackrisk.models.validation._run import spread_of

from .test_cases import GOOD

(CASE,) = parse_cases(
    GOOD | {"tolerance": {"formula": {"kind": "relative", "value": 0.01, "floor": 0.5, "reason": "for tests only"},
                          "simulation": {"kind": "bit-exact", "reason": "for tests only"}}},
    "test",
)  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "reference", "verdict"),
    [(101.0, 100.0, PASS), (98.9, 100.0, FAIL), (10.4, 10.0, PASS), (10.6, 10.0, FAIL), (math.nan, 1.0, FAIL)],
)
def test_a_formula_is_judged_by_distance(ours: float, reference: float, verdict: str) -> None:
    assert exact(CASE, "x", ours=ours, reference=reference).verdict == verdict


def test_bits_must_be_equal() -> None:
    for ours, verdict in (("0000beef", PASS), ("0000bee0", FAIL)):
        assert exact(CASE, "x", ours=ours, reference="0000beef", engine="jax").verdict == verdict
    assert exact(CASE, "x", ours=1.0, reference=1.0 + 2**-52, engine="jax").verdict == FAIL


@pytest.mark.parametrize(("distance", "verdict"), [(Z_BOUND - 0.01, PASS), (-Z_BOUND - 0.01, FAIL), (math.nan, FAIL)])
def test_an_estimate_is_judged_by_z(distance: float, verdict: str) -> None:
    check = sampled(CASE, "x", ours=10 + 2 * distance, reference=10.0, std_error=2.0, engine="jax")
    assert check.verdict == verdict
    assert sampled(CASE, "x", ours=99.0, reference=1.0, std_error=1.0, engine="jax", judged=False).verdict == FEW


def test_without_an_error_only_the_truth_passes() -> None:
    for ours, verdict in ((3.0, PASS), (3.1, FAIL)):
        check = sampled(CASE, "x", ours=ours, reference=3.0, std_error=0.0, engine="jax")
        assert (check.verdict, check.z) == (verdict, None)


@pytest.mark.parametrize("probability", [0.0015, 0.03, 0.5, 0.98])
def test_frequencies_fail_exactly_where_the_binomial_tail_says(probability: float) -> None:
    trials = 8000
    verdicts = {
        hits: frequency(CASE, "x", hits=hits, trials=trials, reference=probability, engine="jax").verdict
        for hits in range(trials + 1)
    }
    mean, deviation = trials * probability, math.sqrt(trials * probability * (1 - probability))
    wrong = np.array([hits for hits, verdict in verdicts.items() if verdict == FAIL])
    assert 0.05 * TAIL < stats.binom.pmf(wrong, trials, probability).sum() <= TAIL
    assert verdicts[round(mean)] == PASS
    assert verdicts[round(mean + 6 * deviation + 9)] == FAIL


def test_rare_events_are_not_judged() -> None:
    for probability in (MIN_EVENTS / 1001, 1 - MIN_EVENTS / 1001):
        check = frequency(CASE, "x", hits=500, trials=1000, reference=probability, engine="jax")
        assert check.verdict == FEW


def test_the_bound_blames_a_right_program_once_in_a_thousand_runs() -> None:
    assert pytest.approx(2 * NormalDist().cdf(-Z_BOUND)) == TAIL
    assert 500 * TAIL < 1.1e-3


def checks_of(z: np.ndarray) -> list[Check]:
    """A check for each z; rows are cases."""
    first = sampled(CASE, "x", ours=0.0, reference=0.0, std_error=1.0, engine="jax")
    return [replace(first, case=f"case {k}", z=value) for k, row in enumerate(z.tolist()) for value in row]


@pytest.mark.parametrize("correlation", [0.0, 0.7, 1.0])
def test_the_spread_of_right_errors_is_rarely_blamed(correlation: float) -> None:
    rng = np.random.default_rng(1)
    blamed = 0
    for _ in range(300):
        common, own = rng.standard_normal((20, 1)), rng.standard_normal((20, 3))
        spread = spread_of(checks_of(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own), "jax")
        assert spread is not None
        blamed += spread.verdict == FAIL
    assert blamed <= stats.binom.ppf(0.9999, 300, SPREAD_LEVEL)


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_standard_errors_that_are_too_large_or_too_small_are_noticed(factor: float) -> None:
    z = factor * np.random.default_rng(2).standard_normal((25, 6))
    spread = spread_of(checks_of(z), "jax")
    assert spread is not None
    assert spread.verdict == FAIL
    assert spread_of(checks_of(z), "reference") is None
