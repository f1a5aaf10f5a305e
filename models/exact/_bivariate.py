"""Distribution functions of two correlated normal or Student t variables, vectorised."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, owens_t, stdtr

#: Nodes of the t integral: the error is below 1e-12 for correlations up to 0.99 (tests).
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_CHUNK = 1 << 16


def bivariate_normal_cdf(a: ArrayLike, b: ArrayLike, correlation: ArrayLike) -> NDArray[np.float64]:
    """P(X <= a, Y <= b) of standard normals with the given correlation.

    Through Owen's T function: D. B. Owen (1956), "Tables for computing bivariate normal probabilities", Annals of
    Mathematical Statistics 27, 1075-1090, equation 2.1. Absolute error about 1e-15.

    Args:
        a: limits, any shape, broadcast with the others; infinities are allowed.
        b: limits.
        correlation: in [-1, 1].

    Raises:
        ValueError: a correlation outside [-1, 1].

    >>> round(float(bivariate_normal_cdf(0.0, 0.0, 0.5)), 12)
    0.333333333333
    """
    x, y, r = (np.asarray(v, dtype=np.float64) for v in np.broadcast_arrays(a, b, correlation))
    _check(r)
    inner = (np.abs(r) < 1.0) & np.isfinite(x) & np.isfinite(y)
    result = np.where(r >= 0.0, np.minimum(ndtr(x), ndtr(y)), np.maximum(ndtr(x) + ndtr(y) - 1.0, 0.0))
    result = np.where(np.isfinite(x) & np.isfinite(y), result, ndtr(x) * ndtr(y))
    result[inner] = _owen(x[inner], y[inner], r[inner])
    return result


def _owen(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64]) -> NDArray[np.float64]:
    tiny = np.finfo(np.float64).tiny  # T(0, a) is arctan(a) / 2 pi, also in the limit, where a is infinite
    x, y = np.where(x == 0.0, tiny, x), np.where(y == 0.0, tiny, y)
    root = np.sqrt((1.0 - r) * (1.0 + r))
    with np.errstate(over="ignore"):
        slope_x, slope_y = (y / x - r) / root, (x / y - r) / root
    half = 0.5 * ((x < 0.0) != (y < 0.0))
    value = 0.5 * (ndtr(x) + ndtr(y)) - owens_t(x, slope_x) - owens_t(y, slope_y) - half
    return np.maximum(value, 0.0)


def bivariate_t_cdf(a: ArrayLike, b: ArrayLike, correlation: ArrayLike, dof: float) -> NDArray[np.float64]:
    """P(X <= a, Y <= b) of Student t variables that share one chi-square and have the given correlation.

    Plackett's identity for the t distribution, integrated from correlation -1, where the probability is
    max(F(a) + F(b) - 1, 0), with r = sin(theta):

        dP/dtheta = (1 + (a^2 + b^2 - 2 a b sin(theta)) / (dof cos(theta)^2))^(-dof/2) / (2 pi).

    R. L. Plackett (1954), "A reduction formula for normal multivariate integrals", Biometrika 41, 351-360; for t:
    A. Genz (2004), "Numerical computation of rectangular bivariate and trivariate normal and t probabilities",
    Statistics and Computing 14, 251-260, section 2. Gauss-Legendre with 96 nodes.

    Args:
        a: limits, any shape, broadcast with the others; infinities are allowed.
        b: limits.
        correlation: in [-1, 1].
        dof: degrees of freedom, > 0.

    Raises:
        ValueError: a correlation outside [-1, 1] or dof <= 0.
    """
    x, y, r = (np.asarray(v, dtype=np.float64) for v in np.broadcast_arrays(a, b, correlation))
    _check(r)
    if not dof > 0.0:
        raise ValueError(f"degrees of freedom must be positive, got {dof!r}")
    infinite = ~(np.isfinite(x) & np.isfinite(y))
    result = np.maximum(stdtr(dof, x) + stdtr(dof, y) - 1.0, 0.0)
    result = np.where(infinite, stdtr(dof, x) * stdtr(dof, y), result)
    inner = np.flatnonzero(~infinite)
    for start in range(0, len(inner), _CHUNK):
        at = inner[start : start + _CHUNK]
        result.flat[at] += _plackett(x.flat[at], y.flat[at], r.flat[at], dof)
    return result


def _plackett(
    x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], dof: float
) -> NDArray[np.float64]:
    """Half the width times the mean of the integrand over theta in [-pi/2, arcsin r]; angles from the lower end.

    With u = theta + pi/2, cos(theta)^2 = (1 + cos u)(1 - cos u) and 1 - sin(theta) = 1 + cos u, so that
    a^2 + b^2 - 2 a b sin(theta) = (a + b)^2 - 2 a b (1 - cos u): no difference of close numbers where u is small.
    """
    width = 0.5 * (np.arcsin(r) + 0.5 * np.pi)
    total = np.zeros_like(x)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        half_sine = np.sin(0.5 * width * (1.0 + node))
        versine = 2.0 * half_sine**2
        cos_squared = versine * (2.0 - versine)
        quadratic = np.maximum((x + y) ** 2 - 2.0 * x * y * versine, 0.0)
        with np.errstate(divide="ignore"):
            total += weight * (1.0 + quadratic / (dof * cos_squared)) ** (-0.5 * dof)
    return total * width / (2.0 * np.pi)


def _check(correlation: NDArray[np.float64]) -> None:
    if not np.all(np.abs(correlation) <= 1.0):
        raise ValueError("a correlation lies between -1 and 1")
