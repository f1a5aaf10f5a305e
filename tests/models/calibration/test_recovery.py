"""Known parameters of the product's own market paths are recovered, with errors of the size that is stated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest

from rackrisk.data import Series
from rackrisk.kernels.arrays import Paths
from rackrisk.models.calibration import calibrate
from rackrisk.models.market import MarketConfig

from .worlds import (
    AS_OF,
    DAY_PER_MONTH,
    KNOWN,
    channel,
    daily_dates,
    market,
    month_dates,
    paths,
    regimes,
    rents,
    series,
    slowed,
)

# Calm correlations that are not 0, the same in stress, so that every month has them.
LINKED = (
    *KNOWN,
    "market.factors.convergence=0",
    "market.factors.correlation_calm=[[1,0,0.2,0,0,0.25],[0,1,0.4,0,0,0],[0.2,0.4,1,0.25,0,0],[0,0,0.25,1,0,0],"
    "[0,0,0,0,1,0],[0.25,0,0,0,0,1]]",
)
Make = Callable[[Paths, int, MarketConfig], Sequence[Series]]


def z_scores(
    months: int, count: int, overrides: tuple[str, ...], make: Make, *, switching: bool = False
) -> dict[str, np.ndarray]:
    """z of every parameter against the truth over many histories; levels are dated from the first month on."""
    config, found = market(*overrides), paths(months, count, *overrides)
    scores: dict[str, list[float]] = defaultdict(list)
    first = month_dates(months + 1)[0]
    for i in range(count):
        for one in calibrate(make(found, i, config), base=config, as_of=first, switching=switching).estimates:
            if one.z is not None:
                scores[f"{one.key} {one.what}".strip()].append(one.z)
    return {key: np.array(values) for key, values in scores.items()}


def four_rents(found: Paths, scenario: int, config: MarketConfig) -> list[Series]:
    return rents(found, scenario, config, only=slice(0, 4))


def everything(found: Paths, scenario: int, config: MarketConfig) -> list[Series]:
    """All that a path shows, with its regimes; hash rate is coin over hash price where nothing halves."""
    coin, price = channel(found, scenario, config, "btc"), channel(found, scenario, config, "hashprice")
    return [
        *four_rents(found, scenario, config),
        regimes(found, scenario),
        series("btc", "", "btc_usd", coin),
        series("hashprice", "", "hashprice_usd_ph_day", price),
        series("hashrate", "", "hashrate_eh_s", coin / price),
        series("asic", "s21", "asic_s21_usd_th", channel(found, scenario, config, "asic_s21") / 1000),
        series("rates", "", "short_rate_annual", found.short_rate[scenario]),
        series("power", "", "power_usd_mwh", 60 * channel(found, scenario, config, "power")),
        series("lease", "", "lease_usd_kw_month", channel(found, scenario, config, "lease")),
    ]


@cache
def labelled() -> dict[str, np.ndarray]:
    return z_scores(240, 60, LINKED, everything)


# Parameters whose error is first order and whose sample is large: z is nearly standard normal. Over 60 histories a mean
# z has standard error 0.13 and the share within 1.96 is 0.95 ± 0.028; the bounds are four of them.
SHARP = (
    "rent.drift_annual.calm",
    "rent.drift_annual.boom",
    "rent.drift_annual.stress",
    "rent.volatility_annual.boom",
    "rent.volatility_annual.stress",
    "rent.ai_demand_correlation loading: root of the correlation of two rents",
    "btc.drift_annual.calm",
    "btc.drift_annual.stress",
    "btc.volatility_annual.calm",
    "lease_usd_kw_month.drift_annual.calm",
    "lease_usd_kw_month.volatility_annual",
    "mining.growth_annual at today's hash price",
    "mining.response_annual",
    "mining.volatility_annual",
    "mining.efficiency_gain_annual",
    "rates.reversion_annual",
    "power.reversion_annual",
    "regimes.transition_monthly calm to boom",
    "regimes.transition_monthly boom to calm",
    "regimes.transition_monthly stress to calm",
    "factors.correlation_calm ai_demand, btc",
    "factors.correlation_calm btc, hashrate",
    "factors.correlation_calm btc, rates",
    "factors.correlation_calm hashrate, power",
)


@pytest.mark.parametrize("key", SHARP)
def test_labelled_histories_recover_what_made_them_within_the_stated_errors(key: str) -> None:
    z = labelled()[key]
    assert abs(z.mean()) < 0.13 * 4
    assert np.mean(np.abs(z) < 1.96) > 0.95 - 4 * 0.028


def test_a_machine_that_follows_hash_price_exactly_is_recovered_exactly() -> None:
    config, found = market(*LINKED), paths(240, 60, *LINKED)
    result = calibrate(everything(found, 3, config), base=config, as_of=AS_OF)
    values = {one.key: one.value for one in result.estimates}
    assert values["asics.s21.hashprice_elasticity"] == pytest.approx(1.05, abs=1e-6)
    assert values["asics.s21.ageing_annual"] == pytest.approx(0.15, abs=1e-6)


@cache
def pooled(months: int = 120) -> dict[str, np.ndarray]:
    return z_scores(months, 150, KNOWN, four_rents)


@pytest.mark.parametrize(
    "key",
    [
        "rent.drift_annual mean over regimes",
        "rent.volatility_annual of a month, regimes pooled",
        "rent.ai_demand_correlation loading: root of the correlation of two rents",
    ],
)
def test_errors_of_unlabelled_histories_hold_what_unseen_regimes_hide(key: str) -> None:
    z = pooled()[key]
    assert abs(z.mean()) < 4 / 150**0.5
    assert np.mean(np.abs(z) < 1.96) > 0.95 - 4 * 0.018


def test_in_a_short_sample_drifts_of_regimes_hardly_add_to_the_variance_about_its_own_mean() -> None:
    z = pooled(18)["rent.volatility_annual of a month, regimes pooled"]
    assert abs(z.mean()) < 4 / 150**0.5


@pytest.mark.slow
def test_regimes_that_nobody_labelled_are_found() -> None:
    z = z_scores(240, 24, KNOWN, rents, switching=True)
    sharp = ("rent.drift_annual.calm", "rent.drift_annual.stress", "rent.volatility_annual.calm")
    for key in (*sharp, "regimes.transition_monthly calm to boom", "regimes.transition_monthly boom to calm"):
        assert abs(np.median(z[key])) < 1, key
        assert np.mean(np.abs(z[key]) < 1.96) > 0.7, key  # curvature errors are too small where a regime was brief


@cache
def daily() -> dict[str, np.ndarray]:
    """Value and error of the coin's parameters from ten years of days: [up to 40 histories, 2]."""
    config, days, count = market(*KNOWN), 3650, 40
    found = paths(days, count, *slowed(*KNOWN))
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for i in range(count):
        one = series("btc", "", "btc_usd", channel(found, i, config, "btc"), daily_dates(days + 1))
        for estimate in calibrate([one], base=config, as_of=AS_OF).estimates:
            if estimate.std_error:
                rows[estimate.key].append((estimate.value, estimate.std_error))
    return {key: np.array(values) for key, values in rows.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "truth"),
    [
        ("btc.jumps_per_year", 4.0),
        ("btc.jump_mean", -0.015),
        ("btc.jump_sd", 0.115),
        ("btc.volatility_annual", 0.44),
        ("btc.drift_annual", 0.17),
    ],
)
def test_daily_coins_recover_jumps_volatility_and_expected_return(key: str, truth: float) -> None:
    value, error = daily()[key].T
    z = (value - truth) / error
    assert len(value) >= 30
    assert abs(value.mean() - truth) < 0.7 * error.mean()  # far inside one history's own error
    assert np.mean(np.abs(z) < 1.96) > 0.95 - 4 * 0.035


