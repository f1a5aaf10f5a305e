"""Answers known exactly, shared by the tests of the measures, and the proof that they are right."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats


class Pool(NamedTuple):
    """Homogeneous pool in the one-factor Gaussian copula: loss = number of defaults."""

    names: int
    pd: float
    asset_correlation: float


class KnownPool(NamedTuple):
    pool: Pool
    sd: float
    p_zero: float
    var_99: int
    var_999: int
    es_999: float
    var_9997: int


# Dense Gauss-Legendre over the factor, as printed in a table made independently of this code. Gauss-Hermite is no
# reference here: the integrand narrows like 1/sqrt(names), and 64 nodes leave 9e-4 of error in the cdf of 1,000 names.
KNOWN_POOLS = [
    KnownPool(Pool(100, 0.01, 0.10), 1.381038, 0.479134, 6, 10, 11.593192, 12),
    KnownPool(Pool(100, 0.02, 0.30), 3.804887, 0.479759, 18, 35, 41.754589, 43),
    KnownPool(Pool(1000, 0.0033, 0.20), 6.645835, 0.375665, 31, 69, 91.460190, 95),
    KnownPool(Pool(1000, 0.01, 0.20), 15.766365, 0.145126, 76, 147, 183.262860, 190),
    KnownPool(Pool(1000, 0.05, 0.15), 44.526086, 0.002248, 211, 316, 358.947419, 368),
]


@cache
def pool_probabilities(pool: Pool) -> NDArray[np.float64]:
    """Probability of 0, 1, ..., names defaults: binomial mixed over the factor by 1,000 Legendre nodes on [-10, 10]."""
    nodes, weights = np.polynomial.legendre.leggauss(1000)
    factor, density = 10.0 * nodes, 10.0 * weights * stats.norm.pdf(10.0 * nodes)
    rho = pool.asset_correlation
    pd = stats.norm.cdf((stats.norm.ppf(pool.pd) - np.sqrt(rho) * factor) / np.sqrt(1.0 - rho))
    counts = np.arange(pool.names + 1)
    return stats.binom.pmf(counts[:, None], pool.names, pd[None, :]) @ density


def pool_var(pool: Pool, level: float) -> int:
    return int(np.searchsorted(np.cumsum(pool_probabilities(pool)), level))


def pool_es(pool: Pool, level: float) -> float:
    """Acerbi and Tasche's tail mean of the exact distribution."""
    p, var = pool_probabilities(pool), pool_var(pool, level)
    counts = np.arange(len(p))
    above = counts > var
    return float((counts[above] @ p[above] + var * (p[: var + 1].sum() - level)) / (1.0 - level))


def pool_sd(pool: Pool) -> float:
    p = pool_probabilities(pool)
    counts = np.arange(len(p))
    return float(np.sqrt(counts**2 @ p - (counts @ p) ** 2))


def exact_var_es(losses: list[int], level: str) -> tuple[Fraction, Fraction]:
    """VaR and ES of an equally weighted sample by their definitions, in rational arithmetic."""
    n, alpha = len(losses), Fraction(level)
    var = min(x for x in losses if Fraction(sum(y <= x for y in losses), n) >= alpha)
    above = [x for x in losses if x > var]
    tail = n * (1 - alpha)
    return Fraction(var), (sum(above) + var * (tail - len(above))) / tail


@pytest.mark.parametrize("known", KNOWN_POOLS)
def test_recomputed_pools_agree_with_the_printed_table(known: KnownPool) -> None:
    pool = known.pool
    assert pool_probabilities(pool).sum() == pytest.approx(1.0, abs=1e-12)
    assert pool_sd(pool) == pytest.approx(known.sd, rel=1e-6)
    assert pool_probabilities(pool)[0] == pytest.approx(known.p_zero, abs=1e-6)
    assert pool_var(pool, 0.99) == known.var_99
    assert pool_var(pool, 0.999) == known.var_999
    assert pool_var(pool, 0.9997) == known.var_9997
    assert pool_es(pool, 0.999) == pytest.approx(known.es_999, abs=1e-6)  # printed to six decimals


def test_rational_definition_on_a_two_point_law() -> None:
    losses = [0] * 95 + [10] * 5
    assert exact_var_es(losses, "0.9") == (0, 5)
    assert exact_var_es(losses, "0.95") == (0, 10)  # the level on the boundary: F(0) = 0.95 is enough
    assert exact_var_es(losses, "0.97") == (10, 10)
