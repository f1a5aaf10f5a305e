"""An obligor's months add up: every dollar comes from somewhere, and the loss at their end is the engine's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.models.explain import EVENTS, ObligorStory, Told, obligor_story, scenario_story

from ...helpers.tellers import MONTHS, opened_world, run_of, worst

# How far two figures in float64 may lie apart that are the same but for the order of their sums, of the balance.
ROUNDING = 1e-9


@cache
def stories(world: str) -> tuple[tuple[Told, ObligorStory], ...]:
    """Every obligor of some bad and some good scenarios of a world."""
    tally, tell = run_of(world)
    places = range(len(opened_world(world).built.book.stream))
    told = [tell(int(number), place) for number in np.array(worst(tally, 99))[[0, 2, -1]] for place in places]
    return tuple((each, obligor_story(each, place)) for each, place in zip(told, [*places] * 3, strict=True))


pytestmark = pytest.mark.parametrize("world", ["base", pytest.param("crisis", marks=pytest.mark.slow)])


def quiet(story: ObligorStory) -> pl.DataFrame:
    """The months without the one of a default, in which nothing is paid."""
    return story.months.filter(pl.col("month") != (story.default_month or 0))


def total(frame: pl.DataFrame, *columns: str) -> float:
    """Sum of some columns."""
    return float(frame.select(pl.sum_horizontal(columns)).to_series().sum())


def test_losses_of_all_obligors_add_up_to_the_scenario_exactly(world: str) -> None:
    tally, _ = run_of(world)
    total: Counter[int] = Counter()
    for told, story in stories(world):
        total[told.scenario] += story.loss_quanta
    assert {number: int(tally.loss[number, 0]) for number in total} == dict(total)


def test_the_recovery_ends_at_the_engines_loss_facility_by_facility(world: str) -> None:
    seen = 0
    for told, story in stories(world):
        assert (story.recovery is None) == (story.default_month is None)
        if story.recovery is None:
            assert story.loss_quanta == 0
            continue
        seen += 1
        assert story.recovery.difference_usd <= 0.5 * told.quantum_usd + ROUNDING * story.balance_usd
        assert story.recovery.facilities["loss_quanta"].sum() == story.loss_quanta
    assert seen > 20


def test_the_estate_is_shared_out_and_no_more_than_it(world: str) -> None:
    for _, story in stories(world):
        if (found := story.recovery) is None:
            continue
        paid = total(found.claims, "from_collateral_usd", "from_rest_usd")
        estate = total(found.assets, "pledged_usd", "free_usd") + total(found.accounts, "usd")
        unpaid, room = total(found.claims, "unpaid_usd"), ROUNDING * story.balance_usd + 1e-3
        assert paid <= estate + room
        assert total(found.claims, "claim_usd") == pytest.approx(paid + unpaid, abs=room)
        pool = total(found.assets, "pledged_usd") + total(found.accounts.filter(name="cash"), "usd")
        secured = found.claims.filter(pl.col("rank") != "unsecured")
        assert total(secured, "from_collateral_usd") == pytest.approx(min(total(secured, "claim_usd"), pool), abs=room)
        if unpaid > room:
            assert paid == pytest.approx(estate, abs=room)
        parts = ["from_collateral_usd", "from_rest_usd", "elsewhere_usd", "lost_usd"]
        whole = found.facilities.select(pl.sum_horizontal(parts) - pl.col("claim_usd")).to_series().abs()
        assert (whole <= room).all()


def test_what_is_due_is_paid_by_income_and_support(world: str) -> None:
    """`support` pays service where income does not, and the balloon where no new lender does."""
    for _, story in stories(world):
        months = quiet(story)
        support = months.select(pl.sum_horizontal(pl.col("^paid_by_.*$"))).to_series()
        short = (months["due_usd"] - months["cfads_usd"]).clip(lower_bound=0)
        balloon = months["balloon_usd"] - months["lent_usd"]
        difference = (support - short - balloon).abs()
        assert (difference <= ROUNDING * story.balance_usd + 1e-3).all(), story.obligor_id


def test_the_cash_account_moves_by_what_is_told(world: str) -> None:
    for told, story in stories(world):
        months = quiet(story)
        opening = float(np.asarray(told.replay.life.cash_usd)[0])
        before = pl.concat([pl.Series([opening]), months["cash_usd"]])[: months.height]
        surplus = (months["cfads_usd"] - months["due_usd"]).clip(lower_bound=0)
        out = months["paid_by_cash_usd"] + months["swept_usd"] + months["distributed_usd"]
        difference = (before + surplus - out - months["cash_usd"]).abs()
        assert (difference <= ROUNDING * story.balance_usd + 1e-3).all(), story.obligor_id


def test_debt_falls_by_the_schedule_and_by_what_is_swept(world: str) -> None:
    """What is prepaid in a month is what was swept of the debt that was left after the month's scheduled payments."""
    for told, story in stories(world):
        debt = told.opened.built.book.debt
        place = told.obligors.index(story.obligor_id)
        months = quiet(story)
        due = debt.balance_usd[1:, place] + debt.balloon_usd[1:, place]
        prepaid = pl.concat([pl.Series([0.0]), months["prepaid_share"]])
        swept = (prepaid[1:] - prepaid[: months.height]) * due[: months.height]
        assert ((swept - months["swept_usd"]).abs() <= ROUNDING * story.balance_usd + 1e-3).all(), story.obligor_id


