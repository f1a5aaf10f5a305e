"""What is told of a world is what its paths are, and the worst scenarios are the worst."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.models.explain import (
    OBLIGORS,
    WORST,
    obligor_story,
    scenario_story,
    teller,
    worst_numbers,
    worst_scenarios,
)
from rackrisk.models.market import REGIMES
from rackrisk.models.mechanisms import Mechanisms

from ...helpers.loans import AS_OF, run_loans, tape_of
from ...helpers.tellers import MONTHS, SEED, corner_book, opened_world, run_of, worst
from ...helpers.worlds import digest

SWITCHES = tuple(Mechanisms.model_fields)


def test_prices_are_told_as_they_went() -> None:
    tally, tell = run_of("base")
    told = tell(worst(tally, 1)[0], 0)
    moves = scenario_story(told).world.moves
    paths = {name: told.paths.cash[0, : MONTHS + 1, k] for k, name in enumerate(told.cash_names)}
    paths |= {name: told.paths.price[0, : MONTHS + 1, k] for k, name in enumerate(told.value_names)}
    rows = {row["channel"]: row for row in moves.filter(kind="price").iter_rows(named=True)}
    assert set(rows) == {*paths, "short_rate"}
    for name, path in paths.items():
        row = rows[name]
        assert (row["start"], row["end"]) == (path[0], path[-1])
        assert (row["low"], row["high"]) == (path.min(), path.max())
        assert path[row["low_month"]] == path.min()
        assert path[row["high_month"]] == path.max()


def test_impact_and_regimes_are_those_that_the_engine_saw() -> None:
    tally, tell = run_of("crisis")
    for number in worst(tally, 3):
        told = tell(number, 0)
        world = scenario_story(told).world
        impact = world.moves.filter(kind="impact")
        assert impact["channel"].to_list() == told.value_names
        np.testing.assert_array_equal(impact["low"].to_numpy(), told.replay.impact.min(axis=0))
        numbers = [REGIMES.index(name) for name in world.regimes]
        assert numbers == told.paths.regime[0, 1 : MONTHS + 1].tolist()
        assert sum(world.months_in(name) for name in REGIMES) == MONTHS
        first = world.first_month_of("stress")
        assert first is None or world.regimes[first - 1] == "stress" not in world.regimes[: first - 1]


def test_counterparties_are_told_with_the_debt_that_depends_on_them() -> None:
    tally, tell = run_of("base")
    kinds = set()
    for number in worst(tally, 6):
        told = tell(number, 0)
        happenings = scenario_story(told).world.happenings
        died = dict(zip(told.counterparties, told.paths.death_month[0].tolist(), strict=True))
        for column, kind in (("offtaker", "offtaker_default"), ("guarantor", "guarantor_default")):
            balance = dict(corner_book().group_by(column).agg(pl.col("balance_usd").sum()).iter_rows())
            expected = {name: (died[name], usd) for name, usd in balance.items() if name and died[name] <= MONTHS}
            rows = happenings.filter(kind=kind).to_dicts()
            found = {row["name"]: (row["month"], row["balance_usd"]) for row in rows}
            assert found == {name: (month, pytest.approx(usd)) for name, (month, usd) in expected.items()}
        kinds |= set(happenings["kind"])
        assert happenings["month"].is_sorted()
    assert kinds == {"launch", "offtaker_default", "guarantor_default"}


def test_a_scenario_is_the_sum_of_its_obligors() -> None:
    tally, tell = run_of("crisis")
    for number in worst(tally, 4):
        story = scenario_story(tell(number, 0))
        assert list(story.obligors.columns) == list(OBLIGORS)
        assert story.obligors["loss_quanta"].sum() == tally.loss[number, 0]
        assert story.scopes["loss_quanta"].to_list() == tally.loss[number].tolist()
        assert story.obligors["loss_quanta"].is_sorted(descending=True)
        causes = dict(story.obligors.drop_nulls("cause").group_by("cause").len().iter_rows())
        assert causes == {name: count for name, count in story.causes.items() if count}
        assert (story.obligors["default_month"].is_not_null() == story.obligors["cause"].is_not_null()).all()
        assert story.defaults == story.obligors["default_month"].is_not_null().sum()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 8))
def test_the_worst_are_the_largest_losses_and_of_equals_the_first(loss: list[int], count: int) -> None:
    found = worst_numbers(np.array(loss), count)
    expected = sorted((number for number in range(len(loss)) if loss[number]), key=lambda n: (-loss[n], n))
    assert found == expected[:count]


def test_worst_scenarios_are_ranked_and_their_rows_belong_to_them() -> None:
    tally, tell = run_of("base")
    numbers = worst_numbers(tally.loss[:, 0], 3)
    found = worst_scenarios(tell, numbers)
    assert found.scenarios["scenario"].to_list() == numbers == worst(tally, 3)
    assert found.scenarios["rank"].to_list() == [1, 2, 3]
    for frame in found.tables().values():
        assert set(frame.select("rank", "scenario").unique().iter_rows()) <= set(enumerate(numbers, start=1))
    for row in found.scenarios.iter_rows(named=True):
        assert row["defaults"] == row["defaults_payment"] + row["defaults_margin"] + row["defaults_refinancing"]
        assert row["months_calm"] + row["months_boom"] + row["months_stress"] == MONTHS
        losers = found.losers.filter(scenario=row["scenario"])
        assert 0 < losers["loss_usd"].sum() <= row["loss_usd"]


def test_where_nothing_is_lost_there_is_no_worst_scenario_but_tables_with_columns() -> None:
    safe = tape_of({"balance_usd": 100.0, "btc_pledged": 1.0})
    tables = run_loans(safe, "market=flat", worst=WORST).worst
    full = run_loans(corner_book(), "market=base", worst=1, months=24, scenarios=5).worst
    assert {name: frame.height for name, frame in tables.items()} == dict.fromkeys(full, 0)
    assert {name: frame.schema for name, frame in tables.items()} == {name: f.schema for name, f in full.items()}
    assert run_loans(safe, "market=flat").worst == {}


def test_the_tables_of_a_run_do_not_know_the_order_of_its_tape() -> None:
    book, options = corner_book(), {"worst": 2, "months": 18, "scenarios": 8}
    ours, theirs = (run_loans(tape, "market=hash_credit_crisis", **options).worst for tape in (book, book.reverse()))
    assert {name: digest(frame) for name, frame in ours.items()} == {name: digest(f) for name, f in theirs.items()}


@pytest.mark.parametrize("off", SWITCHES)
def test_without_a_mechanism_a_world_is_told_without_it(off: str) -> None:
    options = {"worst": 2, "months": 24, "scenarios": 8, "mechanisms": Mechanisms(**{off: False})}
    tables = run_loans(corner_book(), "market=hash_credit_crisis", **options).worst
    moves, happenings = tables["worst_moves"], tables["worst_happenings"]
    impact, btc = moves.filter(kind="impact"), moves.filter(kind="price", channel="btc")
    assert (impact["low"] == 1).all() == (off == "vacuum")
    assert (btc["low"] == btc["high"]).all() == (off == "leverage")
    assert (happenings["kind"] == "launch").all() == (off == "offtake")
    assert tables["worst_scenarios"].height == 2


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_compiled_engine_tells_the_same_lives_as_the_reference(precision: str) -> None:
    """Its own accounts and losses; recovery worked out beside it differs by the rounding of its arithmetic."""
    tally, tell = run_of("base", "jax", precision)
    reference, tell_reference = run_of("base")
    epsilon = np.finfo(precision).eps
    beside = teller(opened_world("base", "jax", precision), months=MONTHS, as_of=AS_OF, seed=SEED, beside=True)
    for number in worst(reference, 1):
        for place in range(0, len(opened_world("base").built.book.stream), 3):
            told, theirs = tell(number, place), tell_reference(number, place)
            story, other = obligor_story(told, place), obligor_story(theirs, place)
            assert told.replay.tally.loss[0, 0] == tally.loss[number, 0]
            assert (story.default_month, story.cause) == (other.default_month, other.cause)
            assert story.events["kind"].to_list() == other.events["kind"].to_list()
            tolerance = 3000 * epsilon * story.balance_usd + told.quantum_usd
            assert abs(story.loss_usd - other.loss_usd) <= tolerance
            for name in ("cash_usd", "debt_after_usd", "cfads_usd", "due_usd"):
                assert ((story.months[name] - other.months[name]).abs() <= tolerance).all(), name
            if story.recovery is not None:
                assert story.recovery.difference_usd <= 100 * epsilon * story.balance_usd + told.quantum_usd
        near, exact = (scenario_story(tell_it(number, 0)) for tell_it in (beside, tell))
        assert (near.exact, exact.exact) == (False, True)
        assert near.obligors.equals(exact.obligors)
