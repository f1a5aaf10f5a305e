"""Generated facilities: archetypes of the sector mix, sized to carry the DSCR and loan-to-cost that were drawn.

Row k depends on seed and k alone. Sizes rest on the levels of `_sizing`; a simulation under another market finds the
book as these left it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ._draws import Sample, draw
from ._loans import NEWEST_MONTHS, Capacity, Ints, Kit, Loan, make_capacities, make_kit, make_loans, months_of
from ._mix import pools, sector_mix
from ._schema import ASIC_CLASSES, GENERATIONS
from ._sizing import LEVELS, Floats

AS_OF = date(2026, 8, 31)
ROWS_PER_PASS = 65_536
MAX_COUNT = 10_000_000

Columns = dict[str, pl.Series]


def generate(
    count: int,
    *,
    seed: int,
    mix: Mapping[str, float] | None = None,
    as_of: date = AS_OF,
    generations: Sequence[str] = GENERATIONS,
    asic_classes: Sequence[str] = ASIC_CLASSES,
) -> pl.DataFrame:
    """Facilities drawn from the sector mix; the same arguments give the same rows, a smaller count the first of them.

    Args:
        count: Number of facilities, 1 to 10,000,000.
        seed: Key of the random numbers, 0 to 2^64 - 1.
        mix: Share of facilities by segment (see `sector_mix`); None for the shipped one.
        as_of: Date of the balances; loans were signed in the three years before it.
        generations: GPU generations that may occur; those unknown to `hardware.csv` do not.
        asic_classes: ASIC classes that may occur, likewise.

    Returns:
        A tape that passes `check_tape` with the same `as_of`, `generations` and `asic_classes`. Columns that no
        facility needs are left out.

    Raises:
        ValueError: if an argument is out of its range.
    """
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"count must be from 1 to {MAX_COUNT:,}, not {count}")
    kit, shares = make_kit(generations, asic_classes), sector_mix(mix)
    starts = range(0, count, ROWS_PER_PASS)
    passes = (np.arange(start, min(start + ROWS_PER_PASS, count), dtype=np.uint32) for start in starts)
    return pl.concat([_facilities(draw(shares, seed=seed, rows=rows), rows, kit, as_of) for rows in passes])


def _facilities(sample: Sample, rows: NDArray[np.uint32], kit: Kit, as_of: date) -> pl.DataFrame:
    offtaker, guarantor = _pool_place(sample, "offtaker"), _pool_place(sample, "guarantor")
    guaranteed = sample.uniforms["guarantee"] < sample.fixed("guaranteed")
    loan = make_loans(sample, offtaker)
    capacity = make_capacities(sample, loan, kit)
    income = _income(sample, loan, capacity)
    columns = {
        **_names(sample, rows),
        **_terms(sample, loan, as_of),
        **_support(sample, loan, income),
        **_hardware(capacity, kit),
        **_coins(sample, loan),
        **income,
        **_contract_end(sample, loan, capacity, as_of),
        **_counterparty("offtaker", np.where(capacity.contracted_share > 0, offtaker, -1)),
        **_counterparty("guarantor", np.where(guaranteed, guarantor, -1)),
    }
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def _names(sample: Sample, rows: NDArray[np.uint32]) -> Columns:
    number = pl.Series(rows + 1).cast(pl.String).str.zfill(7)
    return {
        "facility_id": "gen-" + number,
        "obligor_id": "gen-obligor-" + number,
        "segment": _words(sample, "segment"),
        "currency": pl.repeat("USD", len(rows), eager=True),
        "source": _take([f"generated: {name}" for name in sample.mix.archetypes], sample.kind),
        "confidence": pl.repeat("generated", len(rows), eager=True),
    }


def _terms(sample: Sample, loan: Loan, as_of: date) -> Columns:
    """Debt terms; today's quote differs from the spread when signed by a tenth of it."""
    quoted = loan.spread_annual * np.exp(0.10 * sample.normals["quote"])
    coupon = np.where(loan.floating, loan.spread_annual, loan.rate_annual)
    return {
        "balance_usd": pl.Series(loan.balance_usd),
        "rate_type": _take(["fixed", "floating"], loan.floating.astype(np.int64)),
        "coupon_annual": pl.Series(coupon),
        "amortisation": _words(sample, "amortisation"),
        "seniority": _words(sample, "seniority"),
        "maturity_date": _month_ends(as_of, loan.months),
        "interest_only_months": pl.Series(loan.interest_only),
        "balloon_fraction": pl.Series(np.where(sample.is_word("amortisation", "balloon"), loan.left, 0.0)),
        "quoted_spread_annual": pl.Series(quoted.round(4)),
    }


def _support(sample: Sample, loan: Loan, income: Columns) -> Columns:
    """Covenants, reserves, terms of margin and refinancing; NaN, which becomes null, where an archetype has none."""
    own = ("covenant_ltv", "margin_call_ltv", "margin_restore_ltv", "refi_ltv", "refi_dscr", "unsecured_recovery")
    reserve_months = np.maximum(np.rint(sample.amount("reserve_months")), _empty_months(sample, loan, income))
    return {
        **{name: pl.Series(sample(name).round(2)) for name in own},
        "covenant_dscr": pl.Series((sample.amount("covenant_share") * sample("dscr")).round(2)),
        "sweep_share": pl.Series(sample.amount("sweep_share").round(2)),
        "cure_usd": _whole_hundreds(sample.amount("cure_share") * loan.balance_usd),
        "reserve_months": pl.Series(reserve_months),
        "reserve_usd": _whole_hundreds(reserve_months * loan.service_usd_month),
        "cash_volatility": pl.Series(sample("cash_volatility").round(3)),
    }


