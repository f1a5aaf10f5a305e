"""Contributions to VaR and ES: they add up exactly, and are right where the answer is known."""

from __future__ import annotations

import math
import random
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rackrisk.kernels.engines import Engine
from rackrisk.kernels.tally import FacilityRows
from rackrisk.models import simulate as simulation
from rackrisk.models.contributions import Dimension, ReplayMismatch, apportion, estimate_tail, tail_of
from rackrisk.models.contributions import _tables as tables_of_contributions
from rackrisk.models.contributions._moments import Groups, gather
from rackrisk.models.measures import measures_table, tail_ranks
from rackrisk.models.pricing import PricingConfig
from rackrisk.models.results import SimulationResult
from rackrisk.models.tail_risk import TailQuestions

from ..helpers.worlds import book, structural

LEVELS = (0.9, 0.99)
QUESTIONS = TailQuestions(LEVELS, 0.95, PricingConfig(hurdle_annual=0.1, capital_level=0.95))
DIMENSIONS = {"facility", "obligor", "offtaker", "segment", "generation"}


@cache
def crisis_run(engine: str = "reference", order: int | None = None) -> SimulationResult:
    tape = book() if order is None else book().sample(fraction=1, shuffle=True, seed=order)
    return structural(tape, engine=engine, scenarios=400, questions=QUESTIONS)


# --- Sums ---------------------------------------------------------------------------------------------------------


@given(st.floats(1e-3, 1e15), st.lists(st.integers(0, 2**70), min_size=1, max_size=60).filter(any))
def test_parts_add_up_to_the_last_bit_in_any_order(total: float, weights: list[int]) -> None:
    parts = apportion(total, weights)
    shuffled = list(parts)
    random.Random(1).shuffle(shuffled)
    assert sum(parts.tolist()) == sum(shuffled) == math.fsum(parts) == float(np.sum(parts)) == total
    exact = np.array([float(total * (weight / sum(weights))) for weight in weights])
    assert (np.abs(parts - exact) <= 4 * math.ulp(total)).all()
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


def test_nothing_is_shared_out_by_nothing() -> None:
    assert apportion(0.0, [0, 0]).tolist() == [0, 0]
    for total, weights in ((1.0, [0, 0]), (-1.0, [1]), (math.nan, [1]), (1.0, [-1, 2])):
        with pytest.raises(ValueError, match="shared out"):
            apportion(total, weights)


@pytest.mark.parametrize("engine", ["reference", pytest.param("jax", marks=pytest.mark.slow)])
def test_every_dimension_adds_up_exactly_to_the_reported_measures(engine: str) -> None:
    run = crisis_run(engine)
    reported = measures_table(run, LEVELS, 0.95).filter(scope="portfolio")
    assert set(run.contributions["dimension"]) == DIMENSIONS
    for dimension in DIMENSIONS:
        rows = run.contributions.filter(dimension=dimension)
        for measure, level in [("EL", None), *((m, level) for m in ("VaR", "ES") for level in LEVELS)]:
            at = pl.col("level").is_null() if level is None else pl.col("level") == level
            told = reported.filter(at, measure=measure)["value"].item()
            assert sum(rows.filter(at, measure=measure)["value_usd"].to_list()) == told > 0
        assert rows.filter(measure="exposure")["value_usd"].sum() == pytest.approx(run.exposure_usd["portfolio"])
    assert (run.contributions["value_usd"] >= 0).all()


def test_a_group_has_the_contributions_of_its_facilities() -> None:
    run = crisis_run()
    owner = run.facilities.select("facility_id", "obligor_id", "segment")
    rows = run.contributions.filter(dimension="facility").join(owner, left_on="name", right_on="facility_id")
    for dimension, column in (("obligor", "obligor_id"), ("segment", "segment")):
        group = rows.group_by(column, "measure", "level").agg(pl.col("value_usd").sum())
        theirs = run.contributions.filter(dimension=dimension).drop("dimension")
        keys = {"left_on": [column, "measure", "level"], "right_on": ["name", "measure", "level"], "nulls_equal": True}
        both = group.join(theirs, **keys)
        assert both.height == theirs.height
        np.testing.assert_allclose(both["value_usd"], both["value_usd_right"], rtol=1e-12)


