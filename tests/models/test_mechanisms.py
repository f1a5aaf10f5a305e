"""Each switch takes its mechanism out, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.models.market import cash_channels, compile_market, value_channels
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.mechanisms import Mechanisms, switched_market, switched_recovery, switched_tape

from ..helpers.loans import AS_OF, run_loans, tape_of

SETTINGS = structural_settings()
SWITCHES = tuple(Mechanisms.model_fields)
CONTRACT: dict[str, object] = {
    "gpus_b200": 10.0, "contracted_share": 1.0, "contract_revenue_usd_month": 1.0,
    "contract_end_date": date(2028, 8, 31), "offtaker": "tenant", "maturity_date": date(2031, 8, 31),
}  # fmt: skip


def paths_without(*switches: str):
    market = switched_market(SETTINGS.market, Mechanisms(**dict.fromkeys(switches, False)))
    arrays = compile_market(market, as_of=AS_OF, months=36, counterparty_pd_annual={"tenant": 0.2})
    return simulate_paths(np, arrays, (3, 0), np.arange(500, dtype=np.uint32))


def test_all_on_changes_nothing():
    on = Mechanisms()
    assert switched_market(SETTINGS.market, on) == SETTINGS.market
    assert switched_recovery(SETTINGS.recovery, on) == SETTINGS.recovery


def test_without_deflation_log_rents_have_no_drift():
    rents = paths_without("deflation").cash[:, :, : len(SETTINGS.market.generations)]
    moves = np.log(rents[:, 36] / rents[:, 0])
    assert (np.abs(moves.mean(axis=0)) < 4.5 * moves.std(axis=0) / np.sqrt(500)).all()


def test_without_leverage_coin_and_hash_price_stay():
    paths, market = paths_without("leverage"), SETTINGS.market
    coin = paths.price[:, :, value_channels(market).index("btc")]
    hashprice = paths.cash[:, :, cash_channels(market).index("hashprice")]
    assert np.allclose(coin, market.btc.price_usd)
    assert np.allclose(hashprice, market.mining.hashprice_usd_ph_day)


def test_without_offtake_no_counterparty_defaults():
    assert (paths_without().death_month[:, 1] <= 36).any()
    assert (paths_without("offtake").death_month > 36).all()


def test_without_convergence_stress_has_the_calm_correlations():
    market = switched_market(SETTINGS.market, Mechanisms(convergence=False))
    arrays = compile_market(market, as_of=AS_OF, months=1, counterparty_pd_annual={})
    np.testing.assert_allclose(arrays.cholesky[2], arrays.cholesky[0])
    np.testing.assert_allclose(arrays.cholesky[0] @ arrays.cholesky[0].T, market.factors.correlation_calm, atol=1e-12)


def test_without_vacuum_sales_are_immediate_and_at_the_market_price():
    recovery = switched_recovery(SETTINGS.recovery, Mechanisms(vacuum=False))
    for sale in (*recovery.gpus.values(), *recovery.asics.values(), recovery.btc, recovery.site):
        assert (sale.impact, sale.lag_months, sale.haircut) == (0, 0, 0)
    assert recovery.btc.cost == SETTINGS.recovery.btc.cost


def without_duration(*loans: Mapping[str, object]) -> pl.DataFrame:
    return switched_tape(tape_of(*loans), SETTINGS.market, Mechanisms(duration=False), AS_OF)


def test_without_duration_debt_ends_with_its_contract_and_has_no_balloon():
    bare = {"obligor_id": "bare"}
    switched = without_duration(CONTRACT | {"amortisation": "balloon", "balloon_fraction": 0.5}, bare)
    assert switched["maturity_date"].to_list() == [date(2028, 8, 31), date(2027, 8, 31)]
    assert switched["amortisation"].to_list() == ["annuity", "annuity"]
    assert switched["balloon_fraction"].to_list() == [0, 0]


def test_without_duration_a_balloon_before_the_end_of_the_contract_is_repaid_over_the_contract():
    early = CONTRACT | {"maturity_date": date(2027, 8, 31)}
    balloon = early | {"amortisation": "balloon", "balloon_fraction": 0.5}
    for loan, end in ((balloon, date(2028, 8, 31)), (early | {"amortisation": "linear"}, date(2027, 8, 31))):
        assert without_duration(loan)["maturity_date"].to_list() == [end]


def test_without_duration_debt_ends_with_the_economic_life_of_its_gpus():
    life = SETTINGS.market.model_copy(update={"resale": SETTINGS.market.resale.model_copy(update={"life_years": 3.0})})
    loans = tape_of(CONTRACT | {"contracted_share": 0.0, "contract_revenue_usd_month": 0.0, "contract_end_date": None})
    switched = switched_tape(loans, life, Mechanisms(duration=False), AS_OF)
    launch = SETTINGS.market.generations["b200"].launch
    assert switched["maturity_date"].to_list() == [date(launch.year + 3, launch.month, 1)]


def test_without_duration_an_unsecured_note_is_repaid_while_the_borrower_has_contracts():
    note = {"facility_id": "note", "maturity_date": date(2027, 8, 31), "seniority": "unsecured"}
    assert without_duration(CONTRACT, note)["maturity_date"].to_list() == [date(2028, 8, 31)] * 2


def test_without_duration_a_loan_on_coins_stays_as_it_is():
    coins = {"btc_pledged": 10.0, "amortisation": "bullet"}
    before, after = tape_of(coins), without_duration(coins)
    assert after.equals(before.with_columns(pl.col("amortisation").cast(pl.String)))


@pytest.mark.parametrize("engine", ["reference", "jax", "cuda"])
def test_every_switch_runs_alone_and_all_together(engine: str):
    tape = tape_of({"btc_pledged": 0.001}, {"obligor_id": "other", "gpus_h100": 0.01})
    for off in [*((name,) for name in SWITCHES), SWITCHES] if engine == "reference" else [SWITCHES]:
        mechanisms = Mechanisms(**dict.fromkeys(off, False))
        result = run_loans(tape, engine=engine, scenarios=3, mechanisms=mechanisms)
        assert np.isfinite(result.losses["loss"].to_numpy()).all()
