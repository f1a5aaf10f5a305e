import hashlib
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rackrisk.data import check_tape, generate
from rackrisk.data._draws import log_normal, triangular
from rackrisk.data._generator import ROWS_PER_PASS
from rackrisk.data._loans import LEAST_CONTRACT, MOST_CONTRACT
from rackrisk.data._mix import pools, sector_mix
from rackrisk.data._sizing import LEVELS, contract_rents, economics, hardware, obligor_economics

AS_OF = date(2026, 8, 31)


@pytest.fixture(scope="module")
def tape() -> pl.DataFrame:
    return check_tape(generate(2000, seed=2026), file="generated", as_of=AS_OF)


@pytest.fixture(scope="module")
def sized(tape: pl.DataFrame) -> pl.DataFrame:
    economics = obligor_economics(tape, as_of=AS_OF)
    return economics.with_columns(
        archetype=tape["source"].str.strip_prefix("generated: "), contracted_share=tape["contracted_share"]
    )


def share_of(flags: pl.Series) -> float:
    return float(flags.to_numpy().mean())


def test_same_seed_gives_the_same_facilities() -> None:
    assert_frame_equal(generate(500, seed=7), generate(500, seed=7), check_exact=True)


def test_another_seed_gives_other_facilities() -> None:
    first, second = generate(500, seed=7), generate(500, seed=8)
    assert share_of(first["balance_usd"] == second["balance_usd"]) < 0.05


@pytest.mark.parametrize(("short", "long"), [(1, 300), (300, 1000), (ROWS_PER_PASS - 1, ROWS_PER_PASS + 2)])
def test_a_longer_book_starts_with_the_shorter(short: int, long: int) -> None:
    assert_frame_equal(generate(short, seed=3), generate(long, seed=3).head(short), check_exact=True)


def test_the_shipped_book_does_not_change_unnoticed() -> None:
    """Text that no rounding reaches: names, structure and dates of the first facilities."""
    words = [
        "facility_id",
        "segment",
        "source",
        "rate_type",
        "amortisation",
        "offtaker",
        "guarantor",
        "interest_only_months",
    ]
    text = generate(300, seed=2026).select(words).write_csv()
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "749f337ca02b023a"


def test_generated_tape_passes_the_check(tape: pl.DataFrame) -> None:
    assert tape.height == 2000
    assert tape["facility_id"].n_unique() == 2000


@pytest.mark.parametrize("as_of", [date(2026, 8, 31), date(2027, 2, 28), date(2028, 2, 10)])
def test_generated_tape_passes_the_check_on_any_day(as_of: date) -> None:
    check_tape(generate(500, seed=1, as_of=as_of), file="generated", as_of=as_of)


def test_only_the_markets_hardware_occurs() -> None:
    frame = generate(500, seed=1, generations=["h100", "gb300"], asic_classes=["s21"])
    check_tape(frame, file="generated", as_of=AS_OF, generations=["h100", "gb300"], asic_classes=["s21"])
    assert [name for name in frame.columns if name.startswith(("gpus_", "hash_"))] == [
        "gpus_h100",
        "gpus_gb300",
        "hash_ph_s21",
    ]


def test_archetypes_occur_as_often_as_the_mix_says(sized: pl.DataFrame) -> None:
    mix = sector_mix()
    found = dict(sized.group_by("archetype").len().iter_rows())
    for name, share in zip(mix.archetypes, mix.share, strict=True):
        error = np.sqrt(2000 * share * (1 - share))
        assert abs(found[name] - 2000 * share) < 4 * error, name


def test_mix_can_be_narrowed_to_segments() -> None:
    frame = generate(400, seed=5, mix={"miners": 3, "neoclouds": 1})
    share = share_of(frame["segment"] == "miners")
    assert set(frame["segment"]) == {"miners", "neoclouds"}
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 400)