def test_a_market_slowed_to_days_keeps_its_variance() -> None:
    config, days = market(*KNOWN), 3650
    found = paths(days, 40, *slowed(*KNOWN))
    changes = np.diff(np.log(np.stack([channel(found, i, config, "btc") for i in range(40)])), axis=1)
    expected = 0.44**2 + 4 * (0.015**2 + 0.115**2)
    assert changes.var() * 12 * DAY_PER_MONTH == pytest.approx(expected, rel=0.05)


def test_clustered_volatility_is_not_taken_for_jumps() -> None:
    rng = np.random.default_rng(5)
    local = np.exp(np.repeat(rng.normal(-0.9, 0.4, 60), 60))  # 0.4 a year at the median, changing every two months
    price = 100 * np.exp(np.cumsum(local / 365.25**0.5 * rng.standard_normal(3600)))
    result = calibrate([series("btc", "", "btc_usd", price, daily_dates(3600))], base=market(), as_of=AS_OF)
    assert "btc.jumps_per_year" not in result.writes
    assert any("too few large moves" in note for note in result.notes)
    volatility = next(one for one in result.estimates if one.key == "btc.volatility_annual")
    assert volatility.value == pytest.approx(np.mean(local**2) ** 0.5, abs=4 * float(volatility.std_error or 0))
