import math
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import rackrisk.data
from rackrisk.data._public import PUBLIC_AS_OF, offtakers, public_facilities
from rackrisk.data._sizing import LEVELS, contract_rents, hardware, obligor_economics

FOLDER = Path(rackrisk.data.__file__).parent
CONFIDENCE = {"confirmed-primary", "confirmed-register", "confirmed-press", "memory"}


@pytest.fixture(scope="module")
def book() -> pl.DataFrame:
    return public_facilities()


@pytest.fixture(scope="module")
def obligors(book: pl.DataFrame) -> pl.DataFrame:
    return obligor_economics(book, as_of=PUBLIC_AS_OF)


def pds(role: str) -> dict[str, float]:
    known = offtakers().filter(pl.col("role").str.contains(role))
    return dict(zip(known["name"], known["pd_annual"], strict=True))


def test_rows_name_source_and_confidence(book: pl.DataFrame) -> None:
    assert (book["source"].fill_null("").str.len_chars() >= 10).all()
    assert set(book["confidence"]) <= CONFIDENCE


def test_sources_have_a_date(book: pl.DataFrame) -> None:
    undated = book.filter(~pl.col("source").str.contains(r"20\d\d"))
    assert undated["facility_id"].to_list() == []


def test_note_describes_exactly_these_facilities(book: pl.DataFrame) -> None:
    note = (FOLDER / "public_facilities_assumptions.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([\w-]+) \| [\d,.]+ \|", note, flags=re.MULTILINE) == book["facility_id"].to_list()


def test_book_has_three_segments_and_no_dominant_loan(book: pl.DataFrame) -> None:
    assert 55 <= book.height <= 70
    assert set(book["segment"]) == {"neoclouds", "miners", "data_centres"}
    largest = book["balance_usd"] / book["balance_usd"].sum()
    assert (largest < 1 / 16).all()


def test_book_has_the_structures_that_the_model_tells_apart(book: pl.DataFrame) -> None:
    assert {"annuity", "balloon", "bullet"} <= set(book["amortisation"])
    assert {"senior_secured", "unsecured"} <= set(book["seniority"])
    assert {"fixed", "floating"} == set(book["rate_type"])
    assert book.filter(pl.col("maturity_date") >= date(2042, 1, 1)).height >= 3
    assert book.filter(pl.col("margin_call_ltv").is_not_null() & (pl.col("btc_pledged") > 0)).height >= 2
    assert book.filter(pl.col("guarantor").is_not_null()).height >= 5
    assert book["obligor_id"].n_unique() < book.height


def test_large_offtakers_are_shared(book: pl.DataFrame) -> None:
    borrowers = book.drop_nulls("offtaker").group_by("offtaker").agg(pl.col("obligor_id").n_unique())
    shared = dict(borrowers.iter_rows())
    assert all(
        shared[name] >= 2 for name in ("CoreWeave", "Meta", "Microsoft", "OpenAI", "Oracle", "NVIDIA", "Fluidstack")
    )


@pytest.mark.parametrize("role", ["offtaker", "guarantor"])
def test_pds_are_those_of_the_table(book: pl.DataFrame, role: str) -> None:
    known = pds(role)
    named = book.drop_nulls(role).select(role, f"{role}_pd_annual").unique()
    assert {name: known.get(name) for name in named[role]} == dict(named.iter_rows())


def test_table_of_offtakers_is_derived_and_used(book: pl.DataFrame) -> None:
    table = offtakers()
    assert table.select("derivation", "source").null_count().sum_horizontal().item() == 0
    assert table["pd_annual"].is_between(0.0003, 0.10).all()
    named = set(table.filter(pl.col("role") != "pool")["name"])
    assert named - {*book["offtaker"], *book["guarantor"]} <= {"Anthropic"}


def test_loans_with_contracts_start_with_a_dscr_lenders_accept(obligors: pl.DataFrame) -> None:
    loans = obligors.filter(
        (pl.col("contract_revenue_usd_month") > 0)
        & (pl.col("seniority") == "senior_secured")
        & (pl.col("segment") != "miners")
    )
    assert loans.height > 25
    wrong = loans.filter(~pl.col("dscr").is_between(1.0, 3.0)).select("obligor_id", "dscr")
    assert wrong.rows() == []


