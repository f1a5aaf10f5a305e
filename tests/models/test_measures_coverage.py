"""Intervals cover known answers as often as they say, on either side, over many independent samples.

The interval of VaR keeps its promise for every law and every sample size. The others are asymptotic: at these sizes
they are allowed a third more misses than promised (docs/measures.md lists what was seen). Four standard errors of the
observed frequency are left on top, so that one comparison in about 30,000 would fail by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from rackrisk.models.measures import Measure, measure_losses

from .test_measures_oracles import Pool, pool_es, pool_probabilities, pool_sd, pool_var

SCENARIOS = 5_000
#: Number of samples; the second finds smaller faults.
SEEDS = [1_000, pytest.param(4_000, marks=pytest.mark.slow)]
ASYMPTOTIC = 1.3
LEVELS = (0.95, 0.99)
POOL = Pool(100, 0.01, 0.10)
NORMAL = NormalDist()
VASICEK_PD, VASICEK_RHO = 0.01, 0.20
Truth = dict[tuple[str, float | None], float]


class Law(NamedTuple):
    draw: Callable[[np.random.Generator], NDArray[np.float64]]
    truth: Truth


def truth_of(
    el: float, sd: float, var: Callable[[float], float], es: Callable[[float], float]
) -> dict[tuple[str, float | None], float]:
    by_level = {(name, a): f(a) for a in LEVELS for name, f in (("VaR", var), ("ES", es))}
    return {("EL", None): el, ("SD", None): sd, **by_level}


def normal() -> Law:
    truth = truth_of(0.0, 1.0, NORMAL.inv_cdf, lambda a: NORMAL.pdf(NORMAL.inv_cdf(a)) / (1.0 - a))
    return Law(lambda rng: rng.normal(size=SCENARIOS), truth)


def exponential() -> Law:
    truth = truth_of(1.0, 1.0, lambda a: -np.log(1.0 - a), lambda a: 1.0 - np.log(1.0 - a))
    return Law(lambda rng: rng.exponential(size=SCENARIOS), truth)


def lognormal() -> Law:
    """Skewness 6, kurtosis 114: its standard deviation is left out, 5,000 scenarios do not settle it."""

    def es(a: float) -> float:
        return np.exp(0.5) * NORMAL.cdf(1.0 - NORMAL.inv_cdf(a)) / (1.0 - a)

    truth = truth_of(np.exp(0.5), np.nan, lambda a: np.exp(NORMAL.inv_cdf(a)), es)
    del truth["SD", None]
    return Law(lambda rng: rng.lognormal(size=SCENARIOS), truth)


def vasicek() -> Law:
    """Infinitely granular pool (Vasicek 2002): VaR and ES in closed form, the latter by the bivariate normal."""
    threshold, root = NORMAL.inv_cdf(VASICEK_PD), np.sqrt(VASICEK_RHO)

    def loss(z: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return stats.norm.cdf((threshold + root * z) / np.sqrt(1.0 - VASICEK_RHO))

    def joint(x: float, y: float, correlation: float) -> float:
        covariance: Any = [[1.0, correlation], [correlation, 1.0]]
        return float(stats.multivariate_normal(cov=covariance).cdf([x, y]))

    sd = np.sqrt(joint(threshold, threshold, VASICEK_RHO) - VASICEK_PD**2)
    truth = truth_of(
        VASICEK_PD,
        float(sd),
        lambda a: float(loss(NORMAL.inv_cdf(a))),
        lambda a: joint(threshold, -NORMAL.inv_cdf(a), root) / (1.0 - a),
    )
    return Law(lambda rng: loss(rng.normal(size=SCENARIOS)), truth)


def pool() -> Law:
    """Discrete: number of defaults among 100 names."""
    cdf = np.cumsum(pool_probabilities(POOL))
    truth = truth_of(POOL.names * POOL.pd, pool_sd(POOL), lambda a: pool_var(POOL, a), lambda a: pool_es(POOL, a))
    return Law(lambda rng: np.searchsorted(cdf, rng.random(SCENARIOS)).astype(np.float64), truth)


def misses(
    law: Callable[[], Law], confidence: float, seeds: int
) -> dict[tuple[str, float | None], tuple[float, float]]:
    """Frequencies of an interval wholly above the truth, and wholly below it."""
    draw, truth = law()
    samples = (draw(np.random.default_rng([seed, *law.__name__.encode()])) for seed in range(seeds))
    runs = [measure_losses(x, levels=LEVELS, confidence=confidence, scope="portfolio") for x in samples]
    by_key = {(row.measure, row.level): [run[i] for run in runs] for i, row in enumerate(runs[0])}
    return {key: frequencies(by_key[key], known) for key, known in truth.items()}


def frequencies(rows: Iterable[Measure], truth: float) -> tuple[float, float]:
    limits = np.array([(row.ci_low, row.ci_high) for row in rows], dtype=np.float64)
    assert np.all(np.isfinite(limits))
    return float(np.mean(limits[:, 0] > truth)), float(np.mean(limits[:, 1] < truth))


def allowed(miss: float, seeds: int) -> float:
    return miss + 4.0 * np.sqrt(miss * (1.0 - miss) / seeds)


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("confidence", [0.95, 0.99])
@pytest.mark.parametrize("law", [normal, exponential, lognormal, vasicek, pool])
def test_intervals_cover_known_answers(law: Callable[[], Law], confidence: float, seeds: int) -> None:
    for key, (above, below) in misses(law, confidence, seeds).items():
        miss = (1.0 - confidence) * (1.0 if key[0] == "VaR" else ASYMPTOTIC)
        assert above + below <= allowed(miss, seeds), (key, above, below)
        # and no side hides behind the other: half of the misses each, and half as many again for what skewness is left
        assert max(above, below) <= allowed(0.75 * miss, seeds), (key, above, below)


@pytest.mark.parametrize("law", [normal, exponential, vasicek])
def test_intervals_of_continuous_losses_are_not_wider_than_they_say(law: Callable[[], Law]) -> None:
    seeds = 1_000
    for key, (above, below) in misses(law, 0.90, seeds).items():
        # ranks are whole numbers: with 50 scenarios in the tail the interval of VaR may round 1 % too wide
        assert above + below >= 0.09 - 4.0 * np.sqrt(0.09 / seeds), (key, above, below)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shift", [0.0, -1e-9])
def test_var_is_covered_where_an_atom_ends_at_the_level(level: float, shift: float) -> None:
    # the hardest discrete case: the tiniest change of the probabilities moves the quantile from one atom to the next
    cdf, seeds = np.arange(1, 101) / 100.0 + shift, 2_000
    truth = np.flatnonzero(cdf >= level)[0]
    draws = (np.random.default_rng([seed, 100]).random(SCENARIOS) for seed in range(seeds))
    samples = (np.searchsorted(cdf, u, side="right") for u in draws)
    rows = [measure_losses(x, levels=[level], confidence=0.95, scope="a")[2] for x in samples]
    above, below = frequencies(rows, truth)
    assert above + below <= allowed(0.05, seeds)
    assert max(above, below) <= allowed(0.025, seeds)
    assert max(above, below) >= 0.01  # and it is the hardest: one side is nearly used up


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize(("scenarios", "level", "confidence"), [(500, 0.99, 0.95), (6_000, 0.999, 0.99)])
def test_es_intervals_hold_with_a_handful_of_scenarios_in_the_tail(
    scenarios: int, level: float, confidence: float, seeds: int
) -> None:
    truth = 1.0 - np.log(1.0 - level)
    samples = (np.random.default_rng([seed, scenarios]).exponential(size=scenarios) for seed in range(seeds))
    rows = [measure_losses(x, levels=[level], confidence=confidence, scope="a")[3] for x in samples]
    above, below = frequencies(rows, truth)
    assert above + below <= allowed(ASYMPTOTIC * (1.0 - confidence), seeds), (above, below)
