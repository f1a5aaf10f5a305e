"""Equal names: published and recomputed tables, limits, and a dense Gauss-Legendre rule."""

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri, stdtr
from scipy.stats import binom

from rackrisk.models.exact import NotResolvedError, asrf_value_at_risk, homogeneous_distribution

from .quadrature import normal_rule

# n, PD, asset correlation: SD, P(0), VaR 99 %, VaR and ES 99.9 %, VaR 99.97 %.
# Binomials mixed over the factor by 2000 Gauss-Legendre nodes on [-10, 10], recomputed independently of this package.
TABLE = [
    (100, 0.01, 0.10, 1.381038, 0.479134, 6, 10, 11.593192, 12),
    (100, 0.02, 0.30, 3.804887, 0.479759, 18, 35, 41.754589, 43),
    (1000, 0.0033, 0.20, 6.645835, 0.375665, 31, 69, 91.460190, 95),
    (1000, 0.01, 0.20, 15.766365, 0.145126, 76, 147, 183.262860, 190),
    (1000, 0.05, 0.15, 44.526086, 0.002248, 211, 316, 358.947419, 368),
    (10000, 0.01, 0.20, 154.88166, 0.013847, 754, 1457, 1816.187311, 1882),
    (10000, 0.002, 0.12, 28.493327, 0.044067, 137, 272, 348.922287, 361),
]

# dof: P(more than 62.5 of 250 default). A. Bassamboo, S. Juneja and A. Zeevi (2008), "Portfolio credit risk with
# extremal dependence", Operations Research 56, 593-606: X = (rho Z + sqrt(1 - rho^2) eta) / sqrt(V), rho = 0.25, eta ~
# N(0, 9), default above 0.5 sqrt(250). Recomputed by two-dimensional Gauss-Legendre; they agree with the paper's three
# digits.
T_COPULA = {4: 8.124915067e-3, 8: 2.425356054e-4, 12: 1.070119262e-5, 16: 6.169184865e-7, 20: 4.381828358e-8}


@pytest.mark.parametrize(("n", "pd", "rho", "sd", "p0", "var99", "var999", "es999", "var9997"), TABLE)
def test_table(
    *, n: int, pd: float, rho: float, sd: float, p0: float, var99: int, var999: int, es999: float, var9997: int
) -> None:
    law = homogeneous_distribution(n, pd, rho)
    assert law.mean() == pytest.approx(n * pd, rel=1e-10)
    assert law.standard_deviation() == pytest.approx(sd, abs=5.1e-6)
    assert law.probabilities[0] == pytest.approx(p0, abs=5.1e-7)
    assert [law.value_at_risk(a) for a in (0.99, 0.999, 0.9997)] == [var99, var999, var9997]
    assert law.expected_shortfall(0.999) == pytest.approx(es999, abs=1e-6)


@pytest.mark.parametrize("dof", T_COPULA)
def test_t_copula_tail_down_to_4e_8(dof: int) -> None:
    variance = 0.25**2 + 9 * (1 - 0.25**2)
    pd = float(stdtr(dof, -0.5 * math.sqrt(250 / variance)))
    law = homogeneous_distribution(250, pd, 0.25**2 / variance, dof=dof)
    assert law.probabilities[63:].sum() == pytest.approx(T_COPULA[dof], rel=2e-9)


