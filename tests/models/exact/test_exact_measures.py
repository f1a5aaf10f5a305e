"""The exact figures beside a copula run: which exist, what they agree with, and why others do not."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.models.copula import CopulaConfig, LgdConfig
from rackrisk.models.exact import (
    exact_measures,
    homogeneous_distribution,
    one_factor_distribution,
    portfolio_moments,
)

LEVELS = [0.95, 0.99]


def names(n: int = 40, **columns: Any) -> pl.DataFrame:
    draw = np.random.default_rng(5)
    frame = {
        "obligor_id": [f"N{i:03d}" for i in range(n)],
        "segment": [("loans", "bonds")[i % 2] for i in range(n)],
        "ead": draw.integers(1, 9, n) * 1e6,
        "lgd": np.full(n, 0.5),
        "pd_1y": draw.uniform(0.001, 0.05, n),
    }
    return pl.DataFrame(frame | columns)


def value(table: pl.DataFrame, scope: str, measure: str, level: float | None = None) -> float:
    here = (pl.col("scope") == scope) & (pl.col("measure") == measure) & pl.col("level").eq_missing(pl.lit(level))
    return table.filter(here)["value"].item()


def test_one_factor_has_everything_in_every_scope() -> None:
    table, notes = exact_measures(names(), CopulaConfig(asset_correlation=0.2), LEVELS)
    assert notes == []
    assert table["scope"].unique(maintain_order=True).to_list() == ["portfolio", "bonds", "loans"]
    measures = [("EL", None), ("SD", None), ("VaR", 0.95), ("VaR", 0.99), ("ES", 0.95), ("ES", 0.99)]
    assert table.select("measure", "level").rows() == measures * 3
    assert table["value"].min() > 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("config", "model"),
    [
        ({"dependence": "gaussian"}, {}),
        ({"dependence": "t", "dof": 5.0}, {"dof": 5.0}),
        ({"lgd": {"kind": "beta", "sd": 0.2}}, {"lgd_kind": "beta", "lgd_sd": 0.2}),
        (
            {"lgd": {"kind": "wrong_way", "sd": 0.2, "correlation": 0.3}},
            {"lgd_kind": "wrong_way", "lgd_sd": 0.2, "lgd_correlation": 0.3},
        ),
    ],
    ids=["gaussian", "t", "beta", "wrong_way"],
)
def test_every_model_is_passed_on(config: dict[str, Any], model: dict[str, Any]) -> None:
    frame = names(12)
    table = exact_measures(frame, CopulaConfig(asset_correlation=0.2, **config), LEVELS).table
    ead, lgd, pd = (frame[column].to_numpy() for column in ("ead", "lgd", "pd_1y"))
    law = one_factor_distribution(ead, lgd, pd, math.sqrt(0.2), **model)
    moments = portfolio_moments(ead, lgd, pd, np.full((12, 1), math.sqrt(0.2)), **model)
    assert value(table, "portfolio", "EL") == pytest.approx(moments.mean_usd)
    assert value(table, "portfolio", "SD") == pytest.approx(moments.standard_deviation_usd)
    assert value(table, "portfolio", "VaR", 0.99) == law.value_at_risk(0.99)
    assert value(table, "portfolio", "ES", 0.99) == pytest.approx(law.expected_shortfall(0.99))


def test_the_tapes_own_lgd_sd_goes_before_the_configured() -> None:
    own = names(lgd_sd=[0.1] * 20 + [None] * 20)
    config = CopulaConfig(asset_correlation=0.2, lgd=LgdConfig(kind="beta", sd=0.3))
    filled = names(lgd_sd=[0.1] * 20 + [0.3] * 20)
    one, other = (exact_measures(frame, config, []).table for frame in (own, filled))
    assert one.equals(other)


def test_the_loss_of_the_whole_horizon_counts() -> None:
    frame = names(pd_3y=np.full(40, 0.1))
    table = exact_measures(frame, CopulaConfig(asset_correlation=0.2, horizon_years=3), []).table
    assert value(table, "portfolio", "EL") == pytest.approx(0.05 * float(frame["ead"].to_numpy().sum()))


def test_several_factors_have_moments_and_say_why_no_more() -> None:
    frame = names(
        loading_a=np.full(40, 0.5),
        loading_b=np.where(np.arange(40) % 2 == 0, 0.3, 0.0),  # loans have both
    )
    config = CopulaConfig(factor_correlation=[[1.0, 0.4], [0.4, 1.0]])
    table, notes = exact_measures(frame, config, LEVELS)
    assert notes == ["no exact VaR and ES: several factors, scope portfolio"]
    assert table.filter(pl.col("scope") == "portfolio")["measure"].to_list() == ["EL", "SD"]
    # each segment's loadings point in one direction: its names share one factor
    loans = frame.filter(pl.col("segment") == "loans")
    norm = math.sqrt(0.25 + 0.09 + 2 * 0.4 * 0.15)
    ead, lgd, pd = (loans[column].to_numpy() for column in ("ead", "lgd", "pd_1y"))
    law = one_factor_distribution(ead, lgd, pd, norm)
    assert value(table, "loans", "VaR", 0.99) == pytest.approx(law.value_at_risk(0.99))
    assert value(table, "loans", "ES", 0.99) == pytest.approx(law.expected_shortfall(0.99), rel=1e-8)
    assert value(table, "bonds", "VaR", 0.99) > 0


def test_named_factor_correlations_find_their_columns() -> None:
    frame = names(loading_x=np.full(40, 0.4), loading_y=np.where(np.arange(40) < 20, 0.3, 0.1))
    named = CopulaConfig(factor_correlation={"x": {"y": 0.6}})
    listed = CopulaConfig(factor_correlation=[[1.0, 0.6], [0.6, 1.0]])
    one, other = (exact_measures(frame, config, []).table for config in (named, listed))
    assert one.equals(other)
    assert value(one, "portfolio", "SD") > value(exact_measures(frame, CopulaConfig(), []).table, "portfolio", "SD")


def test_equal_names_are_a_mixed_binomial_even_when_there_are_many() -> None:
    n = 100_000
    frame = names(n, ead=np.full(n, 2e6), pd_1y=np.full(n, 0.01), segment=["all"] * n)
    table, notes = exact_measures(frame, CopulaConfig(asset_correlation=0.2), [0.999])
    assert notes == []
    law = homogeneous_distribution(n, 0.01, 0.2, loss_usd=1e6)
    assert value(table, "all", "VaR", 0.999) == law.value_at_risk(0.999)
    assert table["resolution"].to_list() == [0.0] * table.height


def test_a_book_beyond_the_budget_keeps_its_moments_and_says_why() -> None:
    frame = names(ead=np.random.default_rng(1).lognormal(15, 1, 40))
    table, notes = exact_measures(frame, CopulaConfig(asset_correlation=0.2), LEVELS, seconds=0.01)
    assert table["measure"].unique().sort().to_list() == ["EL", "SD"]
    assert len(notes) == 3
    assert all("VaR and ES" in note for note in notes)


def test_names_without_loss_lose_nothing() -> None:
    frame = names(4, pd_1y=[0.0, 0.0, 0.0, 0.0])
    table, notes = exact_measures(frame, CopulaConfig(asset_correlation=0.2), LEVELS)
    assert notes == []
    assert table["value"].to_list() == [0.0] * table.height


def test_one_name_and_certain_default() -> None:
    frame = names(1, pd_1y=[1.0])
    table = exact_measures(frame, CopulaConfig(asset_correlation=0.2), [0.99]).table
    loss = 0.5 * frame["ead"].item()
    scopes = table.filter(pl.col("scope") == "portfolio")
    assert scopes["value"].to_list() == pytest.approx([loss, 0.0, loss, loss])


def test_a_full_loading_leaves_the_moments() -> None:
    frame = names(6, loading_a=np.ones(6))
    table, notes = exact_measures(frame, CopulaConfig(), LEVELS)
    assert set(table["measure"]) == {"EL", "SD"}
    assert len(notes) == 3


def test_an_lgd_tied_to_the_factor_is_left_out() -> None:
    config = CopulaConfig(asset_correlation=0.2, lgd=LgdConfig(kind="wrong_way", sd=0.2, correlation=1.0))
    table, notes = exact_measures(names(6), config, LEVELS)
    assert table.height == 0
    assert len(notes) == 6


def test_bad_levels_are_refused() -> None:
    with pytest.raises(ValueError):
        exact_measures(names(3), CopulaConfig(asset_correlation=0.2), [1.0])


def test_opposite_loadings_stay_opposite() -> None:
    signed = np.where(np.arange(40) % 3 == 0, -0.5, 0.5)
    frame = names(loading_a=0.6 * signed, loading_b=0.8 * signed)
    table = exact_measures(frame, CopulaConfig(), LEVELS).table
    ead, lgd, pd = (frame[column].to_numpy() for column in ("ead", "lgd", "pd_1y"))
    law = one_factor_distribution(ead, lgd, pd, signed)
    assert value(table, "portfolio", "VaR", 0.99) == law.value_at_risk(0.99)
    assert value(table, "portfolio", "SD") == pytest.approx(law.standard_deviation(), rel=1e-9)
