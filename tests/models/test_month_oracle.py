"""The reference engine against the plain reading of docs/model.md in `oracle`, on a book where everything happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.data import check_tape, generate
from rackrisk.kernels import reference
from rackrisk.kernels.balances import facility_balances
from rackrisk.kernels.reference import idiosyncratic_normals, simulate_tile
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import CARRIED_BITS, Tally
from rackrisk.models.book import BuiltBook, build_book
from rackrisk.models.market import compile_market
from rackrisk.models.simulate import path_maker
from rackrisk.models.tables import pv_balance

from ..data.tapes import valid_frame
from ..helpers.corners import WORLDS, crafted
from ..helpers.loans import AS_OF, ASICS, GENERATIONS
from . import oracle
from .oracle_book import borrowers, world_of

SCENARIOS, MONTHS, KEY = 50, 60, key_words(20260831)

MUST_HAPPEN = {
    *("payment", "margin", "refinancing", "floor", "top-up", "refinanced in full"),
    *("idle", "released idle", "empty", "relet", "offtaker defaulted", "shock takes all"),
    *("sponsor walks away", "guarantor is dead"),
    *(f"{source} pay {what}" for source in ("cash", "coins", "cure", "guarantee") for what in ("service", "balloon")),
    *("distributed", "waits for balloon", "trap for DSCR", "trap for LTV"),
    *("sweep", "repaid by sweep", "guarantor pays the estate"),
    *("rank 0 loses nothing", "rank 0 loses some", "rank 1 loses some", "rank 2 loses some", "rank 2 loses all"),
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    frames = [valid_frame(tmp_path_factory.mktemp("tape")), crafted().drop("row"), generate(30, seed=7)]
    joined = pl.concat(frames, how="diagonal_relaxed")
    return check_tape(joined, file="test", as_of=AS_OF, generations=GENERATIONS, asic_classes=ASICS)


@dataclass(frozen=True)
class Comparison:
    """The same scenarios by the engine and by the oracle."""

    built: BuiltBook
    states: list[Any]  # engine, after each month, [S, N]
    losses: Any  # engine, [S, F]
    tally: Tally
    stories: list[oracle.Story]

    def of_lives(self, field: str) -> np.ndarray:
        return np.array([[getattr(life, field) for life in story.lives] for story in self.stories])

    def of_loans(self, field: str) -> np.ndarray:
        return np.array([[getattr(loan, field) for loan in story.loans] for story in self.stories])


@pytest.fixture(scope="module", params=list(WORLDS))
def compared(request: pytest.FixtureRequest, tape: pl.DataFrame) -> Comparison:
    settings = structural_settings(*WORLDS[request.param])
    built = build_book(tape, market=settings.market, recovery=settings.recovery, as_of=AS_OF, months=MONTHS)
    pds, last = built.counterparty_pd_annual, MONTHS + built.lag_months
    market = compile_market(settings.market, as_of=AS_OF, months=last, counterparty_pd_annual=pds)
    numbers = np.arange(SCENARIOS, dtype=np.uint32)
    paths = path_maker(built)(np, market, KEY, numbers)
    states, losses, tally = engine_run(built, paths, numbers)
    stream, people = tuple(built.book.stream.T), borrowers(built.book)
    blocks = [
        idiosyncratic_normals(np, KEY, numbers[:, None], stream, block=k, dtype=np.float64) for k in range(MONTHS // 4)
    ]
    normals = np.stack([month for block in blocks for month in block], axis=1)
    worlds = [world_of(built.book, paths, s) for s in range(SCENARIOS)]
    stories = [oracle.simulate(people, world, normals[s].tolist()) for s, world in enumerate(worlds)]
    return Comparison(built, states, losses, tally, stories)


def engine_run(built: BuiltBook, paths: Any, numbers: np.ndarray) -> tuple[list[Any], Any, Tally]:
    """States after each month, facility losses and tally of the reference engine, overheard while it runs a tile."""
    states, losses = [], []
    with pytest.MonkeyPatch.context() as patch:
        month, facility_losses = reference.month, reference.facility_losses

        def overhear(*inputs: Any) -> Any:
            out = month(*inputs)
            states.append(out[0])
            return out

        def overhear_losses(*inputs: Any) -> Any:
            losses.append(facility_losses(*inputs))
            return losses[-1]

        patch.setattr(reference, "month", overhear)
        patch.setattr(reference, "facility_losses", overhear_losses)
        everyone = np.ones(len(numbers), dtype=bool)
        tally, _ = simulate_tile(built.book, paths, built.scale, KEY, scenario=numbers, valid=everyone)
    return states, losses[0], tally


def assert_close(found: np.ndarray, expected: np.ndarray, scale: np.ndarray | float) -> None:
    """Relative 1e-9, and absolute 1e-12 of a scale for what is left after a subtraction."""
    wrong = np.abs(found - expected) > 1e-9 * np.abs(expected) + 1e-12 * scale
    where = np.argwhere(wrong)
    assert not wrong.any(), f"{len(where)} differ, first at {where[0]}: {found[wrong][0]} and {expected[wrong][0]}"


def test_default_months_and_causes_agree(compared: Comparison) -> None:
    np.testing.assert_array_equal(compared.states[-1].default_month, compared.of_lives("default_month"))
    np.testing.assert_array_equal(compared.states[-1].cause, compared.of_lives("cause"))


def test_losses_and_exposures_agree_facility_by_facility(compared: Comparison) -> None:
    balance = compared.built.scale.first_balance_usd
    assert_close(compared.losses.exposure_usd, compared.of_loans("exposure_usd"), balance)
    assert_close(compared.losses.loss_usd, compared.of_loans("loss_usd"), balance)
    at = np.array([story_months(story, compared.built) for story in compared.stories])
    np.testing.assert_array_equal(compared.losses.default_month, at)


def test_present_values_of_the_balances_agree(compared: Comparison) -> None:
    found = pv_balance(compared.built, compared.tally, SCENARIOS)
    expected = np.array([story.pv_balance for story in compared.stories]).mean(axis=0)
    rounding = 2.0 ** -(CARRIED_BITS + 1) * facility_balances(compared.built.book)[:-1].sum(axis=0) / 12
    assert (np.abs(found - expected) <= rounding + 1e-12 * expected).all()


def story_months(story: oracle.Story, built: BuiltBook) -> list[int]:
    """Default month of each facility."""
    return [story.lives[obligor].default_month for obligor in built.book.facilities.obligor]


@pytest.mark.parametrize("name", ["cash_usd", "coins", "pledged_coins", "prepaid", "cure_usd"])
def test_accounts_agree_month_by_month(compared: Comparison, name: str) -> None:
    found = np.stack([getattr(state, name) for state in compared.states], axis=-1)  # [S, N, T]
    balance = compared.built.book.debt.balance_usd
    for s, story in enumerate(compared.stories):
        for i, life in enumerate(story.lives):
            expected = np.array([getattr(account, name) for account in life.trail[1:]])
            owes = balance[1 : len(expected) + 1, i] > 0  # afterwards the accounts are nobody's business
            scale = balance[0, i] if name.endswith("usd") else 1.0
            assert_close(found[s, i, : len(expected)][owes], expected[owes], scale)


def test_price_impact_agrees_month_by_month(compared: Comparison) -> None:
    found = np.stack([state.impact for state in compared.states], axis=1)
    expected = np.array([story.impact[1:] for story in compared.stories])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (expected < 0.9).any()


def test_everything_the_document_names_happens(compared: Comparison) -> None:
    happened: Counter[str] = Counter()
    for story in compared.stories:
        happened += story.events
    assert {name for name in MUST_HAPPEN if happened[name] == 0} == set()
