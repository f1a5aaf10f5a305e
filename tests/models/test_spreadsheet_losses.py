"""Loans in a world where nothing moves, to the end: margin calls, balloons, and who loses how much.

As in `test_spreadsheets`, every figure is worked out in the test and must be met to one part in a million.
"""

from __future__ import annotations

from math import exp
from typing import Any

import pytest

from .spreadsheet import (
    BULLET,
    COIN_USD,
    HOURS,
    KW_H100,
    LEASE,
    RATE,
    SITE_USD,
    TINY,
    cause,
    close,
    default_month,
    discount,
    facility_losses,
    loan,
    loss,
    month_end,
    paid_by,
    run,
)

# --- Margin calls and balloons --------------------------------------------------------------------------------


# Debt of 10 coins on 12: LTV 0.833 above a call at 0.8; to restore 0.75 takes 1.333 coins.
CALLED = {"balance_usd": 10 * COIN_USD, "btc_pledged": 12.0, "margin_call_ltv": 0.8, "margin_restore_ltv": 0.75}
ANSWER = 10 / 0.75 - 12


@pytest.mark.parametrize("enough", [True, False])
def test_margin_call_is_answered_with_free_coins_or_fails(enough: bool) -> None:
    result = run(loan("m", 60, **CALLED, btc_treasury=ANSWER * (1 + TINY if enough else 1 - TINY)))
    assert (default_month(result, "m"), cause(result, "m")) == ((None, None) if enough else (1, "margin"))


def test_an_ltv_at_the_call_is_not_called() -> None:
    terms = {"balance_usd": 0.5 * COIN_USD, "btc_pledged": 1.0, "margin_call_ltv": 0.5}
    assert default_month(run(loan("m", 60, **terms)), "m") is None


def test_coins_pledged_in_a_margin_call_cannot_pay_interest() -> None:
    # Interest of 0.1 coins is paid in month 1, then the call is answered; 0.05 coins are left for month 2.
    result = run(loan("m", 60, **CALLED, coupon_annual=0.12, btc_treasury=0.1 + ANSWER + 0.05))
    assert (default_month(result, "m"), cause(result, "m")) == (2, "payment")
    assert loss(result, "m") == 0


HALF_LEFT = {"balance_usd": 1e6, "amortisation": "balloon", "balloon_fraction": 0.5, "coupon_annual": 0.12}
HALF_LEFT_SERVICE = 0.5e6 * 0.01 / (1 - 1.01**-12) + 0.5e6 * 0.01


def almost(cash_usd_month: float) -> float:
    """The coupon of 1,000,000 USD that takes all of a cash flow but a millionth."""
    return 12 * cash_usd_month * (1 - TINY) / 1e6


@pytest.mark.parametrize("enough", [True, False])
def test_balloon_is_refinanced_on_the_value_of_the_collateral(enough: bool) -> None:
    ltv = 0.5e6 / (10 * COIN_USD) * (1 + TINY if enough else 1 - TINY)
    income = paid_by(HALF_LEFT_SERVICE * (1 + 1e-9))
    result = run(loan("b", 12, **HALF_LEFT, **income, btc_pledged=10.0, refi_ltv=ltv, refi_dscr=0.0))
    assert (default_month(result, "b"), cause(result, "b")) == ((None, None) if enough else (12, "refinancing"))


@pytest.mark.parametrize("enough", [True, False])
def test_the_months_surplus_helps_to_pay_the_balloon_and_no_earlier_one_does(enough: bool) -> None:
    surplus = 20000.0
    ltv = (0.5e6 - surplus * (1 - TINY if enough else 1 + TINY)) / (10 * COIN_USD)
    income = paid_by(HALF_LEFT_SERVICE + surplus)
    result = run(loan("b", 12, **HALF_LEFT, **income, btc_pledged=10.0, refi_ltv=ltv, refi_dscr=0.0))
    assert (default_month(result, "b"), cause(result, "b")) == ((None, None) if enough else (12, "refinancing"))


