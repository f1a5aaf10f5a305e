"""Simulated figures meet their exact twins by scope, measure and level; nothing is divided by no error."""

from __future__ import annotations

import polars as pl
import pytest

from rackrisk.comparison import compared, costliest
from rackrisk.copula_terminal import z_of, z_text

KEYS = {"scope": pl.String, "measure": pl.String, "level": pl.Float64}


def measures(*rows: tuple[str, str, float | None, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={**KEYS, "value": pl.Float64, "std_error": pl.Float64}, orient="row")


def exact(*rows: tuple[str, str, float | None, float], resolution: float = 0.0) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={**KEYS, "value": pl.Float64}, orient="row")
    return frame.with_columns(resolution=pl.lit(resolution))


def test_twins_meet_by_scope_measure_and_level() -> None:
    simulated = measures(("portfolio", "EL", None, 5.0, 2.0), ("a", "EL", None, 1.0, 1.0), ("a", "VaR", 0.99, 8.0, 2.0))
    found = compared(simulated, exact(("a", "VaR", 0.99, 9.0), ("portfolio", "EL", None, 4.0), ("b", "EL", None, 1.0)))
    assert found.select("scope", "simulated", "difference", "z").rows() == [
        ("a", 8.0, -1.0, -0.5), ("portfolio", 5.0, 1.0, 0.5), ("b", None, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [None, 0.0])
def test_without_an_error_there_is_no_z(error: float | None) -> None:
    found = compared(measures(("a", "EL", None, 5.0, error)), exact(("a", "EL", None, 4.0)))
    assert found.select("difference", "z").row(0) == (1.0, None)
    assert z_of(5.0, error, 4.0) is None
    assert z_text(None) == "n/a"


def test_a_coarse_exact_figure_gives_no_z() -> None:
    simulated = measures(("a", "VaR", 0.99, 5.0, 2.0))
    assert compared(simulated, exact(("a", "VaR", 0.99, 4.0), resolution=0.5))["z"].item() == 0.5
    assert compared(simulated, exact(("a", "VaR", 0.99, 4.0), resolution=0.51)).select("z", "coarse").row(0) == (
        None,
        True,
    )


def test_z_has_a_sign_and_one_decimal() -> None:
    assert [z_text(z_of(value, 2.0, 4.0)) for value in (5.0, 3.0, 4.0)] == ["+0.5", "-0.5", "+0.0"]


def test_the_costliest_names_are_chosen_by_what_sampling_does_not_move() -> None:
    names = pl.DataFrame(
        {"obligor_id": ["b", "a", "c", "d"], "el_usd": [1.0, 9.0, 2.0, 7.0], "expected_usd": [5.0, 5.0, None, 6.0]}
    )
    assert costliest(names)["obligor_id"].to_list() == ["d", "a", "b", "c"]
