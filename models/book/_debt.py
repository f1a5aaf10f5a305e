"""Debt of every obligor and its facilities, from their repayment schedules.

Schedules are made for a block of obligors at a time: those of a large book would be many times its tables.
"""

from typing import NamedTuple

import numpy as np

from rackrisk.kernels import arrays
from rackrisk.kernels.filed import table
from rackrisk.models.market import MarketConfig

from ._exposure import Exposure
from ._rows import Rows
from ._schedule import SCULPTED, Schedule, repayment

RANKS = ("senior_secured", "second_lien", "unsecured")
BLOCK = 65_536  # obligors


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


class Owed(NamedTuple):
    """Debt of the obligors, and what of it is owed to single facilities and ranks."""

    debt: arrays.Debt
    facilities: arrays.Facilities
    ranks: arrays.Ranks


def owed(rows: Rows, market: MarketConfig, exposure: Exposure, months: int, *, unsecured_recovery: float) -> Owed:
    """Schedules added up by obligor; `unsecured_recovery` where the tape gives none."""
    tables = arrays.Debt(*(table((months + 1, len(rows.obligors))) for _ in arrays.Debt._fields))
    of_facilities, of_ranks = [np.empty((months + 1, 0))], [np.empty((len(RANKS), months + 1, 0))]
    rank, number = _rank(rows), np.diff(rows.first, append=rows.tape.height)
    only = np.where(rows.largest(rank) == -rows.largest(-rank), rank[rows.first], -1).astype(np.int32)
    for part, of_rows, of_obligors in rows.blocks(BLOCK):
        plan = schedule(part, market, exposure.of(of_rows), months)
        for whole, sums in zip(tables, _debt(part, plan), strict=True):
            whole[:, of_obligors] = sums
        of_facilities.append(plan.balance[:, number[of_obligors][part.owner] > 1])
        mixed = only[of_obligors] < 0
        if mixed.any():
            of_ranks.append(_by_rank(part, plan, rank[of_rows])[..., mixed])
    facilities = arrays.Facilities(
        obligor=rows.owner,
        rank=rank,
        column=_columns(number[rows.owner] > 1),
        balance_usd=np.concatenate(of_facilities, axis=-1),
        unsecured_recovery=rows.number("unsecured_recovery", unsecured_recovery),
    )
    return Owed(tables, facilities, arrays.Ranks(only, _columns(only < 0), np.concatenate(of_ranks, axis=-1)))


def _debt(rows: Rows, plan: Schedule) -> arrays.Debt:
    """Schedules of an obligor's facilities added up."""
    before = np.concatenate([np.zeros_like(plan.balance[:1]), plan.balance[:-1]])
    return arrays.Debt(
        balance_usd=rows.total(plan.balance),
        service_usd=rows.total(plan.principal + before * rows.number("coupon_annual") / 12),
        floating_usd=rows.total(before * _is_floating(rows) / 12),
        balloon_usd=rows.total(plan.balloon),
    )


def _by_rank(rows: Rows, plan: Schedule, rank: np.ndarray) -> np.ndarray:
    """Outstanding by rank, [3, T+1, N]."""
    return np.stack([rows.total(np.where(rank == number, plan.balance, 0.0)) for number in range(len(RANKS))])


def _columns(kept: np.ndarray) -> np.ndarray:
    """Numbers from 0 for those that have a table of their own, -1 for the others: int32."""
    return np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)


def _rank(rows: Rows) -> np.ndarray:
    return np.array([RANKS.index(name) for name in rows.tape["seniority"]], dtype=np.int32)


def _is_floating(rows: Rows) -> np.ndarray:
    return (rows.tape["rate_type"] == "floating").to_numpy()