def test_contracts_pay_a_plausible_share_of_posted_rents(book: pl.DataFrame) -> None:
    """0.39 to 0.71, and 0.31 where a fifth of the contract was paid ahead; H100 and GB300 against real contracts."""
    rents = contract_rents(book).with_columns(share=pl.col("contract_usd_hour") / pl.col("posted_usd_hour"))
    assert rents.height >= 19
    assert rents.filter(~pl.col("share").is_between(0.30, 0.75)).select("facility_id", "share").rows() == []
    for name, low, high in (("h100", 1.7, 2.65), ("gb300", 2.2, 4.0)):
        alone = rents.filter(pl.col("posted_usd_hour") == hardware()[name].rent_usd_hour)
        assert alone.height >= 1
        assert alone["contract_usd_hour"].is_between(low, high).all(), name


def test_a_lost_unrated_tenant_costs_within_two_years(book: pl.DataFrame) -> None:
    """Log rents fall by 0.13 a year at the mean of the base market; then released GPUs earn the contract at most."""
    earned = LEVELS.realisation * math.exp(-2 * 0.13) * pl.col("posted_usd_hour") - pl.col("cost_usd_hour")
    unrated = contract_rents(book).filter(pl.col("offtaker_pd_annual") >= 0.01)
    gain = unrated.with_columns(gain=earned / (pl.col("contract_usd_hour") - pl.col("cost_usd_hour")))
    assert gain.height >= 8
    assert gain.filter(pl.col("gain") > 1.1).select("facility_id", "gain").rows() == []


def test_released_gpus_pay_for_hall_and_power(book: pl.DataFrame) -> None:
    """Also those of a triple-net lease, whose tenant bears both while he is there; own sites cost least."""
    cost = contract_rents(book).select("facility_id", "cost_usd_hour", "power_usd_kwh")
    assert cost.filter((pl.col("cost_usd_hour") < 0.4) | (pl.col("power_usd_kwh") <= 0)).rows() == []


def test_covenants_are_kept_today(book: pl.DataFrame, obligors: pl.DataFrame) -> None:
    tested = book.group_by("obligor_id").agg(pl.col("covenant_dscr").first()).join(obligors, on="obligor_id")
    assert tested.filter(pl.col("dscr") < pl.col("covenant_dscr"))["obligor_id"].to_list() == []


def test_debt_is_a_plausible_share_of_cost(obligors: pl.DataFrame) -> None:
    """Unsecured borrowers may owe little against what they own; secured loans are made against something and repaid."""
    least = pl.when(pl.col("seniority") == "senior_secured").then(0.25).otherwise(0.1)
    wrong = obligors.filter(~pl.col("loan_to_cost").is_between(least, 1.1)).select("obligor_id", "loan_to_cost")
    assert wrong.rows() == []


def test_bitcoin_loans_are_below_their_margin_call(book: pl.DataFrame) -> None:
    loans = book.filter(pl.col("btc_pledged") > 0)
    ltv = loans["balance_usd"] / (loans["btc_pledged"] * LEVELS.bitcoin_usd)
    assert (ltv < loans["margin_call_ltv"]).all()
    assert (ltv > 0.5).all()


def test_contracts_end_near_the_debt_of_gpu_loans(book: pl.DataFrame) -> None:
    gpus = pl.sum_horizontal(pl.col("^gpus_.*$")) > 0
    loans = book.filter(
        gpus, pl.col("seniority") == "senior_secured", pl.col("contracted_share") > 0, pl.col("segment") == "neoclouds"
    )
    tail = (loans["maturity_date"] - loans["contract_end_date"]).dt.total_days() / 30.4
    assert tail.is_between(-30, 24).all()
    assert (tail > 6).any()


def test_hardware_table_knows_what_a_tape_can_hold() -> None:
    known = hardware()
    assert {*rackrisk.data.GENERATIONS, *rackrisk.data.ASIC_CLASSES, "site"} == set(known)
    assert all(unit.price_usd > 0 for unit in known.values())
    assert all(known[name].rent_usd_hour > 0 and known[name].power_kw > 0 for name in rackrisk.data.GENERATIONS)
