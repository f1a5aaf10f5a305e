"""Simulated measures beside exact ones: how far apart they are, in standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

KEY = ("scope", "measure", "level")
FINE_ENOUGH = 0.25  # of a standard error: the exact figure then moves z by a quarter at most


def compared(measures: pl.DataFrame, exact: pl.DataFrame) -> pl.DataFrame:
    """The rows of `exact` with the simulated figure, its standard error, the difference and z.

    `z` is (simulated - exact) / standard error; null where one of the three is missing, the error is 0, or the exact
    figure's own resolution is not small against it (column `coarse`).
    """
    import polars as pl

    simulated = measures.select(*KEY, simulated="value", std_error="std_error")
    joined = exact.join(simulated, on=KEY, how="left", nulls_equal=True, maintain_order="left")
    difference = pl.col("simulated") - pl.col("value")
    coarse = (pl.col("resolution") > FINE_ENOUGH * pl.col("std_error")).fill_null(False)
    z = pl.when((pl.col("std_error") > 0) & ~coarse).then(difference / pl.col("std_error"))
    return joined.with_columns(difference=difference, z=z, coarse=coarse)


def costliest(names: pl.DataFrame) -> pl.DataFrame:
    """Names by expected loss, the largest first: by the exact one where it is known, which sampling does not move."""
    import polars as pl

    loss = pl.coalesce("expected_usd", "el_usd")
    return names.sort(loss, "obligor_id", descending=[True, False], nulls_last=True)
