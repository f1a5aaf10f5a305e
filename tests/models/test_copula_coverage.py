"""From the tape to the interval: the copula model's errors and intervals against exact loss distributions.

One long run is cut into blocks, which are independent runs of their own. In each, the 99 % intervals of EL, SD, VaR and
ES either hold the exact value or miss it, so that the misses are binomial with at most 1 %. Pools range from two names,
whose whole distribution is three atoms, to several hundred unequal ones.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from rackrisk.models.exact import LossDistribution, homogeneous_distribution, one_factor_distribution
from rackrisk.models.measures import Measure, measure_losses

from .copula.pools import names, simulate

BLOCK = 6_000  # scenarios; the upper limit of the 99.9 % quantile needs 5,296
CONFIDENCE = 0.99
LEVELS = (0.99, 0.999)
CHANCE = 1e-4  # of failing although everything is right, per comparison
CHECKED = (("EL", None), ("SD", None), ("VaR", 0.99), ("VaR", 0.999), ("ES", 0.99))

Key = tuple[str, float | None]
Floats = NDArray[np.float64]


class Pool(NamedTuple):
    """Names with one factor; exposures are whole dollars, all of it is lost."""

    ead: Floats
    pd: Floats
    correlation: float
    dof: float | None = None


def equal(count: int, pd: float, correlation: float, dof: float | None = None) -> Pool:
    return Pool(np.ones(count), np.full(count, pd), correlation, dof)


def unequal(count: int) -> Pool:
    random = np.random.default_rng(7)
    pd = random.choice([0.002, 0.01, 0.03, 0.08], count)
    return Pool(np.ceil(random.lognormal(2.0, 1.0, count)), pd, 0.15)


POOLS = {
    "atoms": equal(2, 0.015, 0.60),
    "discrete": equal(100, 0.01, 0.10),
    "heavy": equal(100, 0.01, 0.10, dof=4.0),
    "granular": equal(400, 0.02, 0.15),
    "unequal": unequal(200),
}
RUNS = [
    pytest.param("discrete", 200),
    *(pytest.param(name, 1_000, marks=pytest.mark.slow) for name in POOLS),
]


def exact(pool: Pool) -> LossDistribution:
    if np.unique(pool.ead).size == 1:
        return homogeneous_distribution(len(pool.ead), float(pool.pd[0]), pool.correlation, dof=pool.dof)
    loading = np.full(len(pool.ead), np.sqrt(pool.correlation))
    return one_factor_distribution(pool.ead, np.ones(len(pool.ead)), pool.pd, loading, unit_usd=1.0)


def truths(pool: Pool) -> dict[Key, float]:
    distribution = exact(pool)
    by_level: dict[Key, float] = {("VaR", level): distribution.value_at_risk(level) for level in LEVELS}
    by_level |= {("ES", level): distribution.expected_shortfall(level) for level in LEVELS}
    return {("EL", None): distribution.mean(), ("SD", None): distribution.standard_deviation(), **by_level}


@cache
def measured(name: str, blocks: int) -> dict[Key, list[Measure]]:
    """Every measure of every block of one run."""
    pool = POOLS[name]
    model = {"dependence": "gaussian"} if pool.dof is None else {"dependence": "t", "dof": pool.dof}
    tape = names(pool.pd, ead=pool.ead)
    run = simulate(tape, BLOCK * blocks, seed=11, asset_correlation=pool.correlation, **model)
    rows = [
        measure_losses(block, levels=LEVELS, confidence=CONFIDENCE, scope="portfolio")
        for block in run.losses_of("portfolio").to_numpy().reshape(blocks, BLOCK)
    ]
    return {(row.measure, row.level): [block[i] for block in rows] for i, row in enumerate(rows[0])}


@pytest.mark.parametrize(("name", "blocks"), RUNS)
def test_intervals_hold_the_exact_value_as_often_as_they_say(name: str, blocks: int) -> None:
    truth, most = truths(POOLS[name]), stats.binom.isf(CHANCE, blocks, 1.0 - CONFIDENCE)
    for key in CHECKED:
        limits = np.array([(row.ci_low, row.ci_high) for row in measured(name, blocks)[key]], dtype=np.float64)
        assert np.isfinite(limits).all(), key
        misses = np.count_nonzero((limits[:, 0] > truth[key]) | (limits[:, 1] < truth[key]))
        assert misses <= most, (key, misses, truth[key])


@pytest.mark.parametrize(("name", "blocks"), RUNS)
def test_standard_errors_are_the_scatter_of_the_blocks(name: str, blocks: int) -> None:
    """Within 15 %, and five errors of a standard deviation that is itself estimated from the blocks."""
    for key in (("EL", None), ("SD", None), ("ES", 0.99)):
        values, errors = (
            np.array([getattr(row, what) for row in measured(name, blocks)[key]]) for what in ("value", "std_error")
        )
        ratio = np.sqrt(np.mean(errors**2)) / values.std(ddof=1)
        assert abs(ratio - 1.0) <= 0.15 + 5.0 / np.sqrt(2.0 * blocks), (key, ratio)


@pytest.mark.parametrize(("name", "blocks"), RUNS)
def test_values_are_the_exact_ones_on_average(name: str, blocks: int) -> None:
    """VaR is left out: the sample's quantile of a discrete loss jumps. SD and ES may be biased by half a percent."""
    truth = truths(POOLS[name])
    for key, bias in ((("EL", None), 0.0), (("SD", None), 0.005), (("ES", 0.99), 0.005)):
        values = np.array([row.value for row in measured(name, blocks)[key]])
        slack = 4.5 * values.std(ddof=1) / np.sqrt(blocks) + bias * truth[key]
        assert abs(values.mean() - truth[key]) <= slack, (key, values.mean(), truth[key])
