"""The granular limit: printed figures, duality of its functions, and large finite pools."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from rackrisk.models.exact import (
    asrf_cdf,
    asrf_expected_shortfall,
    asrf_tranche_expected_loss,
    asrf_value_at_risk,
    homogeneous_distribution,
)

# PD, correlation: VaR and ES at 99.9 %, recomputed independently of this package from the formulas of Vasicek (2002)
FIGURES = [
    (0.01, 0.2, 0.14552527, 0.18143553),
    (0.0033, 0.2, 0.06786404, 0.08984100),
    (0.05, 0.15, 0.31350591, 0.35652042),
]
# Expected loss of the tranches 0-3, 3-6, 6-10, 10-15, 15-100 % as fractions of each, LGD 1; same origin
CUTS = [0.0, 0.03, 0.06, 0.10, 0.15, 1.0]
TRANCHES = [
    (0.05, 0.2, [0.7570903235, 0.3942993794, 0.1979933945, 0.0872212798, 0.0037382460]),
    (0.02, 0.3, [0.3905985115, 0.1277355903, 0.0564458499, 0.0240451823, 0.0011645692]),
    (0.0488, 0.1, [0.8745669982, 0.4497606653, 0.1627271289, 0.0409151284, 0.0006062688]),
]

probabilities = st.floats(1e-4, 0.5)
correlations = st.floats(0.01, 0.9)


@pytest.mark.parametrize(("pd", "rho", "var", "es"), FIGURES)
def test_printed_figures(pd: float, rho: float, var: float, es: float) -> None:
    assert float(asrf_value_at_risk(0.999, pd, rho)) == pytest.approx(var, abs=5.1e-9)
    assert float(asrf_expected_shortfall(0.999, pd, rho)) == pytest.approx(es, abs=5.1e-9)


@pytest.mark.parametrize(("pd", "rho", "expected"), TRANCHES)
def test_tranches(pd: float, rho: float, expected: list[float]) -> None:
    np.testing.assert_allclose(asrf_tranche_expected_loss(CUTS[:-1], CUTS[1:], pd, rho), expected, atol=1e-10)


@given(probabilities, correlations)
def test_tranches_that_cover_everything_lose_the_pd(pd: float, rho: float) -> None:
    parts = asrf_tranche_expected_loss(CUTS[:-1], CUTS[1:], pd, rho) * np.diff(CUTS)
    assert float(parts.sum()) == pytest.approx(pd, rel=1e-9)


@given(probabilities, correlations, st.floats(0.01, 0.999))
def test_value_at_risk_inverts_the_cdf(pd: float, rho: float, level: float) -> None:
    assert float(asrf_cdf(asrf_value_at_risk(level, pd, rho), pd, rho)) == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize(("pd", "rho"), [(0.01, 0.2), (0.2, 0.05)])
def test_expected_shortfall_is_the_mean_of_the_quantiles(pd: float, rho: float) -> None:
    mean = quad(lambda u: float(asrf_value_at_risk(u, pd, rho)), 0.99, 1.0, epsabs=1e-12)[0] / 0.01
    assert float(asrf_expected_shortfall(0.99, pd, rho)) == pytest.approx(mean, abs=1e-8)


def test_large_pools_approach_the_limit() -> None:
    gaps = []
    for n in (100, 1000, 10_000):
        es = homogeneous_distribution(n, 0.02, 0.15).expected_shortfall(0.999) / n
        gaps.append(es - float(asrf_expected_shortfall(0.999, 0.02, 0.15)))
    assert gaps[0] == pytest.approx(10 * gaps[1], rel=0.05)  # of order 1 / n
    assert gaps[1] == pytest.approx(10 * gaps[2], rel=0.05)


def test_ends_of_the_cdf() -> None:
    assert [float(asrf_cdf(x, 0.01, 0.2)) for x in (-0.1, 0.0, 1.0, 2.0)] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(("pd", "rho"), [(0.0, 0.2), (0.01, 0.0), (0.01, 1.0), (1.5, 0.2)])
def test_degenerate_laws_are_refused(pd: float, rho: float) -> None:
    with pytest.raises(ValueError):
        asrf_cdf(0.1, pd, rho)
