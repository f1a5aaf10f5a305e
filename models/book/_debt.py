"""Debt of every obligor and its facilities, from their repayment schedules."""

import numpy as np

from rackrisk.kernels import arrays
from rackrisk.models.market import MarketConfig

from ._exposure import Exposure
from ._rows import Rows
from ._schedule import SCULPTED, Schedule, repayment

RANKS = ("senior_secured", "second_lien", "unsecured")


def schedule(rows: Rows, market: MarketConfig, exposure: Exposure, months: int) -> Schedule:
    """Repayment of every row; floating loans take their shape from today's short rate."""
    maturity = np.maximum(rows.month("maturity_date"), 1)
    kind = rows.tape["amortisation"].to_numpy()
    longest = int(maturity.max(initial=1)) if (kind == SCULPTED).any() else 0
    return repayment(
        kind,
        rows.number("balance_usd"),
        rate_annual=rows.number("coupon_annual") + _is_floating(rows) * market.rates.start,
        maturity_month=maturity,
        interest_only_months=rows.number("interest_only_months").astype(np.int64),
        balloon_fraction=rows.number("balloon_fraction"),
        projected_cash=_projected_cash(rows, market, exposure, longest),
        months=months,
    )


def _projected_cash(rows: Rows, market: MarketConfig, exposure: Exposure, months: int) -> np.ndarray:
    """Cash at today's prices, rows 0..months: contracted until the contract's end, merchant after: [months+1, F]."""
    rents = [generation.rent_usd_gpu_hour for generation in market.generations.values()]
    today = np.array([*rents, market.mining.hashprice_usd_ph_day, market.lease_usd_kw_month.start, 1.0])
    merchant = np.maximum(today @ exposure.merchant, 0).sum(axis=0) - rows.number("fixed_cost_usd_month")
    contracted = rows.number("contract_revenue_usd_month") - exposure.contract_power
    released = np.maximum(today @ exposure.released, 0)
    under_contract = np.arange(months + 1)[:, None] <= rows.month("contract_end_date")
    return merchant + np.where(under_contract, contracted, released)


def debt(rows: Rows, plan: Schedule) -> arrays.Debt:
    """Schedules of an obligor's facilities added up."""
    before = np.concatenate([np.zeros_like(plan.balance[:1]), plan.balance[:-1]])
    return arrays.Debt(
        balance_usd=rows.total(plan.balance),
        service_usd=rows.total(plan.principal + before * rows.number("coupon_annual") / 12),
        floating_usd=rows.total(before * _is_floating(rows) / 12),
        balloon_usd=rows.total(plan.balloon),
    )


def facilities(rows: Rows, plan: Schedule, *, unsecured_recovery: float) -> arrays.Facilities:
    """One entry a row; `unsecured_recovery` where the tape gives none."""
    return arrays.Facilities(
        obligor=rows.owner,
        rank=_rank(rows),
        balance_usd=plan.balance,
        unsecured_recovery=rows.number("unsecured_recovery", unsecured_recovery),
    )


def rank_balances(rows: Rows, plan: Schedule) -> np.ndarray:
    """Outstanding by rank, [3, T+1, N]."""
    rank = _rank(rows)
    return np.stack([rows.total(np.where(rank == number, plan.balance, 0.0)) for number in range(len(RANKS))])


def _rank(rows: Rows) -> np.ndarray:
    return np.array([RANKS.index(name) for name in rows.tape["seniority"]], dtype=np.int32)


def _is_floating(rows: Rows) -> np.ndarray:
    return (rows.tape["rate_type"] == "floating").to_numpy()
