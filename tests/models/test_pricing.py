"""Fair spreads: spreadsheets, one loan's errors worked out twice, and what a quote is held against."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rackrisk.models.measures import ratio_interval
from rackrisk.models.pricing import PricingConfig
from rackrisk.models.results import SimulationResult
from rackrisk.models.tail_risk import TailQuestions

from ..helpers.loans import run_loans, tape_of
from ..helpers.worlds import book, structural
from .spreadsheet import COIN_USD, FLAT, close, discount, loan

HURDLE, LEVEL = 0.12, 0.9


def questions(hurdle: float = HURDLE, level: float = LEVEL) -> TailQuestions:
    return TailQuestions((0.9,), 0.95, PricingConfig(hurdle_annual=hurdle, capital_level=level))


@cache
def crisis_run(hurdle: float = HURDLE, scenarios: int = 400) -> SimulationResult:
    return structural(book(), engine="reference", scenarios=scenarios, questions=questions(hurdle))


def weighted(values: pl.Series, weight: pl.Series) -> float:
    """Mean of values by weight."""
    return float(np.average(values.to_numpy(), weights=weight.to_numpy()))


def rows_of(run: SimulationResult, kind: str = "facility") -> pl.DataFrame:
    return run.pricing.filter(kind=kind)


# --- A world where nothing moves ------------------------------------------------------------------------------------


def test_a_certain_loss_is_priced_as_on_a_spreadsheet() -> None:
    """1.25 coins owed against one cannot be refinanced in month 12: 0.25 coins are lost, 11 months pay interest."""
    balance, lost = 1.25 * COIN_USD, 0.25 * COIN_USD * discount(12)
    under = loan("under", 12, balance_usd=balance, btc_pledged=1.0, quoted_spread_annual=0.30)
    run = run_loans(tape_of(under), *FLAT, months=12, scenarios=60, questions=questions())
    row = rows_of(run).row(0, named=True)
    pv = balance * sum(discount(t) for t in range(1, 12)) / 12
    fair = lost / pv + HURDLE * lost / balance
    assert row["el_usd"] == close(lost)
    assert row["capital_usd"] == close(lost)
    assert row["pv_balance_usd_years"] == close(pv)
    assert row["loss_spread_annual"] == close(lost / pv)
    assert row["capital_charge_annual"] == close(HURDLE * lost / balance)
    assert row["fair_spread_annual"] == close(fair)
    assert row["mispricing_annual"] == close(0.30 - fair)
    assert row["fair_spread_std_error"] < 2e-5 * fair  # shares of losses and balances are rounded to 2^-15


def test_a_loan_that_cannot_lose_is_worth_nothing_and_the_limit_says_how_little_was_seen() -> None:
    n, balance = 60, 0.5 * COIN_USD
    sure = loan("sure", 12, balance_usd=balance, btc_pledged=1.0, quoted_spread_annual=0.02)
    run = run_loans(tape_of(sure), *FLAT, months=12, scenarios=n, questions=questions())
    row, unseen = rows_of(run).row(0, named=True), 1 - 0.025 ** (1 / n)
    assert row["fair_spread_annual"] == row["fair_spread_std_error"] == row["fair_spread_ci_low"] == 0
    ceiling = unseen * balance / row["pv_balance_usd_years"] + HURDLE * unseen / (1 - LEVEL)
    assert row["fair_spread_ci_high"] == pytest.approx(ceiling)
    assert row["verdict"] == "open"


def test_a_loan_without_loss_in_the_tail_may_still_need_capital() -> None:
    """Its charge is 0 with an error of 0, which says nothing: the limit allows for what n scenarios can have missed."""
    run = crisis_run()
    own = rows_of(run).filter((pl.col("capital_usd") == 0) & (pl.col("el_usd") > 0))
    missed = HURDLE * (1 - 0.025 ** (1 / 400)) / (1 - LEVEL)
    assert own.height > 0
    assert (own["fair_spread_ci_high"] - own["fair_spread_annual"] > missed).all()


# --- Errors ---------------------------------------------------------------------------------------------------------


def test_the_error_of_one_loan_is_found_in_the_sums_and_in_the_scenarios() -> None:
    """For a book of one loan the facility's error, from sums kept for every facility, is that of the scope, from losses
    and paid balances of every scenario; shares are rounded to 2^-15, so about 1e-4 of the error may differ.
    """
    coin = loan("coin", 36, balance_usd=0.9 * COIN_USD, btc_pledged=1.0, quoted_spread_annual=0.05, margin_call_ltv=1.0)
    run = run_loans(tape_of(coin), "market=base", months=36, scenarios=3_000, questions=questions())
    one = rows_of(run).row(0, named=True)
    whole = run.pricing.filter(kind="all", name="portfolio").row(0, named=True)
    for name in ("loss_spread", "capital_charge", "fair_spread"):
        assert one[f"{name}_annual"] == pytest.approx(whole[f"{name}_annual"], rel=1e-9)
        assert one[f"{name}_std_error"] == pytest.approx(whole[f"{name}_std_error"], rel=2e-3)
    assert one["loss_spread_std_error"] > 0
    # both parts rise in the same scenarios, so the error is more than that of independent ones and less than their sum
    parts = one["loss_spread_std_error"], one["capital_charge_std_error"]
    assert math.hypot(*parts) < one["fair_spread_std_error"] < sum(parts)


@pytest.mark.slow
def test_the_errors_of_spreads_are_their_spread_over_seeds() -> None:
    """40 seeds know a standard deviation to 11 %; facilities with a positive spread in every run are looked at."""
    runs = [
        structural(book(12), engine="reference", scenarios=250, months=13, seed=seed, questions=questions())
        for seed in range(40)
    ]
    frames = [rows_of(run) for run in runs]
    for name in ("loss_spread", "fair_spread"):
        values = np.array([frame[f"{name}_annual"].to_numpy() for frame in frames])
        errors = np.array([frame[f"{name}_std_error"].fill_null(np.nan).to_numpy() for frame in frames])
        seen = (values > 0).all(axis=0) & (values.mean(axis=0) > 5 * errors.mean(axis=0))
        assert seen.sum() >= 2
        told = errors.mean(axis=0)[seen] / values.std(axis=0, ddof=1)[seen]
        assert (np.abs(told - 1) < 0.45).all()
        assert abs(told.mean() - 1) < 0.2


@pytest.mark.parametrize("events", [5, 10, 40])
def test_the_interval_of_a_ratio_covers_a_poisson_mean(events: int) -> None:
    counts = np.random.default_rng(1).poisson(events, 20_000).astype(float)
    low, high = ratio_interval(counts, np.sqrt(counts), confidence=0.95)
    seen = counts > 0
    covered = ((low <= events) & (events <= high))[seen].mean()
    assert 0.93 < covered < 0.985
    assert np.isnan(low[~seen]).all()


# --- Structure ------------------------------------------------------------------------------------------------------


def test_the_capital_charge_is_the_hurdle_on_the_contribution_and_nothing_else() -> None:
    dear, free = rows_of(crisis_run()), rows_of(crisis_run(hurdle=0.0))
    assert free["capital_charge_annual"].to_list() == [0.0] * free.height
    assert_frame_equal(dear.select("name", "loss_spread_annual"), free.select("name", "loss_spread_annual"))
    charge = HURDLE * dear["capital_usd"] / dear["balance_usd"]
    np.testing.assert_allclose(dear["capital_charge_annual"], charge, rtol=1e-12)
    own = crisis_run().contributions.filter(dimension="facility", measure="ES", level=LEVEL)
    both = dear.join(own, on="name")
    assert both.height == dear.height
    assert both["capital_usd"].to_list() == both["value_usd"].to_list()


def test_a_scope_is_the_balance_weighted_mean_of_its_facilities() -> None:
    run, own = crisis_run(), rows_of(crisis_run())
    for row in run.pricing.filter(pl.col("kind") != "facility").iter_rows(named=True):
        inside = own if row["name"] == "portfolio" else own.filter(segment=row["name"])
        inside = inside.drop_nulls("quoted_spread_annual") if row["kind"] == "quoted" else inside
        weight = inside["pv_balance_usd_years"]
        for name in ("loss_spread_annual", "capital_charge_annual", "fair_spread_annual"):
            assert row[name] == pytest.approx(weighted(inside[name], weight), rel=1e-9)
        assert row["capital_usd"] == pytest.approx(inside["capital_usd"].sum())
        if row["kind"] == "quoted":
            assert row["quoted_spread_annual"] == pytest.approx(weighted(inside["quoted_spread_annual"], weight))


def test_the_error_of_a_quoted_part_is_a_bound() -> None:
    """Where every facility of a segment is quoted the bound can be held against the error."""
    quoted = book().with_columns(quoted_spread_annual=pl.lit(0.05))
    run = structural(quoted, engine="reference", scenarios=400, questions=questions())
    both = rows_of(run, "quoted").join(rows_of(run, "all"), on="name", suffix="_all")
    assert both.height == len(run.scopes)
    assert (both["fair_spread_annual"] == both["fair_spread_annual_all"]).all()
    assert (both["fair_spread_std_error"] >= both["fair_spread_std_error_all"] * (1 - 1e-9)).all()
    assert (both["loss_spread_std_error"] >= both["loss_spread_std_error_all"] * (1 - 1e-9)).all()


def test_ranks_and_verdicts_follow_the_mispricing() -> None:
    own = rows_of(crisis_run())
    priced = own.drop_nulls("rank").sort("rank")
    assert priced["rank"].to_list() == list(range(1, priced.height + 1))
    assert priced["mispricing_annual"].is_sorted()
    assert own.filter(pl.col("quoted_spread_annual").is_null())["rank"].null_count() == own["rank"].null_count()
    low, high = pl.col("mispricing_ci_low"), pl.col("mispricing_ci_high")
    assert own.filter(verdict="pays").filter(low <= 0).is_empty()
    assert own.filter(verdict="falls short").filter(high >= 0).is_empty()
    assert own.filter(verdict="open").filter((low > 0) | (high < 0)).is_empty()
    assert {"pays", "falls short"} <= set(own["verdict"])
    known = own.drop_nulls("mispricing_ci_low")
    assert known.select((low <= pl.col("mispricing_annual")) & (pl.col("mispricing_annual") <= high)).to_series().all()


@pytest.mark.parametrize("scenarios", [1, 2, 29])
def test_too_few_scenarios_give_no_error_and_no_verdict(scenarios: int) -> None:
    run = crisis_run(scenarios=scenarios)
    own = rows_of(run)
    assert own["fair_spread_std_error"].null_count() == own.height
    assert own["verdict"].null_count() == own.height
    assert run.contributions.filter(measure="ES")["std_error_usd"].null_count() > 0


def test_nothing_is_asked_and_nothing_is_answered() -> None:
    run: Any = structural(book(), engine="reference", scenarios=20)
    assert run.pricing.width == run.contributions.width == run.concentration.width == run.offtaker_defaults.width == 0
