"""Loans in a world where nothing moves, month by month as on a spreadsheet: what is owed, and what pays it.

Every expected figure is worked out here in a few lines from the terms of the loan and today's prices, and must be met
to one part in a million. Where a cash flow itself cannot be seen, the loan has a millionth more or less than it needs.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from .spreadsheet import (
    BULLET,
    COIN_USD,
    DAYS,
    HASHPRICE,
    HOURS,
    KW_H100,
    KW_PER_PH_S19,
    KW_PER_PH_S21,
    LEASE,
    RATE,
    REALISATION,
    RENT_H100,
    TINY,
    cause,
    close,
    debts,
    default_month,
    discount,
    loan,
    loss,
    month_end,
    paid_by,
    run,
)


def assert_needs(usd_month: float, months: int, *, first_failure: int = 1, horizon: int = 12, **terms: Any) -> None:
    """A loan needs exactly `usd_month`: a millionth less and it defaults on a payment in month `first_failure`."""
    enough = loan("enough", months, **paid_by(usd_month * (1 + TINY)), **terms)
    short = loan("short", months, **paid_by(usd_month * (1 - TINY)), **terms)
    result = run(enough, short, months=horizon)
    assert default_month(result, "enough") is None
    assert (default_month(result, "short"), cause(result, "short")) == (first_failure, "payment")


# --- Schedules ------------------------------------------------------------------------------------------------


def test_annuity_pays_the_same_every_month() -> None:
    j, n = 0.12 / 12, 24
    payment = 1000 * j / (1 - (1 + j) ** -n)
    balance = [1000.0]
    for _ in range(n):
        balance.append(balance[-1] * (1 + j) - payment)
    terms = {"balance_usd": 1000.0, "coupon_annual": 0.12, "amortisation": "annuity"}
    result = run(loan("a", n, **terms, **paid_by(60)), months=n)
    assert debts(result, "a") == close(balance[:-1])
    assert_needs(payment, n, **terms)


def test_linear_repays_the_same_principal_every_month() -> None:
    terms = {"balance_usd": 1200.0, "coupon_annual": 0.06, "amortisation": "linear"}
    result = run(loan("l", 12, **terms, **paid_by(200)))
    assert debts(result, "l") == close([1200.0 - 100 * t for t in range(12)])
    assert_needs(100 + 1200 * 0.06 / 12, 12, **terms)


def test_interest_only_months_come_before_the_annuity() -> None:
    j, wait, n = 0.09 / 12, 5, 24
    payment = 1000 * j / (1 - (1 + j) ** -(n - wait))
    balance = [1000.0] * (wait + 1)
    for _ in range(n - wait):
        balance.append(balance[-1] * (1 + j) - payment)
    terms = {"balance_usd": 1000.0, "coupon_annual": 0.09, "amortisation": "annuity", "interest_only_months": wait}
    assert debts(run(loan("i", n, **terms, **paid_by(80)), months=n), "i") == close(balance[:-1])
    assert_needs(payment, n, first_failure=wait + 1, **terms)
    assert_needs(1000 * j, 60, first_failure=1, **(terms | {"interest_only_months": 36}))


def test_bullet_and_balloon_keep_what_is_due_at_the_end() -> None:
    j, n = 0.12 / 12, 12
    payment = 600 * j / (1 - (1 + j) ** -n)
    annuity = [600.0]
    for _ in range(n):
        annuity.append(annuity[-1] * (1 + j) - payment)
    terms = {"balance_usd": 1000.0, "coupon_annual": 0.12, **paid_by(200)}
    balloon = loan("balloon", n, amortisation="balloon", balloon_fraction=0.4, **terms)
    result = run(balloon, loan("bullet", n, **terms), months=n)
    assert debts(result, "balloon") == close([400 + rest for rest in annuity[:-1]])
    assert debts(result, "bullet") == close([1000.0] * n)
    assert_needs(1000 * j, 24, balance_usd=1000.0, coupon_annual=0.12, amortisation="bullet")
    shape = {"amortisation": "balloon", "balloon_fraction": 0.4, "coupon_annual": 0.12}
    assert_needs(payment + 400 * j, n, horizon=n - 1, balance_usd=1000.0, **shape)


def test_floating_interest_is_the_short_rate_and_the_spread() -> None:
    terms = {"balance_usd": 1000.0, "rate_type": "floating", "coupon_annual": 0.05}
    assert_needs(1000 * (RATE + 0.05) / 12, 60, amortisation="bullet", **terms)
    j = (RATE + 0.05) / 12  # today's rate gives the annuity its shape
    assert_needs(1000 * j / (1 - (1 + j) ** -36), 36, amortisation="annuity", **terms)


@pytest.mark.parametrize("revenue", [260000.0, 11000.0])
def test_sculpted_service_follows_the_projected_cash(revenue: float) -> None:
    n, gpus, price, fixed, j = 12, 200.0, 0.08, 20000.0, 0.01
    market, power = gpus * (RENT_H100 * REALISATION - KW_H100 * price) * HOURS, gpus * KW_H100 * price * HOURS
    cash = [0.1 * market + revenue - 0.9 * power - fixed] * 6 + [market - fixed] * 6
    share = 1e6 / sum(amount * (1 + j) ** -t for t, amount in enumerate(cash, start=1))
    balance = [1e6]
    for amount in cash:
        balance.append(balance[-1] - max(0.0, share * amount - balance[-1] * j))
    assert (balance[6] == 1e6) == (revenue < 1e5)  # the second case has less than interest at first, and pays interest
    terms = {"balance_usd": 1e6, "coupon_annual": 0.12, "amortisation": "sculpted", "fixed_cost_usd_month": fixed}
    capacity = {"gpus_h100": gpus, "power_usd_kwh": price, "contracted_share": 0.9, "contract_end_date": month_end(6)}
    row = loan("s", n, **terms, **capacity, contract_revenue_usd_month=revenue, reserve_usd=1e6)
    assert debts(run(row, world=("market.relet_months=0",)), "s") == close(balance[:-1])


# --- Capacity -------------------------------------------------------------------------------------------------


def earns(usd_month: float, **capacity: Any) -> None:
    """Capacity earns exactly so much: of two linear loans, the one that needs a millionth more defaults."""
    needs = {"within": usd_month * (1 - TINY), "beyond": usd_month * (1 + TINY)}
    rows = [loan(name, 120, balance_usd=120 * need, amortisation="linear", **capacity) for name, need in needs.items()]
    result = run(*rows, months=3)
    assert {name: default_month(result, name) for name in needs} == {"within": None, "beyond": 1}


def test_capacity_earns_its_price_less_power() -> None:
    earns(10 * (RENT_H100 * REALISATION - KW_H100 * 0.08) * HOURS, gpus_h100=10.0, power_usd_kwh=0.08)
    earns(50 * (HASHPRICE * DAYS - KW_PER_PH_S21 * 0.05 * HOURS), hash_ph_s21=50.0, power_usd_kwh=0.05)
    earns(2 * 1000 * LEASE, site_mw=2.0)
    earns(2 * 1000 * LEASE - 50000, site_mw=2.0, fixed_cost_usd_month=50000.0)


def test_old_machines_stop_while_new_ones_run() -> None:
    assert KW_PER_PH_S19 * 0.06 * HOURS > HASHPRICE * DAYS > KW_PER_PH_S21 * 0.06 * HOURS
    new = 100 * (HASHPRICE * DAYS - KW_PER_PH_S21 * 0.06 * HOURS)
    earns(new, hash_ph_s21=100.0, hash_ph_s19=100.0, power_usd_kwh=0.06)


def test_capacity_that_cannot_earn_its_power_is_idled() -> None:
    assert KW_PER_PH_S19 * 0.08 * HOURS > HASHPRICE * DAYS
    gpus = 10 * (RENT_H100 * REALISATION - KW_H100 * 0.08) * HOURS
    earns(gpus, gpus_h100=10.0, hash_ph_s19=100.0, power_usd_kwh=0.08)


def test_contract_ends_then_capacity_is_empty_then_it_earns_the_market() -> None:
    interest, gpus, price = 10000.0, 5.0, 0.08
    market = gpus * (RENT_H100 * REALISATION - KW_H100 * price) * HOURS
    contracted = interest + gpus * KW_H100 * price * HOURS
    capacity = {"gpus_h100": gpus, "power_usd_kwh": price, "contracted_share": 1.0, "contract_end_date": month_end(3)}
    terms = {"balance_usd": 1e6, "coupon_annual": 0.12, "contract_revenue_usd_month": contracted}
    # Two empty months on a reserve of two payments; afterwards `spare` fills the gap to what the market pays.
    for spare, month in ((0.0, 6), (interest - market, 7), (2 * (interest - market), 8)):
        row = loan("b", 36, **terms, **capacity, reserve_usd=2 * interest + spare + 0.01)
        assert default_month(run(row, world=("market.relet_months=2",)), "b") == month


# --- Accounts -------------------------------------------------------------------------------------------------


def test_reserve_pays_until_it_is_empty_and_its_rest_goes_to_the_lender() -> None:
    result = run(loan("r", 60, **BULLET, **paid_by(0), reserve_usd=35000.0))
    assert (default_month(result, "r"), cause(result, "r")) == (4, "payment")
    assert loss(result, "r") == close(discount(4) * (1e6 - 5000))
    assert result.facilities["ead_usd"].item() == close(1e6)


def test_coins_are_sold_when_the_cash_is_gone() -> None:
    result = run(loan("c", 60, **BULLET, **paid_by(0), reserve_usd=15000.0, btc_treasury=0.5))
    months = int((15000 + 0.5 * COIN_USD) // 10000)
    assert default_month(result, "c") == months + 1 == 6
    assert loss(result, "c") == close(discount(6) * (1e6 - (15000 + 0.5 * COIN_USD - 50000)))


def test_sponsor_cures_while_the_collateral_exceeds_the_debt() -> None:
    terms = {**BULLET, **paid_by(0), "cure_usd": 25000.0}
    result = run(loan("rich", 60, **terms, btc_pledged=13.0), loan("poor", 60, **terms, btc_pledged=12.0))
    assert 12 * COIN_USD < 1e6 < 13 * COIN_USD
    assert default_month(result, "rich") == 3
    assert default_month(result, "poor") == 1
    assert loss(result, "rich") == 0
    assert loss(result, "poor") == close(discount(1) * (1e6 - 12 * COIN_USD))


def test_guarantor_pays_up_to_his_limit() -> None:
    parent = {"guarantor": "parent", "guarantor_pd_annual": 0.5, "guarantee_limit_usd": 25000.0}
    result = run(loan("g", 60, **BULLET, **paid_by(0), **parent))
    assert default_month(result, "g") == 3
    assert loss(result, "g") == close(discount(3) * (1e6 - 5000))


def test_guarantee_without_limit_covers_the_balance() -> None:
    parent = {"guarantor": "parent", "guarantor_pd_annual": 0.5}
    result = run(loan("g", 5, balance_usd=1e6, amortisation="linear", **paid_by(0), **parent), months=6)
    assert (default_month(result, "g"), loss(result, "g")) == (None, 0)


# --- Covenants ------------------------------------------------------------------------------------------------


def test_trapped_cash_pays_later() -> None:
    # 12,000 against 10,000 due: cover of 1.2, below the covenant. Six months trap 12,000, which pay month 7.
    terms = {**BULLET, **paid_by(12000, until=6)}
    result = run(loan("trap", 60, **terms, covenant_dscr=1.25), loan("free", 60, **terms, covenant_dscr=1.15))
    assert default_month(result, "free") == 7
    assert default_month(result, "trap") == 8
    assert loss(result, "free") == close(discount(7) * 1e6)
    assert loss(result, "trap") == close(discount(8) * (1e6 - 2000))


def test_high_ltv_traps_as_well() -> None:
    terms = {**BULLET, **paid_by(12000, until=6), "btc_pledged": 10.0}
    ltv = 1e6 / (10 * COIN_USD)
    result = run(loan("trap", 60, **terms, covenant_ltv=ltv - TINY), loan("free", 60, **terms, covenant_ltv=ltv + TINY))
    assert (default_month(result, "trap"), default_month(result, "free")) == (8, 7)
    warning = result.early_warning.filter(pl.col("month") == 1).select("scope", "ltv_above_covenant", "book_ltv")
    above = {scope: (share, level) for scope, share, level in warning.rows()}
    assert above["trap"] == (1, close(ltv))
    assert above["free"] == (0, close(ltv))


def test_reserve_is_refilled_to_its_months_before_anything_leaves() -> None:
    # Target of 1.5 payments from empty: 12,000 against 10,000 saves 2,000 a month until 15,000.
    terms = {**BULLET, "reserve_months": 1.5}
    for until, saved in ((5, 10000), (7, 14000), (8, 15000), (10, 15000)):
        result = run(loan("r", 60, **terms, **paid_by(12000, until=until)), months=14)
        month = until + 1 + saved // 10000
        assert default_month(result, "r") == month
        assert loss(result, "r") == close(discount(month) * (1e6 - saved % 10000))


def test_surplus_over_a_starting_reserve_leaves() -> None:
    result = run(loan("r", 60, **BULLET, **paid_by(12000, until=6), reserve_usd=3000.0))
    assert default_month(result, "r") == 7
    assert loss(result, "r") == close(discount(7) * (1e6 - 3000))


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_sweep_shortens_the_loan(share: float) -> None:
    j, n, cash_flow = 0.01, 36, 60000.0
    payment = 1e6 * j / (1 - (1 + j) ** -n)
    balance, keep, account, expected = 1e6, 1.0, 0.0, [1e6]
    while keep * balance > 1:
        due = keep * payment
        balance = balance * (1 + j) - payment
        account += cash_flow - due
        swept = min(share * account, keep * balance)
        account -= swept
        keep *= 1 - swept / (keep * balance)
        expected.append(keep * balance)
    assert len(expected) < 26
    terms = {"balance_usd": 1e6, "coupon_annual": 0.12, "amortisation": "annuity", "covenant_dscr": 100.0}
    result = run(loan("s", n, **terms, **paid_by(cash_flow), sweep_share=share), months=n)
    repaid = [0.0] * (n - len(expected) + 1)
    assert debts(result, "s") == close([*expected[:-1], *repaid])
    assert default_month(result, "s") is None
