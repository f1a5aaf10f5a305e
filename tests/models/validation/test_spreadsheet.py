"""Every figure of the case file's spreadsheets, worked out again from the terms of the loans."""

from __future__ import annotations

from itertools import pairwise
from math import exp
from typing import Any

import pytest

from .benches import case_of

RATE, COIN_USD, COUPON = 0.037, 1000.0, 0.01  # a year; a coin; 12 % a year on a month
Figures = dict[tuple[str, str, int], float]


def discount(month: int) -> float:
    return exp(-RATE * month / 12)


def annuity(balance: float, months: int) -> list[float]:
    """Balance after 0, 1, 2, ... payments at the coupon."""
    payment, path = balance * COUPON / (1 - (1 + COUPON) ** -months), [balance]
    for _ in range(months):
        path.append(path[-1] * (1 + COUPON) - payment)
    return path


def swept(share: float, income: float) -> list[float]:
    """Balance of a million in 36 months while a share of what is left over repays it early."""
    plan = annuity(1e6, 36)
    keep, account, path = 1.0, 0.0, [1e6]
    for before, after in pairwise(plan):
        account += income - keep * (before * (1 + COUPON) - after)
        repaid = min(share * account, keep * after)
        account, keep = account - repaid, keep * (1 - repaid / (keep * after))
        path.append(keep * after)
        if keep == 0:
            break
    return path


def defaults(name: str, month: int, loss: float) -> Figures:
    return {(name, "default month", 0): month, (name, "loss", 0): discount(month) * loss}


def survives(name: str, debts: dict[int, float]) -> Figures:
    return {(name, "default month", 0): 0} | {(name, "debt", month): debt for month, debt in debts.items()}


def loans_one_by_one() -> Figures:
    year, two_years, sweep = annuity(6e5, 12), annuity(1e6, 24), swept(0.4, 60000)
    missing = 450_000 - (900 * COIN_USD - 600_000)  # of the second lien after the pledged coins
    unpaid = (1 - 100 * COIN_USD / (missing + 100_000)) * (1 - 0.3)  # after the free coins, and what else is recovered
    ranks = [0.0, 0.0, discount(12) * missing * unpaid, discount(12) * 100_000 * unpaid]
    return {
        **survives("annuity", {1: 1e6, 13: two_years[12], 24: two_years[23]}),
        **survives("balloon", {12: 4e5 + year[11]}),
        **survives("linear", {7: 6e5}),
        **defaults("reserve", 4, 1e6 - 5000),  # 35,000 pay three months
        **defaults("treasury", 6, 1e6 - (15000 + 39.15 * COIN_USD - 50000)),
        **defaults("guarantee", 3, 1e6 - 5000),
        **survives("sweep", {10: sweep[9], 19: sweep[18]}),
        **defaults("free cash", 7, 1e6),
        **defaults("trapped cash", 8, 1e6 - 2000),  # six months trap 12,000
        **survives("margin answered", {}),
        **defaults("margin missed", 1, 0.0),
        **defaults("matured", 7, 1.5e6 - 1000 * COIN_USD),
        **{(f"rank {place}", "loss", 0): loss for place, loss in enumerate(ranks, start=1)},
    }


def sales_that_depress_prices() -> Figures:
    def price(inventory: float) -> float:
        return COIN_USD * max(0.2, exp(-0.5 * inventory / 8))

    stock = 3 * (3 + 1)  # coins, times the system; a quarter is absorbed each month
    month_12 = price(stock)
    assert 500 / (1.9 * month_12) > 0.53 > 500 / (2.1 * month_12)
    stock = 0.75 * stock + 3 * 1.9
    month_13 = price(stock)
    assert 500 / (2.1 * month_13) > 0.53
    month_14 = price(0.75 * stock + 3 * (2 + 2.1))
    return {
        **defaults("first seller", 12, 1e4 - 3 * month_12),
        **defaults("second seller", 12, 1e4 - month_12),
        **defaults("called first", 13, max(0.0, 500 - 1.9 * month_13)),
        **defaults("called next", 14, max(0.0, 500 - 2.1 * month_14)),
        **defaults("late seller", 14, 1e4 - 2 * month_14),
    }


WORKINGS = {"loans one by one": loans_one_by_one, "sales that depress prices": sales_that_depress_prices}


@pytest.mark.parametrize("name", WORKINGS)
def test_every_figure_follows_from_the_terms(name: str) -> None:
    rows: list[dict[str, Any]] = case_of(name).expected["figures"]
    tabled = {(row["loan"], row["figure"], row.get("month", 0)): row["value"] for row in rows}
    assert tabled == pytest.approx(WORKINGS[name](), rel=1e-9)
