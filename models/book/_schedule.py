"""Repayment schedules of facilities.

Month t is the t-th calendar month after the as-of date's; payments fall at its end. Annuity, linear, bullet and
balloon are the textbook schedules; a sculpted loan pays a constant share of its projected cash (E. R. Yescombe,
Principles of Project Finance, 2nd ed. 2014, chapter 12).
"""

from typing import NamedTuple

import numpy as np

ANNUITY, LINEAR, SCULPTED, BULLET, BALLOON = "annuity", "linear", "sculpted", "bullet", "balloon"


class Schedule(NamedTuple):
    """Balances in USD of F facilities, rows 0..T."""

    balance: np.ndarray  # [T+1, F] after the month's payments
    principal: np.ndarray  # [T+1, F] scheduled, without balloon
    balloon: np.ndarray  # [T+1, F] due at once at maturity


def repayment(
    kind: np.ndarray,
    balance: np.ndarray,
    *,
    rate_annual: np.ndarray,
    maturity_month: np.ndarray,
    interest_only_months: np.ndarray,
    balloon_fraction: np.ndarray,
    projected_cash: np.ndarray,
    months: int,
) -> Schedule:
    """Schedules of all facilities over `months` months.

    Args:
        kind: [F] of the five names above.
        balance: [F] USD at the as-of date.
        rate_annual: [F] decimal, sets the shape of annuities and sculpted loans; a twelfth a month.
        maturity_month: [F] >= 1; may lie beyond the horizon.
        interest_only_months: [F] months at the start without principal, cut to maturity - 1.
        balloon_fraction: [F] share due at maturity; used where kind is balloon.
        projected_cash: [months + 1 or more, F] USD a month, used where kind is sculpted.
    """
    month = np.arange(months + 1)[:, None]
    free = np.minimum(interest_only_months, maturity_month - 1)
    left = np.where(kind == BULLET, 1.0, np.where(kind == BALLOON, balloon_fraction, 0.0))
    paid_share = np.where(
        kind == LINEAR,
        _linear_paid(month, free, maturity_month),
        _annuity_paid(month, free, maturity_month, rate_annual / 12),
    )
    sculpted = np.flatnonzero(kind == SCULPTED)
    paid_share[:, sculpted] = _sculpted_paid(
        month, free[sculpted], maturity_month[sculpted], rate_annual[sculpted] / 12, projected_cash[:, sculpted]
    )[: months + 1]
    running = np.where(month < maturity_month, left, 0.0)
    outstanding = balance * ((1 - left) * (1 - paid_share) + running)
    balloon = np.where(month == maturity_month, left * balance, 0.0)
    principal = np.maximum(-np.diff(outstanding, axis=0, prepend=outstanding[:1]) - balloon, 0.0)
    return Schedule(outstanding, principal, balloon)


def _linear_paid(month: np.ndarray, free: np.ndarray, maturity: np.ndarray) -> np.ndarray:
    """Share repaid by each month."""
    return np.clip((month - free) / (maturity - free), 0, 1)


def _annuity_paid(month: np.ndarray, free: np.ndarray, maturity: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Share repaid by each month of a level-payment loan: ((1+j)^s - 1) / ((1+j)^n - 1)."""
    elapsed = np.clip(month - free, 0, maturity - free)
    growth = np.log1p(rate)
    with np.errstate(invalid="ignore"):
        share = np.expm1(growth * elapsed) / np.expm1(growth * (maturity - free))
    return np.where(rate > 0, share, elapsed / (maturity - free))


def _sculpted_paid(
    month: np.ndarray, free: np.ndarray, maturity: np.ndarray, rate: np.ndarray, cash: np.ndarray
) -> np.ndarray:
    """Share repaid when service is a constant share of projected cash; level payments where no cash is projected.

    Service never falls below interest, so the balance never grows; the last month pays what is left.
    """
    last = int(maturity.max(initial=0))
    rows = np.arange(max(last, int(month[-1, 0])) + 1)[:, None]
    known = cash[np.minimum(rows[:, 0], cash.shape[0] - 1)]
    weight = np.where((rows > free) & (rows <= maturity), np.maximum(known, 0.0), 0.0)
    value = (weight * (1 + rate) ** -(rows - free)).sum(axis=0)
    level = _annuity_paid(rows, free, maturity, rate)
    share = weight / np.where(value > 0, value, 1.0)
    balance = np.ones_like(rate)
    paid = np.zeros_like(weight)
    for t in rows[1:, 0]:
        principal = np.where(t > free, np.maximum(share[t] - balance * rate, 0.0), 0.0)
        balance = np.where(t >= maturity, 0.0, np.maximum(balance - principal, 0.0))
        paid[t] = 1 - balance
    return np.where(value > 0, paid, level)