def test_a_segments_losses_in_the_tail_are_its_contribution() -> None:
    run = crisis_run()
    losses = run.losses.sort("loss", descending=True).head(40)  # 400 scenarios at 0.9: 40, as no two lose the same
    for segment in run.segments:
        found = run.contributions.filter(dimension="segment", name=segment, measure="ES", level=0.9)
        assert found["value_usd"].item() == pytest.approx(losses[f"loss:{segment}"].mean(), rel=1e-12)


def test_facilities_keep_their_names() -> None:
    """A facility that never defaults contributes nothing, one that loses is held against its own losses."""
    run = crisis_run()
    rows = run.contributions.filter(dimension="facility", measure="EL").join(
        run.facilities, left_on="name", right_on="facility_id"
    )
    np.testing.assert_allclose(rows["value_usd"], rows["el_usd"], rtol=1e-12)
    tail = run.contributions.filter(dimension="facility", measure="ES", level=0.9).join(
        run.facilities, left_on="name", right_on="facility_id"
    )
    assert tail.filter(pl.col("el_usd") == 0)["value_usd"].sum() == 0
    assert (tail["value_usd"] * 0.1 <= tail["el_usd"] * (1 + 1e-12)).all()  # the tail's part of the expected loss


# --- Known answers --------------------------------------------------------------------------------------------------


def estimates(losses: np.ndarray, levels: tuple[float, ...] = (0.9,), batch: int = 7) -> Any:
    """Contributions of facilities whose losses are given, [n, F] whole quanta of one dollar."""
    facilities, total = losses.shape[1], losses.sum(axis=1)
    place = np.arange(facilities)
    each = Dimension("facility", [f"f{i}" for i in place], place, place, np.full(facilities, 2**16))
    tail = tail_of(total, levels, 0.95)
    rows = losses[tail.numbers]
    replay = (
        FacilityRows(rows[first : first + batch], np.zeros((len(rows[first : first + batch]), facilities), np.int32))
        for first in range(0, len(rows), batch)
    )
    groups = Groups(np.ones((1, facilities)), total[tail.numbers][:, None])
    gathered = gather(tail, replay, [each], weights=np.eye(facilities), groups=groups)
    return estimate_tail(tail, gathered, [each], losses_usd=total.astype(float), quantum_usd=1.0, confidence=0.95)


