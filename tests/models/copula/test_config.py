"""The configuration and its fit to the names."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from rackrisk.data import TapeProblems
from rackrisk.models.copula import CopulaConfig, check_names, simulate_copula
from rackrisk.models.copula._factors import factor_matrix, independent_loadings, loadings

from .pools import names, simulate

RHO = {"asset_correlation": 0.2}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"dependence": "t"}, "dof is needed"),
        ({"dof": 4.0}, "dof is needed"),
        ({"dependence": "t", "dof": 2.0}, "greater than 2"),
        ({"dependence": "t", "dof": float("nan")}, "finite"),
        ({"asset_correlation": 1.0}, "less than 1"),
        ({"asset_correlation": -0.1}, "greater than or equal"),
        ({"asset_correlation": "0.2"}, "valid number"),
        ({"asset_correlation": True}, "valid number"),
        ({"horizon_years": 0}, "greater than or equal"),
        ({"horizon_years": 31}, "less than or equal"),
        ({"horizon_years": 1.5}, "integer"),
        ({"unknown": 1}, "Extra inputs"),
        ({"lgd": {"kind": "fixed", "sd": 0.1}}, "fixed LGD has no sd"),
        ({"lgd": {"kind": "wrong_way", "sd": 0.1}}, "lgd.correlation is needed"),
        ({"lgd": {"kind": "beta", "sd": 0.1, "correlation": 0.1}}, "lgd.correlation is needed"),
        ({"factor_correlation": [[1.0, 0.5], [0.4, 1.0]]}, "not symmetric"),
        ({"factor_correlation": [[1.0, 0.5], [0.5, 0.9]]}, "ones on its diagonal"),
        ({"factor_correlation": [[1.0, 0.5]]}, "must have 1 rows"),
        ({"factor_correlation": {"a": {"b": 0.9, "c": 0.9}, "b": {"c": -0.9}}}, "positive semidefinite"),
        ({"factor_correlation": {"a": {"b": 0.9}, "b": {"a": 0.8}}}, "given twice"),
        ({"factor_correlation": {"a": {"b": 1.1}}}, "less than or equal to 1"),
        ({"factor_correlation": {"a": {"b": 0.1}}} | RHO, "stands for one factor"),
    ],
)
def test_what_makes_no_model_is_refused(wrong: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        CopulaConfig(**wrong)


def test_a_singular_factor_correlation_is_legal():
    assert CopulaConfig(factor_correlation={"a": {"b": 1.0}}).correlation(["a", "b"]).tolist() == [[1, 1], [1, 1]]


def test_factors_left_out_of_the_correlation_are_independent():
    pool = names([0.1], loading_c=[0.1], loading_a=[0.2], loading_b=[0.3])
    factors, matrix = factor_matrix(pool, CopulaConfig(factor_correlation={"c": {"a": 0.5}}))
    assert factors == ["a", "b", "c"]
    assert matrix.tolist() == [[1, 0, 0.5], [0, 1, 0], [0.5, 0, 1]]


def test_independent_loadings_have_the_same_correlations():
    random = np.random.default_rng(2)
    matrix = np.array(np.corrcoef(random.normal(size=(4, 9))))
    weights = random.normal(size=(30, 4))
    ours = independent_loadings(weights, matrix)
    np.testing.assert_allclose(ours @ ours.T, weights @ matrix @ weights.T, atol=1e-12)
    np.testing.assert_array_equal(independent_loadings(weights[7:8], matrix), ours[7:8])


def test_an_asset_correlation_is_the_square_of_a_loading():
    assert loadings(names([0.1]), CopulaConfig(asset_correlation=0.25)).tolist() == [[0.5]]


def test_an_asset_correlation_is_a_loading_on_one_common_factor():
    """To the last number drawn."""
    by_loading = simulate(names([0.1, 0.2], loading_common=[0.5, 0.5]), 500)
    assert by_loading.losses.equals(simulate(names([0.1, 0.2]), 500, asset_correlation=0.25).losses)


def problems(pool: pl.DataFrame, **model: Any) -> list[tuple[int | None, str, str]]:
    config = CopulaConfig(**model)
    found = check_names(pool, config, file="tape.csv")
    if found:
        with pytest.raises(TapeProblems):
            simulate_copula(pool, config=config, scenarios=1, seed=1)
    assert {problem.file for problem in found} <= {"tape.csv"}
    return [(problem.row, problem.column, problem.value) for problem in found]


def test_names_that_fit_have_no_problems():
    assert problems(names([0.1, 0.2]), **RHO) == []
    assert problems(names([0.1, 0.2], loading_a=[1.0, -1.0])) == []


def test_a_pool_of_nobody_is_refused():
    assert problems(names([]), **RHO) == [(None, "", "")]


def test_dependence_is_said_once():
    assert problems(names([0.1])) == [(None, "", "")]
    assert problems(names([0.1], loading_a=[0.3]), **RHO) == [(None, "loading_a", "0.2")]


def test_every_name_with_too_large_loadings_is_listed():
    pool = names([0.1] * 4, loading_a=[0.8, 0.6, -0.8, 1.0], loading_b=[0.6, 0.8, 0.61, 1e-3])
    assert problems(pool) == [(3, "loading_a, loading_b", "1.0121"), (4, "loading_a, loading_b", "1.000001")]
    assert [row for row, _, _ in problems(pool, factor_correlation={"a": {"b": 0.1}})] == [1, 2, 4]


def test_loadings_of_norm_one_that_were_written_with_few_digits_are_legal():
    third = 0.57735026919  # squared and added three times 1 + 1e-11
    assert problems(names([0.1], loading_a=[third], loading_b=[third], loading_c=[third])) == []


def test_factor_correlation_must_fit_the_loadings():
    pool = names([0.1], loading_a=[0.3])
    assert len(problems(pool, factor_correlation=[[1.0, 0.0], [0.0, 1.0]])) == 1
    assert len(problems(pool, factor_correlation={"a": {"x": 0.1}})) == 1


def test_a_horizon_beyond_the_tape_is_listed_by_year():
    assert problems(names([0.1], years=2), horizon_years=4, **RHO) == [(None, "pd_3y", ""), (None, "pd_4y", "")]


def test_impossible_spreads_of_lgd_are_listed():
    beta = {"lgd": {"kind": "beta", "sd": 0.4}} | RHO
    pool = names([0.1] * 4, lgd=[0.5, 0.1, 0.0, 1.0])
    assert problems(pool, **beta) == [(2, "lgd", "0.4"), (3, "lgd", "0.4"), (4, "lgd", "0.4")]
    own = pool.with_columns(lgd_sd=pl.Series([0.5, 0.2, 0.0, 0.0]))
    assert problems(own, **beta) == [(1, "lgd_sd", "0.5")]
    assert problems(pool, lgd={"kind": "beta"}, **RHO) == [(None, "lgd_sd", "")]
