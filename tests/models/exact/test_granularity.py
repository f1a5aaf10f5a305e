"""The adjustment moves the granular limit towards the exact figures of finite pools."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from rackrisk.models.exact import granularity_adjustment, homogeneous_distribution, one_factor_distribution


@pytest.mark.parametrize(
    ("n", "pd", "rho"), [(100, 0.02, 0.3), (1000, 0.01, 0.2), (1000, 0.05, 0.15), (10_000, 0.002, 0.12)]
)
def test_equal_names(n: int, pd: float, rho: float) -> None:
    law, tail = homogeneous_distribution(n, pd, rho), granularity_adjustment(np.ones(n), 1.0, pd, rho**0.5, level=0.999)
    es = law.expected_shortfall(0.999)
    assert tail.expected_shortfall < es
    assert tail.expected_shortfall + tail.expected_shortfall_adjustment == pytest.approx(es, abs=0.05)
    # a quantile of counts is the smallest whole number that reaches the level: on average half a name too high
    var = law.value_at_risk(0.999) - 0.5
    assert abs(tail.value_at_risk + tail.value_at_risk_adjustment - var) < 0.5 + 0.25  # and some third order
    assert abs(tail.value_at_risk + tail.value_at_risk_adjustment - var) < abs(tail.value_at_risk - var)


@pytest.mark.parametrize("lgd_sd", [0.0, 0.25])
def test_different_names(lgd_sd: float) -> None:
    draw = np.random.default_rng(11)
    ead, pd, w = draw.lognormal(0, 0.7, 300), draw.uniform(0.002, 0.05, 300), draw.uniform(0.2, 0.6, 300)
    lgd = draw.uniform(0.3, 0.7, 300)
    law = one_factor_distribution(ead, lgd, pd, w, lgd_kind="beta" if lgd_sd else "fixed", lgd_sd=lgd_sd)
    tail = granularity_adjustment(ead, lgd, pd, w, level=0.999, lgd_sd=lgd_sd)
    for limit, adjustment, exact in (
        (tail.value_at_risk, tail.value_at_risk_adjustment, law.value_at_risk(0.999)),
        (tail.expected_shortfall, tail.expected_shortfall_adjustment, law.expected_shortfall(0.999)),
    ):
        assert limit < exact
        assert abs(limit + adjustment - exact) < 0.1 * abs(limit - exact)


def test_the_derivative_is_one() -> None:
    """The formula's derivative against central differences of phi v / m'."""
    pd, w, z, h = 0.03, 0.5, -3.090232306167813, 1e-4

    def ratio(x: float) -> float:
        p, step = (float(ndtr((ndtri(pd) - w * y) / (1 - w * w) ** 0.5)) for y in (x, x + 1e-6))
        below = float(ndtr((ndtri(pd) - w * (x - 1e-6)) / (1 - w * w) ** 0.5))
        return np.exp(-0.5 * x * x) * p * (1 - p) / ((step - below) / 2e-6)

    expected = -0.5 / np.exp(-0.5 * z * z) * (ratio(z + h) - ratio(z - h)) / (2 * h)
    assert granularity_adjustment(1.0, 1.0, pd, w, level=0.999).value_at_risk_adjustment == pytest.approx(
        expected, rel=1e-4
    )


def test_it_falls_with_the_number_of_names() -> None:
    few, many = (granularity_adjustment(np.ones(n) / n, 1.0, 0.02, 0.4, level=0.99) for n in (10, 1000))
    assert few.value_at_risk == pytest.approx(many.value_at_risk)
    assert few.value_at_risk_adjustment == pytest.approx(100 * many.value_at_risk_adjustment)


@pytest.mark.parametrize(("pd", "w"), [(0.02, 0.0), (0.0, 0.5), (0.02, 1.0), (0.02, -0.3)])
def test_pools_without_a_common_factor_are_refused(pd: float, w: float) -> None:
    with pytest.raises(ValueError):
        granularity_adjustment(1.0, 1.0, pd, w, level=0.999)
