"""Special cases of the model that have an exact answer: Merton, monthly first passage, independent shocks, no risk."""

from __future__ import annotations

from datetime import date
from functools import cache
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.config import structural_settings
from rackrisk.kernels.reference import idiosyncratic_normals
from rackrisk.kernels.streams import key_words, streams
from rackrisk.models.market import compile_market, value_channels
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.results import SimulationResult

from ..helpers.loans import AS_OF, run_loans, tape_of

normal_cdf = NormalDist().cdf
RATE, VOLATILITY = 0.037, 0.6  # conf/market/flat.yaml and merton.yaml
COIN_USD = 1000.0
MERTON = ("market=merton", "recovery=frictionless", f"market.btc.price_usd={COIN_USD}")
FLAT = ("market=flat", "recovery=frictionless", f"market.btc.price_usd={COIN_USD}")
LTVS, MATURITIES = (0.4, 0.6, 0.8, 1.0, 1.4), (12, 36)
SCENARIOS = {"reference": 4096, "jax": 16384}
SEED = 11


def on_coin(name: str, ltv: float, months: int, **changes: Any) -> dict[str, Any]:
    """A bullet without coupon on one coin, reported as a segment of its own."""
    maturity = date(2026 + (months + 7) // 12, (months + 7) % 12 + 1, 28)
    terms = {"obligor_id": name, "segment": name, "balance_usd": ltv * COIN_USD, "btc_pledged": 1.0}
    return {**terms, "maturity_date": maturity, **changes}


# --- Merton ---------------------------------------------------------------------------------------------------


def merton(ltv: float, years: float) -> tuple[float, float]:
    """PD and discounted expected loss per dollar of collateral: N(-d2) and the put struck at the debt.

    R. C. Merton (1974), "On the pricing of corporate debt", Journal of Finance 29, 449-470, section III, where the put
    is that of F. Black and M. Scholes (1973), Journal of Political Economy 81, 637-654.
    """
    total = VOLATILITY * sqrt(years)
    d2 = (-log(ltv) + (RATE - VOLATILITY**2 / 2) * years) / total
    d1 = d2 + total
    return normal_cdf(-d2), ltv * exp(-RATE * years) * normal_cdf(-d2) - normal_cdf(-d1)


@cache
def merton_run(engine: str) -> SimulationResult:
    """Bullets to maturity, and the margin loans of the next section beside them."""
    bullets = [on_coin(f"{ltv} {months}", ltv, months) for ltv in LTVS for months in MATURITIES]
    options = {"months": max(MATURITIES), "scenarios": SCENARIOS[engine], "seed": SEED}
    return run_loans(tape_of(*bullets, *margin_loans()), *MERTON, engine=engine, precision="float64", **options)


@pytest.mark.parametrize("engine", ["reference", "jax"])
@pytest.mark.parametrize("months", MATURITIES)
@pytest.mark.parametrize("ltv", LTVS)
def test_a_bullet_on_coins_is_mertons(engine: str, ltv: float, months: int) -> None:
    pytest.importorskip("jax" if engine == "jax" else "numpy")
    row = merton_run(engine).facilities.filter(pl.col("obligor_id") == f"{ltv} {months}").row(0, named=True)
    pd, put = merton(ltv, months / 12)
    assert abs(row["pd"] - pd) < 4 * sqrt(pd * (1 - pd) / SCENARIOS[engine])
    assert abs(row["el_usd"] - put * COIN_USD) < 4 * row["el_std_error_usd"]
    assert row["ead_usd"] == pytest.approx(ltv * COIN_USD, rel=1e-9)


def coin_paths(scenarios: int, months: int) -> tuple[np.ndarray, np.ndarray]:
    """Coin price and discount factor, [S, months + 1]."""
    settings = structural_settings(*MERTON)
    market = compile_market(settings.market, as_of=AS_OF, months=months, counterparty_pd_annual={})
    paths = simulate_paths(np, market, key_words(SEED), np.arange(scenarios, dtype=np.uint32))
    return paths.price[:, :, value_channels(settings.market).index("btc")], paths.discount


@pytest.mark.parametrize("engine", ["reference", "jax"])
def test_mertons_loss_is_the_puts_payoff_in_every_scenario(engine: str) -> None:
    pytest.importorskip("jax" if engine == "jax" else "numpy")
    coin, discount = coin_paths(1000, max(MATURITIES))
    result = merton_run(engine)
    for ltv in LTVS:
        for months in MATURITIES:
            payoff = discount[:, months] * np.maximum(ltv * COIN_USD - coin[:, months], 0)
            loss = result.losses_of(f"{ltv} {months}").head(1000).to_numpy()
            np.testing.assert_allclose(loss, payoff, rtol=1e-9, atol=1e-5)


def test_put_and_call_share_the_coin() -> None:
    # Lender's and owner's claims on the coin, discounted, are worth the coin today: debt - put + call = coin.
    coin, discount = coin_paths(4096, 36)
    for ltv in LTVS:
        lender = merton_run("reference").losses_of(f"{ltv} 36").to_numpy()
        owner = discount[:, 36] * np.maximum(coin[:, 36] - ltv * COIN_USD, 0)
        total = discount[:, 36] * ltv * COIN_USD - lender + owner
        assert abs(total.mean() - COIN_USD) < 4 * total.std(ddof=1) / sqrt(len(total))


# --- First passage at month ends -------------------------------------------------------------------------------

# PD by 12, 36 and 60 months of V with dV/V = mu dt + sigma dW when default is at the first month end with V <= K.
# Source: computed for this table by the quadrature of `first_passage` with 8 and with 12 nodes a panel, which agree
# to 1e-12. M. Broadie, P. Glasserman and S. Kou (1997), Mathematical Finance 7, 325-349, treat the same barrier.
FIRST_PASSAGE = {  # (V, K, mu, sigma)
    (100, 70, 0.05, 0.20): (0.0396274232948, 0.1914741063636, 0.2787527631622),
    (100, 80, 0.03, 0.15): (0.0820007795231, 0.2737581674492, 0.3677163013464),
    (100, 60, 0.06, 0.30): (0.0583986118261, 0.2560488196636, 0.3666047440689),
    (100, 90, 0.02, 0.10): (0.1874836252066, 0.3957586948519, 0.4782073690946),
}
TABLED_MONTHS = (12, 36, 60)
BARRIERS = (60, 70, 80, 90)


def first_passage(barrier: float, mu: float, sigma: float, months: int, nodes: int = 8) -> np.ndarray:
    """PD by months 1..months for V = 1: density of log V/K, carried from month to month on Gauss-Legendre panels."""
    step, drift = sigma / sqrt(12), (mu - sigma**2 / 2) / 12
    points, weights = np.polynomial.legendre.leggauss(nodes)
    reach = -log(barrier) + 9 * sigma * sqrt(months / 12) + abs(drift) * months
    panels = np.arange(0, reach, step)[:, None]
    x = (panels + step * (points + 1) / 2).ravel()
    w = np.tile(weights * step / 2, len(panels))

    def transition(start: np.ndarray) -> np.ndarray:
        return np.exp(-(((x[:, None] - start - drift) / step) ** 2) / 2) / (step * sqrt(2 * np.pi))

    density, alive = transition(np.array([-log(barrier)]))[:, 0], []
    carry = transition(x) * w
    for _ in range(months):
        alive.append(w @ density)
        density = carry @ density
    return 1 - np.array(alive)


@pytest.mark.parametrize(("case", "expected"), FIRST_PASSAGE.items())
@pytest.mark.parametrize("nodes", [8, 12])
def test_the_table_of_first_passage_is_right(
    case: tuple[float, float, float, float], expected: tuple[float, ...], nodes: int
) -> None:
    value, barrier, mu, sigma = case
    curve = first_passage(barrier / value, mu, sigma, 60, nodes=nodes)
    np.testing.assert_allclose(curve[[month - 1 for month in TABLED_MONTHS]], expected, atol=1e-11)


def margin_loans() -> list[dict[str, Any]]:
    """Loans with a margin call at LTV 1 and no free coins, so that the barrier is the debt."""
    return [on_coin(str(k), k / 100, 120, margin_call_ltv=1.0) for k in BARRIERS]


@cache
def first_passage_run(mu: float, sigma: float) -> SimulationResult:
    world = [f"market.btc.drift_annual.{regime}={mu}" for regime in ("calm", "boom", "stress")]
    world += [f"market.btc.volatility_annual.{regime}={sigma}" for regime in ("calm", "boom", "stress")]
    return run_loans(tape_of(*margin_loans()), *MERTON, *world, months=60, scenarios=SCENARIOS["reference"], seed=SEED)


@pytest.mark.parametrize(
    ("engine", "mu", "sigma"), [("reference", RATE, VOLATILITY), ("jax", RATE, VOLATILITY), ("reference", 0.05, 0.20)]
)
def test_margin_calls_default_at_the_first_month_end_below_the_barrier(engine: str, mu: float, sigma: float) -> None:
    pytest.importorskip("jax" if engine == "jax" else "numpy")
    result = merton_run(engine) if sigma == VOLATILITY else first_passage_run(mu, sigma)
    for barrier in BARRIERS:
        exact = first_passage(barrier / 100, mu, sigma, result.months)
        found = result.pd_term.filter(pl.col("scope") == str(barrier)).sort("month")["pd_count"].to_numpy()
        error = np.sqrt(exact * (1 - exact) / result.n_scenarios)
        assert (np.abs(found - exact) < 4 * error + 1e-12)[11::12].all()
        assert (np.abs(found - exact) < 5 * error + 1 / result.n_scenarios).all()
    causes = dict(result.defaults_by_cause.filter(pl.col("scope") == "70").select("cause", "probability").rows())
    assert causes["margin"] == pytest.approx(found_at_horizon(result, "70"))
    assert causes["payment"] == causes["refinancing"] == 0


def found_at_horizon(result: SimulationResult, scope: str) -> float:
    return result.facilities.filter(pl.col("segment") == scope)["pd"].item()


def test_a_margin_call_loses_the_overshoot_only() -> None:
    # Loss of D(t) (K - V(t)). The mean overshoot of a random walk is 0.5826 of a step's deviation (Broadie, Glasserman
    # and Kou 1997), a limit for barriers many steps away; a twentieth is left for the steps that these are not.
    result = first_passage_run(0.05, 0.20)
    row = result.loss_given_default.filter(pl.col("scope") == "60").row(0, named=True)
    limit = 1 - exp(-0.5826 * 0.20 / sqrt(12))
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
    blocks = [
        idiosyncratic_normals(np, key_words(SEED), scenarios, streams(["a", "b"]), block=k, dtype=np.float64)
        for k in (0, 1)
    ]
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
    loans = [on_coin(f"loan {months}", ltv, months) for months in MATURITIES]
    result = run_loans(tape_of(*loans), *FLAT, months=36)
    assert result.losses["loss"].item() == 0
    assert result.facilities["pd"].to_list() == [0, 0]


def test_debt_above_riskless_collateral_loses_exactly_the_difference() -> None:
    result = run_loans(tape_of(on_coin("deep", 1.25, 12)), *FLAT, months=12)
    assert result.losses["loss"].item() == pytest.approx(0.25 * COIN_USD * exp(-RATE), rel=1e-9)
    assert result.facilities["pd"].item() == 1
