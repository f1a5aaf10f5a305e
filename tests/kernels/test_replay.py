"""A scenario replayed is the scenario of the run: the same quanta, the same months of default, the same prices."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest

from rackrisk.kernels.arrays import State
from rackrisk.kernels.engines import Engine, run_scenarios
from rackrisk.kernels.month import MARGIN, PAYMENT
from rackrisk.kernels.obligors import chosen
from rackrisk.kernels.replay import Replayer, default_months, live, open_replay, replay_beside, sales
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import Tally
from rackrisk.models.simulate import path_maker

from ..helpers.worlds import MONTHS, book, built, opened

ENGINES = ["reference", pytest.param("jax", marks=pytest.mark.slow)]
COMPILED = [pytest.param("jax", precision, marks=pytest.mark.slow) for precision in ("float32", "float64")]
COUNT, SEED = 40, 3


@cache
def ready(engine: str, precision: str | None = None) -> tuple[Engine, Tally, Replayer]:
    """The shared book in an engine, its run, and what replays it."""
    precision = precision or ("float64" if engine == "reference" else "float32")
    now, (whole, market) = opened(engine, precision), built(book())
    again = open_replay(engine, whole.book, market, whole.scale, path_maker(whole), seed=SEED, precision=precision)
    assert again is not None
    return now, run_scenarios(now, COUNT), again


def worst(tally: Tally, count: int) -> list[int]:
    """Scenarios with many defaults."""
    return np.argsort(-tally.loss[:, 0])[:count].tolist()


def last(states: Iterable[State]) -> State:
    return list(states)[-1]


@pytest.mark.parametrize(("engine", "precision"), [("reference", "float64"), *COMPILED])
def test_a_replay_counts_what_the_engine_counts(engine: str, precision: str) -> None:
    now, run, again = ready(engine, precision)
    for scenario in [*worst(run, 6), *worst(run, COUNT)[-2:]]:
        found, alone = again(scenario, 0).tally, run_scenarios(now, np.array([scenario], np.uint32))
        assert np.array_equal(found.loss[0], run.loss[scenario])
        for name in ("facility_loss", "facility_exposure", "facility_exposure_pv", "facility_defaults", "causes"):
            assert np.array_equal(getattr(found, name), getattr(alone, name)), name
        assert np.array_equal(found.carried, alone.carried)
    assert run.causes[:, 0].sum() > COUNT


@pytest.mark.parametrize("engine", ENGINES)
def test_who_defaulted_when_follows_from_the_months_that_paid_interest(engine: str) -> None:
    now, run, again = ready(engine)
    seen = np.zeros(MONTHS + 1, dtype=bool)
    for scenario in worst(run, 8):
        replay = again(scenario, 0)
        found = default_months(built(book())[0].book, run_scenarios(now, np.array([scenario], np.uint32)))
        assert np.array_equal(found, replay.default_month)
        assert np.array_equal(replay.cause > 0, found > 0)
        seen[found] = True
    assert seen[:3].all()


@pytest.mark.parametrize("engine", ENGINES)
def test_sales_follow_from_who_defaulted_when(engine: str) -> None:
    _, run, again = ready(engine)
    whole, market = built(book())
    for scenario in worst(run, 3):
        replay = again(scenario, 0)
        paths = path_maker(whole)(np, market, key_words(SEED), np.array([scenario], np.uint32))
        _, impact = sales(whole.book, paths, replay.default_month)
        np.testing.assert_allclose(impact, replay.impact, rtol=0 if engine == "reference" else 2e-6)
        assert impact.min() < 0.9


@pytest.mark.parametrize("engine", ENGINES)
def test_the_life_beside_an_engine_is_that_of_the_engine_but_for_rounding(engine: str) -> None:
    now, run, again = ready(engine)
    whole, market = built(book())
    beside = replay_beside(now, whole.book, market, path_maker(whole), seed=SEED)
    rounding = 0.0 if engine == "reference" else 1e-4
    for scenario in worst(run, 3):
        for obligor in (0, 7, len(whole.book.stream) - 1):
            own, other = again(scenario, obligor), beside(scenario, obligor)
            assert own.exact
            assert not other.exact
            assert np.array_equal(own.tally.facility_loss, other.tally.facility_loss)
            assert np.array_equal(own.cause, other.cause)
            for name in ("cash_usd", "coins", "pledged_coins", "prepaid", "inventory", "impact"):
                mine, theirs = getattr(own.life, name), getattr(other.life, name)
                assert mine.shape == theirs.shape
                np.testing.assert_allclose(mine, theirs, rtol=rounding, atol=rounding * max(abs(mine).max(), 1))


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_an_engine_that_shows_no_months_is_replayed_with_its_own_losses(precision: str) -> None:
    """In float64 the CUDA engine has the reference's integers, and so has what is replayed beside it."""
    now, (whole, market) = opened("cuda", precision), built(book())
    arguments = (whole.book, market, whole.scale, path_maker(whole))
    assert open_replay("cuda", *arguments, seed=SEED, precision=precision) is None
    run, beside = run_scenarios(now, COUNT), replay_beside(now, whole.book, market, path_maker(whole), seed=SEED)
    _, _, reference = ready("reference")
    for scenario in worst(run, 2):
        found, expected = beside(scenario, 5), reference(scenario, 5)
        assert np.array_equal(found.tally.loss[0], run.loss[scenario])
        assert np.array_equal(found.default_month, expected.default_month)
        assert np.array_equal(found.cause, expected.cause)
        rounding = 0.0 if precision == "float64" else 1e-4
        np.testing.assert_allclose(found.life.cash_usd, expected.life.cash_usd, rtol=rounding, atol=rounding * 1e6)
        assert not found.exact


def test_an_obligor_alone_at_the_prices_of_all_lives_as_among_them() -> None:
    """Obligors see each other through prices and in no other way."""
    whole, market = built(book())
    _, run, again = ready("reference")
    scenario = worst(run, 1)[0]
    replay, key = again(scenario, 0), key_words(SEED)
    paths = path_maker(whole)(np, market, key, np.array([scenario], np.uint32))
    everybody = last(live(whole.book, paths, key, scenario))
    assert {PAYMENT, MARGIN} <= set(everybody.cause[0].tolist())
    for places in ([0], [3, 8, 9], list(range(0, len(whole.book.stream), 2))):
        few = chosen(whole.book, np.array(places))
        end = last(live(few, paths, key, scenario, sold=sales(whole.book, paths, replay.default_month)))
        for name in ("default_month", "cause", "cash_usd", "prepaid", "coins"):
            assert np.array_equal(getattr(end, name), getattr(everybody, name)[:, places]), name
        alone = last(live(few, paths, key, scenario))
        assert (alone.default_month[0] == 0).sum() >= (end.default_month[0] == 0).sum()
