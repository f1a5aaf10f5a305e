"""Joint distribution functions against integrals of another form."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr, stdtr

from rackrisk.models.exact import bivariate_normal_cdf, bivariate_t_cdf

from .quadrature import scale_rule

LIMITS = [-6.0, -2.3, -0.4, 0.0, 1.7]
CORRELATIONS = [-0.95, -0.3, 0.0, 0.2, 0.6, 0.99]


def by_conditioning(a: float, b: float, r: float) -> float:
    """Integral over the first variable of its density times the conditional cdf of the second."""

    def integrand(x: float) -> float:
        return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) * float(ndtr((b - r * x) / math.sqrt(1 - r * r)))

    middle = b / r if r else 0.0  # where the conditional cdf moves
    points = sorted({min(max(p, -12.0), a) for p in (-12.0, middle - 1, middle, middle + 1, -3.0, a)})
    return sum(quad(integrand, low, high, epsabs=1e-15)[0] for low, high in itertools.pairwise(points))


@pytest.mark.parametrize("r", CORRELATIONS)
def test_normal_agrees_with_conditioning(r: float) -> None:
    for a in LIMITS:
        for b in LIMITS:
            assert float(bivariate_normal_cdf(a, b, r)) == pytest.approx(by_conditioning(a, b, r), abs=1e-13)


@pytest.mark.parametrize("r", [0.0, 0.5, -0.5, 1 / math.sqrt(2)])
def test_normal_at_the_origin_is_the_arcsine_law(r: float) -> None:
    assert float(bivariate_normal_cdf(0.0, 0.0, r)) == pytest.approx(0.25 + math.asin(r) / (2 * math.pi), abs=1e-15)


@pytest.mark.parametrize("dof", [2.5, 5.0, 30.0])
@pytest.mark.parametrize("r", CORRELATIONS)
def test_t_is_a_mixture_of_normals(dof: float, r: float) -> None:
    scale, weight = scale_rule(dof, panels=20)
    for a, b in ((-2.3, -1.7), (-4.0, -4.0), (-1.0, 1.7)):
        mixed = float(weight @ bivariate_normal_cdf(a * scale, b * scale, r))
        assert float(bivariate_t_cdf(a, b, r, dof)) == pytest.approx(mixed, abs=1e-11)


@pytest.mark.parametrize("dof", [2.1, 4.0, 7.5])
@pytest.mark.parametrize("a", [-5.0, -1.0, 0.5])
def test_t_quadrature_has_converged(dof: float, a: float) -> None:
    """Equal limits and correlation 0.99 against the same integral by adaptive quadrature."""

    def integrand(theta: float) -> float:
        return (1 + 2 * a * a / (dof * (1 + math.sin(theta)))) ** (-0.5 * dof) if math.sin(theta) > -1 else 0.0

    value = quad(integrand, -0.5 * math.pi, math.asin(0.99), epsabs=1e-14, epsrel=1e-13, limit=200)[0] / (2 * math.pi)
    expected = max(2 * float(stdtr(dof, a)) - 1, 0.0) + value
    assert float(bivariate_t_cdf(a, a, 0.99, dof)) == pytest.approx(expected, abs=1e-11)


def test_limits_and_perfect_correlation() -> None:
    for function in (bivariate_normal_cdf, lambda a, b, r: bivariate_t_cdf(a, b, r, 4.0)):
        marginal = float(function(-1.0, np.inf, 0.3))
        assert float(function(-1.0, -np.inf, 0.3)) == 0.0
        assert float(function(-1.0, -0.5, 1.0)) == pytest.approx(marginal, abs=1e-6)
        assert float(function(-1.0, 0.5, -1.0)) == pytest.approx(0.0, abs=1e-9)
    assert float(bivariate_normal_cdf(np.inf, np.inf, 0.3)) == 1.0


def test_both_are_symmetric_and_broadcast() -> None:
    a, b = np.array([[-1.0], [-2.0]]), np.array([-0.5, 0.0, 3.0])
    for value, mirrored in (
        (bivariate_normal_cdf(a, b, 0.4), bivariate_normal_cdf(b, a, 0.4)),
        (bivariate_t_cdf(a, b, 0.4, 5.0), bivariate_t_cdf(b, a, 0.4, 5.0)),
    ):
        assert value.shape == (2, 3)
        np.testing.assert_allclose(value, mirrored, atol=1e-15)


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError):
        bivariate_normal_cdf(0.0, 0.0, 1.01)
    with pytest.raises(ValueError):
        bivariate_t_cdf(0.0, 0.0, 0.5, 0.0)
