"""Names that differ: enumeration of all outcomes, the classical recursion, and laws of single names."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtr, ndtri, stdtrit
from scipy.stats import binom

from rackrisk.models.exact import NotResolvedError, homogeneous_distribution, one_factor_distribution

from .quadrature import normal_rule, scale_rule

Array = NDArray[np.float64]

rng = np.random.default_rng(7)
FEW = {
    "loss": np.array([1.0, 2.0, 2.0, 5.0, 9.0, 4.0]),
    "pd": np.array([0.1, 0.02, 0.3, 0.05, 0.001, 0.6]),
    "loading": np.array([0.5, 0.2, -0.4, 0.8, 0.6, 0.0]),
}
MANY = {
    "loss": rng.integers(1, 40, 90).astype(float),
    "pd": np.exp(rng.uniform(math.log(1e-4), math.log(0.3), 90)),
    "loading": rng.uniform(0.1, 0.7, 90),
}


def states(dof: float | None) -> tuple[Array, Array, Array]:
    """Factor, scale and probability."""
    z, weight = normal_rule(30 if dof is None else 10)
    if dof is None:
        return z, np.ones_like(z), weight
    scale, share = scale_rule(dof)
    return np.repeat(z, len(scale)), np.tile(scale, len(z)), np.multiply.outer(weight, share).ravel()


def conditional(pool: dict[str, Array], dof: float | None, z: Array, scale: Array) -> Array:
    cut = ndtri(pool["pd"]) if dof is None else stdtrit(dof, pool["pd"])
    drift = scale[:, None] * cut - z[:, None] * pool["loading"]
    return ndtr(drift / np.sqrt(1 - pool["loading"] ** 2))


def enumerated(pool: dict[str, Array], dof: float | None) -> Array:
    """Probability of every loss by going through all sets of defaulters."""
    z, scale, weight = states(dof)
    p = conditional(pool, dof, z, scale)
    result = np.zeros(int(pool["loss"].sum()) + 1)
    for defaulted in itertools.product([0, 1], repeat=len(pool["pd"])):
        chosen = np.array(defaulted, dtype=bool)
        result[int(pool["loss"][chosen].sum())] += weight @ np.prod(np.where(chosen, p, 1 - p), axis=1)
    return result


def recursion(pool: dict[str, Array], dof: float | None) -> Array:
    """Andersen, Sidenius and Basu (2003): one name after another, in every state."""
    z, scale, weight = states(dof)
    p = conditional(pool, dof, z, scale)
    law = np.zeros((len(z), int(pool["loss"].sum()) + 1))
    law[:, 0] = 1.0
    for i, loss in enumerate(pool["loss"].astype(int)):
        shifted = np.zeros_like(law)
        shifted[:, loss:] = law[:, :-loss]
        law = law * (1 - p[:, i, None]) + shifted * p[:, i, None]
    return weight @ law


@pytest.mark.parametrize("dof", [None, 3.0, 9.0])
def test_few_names_agree_with_enumeration(dof: float | None) -> None:
    law = one_factor_distribution(FEW["loss"], 1.0, FEW["pd"], FEW["loading"], dof=dof, unit_usd=1.0)
    np.testing.assert_allclose(law.probabilities, enumerated(FEW, dof), atol=1e-9)


@pytest.mark.parametrize(("dof", "n"), [(None, 90), (4.0, 12)])
def test_many_names_agree_with_the_recursion(dof: float | None, n: int) -> None:
    pool = {name: column[:n] for name, column in MANY.items()}
    law = one_factor_distribution(pool["loss"], 1.0, pool["pd"], pool["loading"], dof=dof)
    assert (law.unit_usd, law.resolution_usd) == (1.0, 0.0)
    np.testing.assert_allclose(law.probabilities, recursion(pool, dof), atol=1e-9)


@pytest.mark.parametrize("dof", [None, 5.0])
def test_equal_names_agree_with_the_mixed_binomial(dof: float | None) -> None:
    law = one_factor_distribution(np.full(400, 2.5), 0.4, 0.02, math.sqrt(0.2), dof=dof)
    equal = homogeneous_distribution(400, 0.02, 0.2, dof=dof)
    assert law.unit_usd == pytest.approx(1.0)
    np.testing.assert_allclose(law.probabilities, equal.probabilities, atol=1e-9)


def test_without_loadings_it_is_a_product() -> None:
    law = one_factor_distribution([1.0, 1.0, 1.0, 2.0], 1.0, [0.2, 0.2, 0.2, 0.5], 0.0)
    three = binom.pmf(np.arange(4), 3, 0.2)
    np.testing.assert_allclose(law.probabilities, 0.5 * np.r_[three, 0, 0] + 0.5 * np.r_[0, 0, three], atol=1e-14)


def test_the_sign_of_all_loadings_does_not_matter() -> None:
    one, other = (one_factor_distribution(FEW["loss"], 1.0, FEW["pd"], s * FEW["loading"]) for s in (1, -1))
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-14)


def test_losses_between_lattice_points_keep_their_mean() -> None:
    ead = np.array([1.0, math.pi, math.e, math.sqrt(2)])
    law = one_factor_distribution(ead, 1.0, 0.1, 0.3, unit_usd=0.5)
    assert law.mean() == pytest.approx(0.1 * ead.sum(), rel=1e-12)
    assert law.resolution_usd > law.unit_usd


@pytest.mark.parametrize("n", [12, 150])
def test_quantiles_move_less_than_the_stated_resolution_when_the_lattice_is_refined(n: int) -> None:
    draw = np.random.default_rng(n)
    ead, pd = draw.lognormal(0, 1, n), draw.uniform(0.001, 0.1, n)
    coarse, fine = (
        one_factor_distribution(ead, 0.45, pd, 0.4, unit_usd=0.45 * ead.sum() / points) for points in (1 << 12, 1 << 16)
    )
    for level in (0.9, 0.99, 0.999):
        assert abs(coarse.value_at_risk(level) - fine.value_at_risk(level)) <= 2 * coarse.resolution_usd
        excess = coarse.expected_shortfall(level) - fine.expected_shortfall(level)
        assert -1e-9 * ead.sum() <= excess <= coarse.resolution_usd  # splitting is a mean-preserving spread


def test_common_units_are_found() -> None:
    for losses, unit in (([300.0, 450.0, 1200.0], 150.0), ([0.1, 0.2, 0.7], 0.1), ([5.0, 5.0], 5.0), ([0.0, 3.0], 3.0)):
        law = one_factor_distribution(losses, 1.0, 0.1, 0.2)
        assert law.unit_usd == pytest.approx(unit)
        assert law.resolution_usd == 0.0


def test_a_name_a_billion_times_larger_does_not_hide_the_others() -> None:
    small, giant = np.full(200, 500.0), [4.5e14]
    law = one_factor_distribution(np.concatenate([giant, small]), 1.0, [1e-4] + [0.02] * 200, 0.2**0.5)
    assert law.resolution_usd > 0  # no grid of this size holds both
    assert law.mean() == pytest.approx(4.5e10 + 200 * 10, rel=1e-9)


def test_a_lattice_of_irrational_losses_has_enough_points() -> None:
    ead = np.array([1.0, math.pi, math.e])
    law = one_factor_distribution(ead, 1.0, 0.1, 0.2)
    assert law.unit_usd < 1e-4 * ead.sum()


# --- LGD ------------------------------------------------------------------------------------------------------


def one_name_cdf(x: float, pd: float, w: float, *, mean: float, sd: float, q: float) -> float:
    """P(loss of one name of exposure 1 <= x), wrong-way LGD, by Gauss-Legendre over the factor."""
    concentration = mean * (1 - mean) / sd**2 - 1
    below = ndtri(betainc(mean * concentration, (1 - mean) * concentration, x))
    z, _, weight = states(None)
    p = ndtr((ndtri(pd) - w * z) / math.sqrt(1 - w * w))
    return float(weight @ (1 - p + p * ndtr((below + math.sqrt(q) * z) / math.sqrt(1 - q))))


@pytest.mark.parametrize(("mean", "sd"), [(0.45, 0.2), (0.3, 0.4), (0.9, 0.05)])
@pytest.mark.parametrize("q", [0.0, 0.3, 0.9])
def test_one_name_has_the_law_of_its_lgd(mean: float, sd: float, q: float) -> None:
    kind: dict[str, Any] = {"lgd_kind": "wrong_way", "lgd_correlation": q} if q else {"lgd_kind": "beta"}
    points = 256
    law = one_factor_distribution(1.0, mean, 0.2, 0.5, lgd_sd=sd, unit_usd=1 / points, **kind)
    for k in (1, 20, 100, 200, 250):
        # splitting spreads the cdf over the two cells around a point
        low, high = (one_name_cdf((k + shift) / points, 0.2, 0.5, mean=mean, sd=sd, q=q) for shift in (0, 1))
        assert low - 1e-9 <= law.cdf(k / points) <= high + 1e-9


def test_wrong_way_expected_loss_agrees_with_a_double_integral() -> None:
    pd, w, mean, sd, q = 0.05, 0.5, 0.4, 0.25, 0.36
    concentration = mean * (1 - mean) / sd**2 - 1
    z, _, weight = states(None)
    latent = -math.sqrt(q) * z[:, None] + math.sqrt(1 - q) * z[None, :]
    lgd = betaincinv(mean * concentration, (1 - mean) * concentration, ndtr(latent)) @ weight
    expected = weight @ (lgd * ndtr((ndtri(pd) - w * z) / math.sqrt(1 - w * w)))
    law = one_factor_distribution(
        [1.0, 2.0], mean, pd, w, lgd_kind="wrong_way", lgd_sd=sd, lgd_correlation=q, unit_usd=1 / 500
    )
    assert law.mean() == pytest.approx(3 * expected, rel=1e-9)
    assert expected > 1.2 * mean * pd  # LGD is high when names default


@pytest.mark.parametrize("loading", [0.5, -0.5])
def test_wrong_way_follows_the_names_own_part(loading: float) -> None:
    law = one_factor_distribution(
        1.0, 0.4, 0.05, loading, lgd_kind="wrong_way", lgd_sd=0.2, lgd_correlation=0.3, unit_usd=0.01
    )
    assert law.mean() > 0.022


def test_without_loading_a_wrong_way_lgd_is_independent() -> None:
    arguments: dict[str, Any] = {"lgd_sd": 0.2, "unit_usd": 0.01}
    wrong = one_factor_distribution(1.0, 0.4, 0.05, 0.0, lgd_kind="wrong_way", lgd_correlation=0.3, **arguments)
    beta = one_factor_distribution(1.0, 0.4, 0.05, 0.0, lgd_kind="beta", **arguments)
    np.testing.assert_allclose(wrong.cumulative, beta.cumulative, atol=1e-5)  # the latent grid is a fine set of atoms


def test_an_lgd_without_deviation_is_fixed() -> None:
    fixed = one_factor_distribution([2.0, 4.0], 0.5, 0.1, 0.4)
    kinds: tuple[dict[str, Any], ...] = ({"lgd_kind": "beta"}, {"lgd_kind": "wrong_way", "lgd_correlation": 0.5})
    for kind in kinds:
        law = one_factor_distribution([2.0, 4.0], 0.5, 0.1, 0.4, lgd_sd=0.0, unit_usd=1.0, **kind)
        np.testing.assert_allclose(law.probabilities, fixed.probabilities, atol=1e-13)


def test_tails_grow_with_lgd_risk() -> None:
    ead = np.ones(60)
    arguments: dict[str, Any] = {"unit_usd": 0.05, "lgd_sd": 0.25}
    fixed = one_factor_distribution(ead, 0.4, 0.02, 0.4, unit_usd=0.05)
    beta = one_factor_distribution(ead, 0.4, 0.02, 0.4, lgd_kind="beta", **arguments)
    wrong = one_factor_distribution(ead, 0.4, 0.02, 0.4, lgd_kind="wrong_way", lgd_correlation=0.3, **arguments)
    tails = [law.expected_shortfall(0.99) for law in (fixed, beta, wrong)]
    assert tails == sorted(tails)
    assert beta.mean() == pytest.approx(fixed.mean(), rel=1e-12)


# --- properties ------------------------------------------------------------------------------------------------

pools = st.lists(st.tuples(st.integers(1, 9), st.floats(0.0, 1.0), st.floats(-0.9, 0.9)), min_size=1, max_size=12)


@settings(max_examples=30)
@given(pools)
def test_laws_are_laws_and_means_are_kept(pool: list[tuple[int, float, float]]) -> None:
    loss, pd, loading = (np.array(column, dtype=float) for column in zip(*pool, strict=True))
    law = one_factor_distribution(loss, 1.0, pd, loading, unit_usd=1.0)
    assert law.probabilities.sum() == pytest.approx(1.0, abs=1e-11)
    assert law.probabilities.min() >= 0.0
    assert law.mean() == pytest.approx(float(loss @ pd), abs=1e-8)


@settings(max_examples=20)
@given(pools)
def test_a_higher_pd_never_lowers_a_quantile(pool: list[tuple[int, float, float]]) -> None:
    loss, pd, loading = (np.array(column, dtype=float) for column in zip(*pool, strict=True))
    low, high = (one_factor_distribution(loss, 1.0, p, loading, unit_usd=1.0) for p in (pd, np.minimum(1.3 * pd, 1.0)))
    assert np.all(high.cumulative <= low.cumulative + 1e-8)


def test_the_order_of_names_does_not_matter() -> None:
    order = np.random.default_rng(1).permutation(90)
    one, other = (
        one_factor_distribution(MANY["loss"][o], 1.0, MANY["pd"][o], MANY["loading"][o]) for o in (slice(None), order)
    )
    assert one.probabilities.tobytes() == other.probabilities.tobytes()


def test_names_that_cannot_default_or_lose_change_nothing() -> None:
    base = one_factor_distribution([1.0, 2.0], 1.0, [0.1, 0.2], 0.3)
    more = one_factor_distribution([1.0, 2.0, 0.0, 5.0], 1.0, [0.1, 0.2, 0.5, 0.0], 0.3, unit_usd=1.0)
    np.testing.assert_allclose(more.probabilities[:4], base.probabilities, atol=1e-13)
    assert more.probabilities[4:].sum() < 1e-13


def test_certain_defaults_are_certain() -> None:
    law = one_factor_distribution([1.0, 2.0], 1.0, [1.0, 0.0], 0.3, dof=4.0, unit_usd=1.0)
    np.testing.assert_allclose(law.probabilities, [0, 1, 0, 0], atol=1e-13)


@pytest.mark.parametrize(
    "bad",
    [
        {"pd": 1.0000001},
        {"pd": math.nan},
        {"ead_usd": -1.0},
        {"ead_usd": math.inf},
        {"lgd": 1.2},
        {"loading": 1.1},
        {"dof": 2.0},
        {"lgd_kind": "beta"},
        {"lgd_kind": "beta", "lgd_sd": 0.5},
        {"lgd_kind": "wrong_way", "lgd_sd": 0.1},
        {"lgd_kind": "wrong_way", "lgd_sd": 0.1, "lgd_correlation": 1.0},
        {"lgd_kind": "gamma"},
        {"unit_usd": 0.0},
        {"ead_usd": []},
    ],
)
def test_bad_arguments_are_refused(bad: dict[str, Any]) -> None:
    good: dict[str, Any] = {"ead_usd": 1.0, "lgd": 0.5, "pd": 0.1, "loading": 0.3}
    with pytest.raises(ValueError):
        one_factor_distribution(**(good | bad))


def test_a_loading_of_one_is_not_resolved() -> None:
    with pytest.raises(NotResolvedError):
        one_factor_distribution(1.0, 0.5, 0.1, 1.0)


@pytest.mark.slow
def test_a_thousand_names_are_right_to_a_ten_thousandth_of_the_exposure() -> None:
    draw = np.random.default_rng(3)
    ead, pd = draw.lognormal(0, 1, 1000), np.exp(draw.uniform(math.log(1e-4), math.log(0.1), 1000))
    law, fine = (one_factor_distribution(ead, 0.45, pd, 0.4, unit_usd=u) for u in (None, 0.45 * ead.sum() / (1 << 17)))
    for level in (0.99, 0.999, 0.9997):
        assert abs(law.value_at_risk(level) - fine.value_at_risk(level)) < 5e-5 * ead.sum()
        assert abs(law.expected_shortfall(level) - fine.expected_shortfall(level)) < 1e-6 * ead.sum()