@pytest.mark.parametrize("enough", [True, False])
def test_balloon_is_refinanced_on_cash_flow_over_an_annuity(enough: bool) -> None:
    j = (RATE + 0.04) / 12  # short rate and spread of conf/recovery/frictionless.yaml, over 60 months
    annuity = j / (1 - (1 + j) ** -60)
    cash = 1.3 * annuity * 1e6 * (1 + TINY if enough else 1 - TINY)
    coupon = {"coupon_annual": almost(1.3 * annuity * 1e6 * (1 - TINY))}
    terms = {**BULLET, **coupon, **paid_by(cash), "btc_pledged": 100.0, "refi_ltv": 1.0, "refi_dscr": 1.3}
    result = run(loan("b", 12, **terms))
    assert (default_month(result, "b"), cause(result, "b")) == ((None, None) if enough else (12, "refinancing"))


@pytest.mark.parametrize("enough", [True, False])
def test_balloon_without_terms_of_its_own_meets_the_markets(enough: bool) -> None:
    j = (RATE + 0.04) / 12
    carried = 1.25 * j / (1 - (1 + j) ** -60)
    nudge = 1 + TINY if enough else 1 - TINY
    market = {"refi_ltv": None, "refi_dscr": None}
    by_value = {"coupon_annual": almost(5e4), **paid_by(5e4), "btc_pledged": 1e6 / 0.7 / COIN_USD * nudge}
    by_cash = {"coupon_annual": almost(carried * 1e6 * (1 - TINY)), **paid_by(carried * 1e6 * nudge)}
    by_value = loan("value", 12, **(BULLET | by_value), **market)
    by_cash = loan("cash", 12, **(BULLET | by_cash), **market, btc_pledged=100.0)
    result = run(by_value, by_cash)
    assert {default_month(result, name) for name in ("value", "cash")} == ({None} if enough else {12})


@pytest.mark.parametrize("enough", [True, False])
def test_owners_of_sites_alone_are_offered_a_longer_loan(enough: bool) -> None:
    # 240 months for a site, 60 for the same income on machines
    j, months = (RATE + 0.04) / 12, {"site": 240, "gpus": 60}
    world = tuple(f"recovery.refinancing.{key}={n}" for key, n in (("site_tenor_months", 240), ("tenor_months", 60)))
    carried = {name: 1.25 * 1e6 * j / (1 - (1 + j) ** -n) for name, n in months.items()}
    terms = {
        name: BULLET | {"refi_ltv": 10.0, "refi_dscr": 1.25, "coupon_annual": almost(cash * (1 - TINY))}
        for name, cash in carried.items()
    }
    nudge = 1 + TINY if enough else 1 - TINY
    rent = 0.25 * LEASE * 1000
    site = loan("site", 12, **terms["site"], site_mw=0.25, fixed_cost_usd_month=rent - carried["site"] * nudge)
    gpus = loan("gpus", 12, **terms["gpus"], **paid_by(carried["gpus"] * nudge), btc_pledged=100.0)
    result = run(site, gpus, world=world)
    assert {default_month(result, name) for name in months} == ({None} if enough else {12})


@pytest.mark.parametrize("enough", [True, False])
def test_coins_pledged_in_a_margin_call_count_for_the_new_lender(enough: bool) -> None:
    refi = {"refi_ltv": 0.75 * (1 + TINY if enough else 1 - TINY), "refi_dscr": 0.0}
    result = run(loan("m", 1, **CALLED, **refi, btc_treasury=ANSWER * (1 + 1e-9)))
    assert (default_month(result, "m"), cause(result, "m")) == ((None, None) if enough else (1, "refinancing"))


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_sponsor_closes_a_gap_while_all_assets_exceed_the_debt(share: float) -> None:
    # 10 MW are worth 125 m, 75 m are lent on them, 5 m of 80 m are missing; half of the site may be free of the lien.
    site = {"site_mw": 10.0, "pledged_share": share, "fixed_cost_usd_month": 10 * LEASE * 1000}
    terms = {"balance_usd": 8e7, "refi_ltv": 0.6, "refi_dscr": 0.0, **site}
    for cure, month in ((5e6 * (1 + TINY), None), (5e6 * (1 - TINY), 12)):
        assert default_month(run(loan("s", 12, **terms, cure_usd=cure)), "s") == month


