from datetime import date

import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.data import check_tape
from rackrisk.data._sizing import LEVELS, economics, hardware, level_payment, obligor_economics

AS_OF = date(2026, 8, 31)
LOAN = {
    "facility_id": "a", "obligor_id": "o", "segment": "neoclouds", "currency": "USD", "balance_usd": 1e6,
    "rate_type": "fixed", "coupon_annual": 0.12, "amortisation": "annuity", "maturity_date": date(2027, 8, 31),
}  # fmt: skip


def sized(**changes: object) -> dict[str, float]:
    tape = check_tape(pl.DataFrame([LOAN | changes]), file="made", as_of=AS_OF)
    return economics(tape, as_of=AS_OF).row(0, named=True)


def test_level_payment_is_the_textbook_mortgage() -> None:
    """100,000 over 30 years at 6 % costs 599.55 a month."""
    assert float(level_payment(100_000.0, 0.06, 360)) == pytest.approx(599.55, abs=0.005)


def test_level_payment_without_interest_is_a_share() -> None:
    assert float(level_payment(1200.0, 0.0, 12)) == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize(
    ("terms", "service"),
    [
        ({}, 88_848.79),
        ({"amortisation": "bullet"}, 10_000.0),
        ({"amortisation": "balloon", "balloon_fraction": 0.5}, 44_424.39 + 5_000.0),
        ({"interest_only_months": 6}, 172_548.37),
        ({"rate_type": "floating", "coupon_annual": 0.083}, 88_848.79),
    ],
)
def test_service_is_the_level_payment(terms: dict[str, object], service: float) -> None:
    assert sized(**terms)["service_usd_month"] == pytest.approx(service, abs=0.01)


def test_cash_is_contract_and_market_income_less_power_and_cost() -> None:
    """100 H100: 40 for 80,000 a month, 60 at 3.25 x 0.60 x 730.5 h; all at 1.05 kW and 10 c, 5,000 of costs."""
    row = sized(
        gpus_h100=100.0, contracted_share=0.4, contract_revenue_usd_month=80_000.0, contract_end_date=date(2027, 1, 31),
        power_usd_kwh=0.10, fixed_cost_usd_month=5_000.0,
    )  # fmt: skip
    assert row["cash_usd_month"] == pytest.approx(80_000 + 60 * 1424.475 - 100 * 1.05 * 73.05 - 5_000)
    assert row["cost_usd"] == 100 * 48_000


def test_sites_earn_the_lease_and_draw_no_power() -> None:
    row = sized(site_mw=2.0)
    assert row["cash_usd_month"] == pytest.approx(2 * 1000 * 150)
    assert row["cost_usd"] == 25e6


def test_coins_and_machines_count() -> None:
    row = sized(hash_ph_s21=10.0, btc_pledged=1.0, btc_treasury=2.0)
    assert row["cost_usd"] == 10 * 7_500 + 3 * 78_300
    assert row["cash_usd_month"] == pytest.approx(10 * (36 * 30.4375 - 17.5 * 730.5 * 0.06))


def test_rows_of_an_obligor_are_added() -> None:
    rows = [LOAN | {"gpus_h100": 50.0}, LOAN | {"facility_id": "b", "balance_usd": 2e6, "gpus_h100": 150.0}]
    tape = check_tape(pl.DataFrame(rows), file="made", as_of=AS_OF)
    both = obligor_economics(tape, as_of=AS_OF).row(0, named=True)
    assert both["debt_usd"] == 3e6
    assert both["loan_to_cost"] == pytest.approx(3e6 / (200 * 48_000))
    assert both["dscr"] == pytest.approx(both["cash_usd_month"] / (3 * 88_848.79), rel=1e-6)


def test_levels_are_those_of_the_base_market() -> None:
    """Books are sized with this table and simulated with the market: they must see the same prices on the first day."""
    market = structural_settings().market
    known = hardware()
    here = {name: (known[name].rent_usd_hour, known[name].power_kw) for name in market.generations}
    assert here == {name: (gpu.rent_usd_gpu_hour, gpu.power_kw) for name, gpu in market.generations.items()}
    machines = {name: (known[name].price_usd, known[name].power_kw) for name in market.asics}
    assert machines == {name: (1000 * asic.usd_per_th, asic.joule_per_th) for name, asic in market.asics.items()}
    assert known["site"].price_usd == market.site_usd_mw.start
    assert {
        "bitcoin": LEVELS.bitcoin_usd,
        "hashprice": LEVELS.hashprice_usd_ph_day,
        "lease": LEVELS.lease_usd_kw_month,
        "realisation": LEVELS.realisation,
        "rate": LEVELS.short_rate_annual,
    } == {
        "bitcoin": market.btc.price_usd,
        "hashprice": market.mining.hashprice_usd_ph_day,
        "lease": market.lease_usd_kw_month.start,
        "realisation": market.rent.realisation,
        "rate": market.rates.start,
    }
