"""Parts of the calibration against exact answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rackrisk.models.calibration import calibrate, with_writes
from rackrisk.models.calibration._chain import count_moves, stationary, variance_of_average
from rackrisk.models.calibration._correlations import Pair, merged
from rackrisk.models.calibration._estimate import newey_west
from rackrisk.models.calibration._panel import Panel
from rackrisk.models.calibration._regression import regress
from rackrisk.models.calibration._rents import rounded_rows
from rackrisk.models.market import FACTORS

from .worlds import AS_OF, KNOWN, channel, market, paths, regimes, rents, series


def test_the_stationary_shares_of_the_base_are_those_that_its_file_states() -> None:
    chain = np.array(market().regimes.transition_monthly)
    assert stationary(chain) == pytest.approx([0.66, 0.13, 0.21], abs=0.005)


def test_the_average_of_two_states_varies_as_its_formula_says() -> None:
    p, q, months = 0.1, 0.2, 50
    chain = np.array([[1 - p, p], [q, 1 - q]])
    share = p / (p + q)
    kept = (1 - p - q) ** np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    exact = share * (1 - share) * kept.sum() / months**2
    assert variance_of_average(chain, np.array([0.0, 1.0]), months) == pytest.approx(exact, rel=1e-12)


def test_moves_are_counted_between_neighbours_that_have_labels() -> None:
    assert count_moves(np.array([0, 0, 1, -1, 2, 0]), 3).tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_the_panel_density_is_the_multivariate_normal_with_gaps() -> None:
    changes = np.array([[0.02, -0.05, np.nan], [0.1, np.nan, np.nan], [0.0, 0.01, -0.2]])
    density = Panel.of(changes).log_density(np.array([0.12]), np.array([0.3]), np.array(0.36))
    for row, found in zip(changes, density[:, 0], strict=True):
        seen = row[np.isfinite(row)]
        covariance = 0.09 / 12 * (0.64 * np.eye(len(seen)) + 0.36)
        off = seen - 0.01
        exact = off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(2 * np.pi * covariance)[1]
        assert found == pytest.approx(-exact / 2)


def test_newey_west_without_lags_is_the_variance_and_without_correlation_nearly_so() -> None:
    x = np.random.default_rng(1).standard_normal(20_000)
    assert newey_west(x, 0) == pytest.approx(x.var())
    assert newey_west(x, 5) == pytest.approx(1, abs=0.1)


def test_regression_errors_without_lags_are_whites() -> None:
    rng = np.random.default_rng(2)
    x = np.stack([np.ones(500), rng.standard_normal(500)], axis=1)
    y = x @ [1.0, 2.0] + rng.standard_normal(500) * np.abs(x[:, 1])
    found = regress(y, x, lags=0)
    bread = np.linalg.inv(x.T @ x)
    white = bread @ (x.T * found.residuals**2) @ x @ bread * 500 / 498
    assert np.allclose(found.covariance, white)
    assert found.coefficients == pytest.approx([1, 2], abs=0.3)


def test_rows_of_a_chain_add_up_to_one_in_the_digits_that_are_written() -> None:
    for row in rounded_rows(np.array([[1 / 3, 1 / 3, 1 / 3], [0.7, 0.15, 0.15], [0.98765, 0.012, 0.00035]])):
        assert sum(row) == pytest.approx(1, abs=1e-12)


def _pair(first: str, second: str, value: float) -> Pair:
    return Pair(first, second, value, 0.01, np.arange(24), ())


def test_pairs_that_make_no_correlation_matrix_go_only_as_far_from_the_base_as_they_can() -> None:
    wanted = [_pair("credit", "btc", 0.9), _pair("credit", "ai_demand", 0.9), _pair("ai_demand", "btc", -0.9)]
    matrix, weight = merged(np.eye(6), wanted, FACTORS)
    assert 0 < weight < 1
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-10
    assert matrix[0, 2] > 0.3


def test_a_correlation_that_cannot_be_told_from_zero_is_zero() -> None:
    faint = replace(_pair("credit", "btc", 0.15), std_error=0.1)
    matrix, weight = merged(np.array(market().factors.correlation_calm), [faint], FACTORS)
    assert matrix[0, 2] == 0
    assert weight == 1


def test_what_is_written_makes_a_market_and_what_was_not_estimated_is_inherited() -> None:
    config, found = market(*KNOWN), paths(60, 3, *KNOWN)
    history = [*rents(found, 1, config), series("btc", "", "btc_usd", channel(found, 1, config, "btc"))]
    result = calibrate(history, base=config, as_of=AS_OF)
    new = with_writes(config, result.writes)
    assert new.rent != config.rent
    assert new.power == config.power
    assert new.counterparties == config.counterparties
    assert new.regimes == config.regimes
    assert new.btc.price_usd == pytest.approx(channel(found, 1, config, "btc")[-1])


def test_pooled_estimates_move_all_regimes_alike() -> None:
    config, found = market(*KNOWN), paths(60, 3, *KNOWN)
    result = calibrate(rents(found, 1, config), base=config, as_of=AS_OF)
    new = with_writes(config, result.writes)
    shift = np.subtract(new.rent.drift_annual.values(), config.rent.drift_annual.values())
    scale = np.divide(new.rent.volatility_annual.values(), config.rent.volatility_annual.values())
    assert np.allclose(shift, shift[0])
    assert np.allclose(scale, scale[0])


def test_kept_keys_stay_the_bases() -> None:
    config, found = market(*KNOWN), paths(60, 3, *KNOWN)
    history = [*rents(found, 1, config), regimes(found, 1)]
    result = calibrate(history, base=config, as_of=AS_OF, keep=["rent.drift_annual.calm", "generations"])
    assert "rent.drift_annual.calm" not in result.writes
    assert "rent.volatility_annual.calm" in result.writes
    assert not any(key.startswith("generations") for key in result.writes)
    kept = next(one for one in result.estimates if one.key == "rent.drift_annual.calm")
    assert kept.std_error
    assert "kept" in kept.note


def test_a_level_is_todays_only_if_it_is_recent() -> None:
    config, found = market(*KNOWN), paths(60, 3, *KNOWN)
    old = calibrate(rents(found, 1, config), base=config, as_of=AS_OF.replace(year=2028))
    assert not any(key.startswith("generations") for key in old.writes)


def test_a_drift_that_is_hardly_known_is_written_with_a_warning_unless_kept() -> None:
    config, found = market(*KNOWN), paths(60, 3, *KNOWN)
    coin = [series("btc", "", "btc_usd", channel(found, 1, config, "btc"))]
    assert any("btc.drift_annual: known within" in note for note in calibrate(coin, base=config, as_of=AS_OF).notes)
    kept = calibrate(coin, base=config, as_of=AS_OF, keep=["btc.drift_annual"])
    assert not any("known within" in note for note in kept.notes)