@pytest.mark.parametrize("enough", [True, False])
def test_gap_to_a_balloon_is_paid_from_cash_coins_sponsor_and_guarantor(enough: bool) -> None:
    parent = {"guarantor": "parent", "guarantee_limit_usd": 40000.0, "guarantor_pd_annual": 0.5}
    sources = {"reserve_usd": 10000.0, "btc_treasury": 1.0, "cure_usd": 20000.0, **parent}
    lent = 1e6 - (10000 + COIN_USD + 20000 + 40000) * (1 - TINY if enough else 1 + TINY)
    refi = {"refi_ltv": lent / (20 * COIN_USD), "refi_dscr": 0.0}
    row = loan("b", 12, **BULLET, **paid_by(10000.001), **sources, **refi, btc_pledged=20.0)
    assert default_month(run(row), "b") == (None if enough else 12)


def test_new_lender_is_behind_debt_that_stays() -> None:
    # Two bullets of 0.4 m; at the first maturity 0.8 x 10 coins must carry both.
    refi = {"refi_dscr": 0.0, "btc_pledged": 5.0, "balance_usd": 4e5}
    for ltv, month in ((8e5 / (10 * COIN_USD) * (1 + TINY), None), (8e5 / (10 * COIN_USD) * (1 - TINY), 6)):
        rows = [loan("b", months, **refi, refi_ltv=ltv) for months in (6, 60)]
        assert default_month(run(*rows), "b") == month


# --- Losses ---------------------------------------------------------------------------------------------------


def matured(name: str, balance: float, months: int = 12, **terms: Any) -> dict[str, Any]:
    """A bullet without coupon that nobody refinances."""
    return loan(name, months, balance_usd=balance, refi_ltv=1e-6, **terms)


def test_loss_is_discounted_from_the_month_of_default() -> None:
    result = run(matured("d", 1e5, months=7, btc_pledged=1.0))
    assert loss(result, "d") == close(discount(7) * (1e5 - COIN_USD))
    assert result.facilities["lgd"].item() == close(1 - COIN_USD / 1e5)
    assert result.loss_given_default["lgd"].to_list() == close([1 - COIN_USD / 1e5] * 2)


@pytest.mark.parametrize("recovered", [0.0, 0.3])
def test_ranks_share_the_pool(recovered: float) -> None:
    # Pledged 0.9 coins: 70,470 pays senior 60,000 in full and 10,470 of the second lien's 30,000. The free 0.1 coins
    # are shared by the 19,530 and the 10,000 still unpaid.
    balances = [40000.0, 20000.0, 30000.0, 10000.0]
    ranks = ["senior_secured", "senior_secured", "second_lien", "unsecured"]
    coins: list[dict[str, Any]] = [{"btc_pledged": 0.9}, {"btc_treasury": 0.1}, {}, {}]
    terms = [
        {"seniority": rank, "unsecured_recovery": recovered, **held} for rank, held in zip(ranks, coins, strict=True)
    ]
    rows = [matured("d", balance, **row) for balance, row in zip(balances, terms, strict=True)]
    missing = 30000 - (0.9 * COIN_USD - 60000)
    unpaid = 1 - 0.1 * COIN_USD / (missing + 10000)
    expected = [0, 0, *(discount(12) * amount * unpaid * (1 - recovered) for amount in (missing, 10000))]
    assert facility_losses(run(*rows)) == close(expected)


def test_one_rank_shares_pro_rata() -> None:
    rows = [matured("d", balance, btc_pledged=0.3) for balance in (20000.0, 50000.0, 10000.0)]
    share = 1 - 0.9 * COIN_USD / 80000
    assert facility_losses(run(*rows)) == close([discount(12) * b * share for b in (20000, 50000, 10000)])


def test_unpledged_machines_are_shared_with_unsecured_lenders() -> None:
    value = 10 * 13000.0
    rows = [matured("d", value, pledged_share=0.25, seniority=rank) for rank in ("senior_secured", "unsecured")]
    result = run({**rows[0], "site_mw": value / SITE_USD, "fixed_cost_usd_month": 1e6}, rows[1], months=1)
    assert default_month(result, "d") == 1
    senior = value - 0.25 * value
    share = 1 - 0.75 * value / (senior + value)
    assert facility_losses(result) == close([discount(1) * senior * share, discount(1) * value * share])


