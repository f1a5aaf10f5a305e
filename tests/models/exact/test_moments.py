"""Expected loss and standard deviation over several factors: quadrature, one factor, and pools by hand."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import betainc, betaincinv, ndtr, ndtri, stdtrit

from rackrisk.models.exact import (
    NotResolvedError,
    homogeneous_distribution,
    joint_default_probability,
    one_factor_distribution,
    portfolio_moments,
)
from rackrisk.models.exact._wrong_way import wrong_way_moments

from .quadrature import normal_rule, scale_rule

EAD = np.array([1.0, 4.0, 2.0, 3.0, 3.0])
LGD = np.array([0.4, 0.5, 0.3, 0.6, 0.6])
PD = np.array([0.02, 0.1, 0.3, 0.05, 0.05])
LOADINGS = np.array([[0.5, 0.1], [0.0, 0.6], [0.3, -0.4], [0.2, 0.2], [0.2, 0.2]])
CORRELATION = np.array([[1.0, 0.4], [0.4, 1.0]])
MODELS: list[dict[str, Any]] = [
    {},
    {"lgd_kind": "beta", "lgd_sd": 0.2},
    {"lgd_kind": "wrong_way", "lgd_sd": 0.2, "lgd_correlation": 0.35},
]
IDS = ["fixed", "beta", "wrong_way"]


def by_quadrature(dof: float | None, model: dict[str, Any]) -> tuple[float, float]:
    """Mean and deviation of the pool by integrating over both factors and the scale."""
    z, weight = normal_rule(panels=5, limit=8.3)
    scale, share = (np.ones(1), np.ones(1)) if dof is None else scale_rule(dof, panels=2)
    root = np.linalg.cholesky(CORRELATION)
    factors = np.stack([np.repeat(z, len(z)), np.tile(z, len(z))], axis=1) @ root.T
    chance = np.multiply.outer(weight, weight).ravel()
    cut = ndtri(PD) if dof is None else stdtrit(dof, PD)
    systematic = factors @ LOADINGS.T
    norm = np.sqrt(np.einsum("nf,fg,ng->n", LOADINGS, CORRELATION, LOADINGS))
    first, second = _lgd_moments(systematic / norm, model)
    mean = square = 0.0
    for g, p_g in zip(scale, share, strict=True):
        pd = ndtr((g * cut - systematic) / np.sqrt(1 - norm**2))
        expected = (EAD * first * pd).sum(axis=1)
        own = (EAD**2 * (second * pd - (first * pd) ** 2)).sum(axis=1)
        mean += p_g * float(chance @ expected)
        square += p_g * float(chance @ (expected**2 + own))
    return mean, math.sqrt(square - mean**2)


def _lgd_moments(systematic: np.ndarray, model: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """E[LGD | s] and E[LGD^2 | s], shape of `systematic`, names last."""
    sd, q = model.get("lgd_sd", 0.0), model.get("lgd_correlation")
    if q is None:
        return np.broadcast_to(LGD, systematic.shape), np.broadcast_to(LGD**2 + sd**2, systematic.shape)
    eps, weight = normal_rule(panels=5, limit=8.3)
    first, second = np.empty_like(systematic), np.empty_like(systematic)
    for i, mean in enumerate(LGD):
        a, b = mean * (mean * (1 - mean) / sd**2 - 1), (1 - mean) * (mean * (1 - mean) / sd**2 - 1)
        s = np.linspace(-12, 12, 1201)
        lgd = betaincinv(a, b, ndtr(-math.sqrt(q) * s[:, None] + math.sqrt(1 - q) * eps))
        first[:, i] = np.interp(systematic[:, i], s, lgd @ weight)  # error of order 1e-5: smooth, step 0.02
        second[:, i] = np.interp(systematic[:, i], s, lgd**2 @ weight)
    return first, second


@pytest.mark.parametrize("dof", [None, 4.0])
@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_two_factors_agree_with_quadrature(dof: float | None, model: dict[str, Any]) -> None:
    result = portfolio_moments(EAD, LGD, PD, LOADINGS, factor_correlation=CORRELATION, dof=dof, **model)
    tolerance = 2e-5 if "lgd_correlation" in model else 1e-9
    assert (result.mean_usd, result.standard_deviation_usd) == pytest.approx(by_quadrature(dof, model), rel=tolerance)


@pytest.mark.parametrize("dof", [None, 6.0])
@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_one_factor_agrees_with_the_distribution(dof: float | None, model: dict[str, Any]) -> None:
    unit = 0.01  # splitting adds at most a quarter of unit^2 per default
    result = portfolio_moments(EAD, LGD, PD, LOADINGS[:, :1], dof=dof, **model)
    law = one_factor_distribution(EAD, LGD, PD, LOADINGS[:, 0], dof=dof, unit_usd=unit, **model)
    assert law.mean() == pytest.approx(result.mean_usd, rel=1e-9)
    extra = law.standard_deviation() ** 2 - result.standard_deviation_usd**2
    assert -1e-9 <= extra <= 0.25 * unit**2 * PD.sum() + 1e-9


@pytest.mark.parametrize("dof", [None, 5.0])
def test_many_equal_names_agree_with_the_mixed_binomial(dof: float | None) -> None:
    result = portfolio_moments(np.ones(500), 1.0, 0.03, np.full((500, 1), 0.4), dof=dof)
    law = homogeneous_distribution(500, 0.03, 0.16, dof=dof)
    assert result.mean_usd == pytest.approx(law.mean(), rel=1e-9)
    assert result.standard_deviation_usd == pytest.approx(law.standard_deviation(), rel=1e-9)


@pytest.mark.parametrize("dof", [None, 5.0])
def test_mehlers_expansion_agrees_with_joint_probabilities(dof: float | None) -> None:
    """A fixed LGD by the expansion that serves wrong-way LGDs."""
    pairs = portfolio_moments(EAD, LGD, PD, LOADINGS, dof=dof)
    mean, second = wrong_way_moments(EAD, LGD, PD, np.zeros(5), LOADINGS, dof=dof, lgd_correlation=0.0)
    assert mean == pytest.approx(pairs.mean_usd, rel=1e-10)
    assert math.sqrt(second - mean**2) == pytest.approx(pairs.standard_deviation_usd, rel=1e-9)


def test_factors_that_nobody_shares_add_variances() -> None:
    alone = portfolio_moments(EAD, LGD, PD, np.diag([0.5, 0.6, 0.4, 0.3, 0.2]))
    assert alone.standard_deviation_usd**2 == pytest.approx(float((EAD * LGD) ** 2 @ (PD * (1 - PD))), rel=1e-12)


def test_correlated_factors_are_a_rotation() -> None:
    root = np.linalg.cholesky(CORRELATION)
    one = portfolio_moments(EAD, LGD, PD, LOADINGS, factor_correlation=CORRELATION)
    other = portfolio_moments(EAD, LGD, PD, LOADINGS @ root)
    assert one.standard_deviation_usd == pytest.approx(other.standard_deviation_usd, rel=1e-13)


def test_a_pair_has_the_variance_of_its_joint_default() -> None:
    result = portfolio_moments([2.0, 5.0], 1.0, [0.1, 0.2], [[0.5, 0.3], [0.1, 0.7]])
    joint = float(joint_default_probability(ndtri(0.1), ndtri(0.2), 0.05 + 0.21))
    expected = 4 * 0.09 + 25 * 0.16 + 2 * 10 * (joint - 0.02)
    assert result.standard_deviation_usd**2 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dof", [None, 4.0])
def test_certain_names_add_no_variance(dof: float | None) -> None:
    certain = portfolio_moments([1.0, 1.0, 9.0, 9.0], 1.0, [0.1, 0.1, 0.0, 1.0], np.full((4, 1), 0.5), dof=dof)
    alone = portfolio_moments([1.0, 1.0], 1.0, 0.1, np.full((2, 1), 0.5), dof=dof)
    assert certain.standard_deviation_usd == pytest.approx(alone.standard_deviation_usd, rel=1e-9)
    assert certain.mean_usd == pytest.approx(9.2)


def test_full_loadings_are_allowed() -> None:
    result = portfolio_moments(np.ones(3), 1.0, 0.2, np.ones((3, 1)))
    assert result.standard_deviation_usd == pytest.approx(3 * 0.4, rel=1e-12)


def test_wrong_way_with_loadings_near_one_is_not_resolved() -> None:
    with pytest.raises(NotResolvedError):
        portfolio_moments(
            np.ones(3), 0.5, 0.2, np.full((3, 1), 0.9999), lgd_kind="wrong_way", lgd_sd=0.2, lgd_correlation=0.3
        )


@pytest.mark.parametrize(
    "bad",
    [
        {"loadings": [[0.8, 0.8]]},
        {"factor_correlation": [[1.0, 1.2], [1.2, 1.0]]},
        {"factor_correlation": [[1.0, 0.2], [0.3, 1.0]]},
        {"factor_correlation": np.eye(3)},
        {"pd": 1.1},
        {"dof": 1.0},
    ],
)
def test_bad_arguments_are_refused(bad: dict[str, Any]) -> None:
    good: dict[str, Any] = {"ead_usd": [1.0], "lgd": 0.5, "pd": 0.1, "loadings": [[0.5, 0.2]]}
    with pytest.raises(ValueError):
        portfolio_moments(**(good | bad))


def test_the_beta_distribution_has_the_mean_and_deviation_asked_for() -> None:
    from rackrisk.models.beta import beta_shape

    a, b = beta_shape(0.3, 0.1)
    assert a / (a + b) == pytest.approx(0.3)
    assert math.sqrt(a * b / (a + b + 1)) / (a + b) == pytest.approx(0.1)
    assert 0 < betainc(a, b, 0.3) < 1
