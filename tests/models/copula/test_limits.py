"""What is legal at the limits of the model."""

import math
import resource
import time

import numpy as np
import polars as pl
import pytest

from rackrisk.kernels.engines import EngineMissing
from rackrisk.models.copula import CopulaConfig, simulate_copula

from .pools import names, simulate

ENGINES = pytest.mark.parametrize("engine", ["jax", "reference"])


@ENGINES
@pytest.mark.parametrize("dof", [None, 2.1])
def test_pd_0_never_defaults_and_pd_1_always_does(engine: str, dof: float | None):
    pool = names([0.0, 1.0, 1e-300, 1 - 1e-16], years=3)
    kind = {} if dof is None else {"dependence": "t", "dof": dof}
    result = simulate(pool, 2000, engine=engine, asset_correlation=0.9, horizon_years=3, **kind)
    assert result.names["pd_simulated"].to_list() == [0, 1, 0, 1]
    assert result.losses["loss"].unique().to_list() == [2]
    assert result.pd_term["std_error"].to_list() == [0] * 6


@ENGINES
def test_factors_that_explain_everything_decide_alone(engine: str):
    """Two names on one factor with the same PD are one name; a third on its mirror image never joins them."""
    pool = names([0.1, 0.1, 0.1], loading_f=[1.0, 1.0, -1.0])
    result = simulate(pool, 4000, engine=engine)
    assert set(result.losses["loss"]) == {0, 1, 2}
    first, second, _ = result.names["pd_simulated"]
    assert first == second
    assert (result.losses["loss"] == 2).mean() == first


@ENGINES
def test_one_name_and_one_scenario(engine: str):
    result = simulate(names([0.5]), 1, engine=engine, asset_correlation=0.2)
    assert result.losses.height == 1
    assert result.names["pd_simulated"][0] in (0, 1)
    assert result.pd_term["std_error"].null_count() == 2
    assert np.isfinite(result.names["el_std_error_usd"][0])


@ENGINES
def test_exposures_of_nothing_lose_nothing(engine: str):
    result = simulate(names([0.5, 1.0], ead=[0.0, 0.0]), 10, engine=engine, asset_correlation=0.2)
    assert result.losses["loss"].to_list() == [0] * 10
    assert result.names["pd_simulated"][1] == 1


@ENGINES
@pytest.mark.parametrize("exposure", [1e-9, 1.0, 1e15])
def test_money_is_exact_at_any_size(engine: str, exposure: float):
    """Three equal exposures; a loss is their number times one, to the last bit of a quantum 2^-52 of the total."""
    pool = names([1.0] * 3, ead=[exposure] * 3, lgd=[0.45] * 3)
    loss = simulate(pool, 5, engine=engine, asset_correlation=0.2).losses["loss"].to_numpy()
    assert np.abs(loss / (3 * 0.45 * exposure) - 1).max() < 3 * 2.0**-51


@ENGINES
def test_a_random_lgd_of_no_spread_is_fixed(engine: str):
    pool = names([0.3, 0.2, 0.5], lgd=[0.0, 1.0, 0.45], lgd_sd=[0.0, 0.0, 0.0])
    random, fixed = (
        simulate(pool, 2000, engine=engine, asset_correlation=0.2, lgd=lgd)
        for lgd in ({"kind": "wrong_way", "correlation": 1.0}, {"kind": "fixed"})
    )
    assert np.abs(random.losses["loss"].to_numpy() - fixed.losses["loss"].to_numpy()).max() < 2.0**-30
    assert random.names["expected_usd"].to_list() == fixed.names["expected_usd"].to_list()


def test_a_name_without_loadings_has_no_wrong_way_but_a_beta_lgd():
    kind = {"kind": "wrong_way", "sd": 0.2, "correlation": 0.9}
    pool = names([1.0], lgd=[0.4])
    result = simulate(pool, 50_000, asset_correlation=0.0, lgd=kind)
    assert math.isclose(result.losses["loss"].to_numpy().std(), 0.2, rel_tol=0.02)
    assert result.names["expected_usd"].to_list() == [0.4]


def test_hostile_names_are_only_names():
    ids = ["NO", "=1+1", "\u202e", "a" * 10_000, "0", " 0", "\n"]
    pool = names([0.5] * 7, obligor_id=ids, segment=["loss", "portfolio ", "NO", "x", "x", "<b>", "\x1b[0m"])
    result = simulate(pool, 100, asset_correlation=0.2)
    assert result.names["obligor_id"].to_list() == ids
    assert result.scopes[1:] == sorted({"loss", "portfolio ", "NO", "x", "<b>", "\x1b[0m"})
    assert all(result.losses_of(scope).len() == 100 for scope in result.scopes)


def test_cuda_is_refused_clearly():
    with pytest.raises(EngineMissing, match="engine=jax"):
        simulate_copula(names([0.1]), config=CopulaConfig(asset_correlation=0.1), scenarios=1, seed=1, engine="cuda")


@pytest.mark.slow
def test_a_million_equal_names_take_bounded_time_and_memory():
    """1e9 draws; nothing of size names x scenarios would fit: 1 GB even as bits would be 125 MB a year."""
    count = 1_000_000
    pool = pl.DataFrame(
        {
            "obligor_id": pl.int_range(count, eager=True).cast(pl.String),
            "segment": ["all"] * count,
            "ead": np.ones(count),
            "lgd": np.ones(count),
            "pd_1y": np.full(count, 0.02),
        }
    )
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = simulate(pool, 1000, engine="jax", asset_correlation=0.2)
    assert time.perf_counter() - started < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 * 2**20  # KiB
    assert result.names["pd_simulated"].sum() * 1000 == pytest.approx(result.losses["loss"].sum())