def test_cash_of_the_last_month_belongs_to_the_estate() -> None:
    # 6,000 come in, 10,000 are due, 3,000 are in the account: nothing is paid, the estate holds 9,000.
    result = run(loan("e", 60, **BULLET, **paid_by(6000), reserve_usd=3000.0))
    assert default_month(result, "e") == 1
    assert loss(result, "e") == close(discount(1) * (1e6 - 9000))


def test_haircut_cost_and_delay_of_a_sale() -> None:
    world = ("recovery.btc.haircut=0.1", "recovery.btc.cost=0.05", "recovery.btc.lag_months=6")
    result = run(matured("d", 1.25 * COIN_USD, btc_pledged=1.0), world=world)
    assert loss(result, "d") == close(COIN_USD * (1.25 * discount(12) - 0.9 * 0.95 * discount(18)))


IMPACT = (
    *("recovery.btc.impact=0.5", "recovery.btc.absorption_monthly=0.25", "recovery.system_multiple=3"),
    *("recovery.btc.depth_units_month.calm=8", "recovery.btc.depth_units_month.stress=1"),
)


@pytest.mark.parametrize("floor", [0.2, 0.55])
def test_sales_depress_the_price_for_all_who_sell(floor: float) -> None:
    # 4 coins of the book, 12 of the sector in month 12; 0.75^2 of them and 6 more in month 14.
    rows = [
        matured("a", 1e6, 12, btc_pledged=3.0),
        matured("b", 1e6, 12, btc_pledged=1.0),
        matured("c", 1e6, 14, btc_pledged=2.0),
    ]
    result = run(*rows, months=14, world=(*IMPACT, f"recovery.btc.floor={floor}"))
    early = max(floor, exp(-0.5 * 12 / 8))
    late = max(floor, exp(-0.5 * (12 * 0.75**2 + 6) / 8))
    assert loss(result, "a") == close(discount(12) * (1e6 - 3 * COIN_USD * early))
    assert loss(result, "b") == close(discount(12) * (1e6 - COIN_USD * early))
    assert loss(result, "c") == close(discount(14) * (1e6 - 2 * COIN_USD * late))


@pytest.mark.parametrize(("coins", "month"), [(2.1, None), (1.9, 13)])
def test_sales_of_one_month_call_the_margin_of_the_next(coins: float, month: int | None) -> None:
    # After the sale a coin counts exp(-0.75): debt of 0.5 coins on 2.1 is then at 0.504 LTV, on 1.9 at 0.557.
    watched = loan("w", 60, balance_usd=0.5 * COIN_USD, margin_call_ltv=0.53, btc_pledged=coins)
    seller = matured("s", 1e6, btc_pledged=4.0)
    result = run(watched, seller, months=14, world=(*IMPACT, "recovery.btc.floor=0.2"))
    assert default_month(result, "s") == 12
    assert default_month(result, "w") == month


# --- Present value of the balance -----------------------------------------------------------------------------


def test_pv_of_the_balance_discounts_what_each_month_carries() -> None:
    linear = loan("l", 12, balance_usd=1200.0, amortisation="linear", **paid_by(200))
    bullet = loan("b", 60, balance_usd=1000.0, **paid_by(0))
    result = run(linear, bullet)
    expected = {
        "l": sum(discount(t) * (1300 - 100 * t) / 12 for t in range(1, 13)),
        "b": sum(discount(t) * 1000 / 12 for t in range(1, 13)),
    }
    rows = result.facilities.select("obligor_id", "pv_balance_usd").rows()
    assert {name: close(pv) for name, pv in expected.items()} == dict(rows)


# --- Corners --------------------------------------------------------------------------------------------------


def test_debt_without_collateral_is_not_called() -> None:
    terms = {"balance_usd": 1e6, "coupon_annual": 0.12, "amortisation": "annuity", "seniority": "unsecured"}
    assert default_month(run(loan("u", 24, **terms, **paid_by(60000), pledged_share=0.0)), "u") is None


