"""The simulated law against exact ones, on both engines."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from rackrisk.models.copula import CopulaConfig, simulate_copula
from rackrisk.models.measures import measures_table

from .pools import model_of, names, simulate, within

SCENARIOS = {"jax": 200_000, "reference": 20_000}
ENGINES = pytest.mark.parametrize("engine", ["jax", "reference"])


def factor_grid(points: int = 4001) -> tuple[np.ndarray, np.ndarray]:
    """A dense trapezoid over the bulk of a standard normal: exact to rounding for smooth integrands."""
    z = np.linspace(-10, 10, points)
    return z, stats.norm.pdf(z) * (z[1] - z[0])


def check_frequency(hits: np.ndarray, probability: float) -> None:
    """The relative frequency of an event of known probability, within 4 standard errors."""
    error = math.sqrt(probability * (1 - probability) / hits.size)
    assert within(float(hits.mean()), probability, error), (hits.mean(), probability, error)


@ENGINES
def test_a_homogeneous_pool_is_a_binomial_mixture(engine: str):
    """100 names, PD 2 %, correlation 0.3: P(no loss) 0.479760, and 18 and 35 are the smallest counts with cdf above
    0.99 and 0.999 (binomial law mixed over a dense grid of the factor)."""
    result = simulate(names(np.full(100, 0.02)), SCENARIOS[engine], engine=engine, asset_correlation=0.3)
    z, weight = factor_grid()
    conditional = ndtr((ndtri(0.02) - math.sqrt(0.3) * z) / math.sqrt(0.7))
    count = result.losses["loss"].to_numpy()
    for most, known in ((0, 0.4797586), (2, None), (9, 0.9550458), (18, 0.9900162), (35, 0.9991058)):
        exact = float(weight @ stats.binom.cdf(most, 100, conditional))
        assert known is None or abs(exact - known) < 1e-6
        check_frequency(count <= most, exact)


@ENGINES
@pytest.mark.parametrize(("dof", "exact"), [(4.0, 8.124915e-3), (8.0, 2.425356e-4)])
def test_student_t_joint_tail_of_250_names(engine: str, dof: float, exact: float):
    """Bassamboo, Juneja and Zeevi (2008), "Portfolio credit risk with extremal dependence", Operations Research 56,
    593-606: X = (rho Z + sqrt(1 - rho^2) eta) / sqrt(W / dof) with rho 0.25 and eta of standard deviation 3, default
    above 0.5 sqrt(250), P(more than 62.5 of 250 defaults); two-dimensional Gauss-Legendre gives the digits."""
    spread = math.sqrt(0.25**2 + 9 * (1 - 0.25**2))
    pd = float(stats.t.sf(0.5 * math.sqrt(250) / spread, dof))
    pool = names(np.full(250, pd))
    result = simulate(
        pool, SCENARIOS[engine], engine=engine, asset_correlation=(0.25 / spread) ** 2, dependence="t", dof=dof
    )
    check_frequency(result.losses["loss"].to_numpy() > 62.5, exact)


@ENGINES
@pytest.mark.parametrize("dof", [None, 3.0])
def test_two_names_default_together_as_often_as_their_factors_say(engine: str, dof: float | None):
    """Two correlated factors; for Student t the bivariate normal is mixed over the chi-square by quadrature."""
    pd, weights, between = (0.05, 0.1), ((0.6, 0.3), (0.2, 0.7)), 0.4
    matrix = np.array([[1, between], [between, 1]])
    correlation = float(np.array(weights[0]) @ matrix @ np.array(weights[1]))
    z, weight = factor_grid(401)
    mixing = np.ones(1) if dof is None else np.sqrt(stats.chi2.ppf(ndtr(z), dof) / dof)
    weight = np.ones(1) if dof is None else weight
    threshold = ndtri(pd) if dof is None else stdtrit(dof, pd)
    covariance: Any = np.array([[1, correlation], [correlation, 1]])
    law = stats.multivariate_normal(cov=covariance)
    exact = float(weight @ np.atleast_1d(law.cdf(np.outer(mixing, threshold))))
    pool = names(pd, loading_b=[w[0] for w in weights], loading_a=[w[1] for w in weights])
    model: dict[str, Any] = {} if dof is None else {"dependence": "t", "dof": dof}
    model["factor_correlation"] = {"a": {"b": between}}
    result = simulate(pool, SCENARIOS[engine], engine=engine, **model)
    check_frequency(result.losses["loss"].to_numpy() == 2, exact)
    for simulated, expected in zip(result.names["pd_simulated"], pd, strict=True):
        assert within(simulated, expected, math.sqrt(expected / SCENARIOS[engine]))


def test_factor_order_of_a_matrix_is_that_of_the_sorted_columns():
    pool = names([0.1, 0.1, 0.1], loading_z=[0.9, 0.0, 0.0], loading_a=[0.0, 0.9, 0.0], loading_m=[0.0, 0.0, 0.9])
    matrix = [[1.0, 0.0, 0.8], [0.0, 1.0, 0.0], [0.8, 0.0, 1.0]]
    by_place = simulate(pool, 2000, factor_correlation=matrix)
    by_name = simulate(pool, 2000, factor_correlation={"z": {"a": 0.8}})
    assert by_place.losses.equals(by_name.losses)
    assert not by_place.losses.equals(simulate(pool, 2000, factor_correlation={"z": {"m": 0.8}}).losses)


@ENGINES
@pytest.mark.parametrize("dof", [None, 5.0])
def test_defaults_by_each_year_happen_as_often_as_the_tape_says(engine: str, dof: float | None):
    pool = names(np.linspace(0.01, 0.1, 20), years=4, segment=["x", "y"] * 10)
    kind: dict[str, Any] = {} if dof is None else {"dependence": "t", "dof": dof}
    result = simulate(pool, SCENARIOS[engine], engine=engine, asset_correlation=0.2, horizon_years=4, **kind)
    assert result.pd_term["scope"].to_list() == ["portfolio", "x", "y"] * 4
    for row in result.pd_term.iter_rows(named=True):
        assert within(row["pd"], row["expected"], row["std_error"]), row
    simulated, expected, error = (result.names[column] for column in ("pd_simulated", "pd", "pd_std_error"))
    assert np.abs(((simulated - expected) / error).to_numpy()).max() < 4.5  # 20 names


@ENGINES
@pytest.mark.parametrize(("lgd", "sd"), [(0.45, 0.25), (0.9, 0.25), (0.1, 0.02)])
def test_a_beta_lgd_has_its_mean_its_spread_and_its_law(engine: str, lgd: float, sd: float):
    """One name that always defaults; the law is that of 256 cells' means."""
    count = SCENARIOS[engine]
    pool = names([1.0], lgd=[lgd])
    result = simulate(pool, count, engine=engine, asset_correlation=0.0, lgd={"kind": "beta", "sd": sd})
    losses = result.losses["loss"].to_numpy()
    concentration = lgd * (1 - lgd) / sd**2 - 1
    law = stats.beta(lgd * concentration, (1 - lgd) * concentration)
    assert within(losses.mean(), lgd, sd / math.sqrt(count))
    fourth = float(law.stats("k")) + 3
    assert within(losses.var(), sd**2, sd**2 * math.sqrt((fourth - 1) / count) + 2e-4 * sd**2)
    for probability in (1 / 8, 1 / 4, 1 / 2, 7 / 8):  # edges of cells; near 1 floating point has no room for them
        if law.ppf(probability) < 0.999:
            check_frequency(losses <= law.ppf(probability), probability)
    assert within(result.names["el_usd"][0], losses.mean(), 1e-9)
    assert math.isclose(result.names["el_std_error_usd"][0], losses.std() / math.sqrt(count), rel_tol=1e-3)


