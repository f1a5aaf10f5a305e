"""The back-tests of docs/backtest.md: signs and orders, and that their levels follow from the base market."""

from __future__ import annotations

import csv
import math
import sys
from datetime import date
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rackrisk.config import ConfigProblems, structural_settings
from rackrisk.models.results import SimulationResult

if TYPE_CHECKING:
    from bench.backtest import Answer

ROOT = Path(__file__).resolve().parents[2]
RIGS, TODAY = "experiment=backtest_2021_2022", "experiment=backtest_2025_2026"
MACHINES = ("rigs_2021_04", "rigs_2021_10", "rigs_2022_01", "hosted", "iren_like")


@cache
def backtest() -> Any:
    """`bench` is no part of the package: it is found from the top of a checkout."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return import_module("bench.backtest")


def answers(result: SimulationResult) -> dict[str, Answer]:
    return backtest().answers(result)


@cache
def rigs(*overrides: str) -> dict[str, Answer]:
    return answers(backtest().simulated(150, RIGS, *overrides, engine="reference"))


@cache
def today(*overrides: str) -> SimulationResult:
    return backtest().simulated(300, TODAY, *overrides, kinds=True)


def rents_too() -> SimulationResult:
    return today(backtest().RENTS_TOO)


def recovery(found: dict[str, Answer], loans: str) -> float:
    value = found[loans].recovery
    assert value is not None
    return value


def seen() -> list[dict[str, str]]:
    text = (resources.files("rackrisk.data") / "rigs_2021_seen.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


# ---- 2021-22 ----


@pytest.mark.parametrize("loans", MACHINES)
def test_given_the_collapse_loans_on_machines_default_between_may_and_december_2022(loans: str) -> None:
    found = rigs()[loans]
    assert found.pd > 0.99
    assert found.middle is not None
    assert (
        date(2022, 5, 1) <= date(2021 + (3 + found.middle) // 12, (3 + found.middle) % 12 + 1, 1) <= date(2022, 12, 1)
    )


def test_what_machines_recover_is_in_the_range_that_was_seen() -> None:
    low, high = next((float(r["recovery_low"]), float(r["recovery_high"])) for r in seen() if "alone" in r["case"])
    for loans in MACHINES:
        assert low < recovery(rigs(), loans) < high, loans


def test_later_and_larger_loans_recover_less() -> None:
    order = [recovery(rigs(), loans) for loans in ("rigs_2021_04", "rigs_2021_10", "rigs_2022_01")]
    assert order == sorted(order, reverse=True)
    assert order[0] - order[-1] > 0.05


def test_prices_of_an_index_at_once_would_have_paid_most_of_it_back() -> None:
    at_once = rigs("mechanisms.vacuum=false")
    for loans in MACHINES:
        assert recovery(at_once, loans) > recovery(rigs(), loans) + 0.4


def test_loans_on_coins_are_sold_out_without_loss() -> None:
    found = rigs()["coins"]
    assert found.pd > 0.99
    assert found.recovery == pytest.approx(1, abs=0.01)


def test_what_was_not_known_is_less_certain_and_later_for_those_with_cheap_power() -> None:
    before = rigs("market.replay={}")
    assert before["coins"].pd < 0.9
    for loans in MACHINES:
        assert recovery(before, loans) > recovery(rigs(), loans)
    assert (before["iren_like"].middle or 99) > (before["hosted"].middle or 99)


def test_the_levels_of_2021_follow_from_the_base_market() -> None:
    old, base = structural_settings(RIGS).market, structural_settings().market.mining
    years = (date(2026, 8, 31) - date(2021, 4, 30)).days / 365.25
    reference = base.hashprice_usd_ph_day * math.exp(base.efficiency_gain_annual * years)
    growth = base.growth_annual.calm + base.response_annual * math.log(old.mining.hashprice_usd_ph_day / reference)
    assert old.mining.growth_annual.values() == pytest.approx([growth] * 3, abs=0.005)
    stop = base.shutdown_usd_ph_day * math.exp(base.efficiency_gain_annual * years)
    assert old.mining.shutdown_usd_ph_day == pytest.approx(stop, abs=0.2)


def test_the_loan_shaped_on_a_case_owes_what_the_case_owed() -> None:
    rate, paid, months = 0.11 / 12, 13, 36
    left = 1 - ((1 + rate) ** paid - 1) / ((1 + rate) ** months - 1)
    claim = next(float(r["claim_usd_m"]) for r in seen() if r["segment"] == "iren_like")
    assert 159.4 * left == pytest.approx(claim, abs=0.3)


def test_every_case_that_was_seen_has_a_source_and_a_recovery_between_nothing_and_all() -> None:
    for row in seen():
        assert row["source"]
        assert row["confidence"]
        if row["recovery_low"]:
            assert 0 <= float(row["recovery_low"]) <= float(row["recovery_high"]) <= 1


# ---- 2025-26 ----


@pytest.mark.slow
def test_rising_rents_save_neoclouds_while_falling_coins_hurt_miners() -> None:
    nothing, happened = answers(today("market.replay={}")), answers(today())
    assert happened["GPU fleets let by the hour"].pd < nothing["GPU fleets let by the hour"].pd
    assert happened["loans on coins"].pd > nothing["loans on coins"].pd + 0.3
    assert happened["loans on mining machines"].pd > nothing["loans on mining machines"].pd + 0.1


@pytest.mark.slow
def test_had_rents_fallen_too_fleets_would_have_failed_and_coins_no_more_than_they_did() -> None:
    happened, too = answers(today()), answers(rents_too())
    assert too["GPU fleets let by the hour"].pd > happened["GPU fleets let by the hour"].pd + 0.1
    assert too["loans on coins"].pd == happened["loans on coins"].pd
    assert too["GPU loans, unrated tenants"].pd < 0.01


@pytest.mark.slow
def test_rents_hedge_hybrid_miners_against_coins_over_five_years() -> None:
    worlds = (("market.replay={}",), (), (backtest().RENTS_TOO,))
    nothing, happened, too = (answers(today(*world, "months=60"))["hybrid miners"] for world in worlds)
    for better, worse in ((happened, nothing), (nothing, too)):
        assert better.pd + 2 * (better.pd_error**2 + worse.pd_error**2) ** 0.5 < worse.pd


@pytest.mark.slow
def test_no_public_default_is_what_the_model_expects_of_what_happened() -> None:
    kinds = ["public neoclouds", "public miners", "public data centres"]
    expected = backtest().expected_defaults
    assert expected(today(), kinds) < 1.5
    assert expected(rents_too(), kinds) > expected(today(), kinds)


# ---- tapes of the package ----


@pytest.mark.parametrize(
    "name", ["shipped:public_facilities.csv", "shipped:../conf/config.yaml", "shipped:", "shipped:x.csv"]
)
def test_only_named_tapes_of_the_package_can_be_chosen(name: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        structural_settings(f"portfolio.tape={name}")
    assert "shipped:rigs_2021.csv" in caught.value.problems[0].rule
