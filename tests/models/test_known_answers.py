"""Special cases of the model with an exact answer: the put in every scenario, overshoot, independent shocks, no risk.

PDs and expected losses of Merton's bullets and of loans with a barrier are among the known answers that `rackrisk
validate` checks (`tests/models/validation`); their cases are used here too.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from math import exp, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.kernels.reference import idiosyncratic_normals
from rackrisk.kernels.streams import key_words, streams
from rackrisk.models.exact import BarrierName, first_passage_monthly
from rackrisk.models.market import compile_market, value_channels
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.results import SimulationResult
from rackrisk.models.validation._loans import AS_OF, loan, simulate_loans
from rackrisk.models.validation._structural import UNIT_USD, merton_loans, merton_world
from rackrisk.validate import compose

from ..helpers.emulated import engine_at_hand
from ..helpers.loans import run_loans, tape_of
from .validation.benches import bench, cases_of

normal_cdf = NormalDist().cdf
RATE = 0.037  # conf/market/flat.yaml
FLAT = ("market=flat", "recovery=frictionless", f"market.btc.price_usd={UNIT_USD}")
SCENARIOS, SEED = 4096, 11


def on_coin(name: str, ltv: float, months: int, **changes: Any) -> dict[str, Any]:
    """A bullet without coupon on one coin."""
    return loan(name, months, balance_usd=ltv * UNIT_USD, btc_pledged=1.0, **changes)


# --- Merton ---------------------------------------------------------------------------------------------------

(BULLETS,) = cases_of("merton")
MERTON = merton_world(BULLETS.inputs["rate_annual"], BULLETS.inputs["volatility_annual"])
ROWS = [(row["ltv"], row["months"]) for row in BULLETS.expected["loans"]]
LAST_MONTH = max(months for _, months in ROWS)


@cache
def merton_run(engine: str) -> SimulationResult:
    sizes = {"months": LAST_MONTH, "scenarios": SCENARIOS, "precision": "float64"}
    with engine_at_hand(engine):
        return simulate_loans(merton_loans(BULLETS), MERTON, case=BULLETS, bench=bench(engine), **sizes)


def coin_paths(scenarios: int) -> tuple[np.ndarray, np.ndarray]:
    """Coin price and discount factor, [S, months + 1]."""
    market, _ = compose(MERTON)
    arrays = compile_market(market, as_of=AS_OF, months=LAST_MONTH, counterparty_pd_annual={})
    key = key_words(bench("reference").seed_of(BULLETS))
    paths = simulate_paths(np, arrays, key, np.arange(scenarios, dtype=np.uint32))
    return paths.price[:, :, value_channels(market).index("btc")], paths.discount


@pytest.mark.parametrize("engine", ["reference", "jax", "cuda"])
def test_mertons_loss_is_the_puts_payoff_in_every_scenario(engine: str) -> None:
    coin, discount = coin_paths(1000)
    result = merton_run(engine)
    for ltv, months in ROWS:
        payoff = discount[:, months] * np.maximum(ltv * UNIT_USD - coin[:, months], 0)
        loss = result.losses_of(f"LTV {ltv}, {months} m").head(1000).to_numpy()
        np.testing.assert_allclose(loss, payoff, rtol=1e-9, atol=1e-5)
    exposure = dict(result.facilities.select("obligor_id", "ead_usd").rows())
    assert exposure == {f"LTV {ltv}, {m} m": pytest.approx(ltv * UNIT_USD, rel=1e-9) for ltv, m in ROWS}


def test_put_and_call_share_the_coin() -> None:
    # Lender's and owner's claims on the coin, discounted, are worth the coin today: debt - put + call = coin.
    coin, discount = coin_paths(SCENARIOS)
    for ltv, months in ROWS:
        lender = merton_run("reference").losses_of(f"LTV {ltv}, {months} m").to_numpy()
        owner = discount[:, months] * np.maximum(coin[:, months] - ltv * UNIT_USD, 0)
        total = discount[:, months] * ltv * UNIT_USD - lender + owner
        assert abs(total.mean() - UNIT_USD) < 4 * total.std(ddof=1) / sqrt(len(total))


# --- First passage at month ends -------------------------------------------------------------------------------

BARRIERS, DRIFT, VOLATILITY = (60, 70, 80, 90), 0.05, 0.20


@cache
def first_passage_run() -> SimulationResult:
    """Loans with a margin call at LTV 1 and no free coins, so that the barrier is the debt."""
    loans = [on_coin(str(k), k / 100, 120, margin_call_ltv=1.0) for k in BARRIERS]
    regimes = ("calm", "boom", "stress")
    world = [f"market.btc.drift_annual.{regime}={DRIFT}" for regime in regimes]
    world += [f"market.btc.volatility_annual.{regime}={VOLATILITY}" for regime in regimes]
    merton = ("market=merton", *FLAT[1:])
    return run_loans(tape_of(*loans), *merton, *world, months=60, scenarios=SCENARIOS, seed=SEED)


@pytest.mark.parametrize("barrier", BARRIERS)
def test_margin_calls_default_at_the_first_month_end_below_the_barrier(barrier: int) -> None:
    result = first_passage_run()
    name = BarrierName(1.0, barrier / 100, drift_annual=DRIFT, volatility_annual=VOLATILITY)
    exact = first_passage_monthly(name, result.months)
    found = result.pd_term.filter(pl.col("scope") == str(barrier)).sort("month")["pd_count"].to_numpy()
    error = np.sqrt(exact * (1 - exact) / result.n_scenarios)
    assert (np.abs(found - exact) < 4 * error + 1e-12)[11::12].all()
    assert (np.abs(found - exact) < 5 * error + 1 / result.n_scenarios).all()
    causes = dict(
        result.defaults_by_cause.filter(pl.col("scope") == str(barrier)).select("cause", "probability").rows()
    )
    assert causes == {"payment": 0, "margin": pytest.approx(found[-1]), "refinancing": 0}


def test_a_margin_call_loses_the_overshoot_only() -> None:
    # Loss of D(t) (K - V(t)). The mean overshoot of a random walk is 0.5826 of a step's deviation (Broadie, Glasserman
    # and Kou 1997), a limit for barriers many steps away; a twentieth is left for the steps that these are not.
    row = first_passage_run().loss_given_default.filter(pl.col("scope") == "60").row(0, named=True)
    limit = 1 - exp(-0.5826 * VOLATILITY / sqrt(12))
    assert abs(row["lgd"] - limit) < 0.05 * limit + 4 * row["std_error"]


# --- Idiosyncratic shocks -------------------------------------------------------------------------------------

SHOCK_SD, PERSISTENCE = 0.3, 0.85
SHOCKS = (*FLAT, f"market.cash_shock_persistence={PERSISTENCE}")
TINY_GPUS = {"gpus_h100": 1e-9, "contracted_share": 1.0, "contract_end_date": date(2040, 12, 31)}


def on_contract(name: str, revenue: float = 110.0) -> dict[str, Any]:
    """A linear loan of 120 months that pays 100 a month out of a contract, with nothing else behind it."""
    cash = {**TINY_GPUS, "contract_revenue_usd_month": revenue, "cash_volatility": SHOCK_SD}
    loan = {"balance_usd": 12000.0, "amortisation": "linear", "maturity_date": date(2036, 8, 31)}
    return {**loan, **cash, "obligor_id": name, "segment": name}


def test_normals_of_two_borrowers_and_two_months_are_independent() -> None:
    scenarios = np.arange(100_000, dtype=np.uint32)
    key, stream = key_words(SEED), tuple(streams(["a", "b"]).T)
    blocks = [idiosyncratic_normals(np, key, scenarios[:, None], stream, block=k, dtype=np.float64) for k in (0, 1)]
    columns = np.concatenate([month for block in blocks for month in block], axis=1)  # [S, 8 months x 2 borrowers]
    bound = 4.5 / sqrt(len(columns))
    assert np.abs(columns.mean(axis=0)).max() < bound
    assert np.abs(np.corrcoef(columns.T) - np.eye(16)).max() < bound
    assert np.abs(np.corrcoef((columns**2).T) - np.eye(16)).max() < bound
    assert np.abs(columns.var(axis=0) - 1).max() < bound * sqrt(2)


def test_two_borrowers_default_independently_of_each_other() -> None:
    options = {"months": 6, "scenarios": 8192, "seed": SEED}
    result = run_loans(tape_of(on_contract("a"), on_contract("b")), *SHOCKS, **options)
    a, b = (result.losses_of(name).to_numpy() > 0 for name in ("a", "b"))
    p, q = a.mean(), b.mean()
    assert 0.2 < p < 0.8
    assert abs(p - q) < 4 * sqrt(p * (1 - p) * 2 / len(a))
    assert abs((a & b).mean() - p * q) < 4 * sqrt(p * (1 - p) * q * (1 - q) / len(a))


@pytest.mark.parametrize("revenue", [90.0, 105.0, 120.0, 140.0])
def test_the_first_months_default_is_a_normal_shock_below_cover(revenue: float) -> None:
    # y(1) = sqrt(1 - a^2) sd z; default if (1 + y) revenue < 100
    n = 8192
    result = run_loans(tape_of(on_contract("a", revenue)), *SHOCKS, months=1, scenarios=n)
    pd = normal_cdf((100 / revenue - 1) / (SHOCK_SD * sqrt(1 - PERSISTENCE**2)))
    assert abs(result.facilities["pd"].item() - pd) < 4 * sqrt(pd * (1 - pd) / n)


# --- No risk --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ltv", [0.2, 0.9, 1.0])
def test_nothing_is_lost_on_covered_debt_when_nothing_moves(ltv: float) -> None:
    loans = [on_coin(f"loan {months}", ltv, months) for months in (12, 36)]
    result = run_loans(tape_of(*loans), *FLAT, months=36)
    assert result.losses["loss"].item() == 0
    assert result.facilities["pd"].to_list() == [0, 0]


def test_debt_above_riskless_collateral_loses_exactly_the_difference() -> None:
    result = run_loans(tape_of(on_coin("deep", 1.25, 12)), *FLAT, months=12)
    assert result.losses["loss"].item() == pytest.approx(0.25 * UNIT_USD * exp(-RATE), rel=1e-9)
    assert result.facilities["pd"].item() == 1