def wrong_way_mean(pd: float, correlation: float, share: float, lgd: tuple[float, float]) -> float:
    """E[LGD 1(default)] by a plain double sum over the factor and the LGD's own normal."""
    z, weight = factor_grid(801)
    concentration = lgd[0] * (1 - lgd[0]) / lgd[1] ** 2 - 1
    driver = -math.sqrt(share) * z[:, None] + math.sqrt(1 - share) * z
    quantile = betaincinv(lgd[0] * concentration, (1 - lgd[0]) * concentration, ndtr(driver))
    default = ndtr((ndtri(pd) - math.sqrt(correlation) * z) / math.sqrt(1 - correlation))
    return float((weight * default) @ quantile @ weight)


@ENGINES
def test_a_wrong_way_lgd_is_higher_in_default_by_what_a_quadrature_says(engine: str):
    lgd, pd, correlation, share = (0.4, 0.2), 0.05, 0.3, 0.5
    exact = wrong_way_mean(pd, correlation, share, lgd)
    assert exact > 1.2 * lgd[0] * pd
    wrong_way = {"kind": "wrong_way", "sd": lgd[1], "correlation": share}
    pool = names(np.full(20, pd), lgd=np.full(20, lgd[0]))
    result = simulate(pool, SCENARIOS[engine], engine=engine, asset_correlation=correlation, lgd=wrong_way)
    losses = result.losses["loss"].to_numpy()
    assert within(losses.mean() / 20, exact, losses.std() / 20 / math.sqrt(losses.size))
    assert math.isclose(result.names["expected_usd"][0], exact, rel_tol=1e-6)
    errors = (result.names["el_usd"] - exact) / result.names["el_std_error_usd"]
    assert np.abs(errors.to_numpy()).max() < 4.5  # 20 names


