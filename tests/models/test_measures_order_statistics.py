"""Ranks around a quantile against the exact binomial distribution."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy import stats

from rackrisk.models.measures._order_statistics import enclosing_ranks

CASES = [
    (n, level, miss)
    for n in (1, 2, 10, 59, 368, 1_000, 5_000, 100_000, 10_000_000)
    for level in ("0.001", "0.05", "0.5", "0.95", "0.99", "0.999", "0.9997")
    for miss in (0.025, 0.005, 0.0005, 0.15865525393145707)
]


@pytest.mark.parametrize(("n", "level", "miss"), CASES)
def test_ranks_are_the_tightest_that_keep_the_binomial_bound(n: int, level: str, miss: float) -> None:
    lower, upper = enclosing_ranks(n, Fraction(level), miss)
    law = stats.binom(n, float(level))
    r, s = lower or 0, upper or n + 1
    assert r == 0 or law.cdf(r - 1) <= miss * (1 + 1e-9)
    assert law.cdf(r) > miss * (1 - 1e-9)
    assert s == n + 1 or law.sf(s - 1) <= miss * (1 + 1e-9)
    assert law.sf(s - 2) > miss * (1 - 1e-9)


@pytest.mark.parametrize("n", [1, 7, 20, 40])
@pytest.mark.parametrize("level", ["0.1", "0.5", "0.9"])
def test_bound_holds_in_rational_arithmetic(n: int, level: str) -> None:
    p, miss = Fraction(level), Fraction(1, 40)
    weight = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    lower, upper = enclosing_ranks(n, p, 0.025)
    expected_lower = max((r for r in range(1, n + 1) if sum(weight[:r]) <= miss), default=None)
    expected_upper = min((s for s in range(1, n + 1) if sum(weight[s:]) <= miss), default=None)
    assert (lower, upper) == (expected_lower, expected_upper)


def test_a_hundred_million_scenarios_are_no_harder() -> None:
    lower, upper = enclosing_ranks(10**8, Fraction("0.999"), 0.025)
    half_width = 1.959964 * np.sqrt(10**8 * 0.999 * 0.001)
    assert lower is not None
    assert upper is not None
    assert lower == pytest.approx(0.999 * 10**8 - half_width, abs=3)
    assert upper == pytest.approx(0.999 * 10**8 + half_width, abs=3)