def test_dscr_is_what_was_drawn_or_more(sized: pl.DataFrame) -> None:
    """Contracts are made to carry the drawn DSCR; market income may give more, never less."""
    mix = sector_mix()
    low, _, high = (dict(zip(mix.archetypes, values, strict=True)) for values in mix.ranges["dscr"])
    for (name,), rows in sized.group_by("archetype"):
        assert rows["dscr"].to_numpy().min() > low[str(name)] - 0.02, name
    leases = sized.filter((pl.col("contracted_share") > 0) & (pl.col("segment") == "data_centres"))
    highest = leases["archetype"].replace_strict(high, return_dtype=pl.Float64)
    assert share_of(leases["dscr"] <= highest + 0.02) > 0.97


def test_gpu_contracts_cover_more_than_was_drawn_only_at_the_lowest_rent(tape: pl.DataFrame) -> None:
    mix = sector_mix()
    high = dict(zip(mix.archetypes, mix.ranges["dscr"][2], strict=True))
    rows = contract_rents(economics(tape, as_of=AS_OF)).with_columns(
        dscr=pl.col("cash_usd_month") / pl.col("service_usd_month"),
        share=pl.col("contract_usd_hour") / pl.col("posted_usd_hour"),
        highest=pl.col("source").str.strip_prefix("generated: ").replace_strict(high, return_dtype=pl.Float64),
    )
    above = rows.filter(pl.col("dscr") > pl.col("highest") + 0.02)
    assert (above["share"] < LEAST_CONTRACT + 0.002).all()


def test_contracts_pay_a_plausible_share_of_posted_rents(tape: pl.DataFrame) -> None:
    """Inside the stated range in every row; H100 and GB300 in the middle against contracts of 2025 and 2026."""
    rents = contract_rents(tape)
    share = rents["contract_usd_hour"] / rents["posted_usd_hour"]
    assert share.is_between(LEAST_CONTRACT - 0.002, MOST_CONTRACT + 0.002).all()
    for name, low, high in (("h100", 1.7, 2.65), ("gb300", 2.2, 4.0)):
        alone = rents.filter(pl.col("posted_usd_hour") == hardware()[name].rent_usd_hour)["contract_usd_hour"]
        assert low < float(np.median(alone.to_numpy())) < high, name


def test_reserves_pay_for_the_month_without_a_tenant(tape: pl.DataFrame) -> None:
    rows = contract_rents(economics(tape, as_of=AS_OF))
    outlived = rows.filter(pl.col("contract_end_date") < pl.col("maturity_date"))
    assert outlived.height > 100
    assert (outlived["reserve_usd"] >= outlived["service_usd_month"] + outlived["fixed_cost_usd_month"] - 100).all()


def test_debt_is_never_more_than_was_lent_against_cost(sized: pl.DataFrame) -> None:
    mix = sector_mix()
    highest = dict(zip(mix.archetypes, mix.ranges["loan_to_cost"][2], strict=True))
    assert (
        sized.filter(
            pl.col("loan_to_cost") > pl.col("archetype").replace_strict(highest, return_dtype=pl.Float64)
        ).height
        == 0
    )


@pytest.mark.parametrize("parameter", ["balance_usd_m", "cash_volatility", "power_usd_kwh", "sweep_share"])
def test_values_stay_in_their_ranges(tape: pl.DataFrame, parameter: str) -> None:
    mix = sector_mix()
    low, _, high = (dict(zip(mix.archetypes, values, strict=True)) for values in np.nan_to_num(mix.ranges[parameter]))
    value = tape["balance_usd"] / 1e6 if parameter == "balance_usd_m" else tape[parameter]
    archetype = tape["source"].str.strip_prefix("generated: ")
    bounds = [archetype.replace_strict(ends, return_dtype=pl.Float64) for ends in (low, high)]
    assert (value >= bounds[0] - 0.006).all()
    assert (value <= bounds[1] + 0.006).all()