def _empty_months(sample: Sample, loan: Loan, income: Columns) -> Floats:
    """Months of service that pay for the month without a tenant and its fixed cost, where GPUs outlive their contract.

    A lender who looks past the contract asks for it; whether a month stands empty is the market's `relet_months`.
    """
    outlived = (sample.fixed("gpu_share") > 0) & (months_of(sample.amount("contract_gap_months")) < 0)
    empty = income["contracted_share"].to_numpy() > 0
    months = np.ceil(1 + income["fixed_cost_usd_month"].to_numpy() / loan.service_usd_month)
    return np.where(outlived & empty, months, 0.0)


def _hardware(capacity: Capacity, kit: Kit) -> Columns:
    hashes = {f"hash_ph_{kit.newest}": capacity.hash_ph - capacity.old_ph}
    old = f"hash_ph_{kit.oldest}"
    hashes[old] = hashes.get(old, 0.0) + capacity.old_ph
    gpus = {
        f"gpus_{name}": np.where(capacity.generation == place, capacity.gpus, 0.0)
        for place, name in enumerate(kit.generations)
    }
    return {name: pl.Series(values) for name, values in {**gpus, **hashes, "site_mw": capacity.site_mw}.items()}


def _coins(sample: Sample, loan: Loan) -> Columns:
    coins = loan.balance_usd / LEVELS.bitcoin_usd
    pledged = coins * sample.fixed("coin_share") / sample("loan_to_cost")
    treasury = coins * sample.amount("treasury_share")
    return {"btc_pledged": pl.Series(np.ceil(10 * pledged) / 10), "btc_treasury": pl.Series(treasury.round(1))}


def _income(sample: Sample, loan: Loan, capacity: Capacity) -> Columns:
    """Contract revenue that carries the DSCR beside what the market pays, and the costs."""
    share, site_cost, merchant = capacity.contracted_share, sample.amount("opex_share"), capacity.merchant_usd_month
    cash = sample("dscr") * loan.service_usd_month
    gross = (cash + capacity.power_usd_month + capacity.own_cost_usd_month) / (1 - site_cost)
    revenue = np.where(share > 0, np.maximum(gross - merchant, capacity.least_revenue_usd_month), 0.0)
    cost = capacity.own_cost_usd_month + site_cost * (revenue + merchant)
    return {
        "contracted_share": pl.Series(share),
        "contract_revenue_usd_month": _whole_hundreds(revenue),
        "fixed_cost_usd_month": _whole_hundreds(cost),
        "power_usd_kwh": pl.Series(sample.amount("power_usd_kwh").round(3)),
        "pledged_share": pl.Series(np.where(np.isnan(sample.mix.ranges["pledged_share"][1]), 1.0, 0.0)[sample.kind]),
    }


def _contract_end(sample: Sample, loan: Loan, capacity: Capacity, as_of: date) -> Columns:
    gap = months_of(sample.amount("contract_gap_months"))
    ends = _month_ends(as_of, np.maximum(loan.months + gap, NEWEST_MONTHS))
    nothing = pl.repeat(None, len(ends), dtype=pl.Date, eager=True)
    return {"contract_end_date": ends.zip_with(pl.Series(capacity.contracted_share > 0), nothing)}


def _counterparty(role: str, place: Ints) -> Columns:
    """Name and PD of the pools' member at each place; nobody at -1."""
    index = pl.Series(place).replace(-1, None)
    return {
        role: pl.Series(pools().names).gather(index),
        f"{role}_pd_annual": pl.Series(pools().pd_annual).gather(index),
    }


def _pool_place(sample: Sample, role: str) -> Ints:
    """Place among all pool names, the first of the archetype's pool most often; -1 where it has no pool."""
    known, words = pools(), sample.mix.words[role]
    start = np.array([known.start.get(pool, -1) for pool in words])[sample.kind]
    count = np.array([known.count.get(pool, 0) for pool in words])[sample.kind]
    return np.where(start < 0, -1, start + months_of(np.floor(count * sample.uniforms[role] ** 1.5)))


def _words(sample: Sample, parameter: str) -> pl.Series:
    return _take(list(sample.mix.words[parameter]), sample.kind)


def _take(words: Sequence[str], places: Ints) -> pl.Series:
    return pl.Series(words).gather(places)


def _whole_hundreds(values: Floats) -> pl.Series:
    return pl.Series(values.round(-2))


def _month_ends(as_of: date, months: Ints) -> pl.Series:
    """Last day of the month that lies `months` after the as-of date's."""
    next_month = np.datetime64(f"{as_of:%Y-%m}", "M") + (months + 1).astype("timedelta64[M]")
    return pl.Series(next_month.astype("datetime64[D]") - np.timedelta64(1, "D")).cast(pl.Date)