def test_ratios_are_those_of_the_figures_beside_them(world: str) -> None:
    for _, story in stories(world):
        for row in story.months.iter_rows(named=True):
            if row["dscr"] is not None:
                assert row["dscr"] * row["due_usd"] == pytest.approx(row["cfads_usd"])
            if row["ltv"] is not None:
                assert row["ltv"] * row["secured_usd"] == pytest.approx(row["debt_usd"])


def test_a_life_ends_with_default_with_the_last_debt_or_at_the_horizon(world: str) -> None:
    ends: Counter[str] = Counter()
    for told, story in stories(world):
        last = story.months.row(-1, named=True)
        kinds = story.events.filter(month=last["month"])["kind"].to_list()
        if story.default_month is not None:
            ends["default"] += 1
            assert (last["month"], kinds[-1]) == (story.default_month, "default")
        elif last["debt_after_usd"] <= 0:
            ends["repaid"] += 1
            assert {"repaid", "repaid_by_sweep"} & set(kinds)
        else:
            ends["horizon"] += 1
            assert last["month"] == MONTHS
        assert story.events.filter(kind="default").height == (story.default_month is not None)
        assert scenario_story(told).loss_usd >= story.loss_usd
    assert min(ends["default"], ends["repaid"], ends["horizon"]) > 2


def test_a_default_says_what_was_missing(world: str) -> None:
    for _, story in stories(world):
        for row in story.events.filter(kind="default").iter_rows(named=True):
            assert row["name"] == story.cause
            assert row["amount_usd"] > 0
            if row["name"] == "payment":
                assert row["limit"] - row["value"] >= row["amount_usd"] - 1e-3
            elif row["name"] == "margin":
                assert row["value"] > row["limit"]
            else:
                assert row["limit"] - row["value"] >= row["amount_usd"] - 1e-3


def test_every_kind_of_event_happens_in_these_worlds(world: str) -> None:
    found = {(row["kind"], row["name"] if row["kind"].endswith("_by") else None) for row in _events(world)}
    payers = {(f"{what}_paid_by", who) for what in ("service", "balloon") for who in ("cash", "coins", "sponsor")}
    kinds = {
        *("regime", "launch", "contract_ended", "offtaker_default", "relet", "guarantor_default", "breach"),
        *("breach_over", "sweep", "repaid_by_sweep", "margin_call", "balloon", "balloon_lent", "repaid", "default"),
    }
    everything = payers | {("service_paid_by", "guarantor")} | {(kind, None) for kind in kinds}
    assert everything - found == set()


def _events(world: str) -> Iterator[dict[str, Any]]:
    for _, story in stories(world):
        assert list(story.events.columns) == list(EVENTS)
        yield from story.events.iter_rows(named=True)


def test_offtakers_that_default_end_the_contracts_with_them(world: str) -> None:
    """Their names and months are those of the market's paths; a contract that ended before is not lost."""
    seen = 0
    for told, story in stories(world):
        died = dict(zip(told.counterparties, told.paths.death_month[0].tolist(), strict=True))
        for row in story.events.filter(kind="offtaker_default").iter_rows(named=True):
            assert row["month"] == died[row["name"]]
            seen += 1
        for row in story.events.filter(kind="contract_ended").iter_rows(named=True):
            assert row["name"] is None or died[row["name"]] > row["month"] - 1
    assert seen > 0