def test_guarantee_limit_of_a_borrower_is_one_limit_for_all_his_loans() -> None:
    parent = {"guarantor": "parent", "guarantor_pd_annual": 0.5, "guarantee_limit_usd": 25000.0}
    rows = [loan("g", 60, **(BULLET | {"balance_usd": 5e5}), **paid_by(0), **parent) for _ in range(2)]
    assert default_month(run(*rows), "g") == 3


def test_each_row_pledges_its_own_share_of_machines() -> None:
    value = 0.1 * SITE_USD  # of 0.1 MW
    ranks, site = ("senior_secured", "unsecured"), {"site_mw": 0.1, "fixed_cost_usd_month": 1e6}
    for shares in ((1.0, 0.0), (0.0, 1.0)):
        terms = [{"seniority": rank, "pledged_share": share} for rank, share in zip(ranks, shares, strict=True)]
        rows = [loan("p", 12, balance_usd=1.5e6, **site, **row) for row in terms]
        senior = 1.5e6 - value  # unpaid after the pledged half of the machines
        left = 1 - value / (senior + 1.5e6)
        expected = [discount(1) * senior * left, discount(1) * 1.5e6 * left]
        assert facility_losses(run(*rows, months=1)) == close(expected)


def test_debt_that_a_sweep_has_repaid_cannot_default() -> None:
    # A drag of idle machines leaves little for month 1's sweep; month 2 repays all; then only costs are left.
    rows = []
    for k in range(24):
        name, drag = f"s{k:02}", (1.9e6 - 1e5 - (0.1 + 0.0021 * k) * 1e6) / (HOURS * KW_H100)
        terms = {"coupon_annual": 0.12, "amortisation": "annuity", "covenant_ltv": 0.01, "sweep_share": 1.0}
        power = {"power_usd_kwh": 1.0, "contracted_share": 1.0, "fixed_cost_usd_month": 5e4}
        income = {"contract_revenue_usd_month": 2e6, "contract_end_date": month_end(2), "gpus_h100": 1e-9}
        idle = {"gpus_h100": drag, "contract_end_date": month_end(1), "pledged_share": 0.0}
        parts = ({"balance_usd": 1e6, **income}, {"balance_usd": 1.0, **idle})
        rows += [loan(name, 72, **terms, **power, **part) for part in parts]
    result = run(*rows, months=24, world=("market.relet_months=0", "market.rent.realisation=0.1"))
    assert result.facilities["pd"].sum() == 0


def test_no_covenant_traps_nothing() -> None:
    # A reserve of 100,000 against a target of one payment: what month 1 leaves above 10,000 goes to equity.
    terms = {**BULLET, **paid_by(0), "fixed_cost_usd_month": 1000.0, "reserve_usd": 1e5, "reserve_months": 1.0}
    assert default_month(run(loan("n", 60, **terms)), "n") == 2


def test_pv_of_each_loan_is_its_own() -> None:
    rows = [loan("p", months, balance_usd=1000.0, refi_ltv=1.0, btc_pledged=1.0) for months in (6, 60)]
    found = run(*rows).facilities.sort("facility_id")["pv_balance_usd"].to_list()
    assert found == close([sum(discount(t) * 1000 / 12 for t in range(1, last + 1)) for last in (6, 12)])


def test_pv_of_each_loan_knows_when_sweeps_came() -> None:
    balances = {12: [1200.0 - 100 * t for t in range(13)], 60: [1200.0] * 13}
    keep, expected = 1.0, {12: 0.0, 60: 0.0}
    for t in range(1, 13):
        for months, balance in balances.items():
            expected[months] += discount(t) * keep * balance[t - 1] / 12
        left = keep * sum(balance[t] for balance in balances.values())
        keep *= 1 - (150 - keep * 100) / left
    terms = {"balance_usd": 1200.0, "covenant_ltv": 0.01, "sweep_share": 1.0, "power_usd_kwh": 0.0}
    rows = [loan("p", 12, **(terms | paid_by(150)), amortisation="linear"), loan("p", 60, **terms)]
    found = run(*rows).facilities.sort("facility_id")["pv_balance_usd"].to_list()
    assert found == close(list(expected.values()))
