"""Shares of the loss by mechanism: the algebra on games with known values, then a simulated book."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.data import check_tape, generate
from rackrisk.models.attribution import (
    TOTAL,
    WITHOUT,
    Attribution,
    all_subsets,
    attribute,
    shapley_weights,
    share_rows,
)
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.simulate import simulate

from ..helpers.loans import AS_OF, ASICS, GENERATIONS

PLAYERS = ("a", "b", "c", "d")
SUBSETS = list(all_subsets(PLAYERS))
SOME = Mechanisms(duration=False, convergence=False, vacuum=False)


def test_shares_are_mean_contributions_over_all_orders() -> None:
    worth = dict(zip(SUBSETS, np.random.default_rng(1).normal(size=len(SUBSETS)), strict=True))
    expected = dict.fromkeys(PLAYERS, 0.0)
    for order in permutations(PLAYERS):
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            expected[player] += (worth[before | {player}] - worth[before]) / 24
    found = shapley_weights(PLAYERS, SUBSETS) @ np.array([worth[subset] for subset in SUBSETS])
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-12)


def test_a_known_game_has_its_published_value() -> None:
    # A left glove and two right ones; a pair is worth 1: 2/3, 1/6, 1/6 (Shapley and Shubik 1969).
    players = ("left", "right", "other right")
    subsets = list(all_subsets(players))
    worth = np.array([float("left" in subset and len(subset) > 1) for subset in subsets])
    np.testing.assert_allclose(shapley_weights(players, subsets) @ worth, [2 / 3, 1 / 6, 1 / 6], rtol=1e-12)


def test_what_does_not_interact_gets_what_it_adds_alone() -> None:
    adds = {"a": 1.0, "b": -2.0, "c": 0.0, "d": 4.0}
    terms = np.array([[10 + sum(adds[name] for name in subset)] * 40 for subset in SUBSETS])
    rows = {row["mechanism"]: row for row in share_rows(PLAYERS, SUBSETS, terms, 0.95)}
    for name, value in adds.items():
        found = rows[name]
        assert (found["value"], found["alone"], found["removed"]) == pytest.approx((value,) * 3, abs=1e-12)
        assert found["share"] == pytest.approx(value / 13)
    assert (rows[WITHOUT]["value"], rows[TOTAL]["value"]) == (10, 13)


def test_errors_are_those_of_differences_in_the_same_scenarios() -> None:
    # Noise common to all worlds cancels in a share; noise that a mechanism brings stays.
    rng = np.random.default_rng(2)
    common, own = 100 * rng.normal(size=1000), rng.normal(size=1000)
    terms = np.stack([common + ("a" in subset) * own for subset in SUBSETS])
    rows = {row["mechanism"]: row for row in share_rows(PLAYERS, SUBSETS, terms, 0.95)}
    assert rows["a"]["std_error"] == pytest.approx(own.std(ddof=1) / 1000**0.5)
    assert rows["b"]["std_error"] == pytest.approx(0, abs=1e-12)


def book() -> pl.DataFrame:
    return check_tape(generate(12, seed=3), file="test", as_of=AS_OF, generations=GENERATIONS, asic_classes=ASICS)


def run(switches: Mechanisms, engine: str = "reference") -> Attribution:
    settings = structural_settings("market=hash_credit_crisis")
    return attribute(
        book(),
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=switches,
        months=24,
        scenarios=64,
        seed=1,
        as_of=AS_OF,
        levels=[0.9],
        engine=engine,
    )


@pytest.fixture(scope="module")
def found() -> Attribution:
    return run(SOME)


def test_shares_and_the_rest_add_up_to_the_total(found: Attribution) -> None:
    for (_, _), rows in found.shares.group_by("scope", "measure"):
        worth = dict(rows.select("mechanism", "value").iter_rows())
        total = worth.pop(TOTAL)
        assert sum(worth.values()) == pytest.approx(total, rel=1e-12)
        assert total > 0
        assert set(worth) == {"deflation", "leverage", "offtake", WITHOUT}


def test_worlds_are_what_the_simulation_says_of_their_switches(found: Attribution) -> None:
    settings = structural_settings("market=hash_credit_crisis")
    on = {"deflation": True, "leverage": False, "offtake": True}
    alone = simulate(
        book(),
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=SOME.model_copy(update=on),
        months=24,
        scenarios=64,
        seed=1,
        as_of=AS_OF,
        engine="reference",
    )
    world = found.worlds.filter(pl.all_horizontal(pl.col(name) == value for name, value in on.items()))
    value = world.filter((pl.col("scope") == "portfolio") & (pl.col("measure") == "EL"))["value"].item()
    assert value == pytest.approx(alone.losses["loss"].mean(), rel=1e-12)


def test_engines_agree_on_shares(found: Attribution) -> None:
    other = run(SOME, engine="jax")
    np.testing.assert_allclose(
        other.shares["value"].to_numpy(), found.shares["value"].to_numpy(), rtol=1e-3, atol=1e-6 * 1e9
    )


def test_nothing_to_share_out_is_refused() -> None:
    with pytest.raises(ValueError, match="every switch is off"):
        run(Mechanisms(**dict.fromkeys(Mechanisms.model_fields, False)))
