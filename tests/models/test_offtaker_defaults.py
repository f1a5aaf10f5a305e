"""What an offtaker's default costs: the same defaults as in the market's paths, and known answers in a still world."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rackrisk.kernels.streams import key_words
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.market.survival import counterparty_survival
from rackrisk.models.offtaker_defaults import _moments
from rackrisk.models.pricing import PricingConfig
from rackrisk.models.results import SimulationResult
from rackrisk.models.tail_risk import TailQuestions

from ..helpers.loans import run_loans, tape_of
from ..helpers.worlds import MONTHS, book, built
from .spreadsheet import BULLET, FLAT, discount, month_end

QUESTIONS = TailQuestions((0.9,), 0.95, PricingConfig(hurdle_annual=0.1, capital_level=0.9))
SCENARIOS = 4_096


@pytest.mark.parametrize("months", [1, 12, MONTHS])
def test_defaults_are_those_of_the_markets_paths(months: int) -> None:
    _, market = built(book())
    numbers = np.arange(7, 500, 3, dtype=np.uint32)
    paths = simulate_paths(np, market, key_words(5), numbers)
    found = counterparty_survival(market, key_words(5), numbers, months)
    assert np.array_equal(found.dead, paths.death_month[:, 1:] <= months)


def test_the_probability_of_a_default_is_that_of_the_draw() -> None:
    _, market = built(book())
    found = counterparty_survival(market, key_words(5), np.arange(4_000, dtype=np.uint32), MONTHS)
    difference = (found.dead - found.probability).mean(axis=0)
    error = np.sqrt((found.probability * (1 - found.probability)).mean(axis=0) / 4_000)
    assert (np.abs(difference) < 4.5 * error).all()
    assert found.dead.any()


def test_survivors_worlds_are_weighed_to_be_like_the_defaulters() -> None:
    """Held up by what is known of every world, its probability of default, which plain survivors have too little of."""
    _, market = built(book())
    found = counterparty_survival(market, key_words(5), np.arange(4_000, dtype=np.uint32), MONTHS)
    likely = int(found.probability.mean(axis=0).argmax())
    (dead, alive, alike), _ = _moments(market, found.probability[:, likely], np.array([likely]), seed=5, months=MONTHS)
    assert abs(dead.mean - alike.mean).item() < 4.5 * np.hypot(dead.error, alike.error).item()
    assert (dead.mean - alive.mean).item() > 20 * np.hypot(dead.error, alive.error).item()


def on_contract(name: str, offtaker: str, balance: float) -> dict[str, object]:
    """A contract pays the interest and a tenth more; without the tenant nothing is left and all is lost."""
    return {
        **BULLET,
        "facility_id": name,
        "obligor_id": name,
        "segment": "loans",
        "balance_usd": balance,
        "maturity_date": month_end(12),
        "gpus_h100": 1e-9,
        "contracted_share": 1.0,
        "contract_revenue_usd_month": 0.011 * balance,
        "contract_end_date": month_end(120),
        "offtaker": offtaker,
        "offtaker_pd_annual": 0.2,
    }


def still_world() -> SimulationResult:
    """Two tenants with the same PD and nothing else that moves; the larger one is behind two of three loans."""
    loans = tape_of(on_contract("a", "Large", 3e6), on_contract("b", "Large", 1e6), on_contract("c", "Small", 1e6))
    flat = [f"market.counterparties.regime_multiple.{regime}=1" for regime in ("calm", "boom", "stress")]
    return run_loans(loans, *FLAT, *flat, months=11, scenarios=SCENARIOS, questions=QUESTIONS)


def test_a_default_costs_what_its_tenants_loans_lose() -> None:
    run = still_world()
    rows = {row["name"]: row for row in run.offtaker_defaults.iter_rows(named=True)}
    assert run.offtaker_defaults["name"].to_list() == ["Large", "Small"]
    assert [rows[name]["debt_usd"] for name in ("Large", "Small")] == [4e6, 1e6]
    for name, lost in (("Large", 4e6), ("Small", 1e6)):
        row = rows[name]
        assert lost * discount(11) < row["cost_usd"] < lost * discount(1)
        # nothing but the month of the default varies
        assert row["cost_std_error_usd"] < lost * (discount(1) - discount(11)) / np.sqrt(row["n_replayed"])
        for compared in ("difference", "alike_difference"):
            distance = row[f"{compared}_usd"] - row["cost_usd"]
            assert abs(distance) < 4.5 * row[f"{compared}_std_error_usd"]
        assert abs(row["pd"] - (1 - 0.8 ** (11 / 12))) < 4.5 * row["pd_std_error"]


def test_every_pair_of_scenarios_is_a_default_of_that_name_alone() -> None:
    """With fewer than 64 such scenarios all of them are used: their number is known."""
    run = still_world()
    both = run.losses["loss"].to_numpy()
    large, small = (run.offtaker_defaults.filter(name=name).row(0, named=True) for name in ("Large", "Small"))
    only_small = int(((both > 0) & (both < 1e6)).sum())
    assert small["n_replayed"] == min(only_small, 64)
    assert large["n_replayed"] == min(int((both > 3.5e6).sum()) - int((both > 4.5e6).sum()), 64)


def test_a_book_without_names_has_an_empty_table() -> None:
    run = run_loans(tape_of({**BULLET, "btc_pledged": 1.0}), *FLAT, months=6, scenarios=20, questions=QUESTIONS)
    assert run.offtaker_defaults.is_empty()
    assert run.offtaker_defaults.schema["cost_usd"] == pl.Float64


def test_guarantors_count_as_names() -> None:
    guaranteed = {**on_contract("a", "Tenant", 1e6), "guarantor": "Parent", "guarantor_pd_annual": 0.2}
    flat = [f"market.counterparties.regime_multiple.{regime}=1" for regime in ("calm", "boom", "stress")]
    run = run_loans(tape_of(guaranteed), *FLAT, *flat, months=11, scenarios=SCENARIOS, questions=QUESTIONS)
    rows = {row["name"]: row for row in run.offtaker_defaults.iter_rows(named=True)}
    assert set(rows) == {"Parent", "Tenant"}
    assert rows["Parent"]["debt_usd"] == 1e6
    # each makes good for the other, so a default costs in scenarios where both are gone, and there alone
    for name in ("Parent", "Tenant"):
        assert 0 < rows[name]["cost_usd"] < rows[name]["loss_if_default_usd"]
