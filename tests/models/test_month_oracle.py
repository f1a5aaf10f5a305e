"""The reference engine against the plain reading of docs/model.md in `oracle`, on a book where everything happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.data import check_tape, generate
from rackrisk.kernels import reference
from rackrisk.kernels.reference import idiosyncratic_normals, simulate_tile
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import CARRIED_BITS, Tally
from rackrisk.models.book import BuiltBook, build_book
from rackrisk.models.market import compile_market
from rackrisk.models.simulate import path_maker
from rackrisk.models.tables import pv_balance

from ..data.tapes import valid_frame
from ..helpers.loans import AS_OF, ASICS, GENERATIONS, tape_of
from . import oracle
from .oracle_book import borrowers, world_of
from .spreadsheet import TODAY

SCENARIOS, MONTHS, KEY = 50, 60, key_words(20260831)
# Depth small against this book, so that sales depress prices and sometimes reach the floor.
WORLDS = {
    "base": ("market=base", "recovery=base", "recovery.system_multiple=3", *TODAY, "market.relet_months=2"),
    "crisis": ("market=hash_credit_crisis", "recovery=thin", *TODAY, "market.relet_months=6"),
}

MUST_HAPPEN = {
    *("payment", "margin", "refinancing", "floor", "top-up", "refinanced in full"),
    *("idle", "released idle", "empty", "relet", "offtaker defaulted", "shock takes all"),
    *("sponsor walks away", "guarantor is dead"),
    *(f"{source} pay {what}" for source in ("cash", "coins", "cure", "guarantee") for what in ("service", "balloon")),
    *("distributed", "waits for balloon", "trap for DSCR", "trap for LTV"),
    *("sweep", "repaid by sweep", "guarantor pays the estate"),
    *("rank 0 loses nothing", "rank 0 loses some", "rank 1 loses some", "rank 2 loses some", "rank 2 loses all"),
}

MARKET_TERMS = {"refi_ltv": None, "refi_dscr": None, "unsecured_recovery": None}
PARENT = {"guarantor": "parent", "guarantor_pd_annual": 0.08, "guarantee_limit_usd": 1.5e7}
LAB = {"contracted_share": 0.6, "offtaker": "lab", "offtaker_pd_annual": 0.15, "contract_end_date": date(2029, 8, 31)}
RANKS: list[dict[str, Any]] = [
    {"seniority": "senior_secured", "balance_usd": 3e7, "pledged_share": 1.0},
    {"seniority": "second_lien", "balance_usd": 1.5e7, "pledged_share": 0.5},
    {"seniority": "unsecured", "balance_usd": 2e7, "pledged_share": 0.3},
]


def gpus(borrower: str, **changes: Any) -> dict[str, Any]:
    """A loan against GPUs sold at market."""
    loan = {"balance_usd": 6e7, "coupon_annual": 0.1, "amortisation": "annuity", "maturity_date": date(2031, 3, 31)}
    capacity = {"gpus_h100": 3000.0, "power_usd_kwh": 0.08, "cash_volatility": 0.2}
    return {**loan, **capacity, **MARKET_TERMS, "obligor_id": borrower, **changes}


def coins(borrower: str, **changes: Any) -> dict[str, Any]:
    """A floating bullet against coins with a margin call."""
    loan = {"balance_usd": 2.5e7, "coupon_annual": 0.09, "rate_type": "floating", "maturity_date": date(2029, 12, 31)}
    terms = {"btc_pledged": 500.0, "btc_treasury": 150.0, "margin_call_ltv": 0.8, "margin_restore_ltv": 0.7}
    return {**loan, **terms, "obligor_id": borrower, "refi_ltv": 0.7, **changes}


def campus(months: int, **changes: Any) -> dict[str, Any]:
    """A bullet against a powered site at an LTV that calm lenders take and stressed ones do not."""
    maturity = date(2026 + (months + 7) // 12, (months + 7) % 12 + 1, 28)
    loan = {"balance_usd": 7.5e7, "coupon_annual": 0.07, "amortisation": "bullet", "maturity_date": maturity}
    support = {"site_mw": 10.0, "cash_volatility": 0.05, "pledged_share": 0.5, "cure_usd": 6e6}
    return {**loan, **support, **MARKET_TERMS, "obligor_id": f"campus {months}", **changes}


def contract(k: int) -> dict[str, Any]:
    """The k-th of several contracts of one borrower, at a power price that idles old machines."""
    terms = {"offtaker": f"lab {k % 2}", "offtaker_pd_annual": 0.1, "contract_end_date": date(2026 + k, 12, 31)}
    sizes = {"balance_usd": 1e7 * k, "contracted_share": 0.2 * k, "contract_revenue_usd_month": 4.4e5 * k}
    return gpus("contracts", gpus_h100=900.0, power_usd_kwh=1.0, maturity_date=date(2032, 1, 31), **terms, **sizes)


def crafted() -> pl.DataFrame:
    """Borrowers that reach the corners which generated ones miss."""
    balloon = {"amortisation": "balloon", "balloon_fraction": 0.5, "maturity_date": date(2028, 12, 31)}
    accounts = {"cure_usd": 5e6, "btc_treasury": 40.0, "reserve_usd": 1e6, **PARENT, "guarantee_limit_usd": 3e6}
    lease = {**LAB, "contracted_share": 1.0, "contract_revenue_usd_month": 1.6e6, "fixed_cost_usd_month": 1e5}
    estate = {"gpus_h100": 1900.0, "btc_treasury": 20.0, "covenant_dscr": 1.1, "unsecured_recovery": 0.2}
    bridge = {"reserve_usd": 1e6, "btc_treasury": 10.0, "cure_usd": 2e6, **PARENT, "guarantee_limit_usd": 4e6}
    return tape_of(
        gpus("swept", balance_usd=2e7, covenant_dscr=5.0, sweep_share=1.0),
        gpus("trapped", covenant_ltv=0.9, sweep_share=0.3, reserve_months=3.0, reserve_usd=2e6),
        gpus("cured", balance_usd=4e7, cure_usd=9e6, fixed_cost_usd_month=1.2e6, btc_pledged=600.0),
        gpus("wild", balance_usd=3e7, cash_volatility=0.7, reserve_usd=5e6),
        gpus("guaranteed", **PARENT, fixed_cost_usd_month=1e6, interest_only_months=12),
        gpus("balloon", **balloon, **accounts, **LAB, contract_revenue_usd_month=2.3e6, pledged_share=0.4),
        gpus("campus", **lease, balance_usd=1e8, amortisation="bullet", gpus_h100=0.0, site_mw=12.0),
        *(campus(months) for months in range(9, 60, 6)),
        *(campus(months, refi_ltv=0.56, refi_dscr=0.0, **bridge) for months in (1, 2, 3, 4)),
        coins("called", **PARENT, reserve_usd=4e6),
        coins("old miner", hash_ph_s19=900.0, hash_ph_s21=200.0, power_usd_kwh=0.07),
        gpus("gpus and hash", **LAB, contract_revenue_usd_month=2e6, hash_ph_s19=900.0),
        *(gpus("ranks", **estate, **row) for row in RANKS),
        *(contract(k) for k in (1, 2, 3, 4)),
        gpus("all pledged", balance_usd=7e7),
        gpus("all pledged", balance_usd=5e6, seniority="unsecured", gpus_h100=0.0),
    )


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
    balance = compared.built.book.facilities.balance_usd[0]
    assert_close(compared.losses.exposure_usd, compared.of_loans("exposure_usd"), balance)
    assert_close(compared.losses.loss_usd, compared.of_loans("loss_usd"), balance)
    at = np.array([story_months(story, compared.built) for story in compared.stories])
    np.testing.assert_array_equal(compared.losses.default_month, at)


def test_present_values_of_the_balances_agree(compared: Comparison) -> None:
    found = pv_balance(compared.built, compared.tally, SCENARIOS)
    expected = np.array([story.pv_balance for story in compared.stories]).mean(axis=0)
    rounding = 2.0 ** -(CARRIED_BITS + 1) * compared.built.book.facilities.balance_usd[:-1].sum(axis=0) / 12
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
