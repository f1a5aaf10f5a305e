"""The tape: every column with its type, unit, default, bounds and meaning, and every rule between columns.

`tape_schema` gives the dataframely schema for one as-of date and one list of hardware. `docs/tape.md` is made from it.
A row is a facility. Money is in US dollars, rates and shares are decimals per year (0.05 is 5 %), months are whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import cast

import dataframely as dy
import polars as pl

from ._check import Form
from ._columns import (
    ADDS_UP,
    AGREES,
    MAX_TOTAL_USD,
    OWN,
    CrossRule,
    choice_column,
    meta_of,
    name_column,
    number_column,
    prose_column,
    segment_column,
    share_column,
    usd_column,
)

GENERATIONS = ("a100", "h100", "h200", "b200", "gb200", "b300", "gb300", "vr200")
ASIC_CLASSES = ("s21", "s19")
GPU_PREFIX = "gpus_"
ASIC_PREFIX = "hash_ph_"

MAX_MATURITY_MONTHS = 600
MAX_CONTRACTS = 4
MAX_BTC = 21e6
RATE_TYPES = ("fixed", "floating")
AMORTISATIONS = ("annuity", "linear", "sculpted", "bullet", "balloon")
SENIORITIES = ("senior_secured", "second_lien", "unsecured")

# ---- Kinds of columns ----


def _ltv(description: str) -> dy.Float64:
    return number_column(description, "decimal", level=AGREES, nullable=True, min_exclusive=0, max=10)


def _amount(description: str, unit: str, *, most: float) -> dy.Float64:
    return number_column(description, unit, default=0.0, level=ADDS_UP, min=0, max=most)


# ---- Columns ----


class Facility(dy.Schema):
    """Columns that every tape has, whatever hardware the market knows."""

    facility_id = name_column("Name of the loan; each row has its own.")
    obligor_id = name_column("Name of the borrower. All facilities of an obligor default together.")
    segment = segment_column("Group that results are also reported for.", level=AGREES)
    currency = choice_column(("USD",), "Currency of every amount in the row. Only USD is supported.")
    balance_usd = number_column(
        "Principal outstanding at the as-of date.", "USD", level=ADDS_UP, min_exclusive=0, max_exclusive=MAX_TOTAL_USD
    )
    rate_type = choice_column(RATE_TYPES, "Whether the coupon is fixed or floats with the short rate.")
    coupon_annual = share_column("Fixed: the coupon. Floating: the spread over the short rate.")
    amortisation = choice_column(AMORTISATIONS, "How the principal is repaid after the interest-only months.")
    maturity_date = dy.Date(
        metadata=meta_of("date", OWN, None), description="Last payment. May lie beyond the months that are simulated."
    )
    interest_only_months = dy.Int64(
        min=0,
        max=MAX_MATURITY_MONTHS,
        metadata=meta_of("months", OWN, 0),
        description="Months from the as-of date in which no principal is due.",
    )
    balloon_fraction = share_column(
        "Share of the balance due at maturity, for `amortisation=balloon` only.", default=0.0
    )
    seniority = choice_column(
        SENIORITIES, "Rank in a liquidation; facilities of one rank share equally.", default=SENIORITIES[0]
    )
    covenant_dscr = number_column(
        "Cash is trapped while cash flow / debt service is below this; 0 means no test.",
        "multiple", default=0.0, level=AGREES, min=0, max=100,
    )  # fmt: skip
    covenant_ltv = _ltv("Cash is trapped while debt / collateral value is above this; empty means no test.")
    sweep_share = share_column(
        "Share of the trapped surplus that prepays debt; the rest stays in the account.", default=0.0, level=AGREES
    )
    cure_usd = usd_column("Equity that the sponsor may add to cure shortfalls, in total.")
    reserve_usd = usd_column("Cash in the debt service reserve at the as-of date.")
    reserve_months = number_column(
        "Target of the reserve, in months of debt service.", "months", default=0.0, min=0, max=600
    )
    margin_call_ltv = _ltv(
        "Loans against bitcoin: above this LTV the borrower must add coins the same month. Empty means no margin call."
    )
    margin_restore_ltv = _ltv("LTV that a margin call must restore; empty means `margin_call_ltv`.")
    refi_ltv = _ltv("LTV at which a balloon can be refinanced; empty means market conditions.")
    refi_dscr = number_column(
        "DSCR at which a balloon can be refinanced; empty means market conditions.",
        "multiple", level=AGREES, nullable=True, min=0, max=100,
    )  # fmt: skip
    unsecured_recovery = share_column(
        "Share recovered of what collateral does not cover; empty means the recovery configuration.",
        level=AGREES,
        nullable=True,
    )
    site_mw = _amount("Powered site capacity.", "MW", most=1e6)
    btc_pledged = _amount("Coins pledged to the lenders.", "BTC", most=MAX_BTC)
    btc_treasury = _amount("Coins the borrower holds unpledged.", "BTC", most=MAX_BTC)
    pledged_share = share_column(
        "Share of the row's GPUs, hash rate and sites that is collateral of the obligor's secured debt.", default=1.0
    )
    contracted_share = share_column(
        "Share of the row's GPUs and sites under contract; the rest, and all hash rate, sells at market prices.",
        default=0.0,
    )
    contract_revenue_usd_month = usd_column("What the offtaker pays while the contract lives.", unit="USD per month")
    contract_end_date = dy.Date(
        nullable=True,
        min=date(1900, 1, 1),
        max=date(2199, 12, 31),
        metadata=meta_of("date", OWN, None),
        description="Last day of the contract; required where `contracted_share` is above 0.",
    )
    offtaker = name_column("Who pays under the contract. Rows with the same name fail together.", nullable=True)
    offtaker_pd_annual = share_column(
        "Yearly default probability of the offtaker; empty means the configured one.", nullable=True
    )
    guarantor = name_column("Parent that pays when the obligor cannot.", nullable=True, level=AGREES)
    guarantor_pd_annual = share_column(
        "Yearly default probability of the guarantor; empty means the configured one.", level=AGREES, nullable=True
    )
    guarantee_limit_usd = usd_column(
        "Most that the guarantor pays in total; empty means the obligor's balance.", level=AGREES, nullable=True
    )
    power_usd_kwh = number_column(
        "Power price at the as-of date for GPUs and hash rate (site tenants pay their own); follows the power index.",
        "USD per kWh", default=0.06, level=AGREES, min=0, max=1,
    )  # fmt: skip
    fixed_cost_usd_month = usd_column("Costs that do not depend on prices.", unit="USD per month")
    cash_volatility = share_column(
        "Standard deviation of the obligor's own cash shock; empty means the configured one.",
        level=AGREES,
        nullable=True,
    )
    quoted_spread_annual = number_column(
        "Spread at which the market quotes the facility.", "decimal", nullable=True, min=-1, max=1
    )
    source = prose_column("Where the row comes from.")
    confidence = prose_column("How sure its author is.")


# ---- Rules between columns ----


def cross_rules(as_of: date, capacities: Sequence[str]) -> dict[str, CrossRule]:
    """All rules between columns, by name; `capacities` are the columns that can be under contract."""
    return {**_row_rules(capacities), **_date_rules(as_of), **_obligor_rules(), **_name_rules()}


def _if(condition: pl.Expr, then: pl.Expr) -> pl.Expr:
    return ~condition | then


def _row_rules(capacities: Sequence[str]) -> dict[str, CrossRule]:
    col = pl.col
    return {
        "balloon_only": CrossRule(
            "balloon_fraction", ("amortisation",), "must be 0 unless amortisation is balloon",
            lambda: _if(col("balloon_fraction") > 0, then=col("amortisation") == "balloon"),
        ),
        "margin_order": CrossRule(
            "margin_restore_ltv", ("margin_call_ltv",), "must not be above margin_call_ltv",
            lambda: col("margin_restore_ltv") <= col("margin_call_ltv"),
        ),
        "contract_has_end": CrossRule(
            "contract_end_date", ("contracted_share",), "is required where contracted_share is above 0",
            lambda: _if(col("contracted_share") > 0, then=col("contract_end_date").is_not_null()),
        ),
        "contract_has_capacity": CrossRule(
            "contracted_share", tuple(capacities), "must be 0 in a row without GPUs and site_mw: nothing is contracted",
            lambda: _if(col("contracted_share") > 0, then=pl.any_horizontal(col(name) > 0 for name in capacities)),
        ),
        "revenue_has_contract": CrossRule(
            "contract_revenue_usd_month", ("contracted_share",), "must be 0 where contracted_share is 0",
            lambda: _if(col("contract_revenue_usd_month") > 0, then=col("contracted_share") > 0),
        ),
        "margin_restore_ltv_has_call": _needs("margin_restore_ltv", "margin_call_ltv", "a margin_call_ltv"),
        "offtaker_pd_has_offtaker": _needs("offtaker_pd_annual", "offtaker", "the name of the offtaker"),
        "guarantor_pd_has_guarantor": _needs("guarantor_pd_annual", "guarantor", "the name of the guarantor"),
        "guarantee_has_guarantor": _needs("guarantee_limit_usd", "guarantor", "the name of the guarantor"),
    }  # fmt: skip


def _needs(name: str, other: str, words: str) -> CrossRule:
    return CrossRule(
        name, (other,), f"needs {words} in the same row",
        lambda: _if(pl.col(name).is_not_null(), then=pl.col(other).is_not_null()),
    )  # fmt: skip


def _date_rules(as_of: date) -> dict[str, CrossRule]:
    col = pl.col
    maturity = col("maturity_date")
    months = (maturity.dt.year() - as_of.year) * 12 + maturity.dt.month() - as_of.month
    bullet = col("amortisation") == "bullet"
    return {
        "matures_later": CrossRule(
            "maturity_date", (), f"must be after the as-of date {as_of}", lambda: maturity > as_of
        ),
        "matures_in_time": CrossRule(
            "maturity_date", (), f"must be at most {MAX_MATURITY_MONTHS} months after the as-of date {as_of}",
            lambda: months <= MAX_MATURITY_MONTHS,
        ),
        "contract_not_over": CrossRule(
            "contract_end_date", ("contracted_share",),
            f"must be after the as-of date {as_of} where contracted_share is above 0",
            lambda: _if(col("contracted_share") > 0, then=col("contract_end_date") > as_of),
        ),
        "interest_only_ends": CrossRule(
            "interest_only_months", ("maturity_date", "amortisation"),
            "must be less than the months to maturity, unless amortisation is bullet",
            lambda: _if((col("interest_only_months") > 0) & ~bullet, then=col("interest_only_months") < months),
        ),
    }  # fmt: skip


def _obligor_rules() -> dict[str, CrossRule]:
    return {
        **{f"obligor_{name}": _same_within("obligor_id", name, "obligor") for name in agreeing_columns()},
        "few_contracts": CrossRule(
            "contract_end_date", ("obligor_id", "contracted_share", "offtaker"),
            f"is a contract too many: an obligor has at most {MAX_CONTRACTS} different pairs of offtaker and end",
            _few_contracts,
        ),
    }  # fmt: skip


def agreeing_columns() -> list[str]:
    """Columns that have one value per obligor."""
    return [name for name, column in Facility.columns().items() if (column.metadata or {})["level"] == AGREES]


def _name_rules() -> dict[str, CrossRule]:
    return {
        "facility_id_once": CrossRule(
            "facility_id",
            (),
            "must be used once only",
            lambda: pl.col("facility_id").is_first_distinct(),
            group="facility_id",
        ),
        "offtaker_pd": _same_within("offtaker", "offtaker_pd_annual", "offtaker"),
        "guarantor_pd": _same_within("guarantor", "guarantor_pd_annual", "guarantor"),
    }


def _same_within(group: str, name: str, noun: str) -> CrossRule:
    return CrossRule(
        name, (group,), f"must be the same in all rows of one {noun}",
        lambda: pl.col(group).is_null() | pl.col(name).eq_missing(pl.col(name).first().over(group)),
        group=group,
    )  # fmt: skip


def _few_contracts() -> pl.Expr:
    live = pl.col("contracted_share") > 0
    is_new = live & pl.struct("obligor_id", "offtaker", "contract_end_date", live).is_first_distinct()
    # The sum is null, and the rule true, in rows that bring no new contract.
    count = pl.when(is_new).then(1).cum_sum().over("obligor_id")
    return count <= MAX_CONTRACTS


# ---- The schema ----


def tape_schema(
    as_of: date, generations: Sequence[str] = GENERATIONS, asic_classes: Sequence[str] = ASIC_CLASSES
) -> type[dy.Schema]:
    """The schema of a tape as of a date: `Facility`, one capacity column per hardware type, and `row` at the end."""
    return _tape_schema(as_of, tuple(generations), tuple(asic_classes))


@lru_cache(maxsize=16)
def _tape_schema(as_of: date, generations: tuple[str, ...], asic_classes: tuple[str, ...]) -> type[dy.Schema]:
    gpus = {f"{GPU_PREFIX}{name}": _amount(f"GPUs of generation {name}.", "GPUs", most=1e9) for name in generations}
    hashes = {f"{ASIC_PREFIX}{name}": _amount(f"Hash rate of class {name}.", "PH/s", most=1e9) for name in asic_classes}
    rules = cross_rules(as_of, (*gpus, "site_mw"))
    namespace = {
        "__module__": __name__,
        **gpus,
        **hashes,
        "row": dy.Int64(min=1, metadata=meta_of("", OWN, None), description="1-based data row in the file."),
        **{name: dy.rule()(lambda _, holds=rule.holds: holds()) for name, rule in rules.items() if not rule.by_obligor},
        "obligor_agrees": dy.rule()(lambda _: _obligor_agrees()),
    }
    return cast("type[dy.Schema]", type("Tape", (Facility,), namespace))


def _obligor_agrees() -> pl.Expr:
    """All rules of one value per obligor at once, which costs one grouping instead of one for each."""
    values = pl.struct(agreeing_columns())
    return values.eq_missing(values.first().over("obligor_id"))


def facility_form(as_of: date, generations: Sequence[str], asic_classes: Sequence[str]) -> Form:
    """What a tape of facilities is checked against."""
    capacities = (*(f"{GPU_PREFIX}{name}" for name in generations), "site_mw")
    return Form(
        schema=tape_schema(as_of, generations, asic_classes),
        rules=cross_rules(as_of, capacities),
        total="balance_usd",
        families={GPU_PREFIX: tuple(generations), ASIC_PREFIX: tuple(asic_classes)},
        mistaken_for=(frozenset({"ead", "lgd"}), "has the columns of a tape of names, which model=copula takes"),
    )
