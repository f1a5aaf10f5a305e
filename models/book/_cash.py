"""Income, costs and contracts of every obligor, and the counterparties they depend on."""

import numpy as np
import polars as pl

from rackrisk.kernels import arrays
from rackrisk.models.market import MarketConfig

from ._exposure import Exposure
from ._rows import Rows


def counterparty_pds(tape: pl.DataFrame, default: float) -> dict[str, float]:
    """One-year PDs of all named offtakers and guarantors, sorted by name; `default` where the tape gives none."""
    found: dict[str, float | None] = {}
    for kind in ("offtaker", "guarantor"):
        named = tape.filter(pl.col(kind).is_not_null()).group_by(kind).agg(pl.col(f"{kind}_pd_annual").max())
        for name, told in named.iter_rows():
            known = [pd for pd in (told, found.get(name)) if pd is not None]
            found[name] = max(known, default=None)
    return {name: default if (pd := found[name]) is None else pd for name in sorted(found)}


def cash(
    rows: Rows, exposure: Exposure, market: MarketConfig, *, counterparties: list[str], channels: list[int]
) -> arrays.Cash:
    """Merchant exposures added up by kind; contracts kept apart by offtaker and end.

    Args:
        counterparties: names in the order of the paths, without nobody.
        channels: cash channels that the book uses.
    """
    end = rows.month("contract_end_date")
    offtaker = counterparty_index(rows.tape["offtaker"], counterparties)
    slot = _contract_slots(rows, offtaker, end)
    kinds = [kind for kind in rows.total(exposure.merchant)[:, channels] if kind.any()]
    nothing = np.zeros((1, len(channels), len(rows.obligors)))

    def by_slot(values: np.ndarray) -> np.ndarray:
        return np.stack([rows.total(np.where(slot == j, values, 0)) for j in range(slot.max(initial=0) + 1)])

    def label(values: np.ndarray) -> np.ndarray:
        return np.stack([rows.largest(np.where(slot == j, values, 0)) for j in range(slot.max(initial=0) + 1)])

    merchant, released = np.stack(kinds) if kinds else nothing, by_slot(exposure.released)[:, channels]
    revenue_usd_month = by_slot(rows.number("contract_revenue_usd_month"))
    return arrays.Cash(
        merchant=merchant,
        released=released,
        revenue_usd_month=revenue_usd_month,
        contract_power_usd_month=by_slot(exposure.contract_power),
        contract_end_month=label(end).astype(np.int32),
        offtaker=label(offtaker).astype(np.int32),
        fixed_cost_usd_month=rows.total(rows.number("fixed_cost_usd_month")),
        earns=(merchant > 0).any(axis=(0, 1)) | (released > 0).any(axis=(0, 1)) | (revenue_usd_month > 0).any(axis=0),
        shock_sd=rows.agreed("cash_volatility", market.cash_shock_sd),
        shock_persistence=np.array(market.cash_shock_persistence),
        relet_months=np.array(market.relet_months, np.int32),
    )


def counterparty_index(column: pl.Series, names: list[str]) -> np.ndarray:
    """Index into the counterparties; 0 where nobody is named."""
    place = {name: index for index, name in enumerate(names, start=1)}
    return column.replace_strict(place, default=0, return_dtype=pl.Int32).fill_null(0).to_numpy()


def _contract_slots(rows: Rows, offtaker: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Number the different contracts of each obligor from 0; -1 for rows without one."""
    slot = np.full(rows.owner.shape, -1)
    known: dict[int, dict[tuple[int, int], int]] = {}
    for row in np.flatnonzero(rows.number("contracted_share") > 0):
        contracts = known.setdefault(int(rows.owner[row]), {})
        slot[row] = contracts.setdefault((int(offtaker[row]), int(end[row])), len(contracts))
    return slot