@pytest.mark.parametrize(("n", "pd", "rho"), [(125, 0.3, 0.49), (50, 0.001, 0.05), (2000, 0.5, 0.9), (1, 0.1, 0.5)])
def test_every_probability_agrees_with_a_dense_rule(n: int, pd: float, rho: float) -> None:
    z, weight = normal_rule(panels=600)
    p = ndtr((ndtri(pd) - math.sqrt(rho) * z) / math.sqrt(1 - rho))
    expected = weight @ binom.pmf(np.arange(n + 1), n, p[:, None])
    np.testing.assert_allclose(homogeneous_distribution(n, pd, rho).probabilities, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("dof", [2.1, 5.0, 1e6])
@pytest.mark.parametrize("rho", [0.0, 0.2, 0.95])
def test_probabilities_sum_to_one_and_the_mean_is_kept(dof: float, rho: float) -> None:
    law = homogeneous_distribution(300, 0.02, rho, dof=dof)
    assert law.probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert law.mean() == pytest.approx(6.0, rel=1e-9)
    assert law.probabilities.min() >= 0.0


def test_without_correlation_it_is_binomial() -> None:
    law = homogeneous_distribution(80, 0.07, 0.0)
    np.testing.assert_allclose(law.probabilities, binom.pmf(np.arange(81), 80, 0.07), rtol=1e-10, atol=1e-16)


def test_without_correlation_t_names_still_default_together() -> None:
    shared = homogeneous_distribution(80, 0.07, 0.0, dof=4.0)
    assert shared.standard_deviation() > 1.5 * homogeneous_distribution(80, 0.07, 0.0).standard_deviation()


def test_many_degrees_of_freedom_are_gaussian() -> None:
    gaussian, t = (homogeneous_distribution(100, 0.02, 0.2, dof=dof) for dof in (None, 1e6))
    np.testing.assert_allclose(t.probabilities, gaussian.probabilities, atol=1e-5)  # the difference is of order 1/dof


def test_towards_full_correlation_all_default_or_none() -> None:
    near = homogeneous_distribution(20, 0.1, 0.999)
    assert near.probabilities[0] == pytest.approx(0.9, abs=0.03)
    assert near.probabilities[-1] == pytest.approx(0.1, abs=0.03)
    full = homogeneous_distribution(20, 0.1, 1.0)
    assert (full.probabilities[0], full.probabilities[-1]) == pytest.approx((0.9, 0.1))


@pytest.mark.parametrize("pd", [0.0, 1.0])
@pytest.mark.parametrize("dof", [None, 3.0])
def test_certain_outcomes(pd: float, dof: float | None) -> None:
    assert homogeneous_distribution(7, pd, 0.3, dof=dof).probabilities[int(7 * pd)] == 1.0


def test_tail_grows_with_pd_and_with_correlation() -> None:
    by_pd = [homogeneous_distribution(200, pd, 0.2).expected_shortfall(0.99) for pd in (0.005, 0.01, 0.02, 0.05)]
    by_rho = [homogeneous_distribution(200, 0.01, rho).expected_shortfall(0.99) for rho in (0.0, 0.1, 0.2, 0.5)]
    by_dof = [homogeneous_distribution(200, 0.01, 0.2, dof=dof).expected_shortfall(0.999) for dof in (50.0, 10.0, 4.0)]
    assert all(np.diff(figures).min() > 0 for figures in (by_pd, by_rho, by_dof))


def test_a_million_names_are_nearly_granular() -> None:
    law = homogeneous_distribution(1_000_000, 0.01, 0.2)
    # the granularity adjustment of this pool is 1.6 names (see test_granularity)
    assert law.value_at_risk(0.999) / 1e6 == pytest.approx(float(asrf_value_at_risk(0.999, 0.01, 0.2)), abs=3e-6)


def test_what_no_grid_resolves_is_said_so() -> None:
    with pytest.raises(NotResolvedError):
        homogeneous_distribution(1_000, 0.3, 1 - 1e-12)


@pytest.mark.parametrize(
    ("count", "pd", "rho", "dof"),
    [(0, 0.1, 0.1, None), (5, 1.0000001, 0.1, None), (5, -0.1, 0.1, None), (5, 0.1, 1.5, None), (5, 0.1, 0.1, 2.0)],
)
def test_bad_arguments_are_refused(count: int, pd: float, rho: float, dof: float | None) -> None:
    with pytest.raises(ValueError):
        homogeneous_distribution(count, pd, rho, dof=dof)
