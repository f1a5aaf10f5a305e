"""Generated loans and what secures them: terms at the as-of date, and units of hardware that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._draws import Sample, log_normal
from ._mix import pools
from ._sizing import HOURS_PER_MONTH, KW_PER_MW, LEVELS, Floats, hardware, level_payment, market_income

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

NEWEST_MONTHS = 3  # no facility or contract is closer to its end
# What a contract pays as a share of today's posted rent. One-year contracts stand at 0.5 to 0.8 of on-demand prices,
# five years on racks at 0.3 to 0.55; older contracts were signed at other rents. Where the drawn DSCR needs more there
# are more GPUs, where it needs less the contract pays this all the same and covers better.
LEAST_CONTRACT, MOST_CONTRACT = 0.38, 0.70

# Share of lending on each generation by age of the loan: up to one year, up to two, older (launches and volume dates).
SHIPPED = {
    "a100": (0.00, 0.02, 0.10),
    "h100": (0.03, 0.18, 0.75),
    "h200": (0.07, 0.35, 0.15),
    "b200": (0.15, 0.20, 0.00),
    "gb200": (0.20, 0.15, 0.00),
    "b300": (0.20, 0.05, 0.00),
    "gb300": (0.30, 0.05, 0.00),
    "vr200": (0.05, 0.00, 0.00),
}


class Kit(NamedTuple):
    """The hardware that facilities are given."""

    generations: tuple[str, ...]
    shipped: Floats  # [3, G] cumulative share of lending by age of the loan
    gpu_kw: Floats  # [G]
    gpu_price_usd: Floats  # [G]
    gpu_income_usd: Floats  # [G] a month at market, before power and cost
    newest: str  # ASIC class
    oldest: str  # ASIC class; may be the newest


@dataclass(frozen=True, slots=True)
class Loan:
    """Terms of some loans, arrays [n]; `left` is the share due at maturity, `original_usd` the balance when signed."""

    balance_usd: Floats
    original_usd: Floats
    rate_annual: Floats
    spread_annual: Floats
    floating: Bools
    age_months: Ints
    months: Ints
    interest_only: Ints
    left: Floats
    service_usd_month: Floats


@dataclass(frozen=True, slots=True)
class Capacity:
    """What secures and serves some loans, arrays [n]; row i has GPUs of one generation, `generation[i]`."""

    generation: Ints
    gpus: Floats
    site_mw: Floats
    hash_ph: Floats
    old_ph: Floats  # part of `hash_ph`
    contracted_share: Floats
    merchant_usd_month: Floats  # what GPUs, sites and hash rate without a contract earn
    power_usd_month: Floats
    own_cost_usd_month: Floats  # operation of GPUs and machines
    least_revenue_usd_month: Floats  # what the contracted GPUs earn at the lowest contract rent


def make_kit(generations: Sequence[str], asic_classes: Sequence[str]) -> Kit:
    """The known hardware among that of a market.

    Raises:
        ValueError: if no GPU generation or no ASIC class is known.
    """
    known = hardware()
    gpus = tuple(name for name in generations if name in SHIPPED and name in known)
    asics = sorted((name for name in asic_classes if name in known), key=lambda name: known[name].power_kw)
    if not gpus or not asics:
        raise ValueError(
            f"hardware.csv has none of the generations {generations} or of the ASIC classes {asic_classes}"
        )
    weights = np.array([SHIPPED[name] for name in gpus]).T + 1e-12  # an age without hardware of its own takes any
    return Kit(
        generations=gpus,
        shipped=np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1),
        gpu_kw=np.array([known[name].power_kw for name in gpus]),
        gpu_price_usd=np.array([known[name].price_usd for name in gpus]),
        gpu_income_usd=np.array([market_income(f"gpus_{name}", known[name]) for name in gpus]),
        newest=asics[0],
        oldest=asics[-1],
    )


# ---- Terms ----


def make_loans(sample: Sample, offtaker: Ints) -> Loan:
    """Terms at the as-of date: what was drawn, less the payments since the loan was signed.

    Args:
        sample: The rows.
        offtaker: Place of each row's offtaker in the pools, -1 for nobody.
    """
    tenor, drawn_age = months_of(sample("tenor_months")), months_of(sample("age_months"))
    age = np.minimum(drawn_age, tenor - NEWEST_MONTHS)
    free = np.minimum(months_of(sample.amount("interest_only_months")), tenor - 1)
    ends = sample.mix.ranges["balance_usd_m"][:, sample.kind]
    balance = np.round(log_normal(sample.normals["balance"], *ends), 2) * 1e6
    spread = _spread(sample, offtaker)
    floating = sample.uniforms["rate"] < sample.fixed("floating")
    over = np.where(floating, LEVELS.short_rate_annual, LEVELS.treasury_annual)
    rate: Floats = np.where(np.isnan(spread), sample("coupon_annual"), spread + over).round(4)
    left = np.where(sample.is_word("amortisation", "bullet"), 1.0, np.round(sample.amount("balloon_fraction"), 2))
    interest_only = np.maximum(free - age, 0)
    paying = tenor - age - interest_only
    unpaid = left + (1 - left) * _unpaid_share(rate, np.maximum(age - free, 0), tenor - free)
    return Loan(
        balance_usd=balance,
        original_usd=balance / unpaid,
        rate_annual=rate,
        spread_annual=spread,
        floating=floating,
        age_months=age,
        months=tenor - age,
        interest_only=interest_only,
        left=left,
        service_usd_month=level_payment((1 - left) * balance, rate, paying) + left * balance * rate / 12,
    )


def months_of(values: Floats) -> Ints:
    """Whole months."""
    return np.rint(values).astype(np.int64)


def _spread(sample: Sample, offtaker: Ints) -> Floats:
    """Spread when signed: half a point wider for each point of PD that the offtaker is above the middle of its pool."""
    known = pools()
    middle = np.array([known.middle_pd.get(pool, 0.0) for pool in sample.mix.words["offtaker"]])[sample.kind]
    above = np.where(offtaker >= 0, known.pd_annual[offtaker] - middle, 0.0)
    return np.maximum(np.round(sample("spread_annual") + 0.5 * above, 4), 0.005)


def _unpaid_share(rate_annual: Floats, paid: Ints, months: Ints) -> Floats:
    """Share of an annuity over `months` that is still owed after `paid` payments."""
    growth = np.log1p(np.maximum(rate_annual, 1e-9) / 12)
    return 1 - np.expm1(growth * paid) / np.expm1(growth * months)


# ---- Capacity ----


def make_capacities(sample: Sample, loan: Loan, kit: Kit) -> Capacity:
    """What the original loan bought, and more where that could not carry the DSCR at market or the dearest contract."""
    cost = loan.original_usd / sample("loan_to_cost")
    contracted = np.round(sample.amount("contracted_share"), 2)
    needed = sample("dscr") * loan.service_usd_month
    power_price = np.round(sample.amount("power_usd_kwh"), 3) * HOURS_PER_MONTH
    generation = _generation(sample, loan, kit)
    income, gpu_kw = kit.gpu_income_usd[generation], kit.gpu_kw[generation]
    kept = (
        sample.amount("opex_usd_kw_month") * gpu_kw + (1 - contracted) * sample.amount("merchant_cost_share") * income
    )
    most = income * (1 - contracted + contracted * MOST_CONTRACT / LEVELS.realisation)
    net = most * (1 - sample.amount("opex_share")) - kept - gpu_kw * power_price
    gpus = cost * sample.fixed("gpu_share") / kit.gpu_price_usd[generation]
    gpus = np.ceil(np.where(gpus > 0, np.maximum(gpus, needed / np.maximum(net, 1.0)), 0.0))
    site_mw = np.ceil(10 * cost * sample.fixed("site_share") / hardware()["site"].price_usd) / 10
    mines = (gpus == 0) & (site_mw == 0)
    hash_ph, old_ph, hash_kw = _hash_rate(sample, kit, cost=cost, needed=np.where(mines, needed, 0.0))
    open_usd = (1 - contracted) * site_mw * KW_PER_MW * LEVELS.lease_usd_kw_month
    return Capacity(
        generation=generation,
        gpus=gpus,
        site_mw=site_mw,
        hash_ph=hash_ph,
        old_ph=old_ph,
        contracted_share=contracted,
        merchant_usd_month=(1 - contracted) * gpus * income + open_usd + hash_ph * _hash_income(),
        power_usd_month=(gpus * gpu_kw + hash_kw) * power_price,
        own_cost_usd_month=gpus * kept + hash_ph * sample.amount("opex_usd_ph_month"),
        least_revenue_usd_month=contracted * gpus * income * LEAST_CONTRACT / LEVELS.realisation,
    )


def _generation(sample: Sample, loan: Loan, kit: Kit) -> Ints:
    """Generation of each row's GPUs, by the age of its loan."""
    year = np.minimum(loan.age_months // 12, 2)
    drawn = (sample.uniforms["generation"][:, None] > kit.shipped[year]).sum(axis=1)
    return np.minimum(drawn, len(kit.generations) - 1)


def _hash_rate(sample: Sample, kit: Kit, *, cost: Floats, needed: Floats) -> tuple[Floats, Floats, Floats]:
    """Hash rate in PH/s, the old machines' part of it, and the power of all in kW."""
    newest, oldest = hardware()[kit.newest], hardware()[kit.oldest]
    old = np.round(sample.amount("old_share"), 2)
    price = (1 - old) * newest.price_usd + old * oldest.price_usd
    kw = (1 - old) * newest.power_kw + old * oldest.power_kw
    power = kw * np.round(sample.amount("power_usd_kwh"), 3) * HOURS_PER_MONTH
    net = np.maximum(_hash_income() - power - sample.amount("opex_usd_ph_month"), 1.0)
    total = np.ceil(np.maximum(cost * sample.fixed("hash_share") / price, needed / net))
    part = np.floor(total * old)
    return total, part, (total - part) * newest.power_kw + part * oldest.power_kw


def _hash_income() -> float:
    """USD a month that one PH/s earns before power."""
    return market_income("hash_ph", hardware()["s21"])
