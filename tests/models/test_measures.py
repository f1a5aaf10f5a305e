"""Values of the measures: definitions, atoms, known distributions, and what a sample cannot support."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy import stats

from rackrisk.models.measures import Measure, measure_losses

from .test_measures_oracles import KNOWN_POOLS, KnownPool, exact_var_es, pool_es, pool_probabilities, pool_sd, pool_var


def measures(
    losses: ArrayLike, levels: Sequence[float] = (0.99,), *, confidence: float = 0.95
) -> dict[tuple[str, float | None], Measure]:
    rows = measure_losses(losses, levels=levels, confidence=confidence, scope="portfolio")
    return {(row.measure, row.level): row for row in rows}


def value(losses: ArrayLike, name: str, level: float | None = None) -> float:
    result = measures(losses, [] if level is None else [level])[name, level].value
    assert result is not None
    return result


def test_rows_are_el_sd_then_var_then_es_and_carry_their_labels() -> None:
    rows = measure_losses([1.0, 2.0], levels=[0.99, 0.9], confidence=0.95, scope="miners")
    assert [(row.measure, row.level) for row in rows] == [
        ("EL", None),
        ("SD", None),
        ("VaR", 0.99),
        ("VaR", 0.9),
        ("ES", 0.99),
        ("ES", 0.9),
    ]
    assert {(row.unit, row.scope, row.n_scenarios) for row in rows} == {("USD", "miners", 2)}


@pytest.mark.parametrize("level", ["0.5", "0.9", "0.95", "0.97", "0.99", "0.999", "0.07"])
@pytest.mark.parametrize(
    "losses",
    [
        [0] * 95 + [10] * 5,
        list(range(100)),
        [7] * 100,
        [0] * 99 + [1],
        [5],
        [0, 0, 0, 1, 1, 2, 9],
        [-4, -1, 0, 0, 3],
    ],
)
def test_var_and_es_follow_their_definitions_on_atoms(losses: list[int], level: str) -> None:
    var, es = exact_var_es(losses, level)
    assert value(losses, "VaR", float(level)) == float(var)
    assert value(losses, "ES", float(level)) == pytest.approx(float(es), rel=1e-15)


@pytest.mark.parametrize(("level", "var"), [(0.99, 99), (0.07, 7), (0.29, 29), (0.57, 57), (0.58, 58)])
def test_a_level_on_the_boundary_between_two_scenarios_takes_the_lower(level: float, var: int) -> None:
    # in binary arithmetic 100 times 0.07, 0.29, 0.57 and 0.58 all miss the whole number
    assert value(range(1, 101), "VaR", level) == var


def test_es_splits_the_atom_at_var() -> None:
    losses = [0.0] * 95 + [100.0] * 5
    assert value(losses, "ES", 0.9) == 50.0  # half of the worst tenth lost 100, half of it nothing
    assert value(losses, "ES", 0.95) == 100.0
    assert value(losses, "ES", 0.99) == 100.0


@pytest.mark.parametrize("known", KNOWN_POOLS)
def test_stratified_sample_of_an_exact_pool_has_its_measures(known: KnownPool) -> None:
    n = 200_000
    cdf = np.cumsum(pool_probabilities(known.pool))
    found = measures(np.searchsorted(cdf, (np.arange(n) + 0.5) / n), [0.99, 0.999])
    assert found["SD", None].value == pytest.approx(pool_sd(known.pool), rel=1e-3)
    for level in (0.99, 0.999):
        assert found["VaR", level].value == pool_var(known.pool, level)
        assert found["ES", level].value == pytest.approx(pool_es(known.pool, level), rel=2e-3)


@pytest.mark.parametrize("known", KNOWN_POOLS)
def test_simulated_pool_is_within_four_standard_errors(known: KnownPool) -> None:
    pool, n = known.pool, 100_000
    rng = np.random.default_rng(20_260_831)
    cdf = np.cumsum(pool_probabilities(pool))
    losses = np.searchsorted(cdf, rng.random(n))
    found = measures(losses, [0.99, 0.999])
    # a discrete quantile jumps: its probability is compared, not its value
    for level, var in ((0.99, known.var_99), (0.999, known.var_999)):
        assert np.mean(losses <= var) == pytest.approx(cdf[var], abs=4 * np.sqrt(cdf[var] * (1 - cdf[var]) / n))
        assert within_four_errors(found["ES", level], pool_es(pool, level))
    assert within_four_errors(found["EL", None], pool.names * pool.pd)
    assert within_four_errors(found["SD", None], known.sd)


def within_four_errors(row: Measure, truth: float) -> bool:
    return row.value is not None and bool(row.std_error) and abs(row.value - truth) <= 4.0 * (row.std_error or 0.0)


@pytest.mark.parametrize(
    ("law", "es"),
    [
        (stats.expon(), lambda a: 1.0 - np.log(1.0 - a)),
        (stats.norm(), lambda a: stats.norm.pdf(stats.norm.ppf(a)) / (1.0 - a)),
    ],
)
def test_standard_errors_are_those_of_asymptotic_theory(law: Any, es: Callable[[float], float]) -> None:
    n, level = 400_000, 0.99
    found = measures(law.ppf((np.arange(n) + 0.5) / n), [level])  # no noise: the errors are the point here
    q, tail = law.ppf(level), es(level)
    excess_variance = law.expect(lambda x: (x - q) ** 2, lb=q) - ((tail - q) * (1.0 - level)) ** 2
    fourth = float(law.expect(lambda x: (x - law.mean()) ** 4))
    expected = {
        ("EL", None): law.std(),
        ("SD", None): np.sqrt(fourth - law.var() ** 2) / (2.0 * law.std()),
        ("VaR", level): np.sqrt(level * (1.0 - level)) / law.pdf(q),
        ("ES", level): np.sqrt(excess_variance) / (1.0 - level),
    }
    for key, scale in expected.items():
        assert found[key].std_error == pytest.approx(scale / np.sqrt(n), rel=0.02), key
    assert found["ES", level].value == pytest.approx(tail, rel=1e-4)
    assert found["VaR", level].value == pytest.approx(q, rel=1e-4)


def test_one_scenario_has_values_but_no_errors() -> None:
    found = measures([5.0])
    assert [row.value for row in found.values()] == [5.0, None, 5.0, 5.0]
    assert {row.std_error for row in found.values()} == {None}
    assert {row.ci_high for row in found.values()} == {None}
    assert "no value: one scenario" in found["SD", None].method


@pytest.mark.parametrize("loss", [0.0, 0.1, -2.5, 0.022322111021323865])  # 1,000 of the last: their sum / 1,000 differs
@pytest.mark.parametrize("n", [2, 31, 1_000])
def test_equal_losses_have_no_spread_and_claim_no_interval_for_their_mean(loss: float, n: int) -> None:
    found = measures(np.full(n, loss))
    assert [row.value for row in found.values()] == [loss, 0.0, loss, loss]
    assert found["EL", None].std_error == 0.0
    assert (found["EL", None].ci_low, found["EL", None].ci_high) == (None, None)
    assert "no interval" in found["EL", None].method
    if n == 1_000:  # the quantile's interval needs no variation: it holds for every distribution
        assert (found["VaR", 0.99].ci_low, found["VaR", 0.99].ci_high) == (loss, loss)


@pytest.mark.parametrize(("n", "bounded"), [(367, False), (368, True)])
def test_upper_limits_exist_once_the_largest_loss_can_exceed_the_quantile(n: int, bounded: bool) -> None:
    # the largest of n misses the 99 % quantile with probability 0.99^n, which is 2.5 % at n = 367.04
    found = measures(np.arange(n, dtype=float), [0.99], confidence=0.95)
    row = found["VaR", 0.99]
    assert (row.ci_high is not None) is bounded
    assert ("no upper limit" in row.method) is not bounded


def test_es_has_no_upper_limit_where_var_has_none() -> None:
    row = measures(np.arange(600.0), [0.99], confidence=0.999)["ES", 0.99]
    assert row.std_error is not None
    assert row.ci_low is not None
    assert row.ci_high is None
    assert "no upper limit" in row.method


@pytest.mark.parametrize(("n", "level"), [(29, 0.5), (499, 0.99), (100, 0.999)])
def test_a_tail_too_small_for_an_error_still_has_its_value(n: int, level: float) -> None:
    losses = np.arange(n)
    row = measures(losses, [level])["ES", level]
    assert row.value == pytest.approx(float(exact_var_es(losses.tolist(), str(level))[1]), rel=1e-15)
    assert (row.std_error, row.ci_low, row.ci_high) == (None, None, None)
    assert "no standard error or interval" in row.method


def test_every_missing_number_has_a_reason() -> None:
    for n in (1, 2, 5, 29, 30, 60, 400, 4_000):
        for row in measures(np.arange(n) % 17, [0.05, 0.5, 0.99, 0.9999]).values():
            numbers = (row.value, row.std_error, row.ci_low, row.ci_high)
            assert (None in numbers) == ("; no " in row.method), row


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.7e308])
def test_losses_that_cannot_be_added_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        measures([1.0, bad, 2.0])


@pytest.mark.parametrize("losses", [[], 3.0, [[1.0, 2.0]]])
def test_anything_but_one_number_per_scenario_is_refused(losses: ArrayLike) -> None:
    with pytest.raises(ValueError, match="one number per scenario"):
        measures(losses)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 99.0, np.nan])
def test_levels_and_confidence_outside_0_and_1_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        measures([1.0, 2.0], [level])
    with pytest.raises(ValueError, match="between 0 and 1"):
        measures([1.0, 2.0], confidence=level)


def test_losses_of_any_size_keep_their_precision() -> None:
    base = np.random.default_rng(5).exponential(size=2_000)
    reference = measures(base, [0.9])
    for exponent in (-900, 900):  # squares and cubes would vanish or overflow
        scaled = measures(np.ldexp(base, exponent), [0.9])
        for key, row in reference.items():
            for field in ("value", "std_error", "ci_low", "ci_high"):
                assert getattr(scaled[key], field) == pytest.approx(np.ldexp(getattr(row, field), exponent), rel=1e-14)