def test_offtakers_come_from_the_pools_with_one_pd_each(tape: pl.DataFrame) -> None:
    known = pools()
    table = dict(zip(known.names, known.pd_annual.tolist(), strict=True))
    for role in ("offtaker", "guarantor"):
        named = tape.drop_nulls(role).select(role, f"{role}_pd_annual").unique()
        assert {name: table[name] for name in named[role]} == dict(named.iter_rows())
    assert 30 <= tape["offtaker"].n_unique() <= len(known.names) + 1


def test_first_names_of_a_pool_are_the_most_frequent(tape: pl.DataFrame) -> None:
    counts = dict(tape["offtaker"].value_counts().iter_rows())
    for pool, count in pools().count.items():
        assert counts[f"{pool} 01"] > counts.get(f"{pool} {count:02d}", 0)


def test_remaining_terms_vary(tape: pl.DataFrame) -> None:
    years = (tape["maturity_date"] - AS_OF).dt.total_days().to_numpy() / 365
    assert years.min() < 0.6
    assert years.max() > 15
    assert tape["maturity_date"].n_unique() > 60


def test_gap_between_contract_and_debt_goes_both_ways(tape: pl.DataFrame) -> None:
    gpu = tape.filter(pl.col("source") == "generated: gpu_unrated")
    early = share_of(gpu["contract_end_date"] < gpu["maturity_date"])
    assert 0.7 < early < 1.0


def test_bitcoin_loans_start_below_their_margin_call(tape: pl.DataFrame) -> None:
    loans = tape.filter(pl.col("source") == "generated: btc_loan")
    ltv = loans["balance_usd"] / (loans["btc_pledged"] * LEVELS.bitcoin_usd)
    assert (ltv < loans["margin_call_ltv"]).all()
    assert (loans["margin_restore_ltv"] <= loans["margin_call_ltv"]).all()


def test_old_loans_have_old_hardware() -> None:
    frame = generate(4000, seed=11, mix={"neoclouds": 1})
    merchant = frame.filter(pl.col("source") == "generated: gpu_merchant")
    short = merchant["maturity_date"] < date(2027, 8, 31)
    hopper = (merchant["gpus_h100"] > 0) | (merchant["gpus_a100"] > 0) | (merchant["gpus_h200"] > 0)
    assert share_of(hopper.filter(short)) > share_of(hopper.filter(~short))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0, "seed": 1}, "count"),
        ({"count": 10_000_001, "seed": 1}, "count"),
        ({"count": 1, "seed": -1}, "seed"),
        ({"count": 1, "seed": 2**64}, "seed"),
        ({"count": 1, "seed": 1, "mix": {"farms": 1.0}}, "unknown segments"),
        ({"count": 1, "seed": 1, "mix": {"miners": -1.0, "neoclouds": 2.0}}, "weights"),
        ({"count": 1, "seed": 1, "mix": {"miners": float("nan")}}, "weights"),
        ({"count": 1, "seed": 1, "mix": {"miners": 0.0}}, "weights"),
        ({"count": 1, "seed": 1, "generations": ["x1"]}, "hardware.csv"),
        ({"count": 1, "seed": 1, "asic_classes": []}, "hardware.csv"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        generate(**arguments)


def test_triangular_quantiles() -> None:
    """At the mode the distribution function is (base - low) / (high - low)."""
    low, base, high = np.array([0.0, 2.0, 1.0]), np.array([1.0, 2.0, 1.0]), np.array([4.0, 2.0, 3.0])
    at_mode = triangular(np.array([0.25, 0.5, 0.0]), low, base, high)
    np.testing.assert_allclose(at_mode, [1.0, 2.0, 1.0])
    np.testing.assert_allclose(triangular(np.array([0.0, 0.3, 1.0]), low, base, high), [0.0, 2.0, 3.0])


def test_log_normal_has_its_median_and_ends() -> None:
    low, median, high = np.full(5, 10.0), np.full(5, 40.0), np.full(5, 90.0)
    values = log_normal(np.array([-9.0, -2.0, 0.0, 2.0, 9.0]), low, median, high)
    np.testing.assert_allclose(values, [10.0, 10.0, 40.0, 90.0, 90.0])
