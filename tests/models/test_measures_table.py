"""Table of measures of a simulation."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.models.measures import Measure, measure_losses, measures_table
from rackrisk.models.results import SimulationResult


def result(n: int = 2_000) -> SimulationResult:
    """A simulation of which only scopes and losses matter; every other field is empty."""
    rng = np.random.default_rng(2)
    miners, clouds = rng.exponential(size=n), rng.exponential(size=n) * (rng.random(n) < 0.1)
    losses = {
        "scenario": np.arange(n),
        "loss": miners + clouds,
        "weight": np.ones(n),
        "loss:clouds": clouds,
        "loss:miners": miners,
    }
    values: dict[str, Any] = {field.name: None for field in fields(SimulationResult)}
    return SimulationResult(
        **values | {"scopes": ["portfolio", "clouds", "miners"], "losses": pl.DataFrame(losses), "n_scenarios": n}
    )


def test_columns_are_the_fields_of_a_measure_with_fixed_types() -> None:
    table = measures_table(result(), [0.99, 0.999], 0.95)
    assert table.columns == [field.name for field in fields(Measure)]
    assert table.schema["level"] == pl.Float64
    assert table.schema["n_scenarios"] == pl.Int64
    assert table.height == 3 * 6


def test_types_hold_where_every_number_is_missing() -> None:
    table = measures_table(result(1), [0.99], 0.95)
    assert table.schema == measures_table(result(), [0.99], 0.95).schema
    assert table["std_error"].null_count() == table.height


def test_rows_are_the_measures_of_each_scope_in_order() -> None:
    simulated = result()
    table = measures_table(simulated, [0.99], 0.9)
    assert table["scope"].unique(maintain_order=True).to_list() == simulated.scopes
    for scope in simulated.scopes:
        expected = measure_losses(simulated.losses_of(scope).to_numpy(), levels=[0.99], confidence=0.9, scope=scope)
        assert [Measure(**row) for row in table.filter(pl.col("scope") == scope).iter_rows(named=True)] == expected


def test_order_of_scenarios_does_not_change_the_table() -> None:
    simulated = result()
    shuffled = replace(simulated, losses=simulated.losses.sample(fraction=1.0, shuffle=True, seed=4))
    assert measures_table(shuffled, [0.99], 0.95).equals(measures_table(simulated, [0.99], 0.95))


@pytest.mark.parametrize("weight", [2.0, 0.0, float("nan"), None])
def test_weighted_scenarios_are_refused(weight: float | None) -> None:
    simulated = result(3)
    losses = simulated.losses.with_columns(weight=pl.Series([1.0, weight, 1.0], dtype=pl.Float64))
    with pytest.raises(ValueError, match="weight"):
        measures_table(replace(simulated, losses=losses), [0.99], 0.95)


def test_a_missing_loss_is_refused() -> None:
    simulated = result(3)
    losses = simulated.losses.with_columns(loss=pl.Series([1.0, None, 1.0], dtype=pl.Float64))
    with pytest.raises(ValueError, match="finite"):
        measures_table(replace(simulated, losses=losses), [0.99], 0.95)
