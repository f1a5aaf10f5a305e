"""Contributions: what they must sum to, enumeration of all outcomes, and symmetry."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rackrisk.models.exact import homogeneous_distribution, loss_contributions

from .quadrature import normal_rule

Array = NDArray[np.float64]

LOSS = np.array([1.0, 2.0, 2.0, 5.0, 9.0, 4.0, 3.0])
PD = np.array([0.1, 0.02, 0.3, 0.05, 0.03, 0.5, 0.5])
LOADING = np.array([0.5, 0.2, -0.4, 0.8, 0.6, 0.0, 0.9])


def enumerated(level: float) -> tuple[Array, Array]:
    """E[L_i | L = VaR] and the ES contributions, from all sets of defaulters."""
    z, weight = normal_rule(panels=60)
    p = ndtr((ndtri(PD) - z[:, None] * LOADING) / np.sqrt(1 - LOADING**2))
    sets = np.array(list(itertools.product([0, 1], repeat=len(PD))))
    chance = np.array([weight @ np.prod(np.where(chosen, p, 1 - p), axis=1) for chosen in sets.astype(bool)])
    loss = sets @ LOSS
    order = np.unique(loss)
    var = order[np.searchsorted(np.cumsum([chance[loss == x].sum() for x in order]), level)]
    at, beyond = loss == var, loss > var
    given_var = (chance[at] @ (sets[at] * LOSS)) / chance[at].sum()
    split = 1 - level - chance[beyond].sum()
    return given_var, (chance[beyond] @ (sets[beyond] * LOSS) + split * given_var) / (1 - level)


@pytest.mark.parametrize("level", [0.6, 0.9, 0.99])
def test_agrees_with_enumeration(level: float) -> None:
    result = loss_contributions(LOSS, 1.0, PD, LOADING, level=level, unit_usd=1.0)
    var, es = enumerated(level)
    np.testing.assert_allclose(result.value_at_risk_usd, var, atol=1e-7)
    np.testing.assert_allclose(result.expected_shortfall_usd, es, atol=1e-7)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"dof": 4.0},
        {"lgd_kind": "beta", "lgd_sd": 0.2},
        {"lgd_kind": "wrong_way", "lgd_sd": 0.2, "lgd_correlation": 0.4},
    ],
    ids=["fixed", "t", "beta", "wrong_way"],
)
def test_they_sum_to_value_at_risk_and_expected_shortfall(model: dict[str, Any]) -> None:
    draw = np.random.default_rng(2)
    ead = draw.integers(1, 30, 40).astype(float)
    result = loss_contributions(
        ead, 0.5, draw.uniform(0, 0.2, 40), draw.uniform(0, 0.7, 40), level=0.99, unit_usd=0.5, **model
    )
    law = result.distribution
    assert result.value_at_risk_usd.sum() == pytest.approx(law.value_at_risk(0.99), rel=1e-8)
    assert result.expected_shortfall_usd.sum() == pytest.approx(law.expected_shortfall(0.99), rel=1e-8)


def test_equal_names_contribute_alike() -> None:
    result = loss_contributions(np.ones(200), 1.0, 0.02, math.sqrt(0.2), level=0.999)
    law = homogeneous_distribution(200, 0.02, 0.2)
    np.testing.assert_allclose(result.value_at_risk_usd, law.value_at_risk(0.999) / 200, rtol=1e-8)
    np.testing.assert_allclose(result.expected_shortfall_usd, law.expected_shortfall(0.999) / 200, rtol=1e-8)


def test_one_large_name_agrees_with_the_conditional_binomials() -> None:
    """L = 50 X + N with N of 100 small names: E[50 X | L = x] by mixing binomials over the factor."""
    result = loss_contributions(np.r_[50.0, np.ones(100)], 1.0, 0.05, 0.4, level=0.99)
    var = round(result.distribution.value_at_risk(0.99))
    z, weight = normal_rule(panels=60)
    p = ndtr((ndtri(0.05) - 0.4 * z) / math.sqrt(1 - 0.16))

    def small(k: int) -> Array:
        return math.comb(100, k) * p**k * (1 - p) ** (100 - k)

    with_large, without = weight @ (p * small(var - 50)), weight @ ((1 - p) * small(var))
    assert var > 50
    assert result.value_at_risk_usd[0] == pytest.approx(50 * with_large / (with_large + without), rel=1e-7)


def test_a_name_that_cannot_default_contributes_nothing() -> None:
    result = loss_contributions([1.0, 2.0, 3.0], 1.0, [0.1, 0.2, 0.0], 0.5, level=0.9, unit_usd=1.0)
    assert result.value_at_risk_usd[2] == 0.0
    assert result.expected_shortfall_usd[2] == 0.0
