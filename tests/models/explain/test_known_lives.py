"""Lives that can be told in advance: one borrower in a market that stands still."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.models.explain import ObligorStory, obligor_story, teller
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.opened import open_simulation

from ...helpers.loans import AS_OF, tape_of

MONTHS = 24


def life(*loans: dict[str, Any]) -> ObligorStory:
    """Of the one borrower of these loans, in a market without chance, drift or interest."""
    settings = structural_settings("market=flat", "recovery=frictionless")
    opened = open_simulation(
        tape_of(*loans),
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=Mechanisms(),
        months=MONTHS,
        seed=1,
        as_of=AS_OF,
        engine="reference",
        precision="float64",
    )
    return obligor_story(teller(opened, months=MONTHS, as_of=AS_OF, seed=1)(0, 0), 0)


def coin_usd() -> float:
    return structural_settings("market=flat").market.btc.price_usd


def events(story: ObligorStory, *kinds: str) -> list[tuple[Any, ...]]:
    """Month, kind, name and amount."""
    return story.events.filter(pl.col("kind").is_in(kinds)).select("month", "kind", "name", "amount_usd").rows()


def two_bullets(reserve_usd: float) -> ObligorStory:
    """USD 3 m due in month 6 and 4 m in month 18, against coins worth 10 m, of which a lender takes 60 %."""
    pledged = 1e7 / coin_usd()
    terms = {"refi_ltv": 0.6, "refi_dscr": 0.0, "btc_pledged": pledged / 2, "reserve_usd": reserve_usd / 2}
    return life(
        {"balance_usd": 3e6, "maturity_date": date(2027, 2, 28), **terms},
        {"balance_usd": 4e6, "maturity_date": date(2028, 2, 29), **terms},
    )


def test_a_new_lender_leaves_room_for_the_debt_that_stays() -> None:
    """He gives 6 m less the 4 m that stay; the account pays the third, and all of the second loan is refinanced."""
    story = two_bullets(reserve_usd=1.5e6)
    assert events(story, "balloon", "balloon_lent", "balloon_paid_by") == [
        (6, "balloon", None, pytest.approx(3e6)),
        (6, "balloon_lent", "ltv", pytest.approx(2e6)),
        (6, "balloon_paid_by", "cash", pytest.approx(1e6)),
        (18, "balloon", None, pytest.approx(4e6)),
        (18, "balloon_lent", "ltv", pytest.approx(4e6)),
    ]
    assert events(story, "repaid") == [(18, "repaid", None, None)]
    assert (story.default_month, story.recovery, story.loss_usd) == (None, None, 0)


def test_without_the_means_for_the_rest_it_defaults_and_says_by_how_much() -> None:
    story = two_bullets(reserve_usd=0.4e6)
    (default,) = story.events.filter(kind="default").to_dicts()
    assert (story.default_month, story.cause) == (6, "refinancing")
    assert default["amount_usd"] == pytest.approx(0.6e6)
    assert (default["value"], default["limit"]) == (pytest.approx(2e6), pytest.approx(3e6))
    assert story.recovery is not None
    today = story.recovery.discount
    assert today < 1
    assert story.recovery.claims["claim_usd"].to_list() == [pytest.approx(7e6 * today)]
    assert story.recovery.assets["pledged_usd"].to_list() == [pytest.approx(1e7 * today)]
    assert story.recovery.accounts["usd"].to_list() == [pytest.approx(0.4e6 * today), 0]
    assert story.loss_usd == 0


def test_a_margin_call_is_met_with_coins_once_and_not_when_they_are_gone() -> None:
    """Pledged coins at 80 % LTV where 70 % are called and 60 % restored: a third more coins have to be pledged."""
    price = coin_usd()
    pledged = 1e7 / 0.8 / price
    called = {"balance_usd": 1e7, "maturity_date": date(2028, 6, 30), "margin_call_ltv": 0.7, "margin_restore_ltv": 0.6}
    met = life({**called, "btc_pledged": pledged, "btc_treasury": pledged / 2})
    assert events(met, "margin_call") == [(1, "margin_call", None, pytest.approx(1e7 / 0.6 - 1e7 / 0.8))]
    assert met.months["pledged_coins"][0] == pytest.approx(1e7 / 0.6 / price)
    failed = life({**called, "btc_pledged": pledged, "btc_treasury": pledged / 10})
    assert (failed.default_month, failed.cause) == (1, "margin")
    (default,) = failed.events.filter(kind="default").to_dicts()
    assert default["amount_usd"] == pytest.approx(1e7 / 0.6 - 1e7 / 0.8 - 0.1 * 1e7 / 0.8)
    assert (default["value"], default["limit"]) == (pytest.approx(0.8), pytest.approx(0.7))


def test_a_loan_without_income_says_who_pays_until_nobody_does() -> None:
    """USD 1 m a month is due: 2.5 m in the account, coins for 1 m, 0.7 m from the sponsor; then 0.8 m are missing."""
    support = {"reserve_usd": 2.5e6, "btc_treasury": 1e6 / coin_usd(), "cure_usd": 0.7e6, "btc_pledged": 5000.0}
    story = life({"balance_usd": 2.4e7, "amortisation": "linear", "maturity_date": date(2028, 8, 31), **support})
    paid = events(story, "service_paid_by", "default")
    expected = [
        (1, "cash", 1e6), (2, "cash", 1e6), (3, "cash", 0.5e6), (3, "coins", 0.5e6),
        (4, "coins", 0.5e6), (4, "sponsor", 0.5e6), (5, "payment", 0.8e6),
    ]  # fmt: skip
    assert [(month, name) for month, _, name, _ in paid] == [(month, name) for month, name, _ in expected]
    assert [amount for *_, amount in paid] == pytest.approx([amount for *_, amount in expected])
