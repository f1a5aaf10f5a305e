"""Barriers watched monthly: recomputed curves, closed forms of one and two months, and a bracket."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from rackrisk.models.exact import (
    BarrierName,
    bivariate_normal_cdf,
    first_passage_monthly,
    joint_first_passage_monthly,
    merton_debt,
)

# V, barrier, drift, volatility, month: P(default by then). Nystrom's method with 8 and with 12 Gauss-Legendre nodes a
# panel, recomputed independently of this package and checked by 2 million simulated paths.
CURVES = [
    (100, 70, 0.05, 0.20, 12, 0.0396274233),
    (100, 70, 0.05, 0.20, 60, 0.2787527632),
    (100, 70, 0.05, 0.20, 120, 0.3846253874),
    (100, 80, 0.03, 0.15, 12, 0.0820007795),
    (100, 80, 0.03, 0.15, 60, 0.3677163013),
    (100, 60, 0.06, 0.30, 60, 0.3666047),
    (100, 90, 0.02, 0.10, 12, 0.1874836),
]
# The same origin: two such names, correlation of the monthly shocks, month, P(both have defaulted by then)
PAIRS = [
    (BarrierName(100, 80, 0.03, 0.15), 0.1, 6, 5.4863338e-4),
    (BarrierName(100, 80, 0.03, 0.15), 0.1, 12, 9.1282788855e-3),
    (BarrierName(100, 80, 0.03, 0.15), 0.3, 12, 1.53438427497e-2),
    (BarrierName(100, 70, 0.05, 0.20), 0.1, 12, 2.3858086971e-3),
    (BarrierName(100, 70, 0.05, 0.20), 0.3, 12, 4.7973548683e-3),
]
NAME = BarrierName(100.0, 80.0, drift_annual=0.03, volatility_annual=0.15)


@pytest.mark.parametrize(("v", "barrier", "mu", "sigma", "month", "pd"), CURVES)
def test_curves(*, v: float, barrier: float, mu: float, sigma: float, month: int, pd: float) -> None:
    curve = first_passage_monthly(BarrierName(v, barrier, mu, sigma), month)
    assert curve[-1] == pytest.approx(pd, abs=5.1e-8 if month in (60, 12) and barrier in (60, 90) else 1e-10)
    assert np.all(np.diff(curve) > 0)


def test_two_months_agree_with_the_bivariate_normal() -> None:
    """Survival of both month ends: the log distances are normals with correlation 1 / sqrt(2)."""
    step, drift = 0.15 / math.sqrt(12), (0.03 - 0.5 * 0.15**2) / 12
    distance = math.log(100 / 80)
    one, two = (distance + drift) / step, (distance + 2 * drift) / (step * math.sqrt(2))
    survival = float(bivariate_normal_cdf(one, two, 1 / math.sqrt(2)))
    curve = first_passage_monthly(NAME, 2)
    assert curve[0] == pytest.approx(float(ndtr(-one)), abs=1e-15)
    assert curve[1] == pytest.approx(1 - survival, abs=1e-13)


def test_it_lies_between_the_last_day_only_and_the_continuous_barrier() -> None:
    """Black and Cox (1976), "Valuing corporate securities", Journal of Finance 31, 351-367: watched at all times."""
    years, sigma, drift, distance = 5.0, 0.15, 0.03 - 0.5 * 0.15**2, math.log(100 / 80)
    deviation = sigma * math.sqrt(years)
    mirrored = math.exp(-2 * drift * distance / sigma**2) * ndtr((-distance + drift * years) / deviation)
    continuous = float(ndtr((-distance - drift * years) / deviation) + mirrored)
    last_day = float(merton_debt(100.0, 80.0, drift_annual=0.03, volatility_annual=sigma, years=years).pd)
    assert last_day < first_passage_monthly(NAME, 60)[-1] < continuous
    assert continuous == pytest.approx(0.4135621, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "correlation", "month", "joint"), PAIRS)
def test_pairs(name: BarrierName, correlation: float, month: int, joint: float) -> None:
    assert joint_first_passage_monthly(name, name, correlation, month)[-1] == pytest.approx(joint, abs=1e-11)


def test_one_pair() -> None:
    assert joint_first_passage_monthly(NAME, NAME, 0.3, 3)[-1] == pytest.approx(2.050273897e-5, abs=1e-12)


def test_independent_names_default_independently() -> None:
    other = BarrierName(100.0, 90.0, 0.0, 0.25)
    joint = joint_first_passage_monthly(NAME, other, 0.0, 4)
    np.testing.assert_allclose(joint, first_passage_monthly(NAME, 4) * first_passage_monthly(other, 4), atol=1e-12)


def test_one_month_of_a_pair_is_bivariate_normal() -> None:
    other, step = BarrierName(100.0, 97.0, 0.0, 0.25), 1 / math.sqrt(12)
    first = (math.log(80 / 100) - (0.03 - 0.5 * 0.15**2) / 12) / (0.15 * step)
    second = (math.log(0.97) + 0.5 * 0.25**2 / 12) / (0.25 * step)
    joint = joint_first_passage_monthly(BarrierName(100.0, 80.0, 0.03, 0.15), other, 0.6, 1)[0]
    assert joint == pytest.approx(float(bivariate_normal_cdf(first, second, 0.6)), abs=1e-13)


def test_the_order_of_a_pair_does_not_matter() -> None:
    other = BarrierName(100.0, 95.0, 0.0, 0.25)
    one, two = joint_first_passage_monthly(NAME, other, 0.4, 3), joint_first_passage_monthly(other, NAME, 0.4, 3)
    np.testing.assert_allclose(one, two, atol=1e-13)


def test_names_at_their_barrier_are_refused() -> None:
    with pytest.raises(ValueError):
        BarrierName(70.0, 70.0, 0.0, 0.2)
    with pytest.raises(ValueError):
        BarrierName(100.0, 70.0, 0.0, 0.0)
    with pytest.raises(ValueError):
        joint_first_passage_monthly(NAME, NAME, 1.0, 3)