def test_a_wrong_way_lgd_keeps_its_own_law():
    """All names always default: what is left is the LGD's beta law, high where the factor is bad."""
    kind = {"kind": "wrong_way", "sd": 0.2, "correlation": 0.5}
    result = simulate(names([1.0, 1.0], lgd=[0.4, 0.4]), 200_000, asset_correlation=0.3, lgd=kind)
    for mean, error in result.names.select("el_usd", "el_std_error_usd").iter_rows():
        assert within(mean, 0.4, error)
    pair = result.losses["loss"].to_numpy().var()
    assert 1.4 < pair / (2 * 0.2**2) < 1.5  # normal drivers correlate by one half, beta variables a little less


def test_without_loadings_names_are_independent():
    result = simulate(names(np.full(50, 0.1)), 100_000, asset_correlation=0.0)
    count = result.losses["loss"].to_numpy()
    for most in (2, 5, 9):
        check_frequency(count <= most, float(stats.binom.cdf(most, 50, 0.1)))


@pytest.mark.slow
def test_standard_errors_of_default_rates_know_of_dependence():
    """Over seeds, pd_term's error is the spread of its estimate: with correlation ten times the binomial one."""
    pool, config = names(np.full(100, 0.05)), CopulaConfig(asset_correlation=0.3)
    runs = [simulate_copula(pool, config=config, scenarios=500, seed=seed, engine="reference") for seed in range(200)]
    estimates = np.array([run.pd_term["pd"][0] for run in runs])
    errors = np.array([run.pd_term["std_error"][0] for run in runs])
    assert abs(estimates.std() / errors.mean() - 1) < 4 / math.sqrt(2 * len(runs))
    assert errors.mean() > 2 * math.sqrt(0.05 * 0.95 / (100 * 500))


@pytest.mark.parametrize("kind", ["gaussian", "wrong_way"])
def test_losses_of_a_segment_are_those_of_its_names(kind: str):
    """Two sums of the same events: by scenario and by name. Each loss and LGD was rounded to 2^-30 or less."""
    pool, config = model_of(kind)
    result = simulate_copula(pool, config=config, scenarios=2000, seed=1, engine="reference")
    assert result.pd_term.height == len(result.scopes) * config.horizon_years
    for scope in result.scopes:
        part = result.names.filter(pl.lit(scope == "portfolio") | (pl.col("segment") == scope))
        assert math.isclose(result.losses_of(scope).sum() / 2000, part["el_usd"].sum(), rel_tol=1e-8)
        rate = result.pd_term.filter(scope=scope, year=config.horizon_years)["pd"].item()
        assert math.isclose(rate, part["pd_simulated"].to_numpy().mean(), rel_tol=1e-12)
        assert math.isclose(result.exposure_usd[scope], part["ead"].sum(), rel_tol=1e-12)


def test_measures_read_a_copula_result():
    result = simulate(names(np.full(100, 0.02), segment=["x", "y"] * 50), 20_000, asset_correlation=0.3)
    table = measures_table(result, [0.99], 0.95)
    assert table["scope"].unique(maintain_order=True).to_list() == ["portfolio", "x", "y"]
    low, high = table.row(2, named=True)["ci_low"], table.row(2, named=True)["ci_high"]
    assert low <= 18 <= high