def independent_losses(n: int = 100_000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pd, size = np.array([0.02, 0.05, 0.03, 0.10, 0.01]), np.array([64, 8, 16, 2, 32])
    return (np.random.default_rng(seed).random((n, 5)) < pd) * size, pd, size


def exact_contributions(pd: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, float]:
    """E[L_i | tail] over all 2^F states of independent loans, the atom at the VaR counted in part; and the VaR."""
    states = np.array(np.meshgrid(*[[0, 1]] * len(pd), indexing="ij")).reshape(len(pd), -1).T
    probability = np.prod(np.where(states == 1, pd, 1 - pd), axis=1)
    total = states @ size
    order = np.argsort(total, kind="stable")
    var = total[order][np.searchsorted(np.cumsum(probability[order]), level)]
    beyond, at = total > var, total == var
    tail = 1 - level
    part = (tail - probability[beyond].sum()) / probability[at].sum()
    weight = probability * (beyond + part * at) / tail
    return (weight[:, None] * states * size).sum(axis=0), var


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_independent_loans_contribute_what_all_their_states_say(level: float) -> None:
    losses, pd, size = independent_losses()
    exact, var = exact_contributions(pd, size, level)
    found = estimates(losses, (level,)).levels[0]
    assert found.var_usd == var
    assert (np.abs(found.es - exact) < 4.5 * found.es_error + 1e-9).all()
    assert (found.es_error < 0.1 * exact.sum()).all()


def test_errors_are_the_spread_of_the_estimates() -> None:
    """200 runs of 2,000 scenarios: the standard deviation is known to 5 %, so a fifth is four of its errors."""
    runs = [estimates(loans_with_a_common_factor(2_000, seed)).levels[0] for seed in range(200)]
    for kind in ("es", "var"):
        spread = np.std([getattr(run, kind) for run in runs], axis=0, ddof=1)
        told = np.mean([getattr(run, f"{kind}_error") for run in runs], axis=0)
        assert (np.abs(told / spread - 1) < (0.2 if kind == "es" else 0.35)).all()
    spread = np.std([run.es / run.es_usd for run in runs], axis=0, ddof=1)
    assert (np.abs(np.mean([run.es_share_error for run in runs], axis=0) / spread - 1) < 0.2).all()


def loans_with_a_common_factor(n: int, seed: int) -> np.ndarray:
    """Losses without atoms: a lognormal factor and a lognormal of its own for each of four loans."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 4))
    return np.round(1e6 * np.exp(np.array([1.0, 0.7, 0.4, 0.1]) * common + 0.5 * own)).astype(np.int64)


def test_influences_average_to_the_contribution() -> None:
    """With atoms too: the centre and the mean of the influences are the contribution that is reported."""
    for losses in (independent_losses(20_000)[0], loans_with_a_common_factor(3_000, 4)):
        for level in estimates(losses, (0.9, 0.95)).levels:
            influence = level.influence
            np.testing.assert_allclose(influence.centre + influence.total() / influence.n, level.es, rtol=1e-9)


def test_the_band_is_the_interval_of_the_var() -> None:
    total = np.random.default_rng(2).permutation(np.arange(1, 5_001)).astype(np.int64)
    tail = tail_of(total, (0.95, 0.99), 0.95)
    for level in tail.levels:
        at, low, high = tail_ranks(5_000, level.level, 0.95)
        assert sorted(tail.loss_quanta[level.band]) == list(range(low, high + 1))  # the loss of a scenario is its rank
        assert sorted(tail.loss_quanta[level.beyond]) == list(range(at + 1, 5_001))
        assert tail.loss_quanta[level.atom].tolist() == [at] == [level.var_quanta]
    assert np.array_equal(tail.loss_quanta, total[tail.numbers])


def test_the_errors_of_the_whole_are_those_of_the_measures() -> None:
    losses = loans_with_a_common_factor(5_000, 1).sum(axis=1, keepdims=True)
    found = estimates(losses, LEVELS)
    table = {
        (row["measure"], row["level"]): row
        for row in measures_table(one_scope(losses[:, 0].astype(float)), LEVELS, 0.95).iter_rows(named=True)
    }
    for level in found.levels:
        for kind, measure in (("es", "ES"), ("var", "VaR")):
            row = table[measure, level.level]
            assert getattr(level, kind)[0] == row["value"]
            assert getattr(level, f"{kind}_error")[0] == pytest.approx(row["std_error"], rel=1e-7)
        assert level.es_share_error[0] < 1e-6


def one_scope(losses: np.ndarray) -> SimulationResult:
    """A book that is one scope; every other field is empty."""
    values: dict[str, Any] = {field.name: None for field in fields(SimulationResult)}
    frame = pl.DataFrame({"loss": losses, "weight": np.ones(len(losses))})
    return SimulationResult(**values | {"scopes": ["portfolio"], "losses": frame, "n_scenarios": len(losses)})


def test_the_batches_of_a_replay_cannot_be_seen() -> None:
    losses = loans_with_a_common_factor(3_000, 2)
    one, other = (estimates(losses, LEVELS, batch) for batch in (1, 1_000))
    for ours, theirs in zip(one.levels, other.levels, strict=True):
        for name in ("es", "es_error", "es_share_error", "var", "var_error", "var_share_error"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert np.array_equal(one.combined, other.combined)


def test_scenarios_with_equal_losses_are_few_to_replay_and_contribute_their_mean() -> None:
    """Every scenario loses 12, the first loan in half of them: ES and VaR are 12, of which it has 6."""
    n = 4_000
    first = np.random.default_rng(1).random(n) < 0.5
    losses = np.stack([12 * first, 12 * ~first], axis=1).astype(np.int64)
    found = estimates(losses, (0.95,))
    assert len(found.tail.numbers) < 0.07 * n
    level = found.levels[0]
    assert level.es_usd == level.var_usd == 12
    assert level.es.sum() == 12
    assert (np.abs(level.es - 6) < 4.5 * 12 * 0.5 / math.sqrt(len(found.tail.numbers))).all()


def test_a_book_that_loses_nothing_contributes_nothing() -> None:
    found = estimates(np.zeros((500, 3), np.int64))
    assert len(found.tail.numbers) == 0
    assert found.levels[0].es.tolist() == found.levels[0].var.tolist() == [0, 0, 0]


def test_a_rare_loss_alone_beyond_a_var_of_nothing() -> None:
    losses = np.zeros((1_000, 2), np.int64)
    losses[17] = 30, 10
    level = estimates(losses, (0.99,)).levels[0]
    assert level.var_usd == 0
    assert level.es.tolist() == [3.0, 1.0]  # 1 of the worst 10


# --- What it may not depend on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["contributions", "concentration", "pricing", "offtaker_defaults"])
def test_the_order_of_the_tape_leaves_every_bit_as_it_is(table: str) -> None:
    assert_frame_equal(getattr(crisis_run(), table), getattr(crisis_run(order=4), table), check_exact=True)


def test_a_replay_that_differs_by_one_quantum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = simulation.open_simulation

    def tampered(*args: Any, **options: Any) -> simulation.Opened:
        found = opened(*args, **options)
        return replace(found, engine=_off_by_one(found.engine))

    monkeypatch.setattr(simulation, "open_simulation", tampered)
    with pytest.raises(ReplayMismatch, match=r"scenario \d+ lost"):
        structural(book(), engine="reference", scenarios=200, questions=QUESTIONS)


def _off_by_one(engine: Engine) -> Engine:
    def replay(*batch: np.ndarray) -> FacilityRows:
        rows = engine.replay(*batch)
        loss = rows.loss.copy()
        loss[..., 0] += 1
        return rows._replace(loss=loss)

    return replace(engine, replay=replay)


# --- Concentration --------------------------------------------------------------------------------------------------


def test_concentration_is_that_of_the_shares() -> None:
    run = crisis_run()
    for row in run.concentration.iter_rows(named=True):
        at = pl.col("level").is_null() if row["level"] is None else pl.col("level") == row["level"]
        shares = run.contributions.filter(at, dimension=row["dimension"], measure=row["measure"])
        named = shares.filter(pl.col("name") != "(none)")
        shares_of_named = named["share"].to_numpy()
        assert row["herfindahl"] == pytest.approx((shares_of_named**2).sum() / shares_of_named.sum() ** 2)
        assert 1 <= row["effective_members"] <= row["members"] + 1e-9
        assert row["largest_share"] == named["share"].max()
        assert named.filter(name=row["largest"])["share"].item() == row["largest_share"]
        assert row["effective_members"] == pytest.approx(1 / row["herfindahl"])
    assert run.concentration.filter(dimension="obligor", measure="ES").height == len({*LEVELS, 0.95})


def test_members_that_are_not_listed_are_added_up_in_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = crisis_run()
    monkeypatch.setattr(tables_of_contributions, "LISTED", 5)
    cut = structural(book(), engine="reference", scenarios=400, questions=QUESTIONS)
    assert_frame_equal(cut.concentration, whole.concentration, check_exact=True)
    for (dimension, measure, level), rows in whole.contributions.group_by("dimension", "measure", "level"):
        at = pl.col("level").is_null() if level is None else pl.col("level") == level
        shown = cut.contributions.filter(at, dimension=dimension, measure=measure)
        assert sum(shown["value_usd"].to_list()) == sum(rows["value_usd"].to_list())
        assert shown.height == min(rows.height, 6)
        if rows.height > 5:
            assert shown["name"][-1] == tables_of_contributions.OTHERS
            kept = rows.filter(pl.col("name").is_in(shown["name"].to_list()))
            assert_frame_equal(shown.head(5), kept, check_exact=True)
            assert kept["share"].max() == rows["share"].max()
            left_out = rows.join(kept, on="name", how="anti")
            error = shown["std_error_usd"][-1]
            assert error is None or error == pytest.approx(left_out["std_error_usd"].sum())


def test_a_second_run_has_the_same_bytes() -> None:
    """No library sums in an order of its own."""
    again = structural(book(), engine="reference", scenarios=400, questions=QUESTIONS)
    for table in ("contributions", "concentration", "pricing", "offtaker_defaults"):
        assert_frame_equal(getattr(crisis_run(), table), getattr(again, table), check_exact=True)
