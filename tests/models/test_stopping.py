"""What a target says, and the decision at a look: a pure function of the losses with the interval of the table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rackrisk.models.measures import measure_losses
from rackrisk.models.stopping import (
    LEAST_GROWTH,
    MARGIN,
    MOST_BIAS,
    MOST_GROWTH,
    ROUND,
    TAIL_SCENARIOS,
    Look,
    Target,
    level_problem,
    limit_problem,
    most_scenarios,
    next_look,
    parse_target,
)

Losses = NDArray[np.float64]
MOST = 1_000_000
LEVELS = (0.5, 0.9, 0.99)
TEXTS = ["EL:1%", "SD:2%", "VaR:0.99:2%", "ES:0.999:1%", "ES:0.975:0.25%", "VaR:0.5:50%"]


def draws(n: int, seed: int = 1) -> Losses:
    return np.random.default_rng(seed).exponential(size=n)


def look(losses: Losses, text: str, *, most: int = MOST, confidence: float = 0.95) -> Look:
    return next_look(losses, parse_target(text), confidence, most)


# --- targets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_a_target_reads_back_what_it_says(text: str) -> None:
    assert str(parse_target(text)) == text


@given(
    st.sampled_from(["VaR", "ES"]),
    st.decimals("0.0001", "0.9999", places=4),
    st.decimals("0.01", "50", places=2),
)
def test_equal_targets_are_equal_texts(measure: str, level: object, share: object) -> None:
    target = parse_target(f"{measure}:{level}00:{share}0%")
    assert str(target) == str(parse_target(str(target)))
    assert (target.level, target.share) == (float(str(level)), pytest.approx(float(str(share)) / 100, rel=1e-15))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be MEASURE:P%"),
        ("ES", "must be MEASURE:P%"),
        ("ES:0.999:1", "must be MEASURE:P%"),
        ("ES:0.9:0.9:1%", "must be MEASURE:P%"),
        ("es:0.999:1%", "did you mean ES?"),
        ("PD:1%", "'PD' is no measure: choose EL, SD, VaR, ES"),
        ("ES:1%", "ES needs a level"),
        ("EL:0.99:1%", "EL has no level"),
        ("ES:1:1%", "strictly between 0 and 1"),
        ("ES:0:1%", "strictly between 0 and 1"),
        ("ES:99.9%:1%", "is not a number"),
        ("ES:-0.9:1%", "is not a number"),
        ("ES:٠.٩:1%", "is not a number"),
        ("ES:0.9:nan%", "is not a number of percent"),
        ("ES:0.9:1e0%", "is not a number of percent"),
        ("EL:%", "is not a number of percent"),
        ("EL:0%", "0% must be above 0 and at most 50%"),
        ("EL:50.1%", "50.1% must be above 0 and at most 50%"),
        (" EL:1%", "is no measure"),
    ],
)
def test_a_target_that_says_nothing_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_target(text)
    assert words in str(caught.value)


def test_everything_wrong_with_a_target_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        parse_target("PD:2:90%")
    assert [word in str(caught.value) for word in ("no measure", "between 0 and 1", "at most 50%")] == [True] * 3


@given(st.decimals("0.0001", "0.9999", places=4))
def test_enough_scenarios_are_on_the_rarer_side_when_looks_begin_to_count(level: object) -> None:
    number = parse_target(f"ES:{level}:1%").fewest_scenarios
    rare = min(float(str(level)), 1 - float(str(level)))
    assert number * rare >= TAIL_SCENARIOS * (1 - 1e-12)
    assert number == 1_000 or (number - 1) * rare < TAIL_SCENARIOS


def test_a_target_and_the_rest_of_a_run_must_fit() -> None:
    target = parse_target("ES:0.999:1%")
    assert level_problem(target, levels=(0.99, 0.999), possible=MOST) is None
    assert "which are 0.99, 0.95" in str(level_problem(target, levels=(0.99, 0.95), possible=MOST))
    assert "needs 400,000 scenarios" in str(level_problem(target, levels=None, possible=399_999))
    assert limit_problem(target, scenarios=1_000, most=400_000) is None
    assert "at least 400,000" in str(limit_problem(target, scenarios=1_000, most=399_999))
    assert "at least `scenarios`, 500,001" in str(limit_problem(target, scenarios=500_001, most=500_000))
    assert level_problem(parse_target("EL:1%"), levels=(0.99,), possible=MOST) is None


@given(st.sampled_from(TEXTS), st.integers(1, 10**6))
def test_what_is_run_where_no_limit_is_said_breaks_no_rule(text: str, scenarios: int) -> None:
    target = parse_target(text)
    most = most_scenarios(target, scenarios=scenarios)
    assert limit_problem(target, scenarios=scenarios, most=most) is None


# --- looks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["EL:1%", "SD:2%", "VaR:0.99:2%", "ES:0.99:1%"])
def test_a_look_sees_what_the_table_of_measures_will_say(text: str) -> None:
    losses, target = draws(5_000), parse_target(text)
    seen = next_look(losses, target, 0.9, MOST)
    rows = measure_losses(losses, levels=[0.99], confidence=0.9, scope="portfolio")
    (row,) = (row for row in rows if (row.measure, row.level) == (target.measure, target.level))
    assert (seen.value, seen.std_error) == (row.value, row.std_error)
    assert (seen.ci_low, seen.ci_high) == (row.ci_low, row.ci_high)
    assert row.value is not None
    assert row.ci_low is not None
    assert row.ci_high is not None
    assert seen.half_width == pytest.approx((row.ci_high - row.ci_low) / 2 / row.value, rel=1e-14)


@given(st.integers(1, 3_000), st.integers(0, 50), st.sampled_from(["EL:4%", "SD:5%", "VaR:0.9:3%", "ES:0.9:4%"]))
def test_a_look_decides_alike_for_any_order_of_the_scenarios(n: int, seed: int, text: str) -> None:
    losses = draws(n, seed)
    shuffled = np.random.default_rng(seed).permutation(losses)
    assert look(losses, text) == look(shuffled, text)


@given(st.integers(1, 6_000), st.integers(0, 50), st.sampled_from(["EL:4%", "SD:5%", "VaR:0.9:3%", "ES:0.9:4%"]))
def test_a_look_goes_on_by_a_bounded_factor_in_round_numbers(n: int, seed: int, text: str) -> None:
    seen, fewest = look(draws(n, seed), text), parse_target(text).fewest_scenarios
    if seen.verdict == "stop":
        assert (seen.next_scenarios, seen.needed) == (None, n)
        return
    assert seen.verdict == "go on"
    following = seen.next_scenarios
    assert following is not None
    assert following % ROUND == 0
    if n < fewest:
        assert following == math.ceil(fewest / ROUND) * ROUND  # and nothing of the sample is in it
    else:
        assert n * LEAST_GROWTH <= following <= n * MOST_GROWTH + ROUND


@pytest.mark.parametrize("text", ["VaR:0.99:2%", "ES:0.99:2%"])
def test_no_narrow_interval_counts_before_its_tail_is_there(text: str) -> None:
    losses = 100.0 + draws(TAIL_SCENARIOS * 100)  # narrow at once, as shares of about 105
    early = look(losses[:-1], text)
    assert early.half_width is not None
    assert early.half_width < 0.02
    assert (early.verdict, early.next_scenarios) == ("go on", TAIL_SCENARIOS * 100)
    assert look(losses, text).verdict == "stop"


def test_no_narrow_interval_counts_while_its_error_is_skewed() -> None:
    rare = np.zeros(4_000)
    rare[:20] = 1.0  # an error with skewness near 1 / sqrt(20), whatever the rest
    seen = look(100.0 + rare, "EL:1%")
    assert seen.half_width is not None
    assert seen.half_width < 0.01
    assert seen.verdict == "go on"
    assert seen.next_scenarios == pytest.approx(4_000 * MARGIN / 20 / MOST_BIAS**2, rel=0.05)
    assert "too few to trust that error" in seen.reason


def test_no_look_counts_while_an_estimate_that_is_high_by_chance_would_end_the_run() -> None:
    losses = np.random.default_rng(1).normal(
        1.0, 10.0, size=8_000
    )  # not skewed, but a share of a mean that is hardly known
    seen = look(losses, "EL:30%")
    assert seen.half_width is not None
    assert seen.half_width < 0.3
    assert seen.verdict == "go on"
    assert seen.std_error is not None
    assert seen.value is not None
    assert seen.needed == pytest.approx(8_000 * MARGIN * (2.0 * seen.std_error / seen.value / MOST_BIAS) ** 2, rel=0.1)


def test_the_next_look_follows_the_square_root_law() -> None:
    losses = draws(10_000)
    seen = look(losses, "EL:1.25%")
    assert seen.half_width is not None
    assert seen.next_scenarios is not None
    assert 0 <= seen.next_scenarios - 10_000 * (seen.half_width / 0.0125) ** 2 * MARGIN <= ROUND
    assert seen.needed == seen.next_scenarios


def test_the_last_look_is_at_the_limit_and_says_what_would_be_needed() -> None:
    losses = draws(10_000)
    assert look(losses, "EL:1%", most=12_345).next_scenarios == 12_345
    last = look(losses, "EL:1%", most=10_000)
    assert (last.verdict, last.next_scenarios) == ("out of reach", None)
    assert last.needed is not None
    assert last.needed > 40_000
    assert last.reason.startswith("EL is known to 2")
    assert last.reason.endswith(" would reach 1 %")


def test_a_target_that_is_met_at_the_limit_is_met() -> None:
    seen = look(draws(10_000), "EL:3%", most=10_000)
    assert (seen.verdict, seen.needed) == ("stop", 10_000)
    assert "would" not in seen.reason


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        (np.zeros(2_000), "does not vary"),
        (np.array([1.0, 2.0]), "fewer than 30 scenarios"),
        (np.tile([-1.0, 1.0], 1_000), "the estimate is 0"),
    ],
)
def test_where_there_is_no_relative_error_it_says_so_and_goes_on_to_the_limit(losses: Losses, why: str) -> None:
    seen = look(losses, "EL:1%")
    assert seen.verdict == "go on"
    assert why in seen.reason
    last = look(losses, "EL:1%", most=len(losses))
    assert (last.verdict, last.needed) == ("out of reach", None)


def test_a_quantile_known_to_be_zero_is_known_well_enough() -> None:
    losses = np.zeros(50_000)
    losses[:10] = 1.0
    seen = look(losses, "VaR:0.99:1%")
    assert (seen.verdict, seen.half_width) == ("stop", 0.0)


@given(st.integers(0, 10**6))
def test_a_run_cut_off_and_resumed_looks_at_the_same_numbers(seed: int) -> None:
    losses, target = draws(40_000, seed), parse_target("ES:0.9:4%")

    def looks(first: int) -> list[Look]:
        found = [next_look(losses[:first], target, 0.95, 40_000)]
        while (following := found[-1].next_scenarios) is not None:
            found.append(next_look(losses[:following].copy(), target, 0.95, 40_000))
        return found

    whole = looks(1_000)
    assert whole[-1].verdict != "go on"
    assert looks(whole[1].scenarios) == whole[1:]  # resumed after its first look


def test_numbers_are_never_said_better_than_they_are() -> None:
    target = Target("EL", None, 0.01)
    losses = draws(10_000)
    width = next_look(losses, target, 0.95, 10_000).half_width
    assert width is not None
    said = next_look(losses, replace(target, share=width * 0.999), 0.95, 10_000)
    assert said.verdict == "out of reach"
    shown = float(said.reason.split("known to ")[1].split(" %")[0])
    assert shown >= 100 * width
    assert shown <= 110 * width


def test_a_target_that_is_just_missed_is_worth_a_quarter_more_scenarios() -> None:
    losses, target = draws(10_000), Target("EL", None, 0.01)
    width = next_look(losses, target, 0.95, MOST).half_width
    assert width is not None
    just = replace(target, share=width * 0.999)
    assert next_look(losses, just, 0.95, MOST).next_scenarios == 10_000 * LEAST_GROWTH + ROUND / 2  # 12,500, rounded up


def test_gains_are_known_as_well_as_losses() -> None:
    losses = draws(10_000)
    gain, loss = look(-losses, "EL:3%"), look(losses, "EL:3%")
    assert gain.half_width == pytest.approx(loss.half_width, rel=1e-9)
    assert gain.verdict == loss.verdict == "stop"
