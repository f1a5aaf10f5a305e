"""Market paths against the moments and identities of their equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from rackrisk.config import structural_settings
from rackrisk.kernels.arrays import Paths
from rackrisk.models.market import MarketConfig, cash_channels, compile_market, value_channels
from rackrisk.models.market.paths import simulate_paths

from ..helpers.loans import AS_OF

SCENARIOS = 20_000
BASE = structural_settings().market


def changed(**sections: Mapping[str, Any]) -> MarketConfig:
    """The base market with some keys of some sections changed."""
    plain = BASE.model_dump()
    for name, keys in sections.items():
        plain[name] = {**plain[name], **keys}
    return MarketConfig.model_validate(plain)


def paths_of(market: MarketConfig, months: int = 24, pds: dict[str, float] | None = None) -> Paths:
    arrays = compile_market(market, as_of=AS_OF, months=months, counterparty_pd_annual=pds or {})
    return simulate_paths(np, arrays, (7, 0), np.arange(SCENARIOS, dtype=np.uint32))


def cash(paths: Paths, market: MarketConfig, name: str) -> np.ndarray:
    return paths.cash[:, :, cash_channels(market).index(name)]


def price(paths: Paths, market: MarketConfig, name: str) -> np.ndarray:
    return paths.price[:, :, value_channels(market).index(name)]


def near(sample: np.ndarray, expected: float) -> bool:
    """Within 4.5 standard errors of the mean."""
    return abs(sample.mean() - expected) < 4.5 * sample.std() / np.sqrt(sample.size) + 1e-12


def same(value: float) -> dict[str, float]:
    return dict.fromkeys(("calm", "boom", "stress"), value)


def test_regimes_follow_their_transition_matrix():
    paths = paths_of(BASE)
    matrix = np.array(BASE.regimes.transition_monthly)
    expected = np.linalg.matrix_power(matrix, 24)[["calm", "boom", "stress"].index(BASE.regimes.initial)]
    for regime in range(3):
        assert near((paths.regime[:, 24] == regime).astype(float), expected[regime])


def test_the_coin_earns_its_expected_return_jumps_included():
    market = changed(btc={"drift_annual": same(0.2), "volatility_annual": same(0.5), "jumps_per_year": 6.0})
    coin = price(paths_of(market), market, "btc")
    assert near(coin[:, 24] / coin[:, 0], np.exp(0.2 * 2))


def test_log_variance_of_the_coin_is_diffusion_plus_jumps():
    market = changed(btc={"volatility_annual": same(0.5), "drift_annual": same(0.0), "jump_mean": 0.0, "jump_sd": 0.2})
    coin = price(paths_of(market), market, "btc")
    variance = np.var(np.log(coin[:, 12] / coin[:, 0]))
    expected = 0.5**2 + market.btc.jumps_per_year * 0.2**2
    assert variance == pytest.approx(expected, rel=5 * np.sqrt(3 / SCENARIOS))


def test_rents_and_coins_are_correlated_in_stress_only():
    def correlation(regime: str) -> float:
        market = changed(
            regimes={"initial": regime, "transition_monthly": np.eye(3).tolist()},
            rent={"ai_demand_correlation": 1.0, "drift_uncertainty_annual": 0.0},
            btc={"jumps_per_year": 0.0},
            factors={"convergence": 0.5},
        )
        paths = paths_of(market, months=2)
        moves = [
            np.log(series[:, 1] / series[:, 0])
            for series in (cash(paths, market, "rent_h200"), price(paths, market, "btc"))
        ]
        return float(np.corrcoef(moves)[0, 1])

    between = BASE.factors.correlation_calm[1][2], BASE.factors.correlation_convergence[1][2]
    assert correlation("calm") == pytest.approx(between[0], abs=4.5 / np.sqrt(SCENARIOS))
    assert correlation("stress") == pytest.approx(sum(between) / 2, abs=4.5 / np.sqrt(SCENARIOS))


def test_a_successor_that_ships_moves_older_rents_once():
    quiet = {"drift_annual": same(0.0), "volatility_annual": same(0.0), "drift_uncertainty_annual": 0.0}
    market = changed(rent={**quiet, "launch_slip_months": 0.0})
    rent = cash(paths_of(market), market, "rent_gb300")
    launch = market.generations["vr200"].launch
    month = (launch.year - AS_OF.year) * 12 + launch.month - AS_OF.month
    assert 0 < month < 24
    assert np.allclose(rent[:, month - 1] / rent[:, 0], 1)
    assert np.allclose(rent[:, 24] / rent[:, 0], 1 + market.rent.step_of_successor)


def test_the_halving_halves_the_subsidy_in_its_month():
    frozen = {"growth_annual": same(0.0), "volatility_annual": 0.0, "response_annual": 0.0, "exit_annual": 0.0}
    coin = {"drift_annual": same(0.0), "volatility_annual": same(0.0), "jumps_per_year": 0.0}
    market = changed(mining=frozen, btc=coin)
    hashprice = cash(paths_of(market), market, "hashprice")[0]
    halving = market.mining.halving
    assert halving is not None
    month = (halving.year - AS_OF.year) * 12 + halving.month - AS_OF.month
    subsidy, fees = market.mining.subsidy_coins, market.mining.fee_coins
    assert hashprice[month - 1] == pytest.approx(hashprice[0])
    assert hashprice[month] / hashprice[0] == pytest.approx((subsidy / 2 + fees) / (subsidy + fees))


def test_resale_value_falls_faster_than_rent_as_a_generation_ages():
    quiet = {"drift_annual": same(0.0), "volatility_annual": same(0.0), "drift_uncertainty_annual": 0.0}
    market = changed(rent={**quiet, "step_of_successor": 0.0, "step_of_later": 0.0}, power={"volatility_annual": 0.0})
    value = price(paths_of(market, months=36), market, "gpu_h200")[0]
    losses = -np.diff(np.log(value))
    assert (losses > 0).all()
    assert (np.diff(losses) > 0).all()


def test_a_counterparty_defaults_as_often_as_its_pd_says_in_a_neutral_regime():
    still = {"initial": "calm", "transition_monthly": np.eye(3).tolist()}
    market = changed(
        regimes=still, counterparties={"regime_multiple": same(1.0), "credit_loading": 0.0, "ai_demand_loading": 0.0}
    )
    deaths = paths_of(market, pds={"risky": 0.10, "safe": 0.0}).death_month
    assert near((deaths[:, 1] <= 12).astype(float), 0.10)
    assert near((deaths[:, 1] <= 24).astype(float), 1 - 0.9**2)
    assert (deaths[:, [0, 2]] > 24).all()


def test_the_discount_factor_accumulates_last_months_short_rate():
    paths = paths_of(BASE)
    expected = np.exp(-np.cumsum(paths.short_rate[:, :-1], axis=1) / 12)
    np.testing.assert_allclose(paths.discount[:, 1:], expected, rtol=1e-12)
    assert (paths.short_rate >= 0).all()


@pytest.mark.parametrize(
    ("name", "matrix", "message"),
    [
        ("correlation_calm", lambda m: m.__setitem__((0, 1), 0.9), "not symmetric"),
        ("correlation_calm", lambda m: m.__setitem__((2, 2), 0.9), "ones on its diagonal"),
        (
            "correlation_convergence",
            lambda m: m.__setitem__((slice(0, 3), slice(0, 3)), TRIANGLE),
            "positive semidefinite",
        ),
    ],
)
def test_what_is_not_a_correlation_matrix_is_refused(name: str, matrix: Any, message: str):
    table = np.array(getattr(BASE.factors, name))
    matrix(table)
    with pytest.raises(ValidationError, match=message):
        changed(factors={name: table.tolist()})


TRIANGLE = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])


def test_a_singular_correlation_matrix_is_legal():
    ones = np.eye(6)
    ones[:2, :2] = 1.0
    market = changed(factors={"correlation_calm": ones.tolist(), "convergence": 0.0})
    assert np.isfinite(paths_of(market, months=3).cash).all()


def test_market_files_are_plain_yaml():
    assert yaml.safe_load(yaml.safe_dump(BASE.model_dump(mode="json")))["btc"]["price_usd"] == BASE.btc.price_usd
