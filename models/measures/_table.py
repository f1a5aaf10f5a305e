"""Measures of a simulation as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ._losses import measure_losses

if TYPE_CHECKING:
    import polars as pl


class Losses(Protocol):
    """What a result of any model has."""

    @property
    def scopes(self) -> list[str]: ...

    @property
    def losses(self) -> pl.DataFrame: ...

    def losses_of(self, scope: str) -> pl.Series:
        """Loss per scenario of one scope, Float64, USD."""
        ...


def measures_table(result: Losses, levels: Sequence[float], confidence: float) -> pl.DataFrame:
    """EL, SD, VaR and ES of every scope of `result`, in the order of its scopes.

    Args:
        result: a simulation; every scenario must have weight 1.
        levels: confidence levels of VaR and ES, each in (0, 1).
        confidence: two-sided coverage of every interval, in (0, 1).

    Returns:
        One row a measure with the fields of `Measure` as columns; null where a number does not exist.

    Raises:
        ValueError: scenarios with other weights, or what `measure_losses` refuses.
    """
    import polars as pl

    if not np.all(result.losses["weight"].to_numpy() == 1.0):  # a null is NaN here
        raise ValueError("measures of weighted scenarios are not implemented: every weight must be 1")
    rows = [
        asdict(measure)
        for scope in result.scopes
        for measure in measure_losses(
            result.losses_of(scope).to_numpy(), levels=levels, confidence=confidence, scope=scope
        )
    ]
    text, number = pl.String(), pl.Float64()
    schema = {
        "measure": text,
        "level": number,
        "value": number,
        "std_error": number,
        "ci_low": number,
        "ci_high": number,
        "unit": text,
        "scope": text,
        "n_scenarios": pl.Int64(),
        "method": text,
    }
    return pl.DataFrame(rows, schema=schema)
