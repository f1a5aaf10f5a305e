"""Simulated measures beside exact ones: how far apart they are, in standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

KEY = ("scope", "measure", "level")


def compared(measures: pl.DataFrame, exact: pl.DataFrame) -> pl.DataFrame:
    """The rows of `exact` with the simulated figure, its standard error, the difference and z.

    `z` is (simulated - exact) / standard error; null where one of the three is missing or the error is 0.
    """
    import polars as pl

    simulated = measures.select(*KEY, simulated="value", std_error="std_error")
    joined = exact.join(simulated, on=KEY, how="left", nulls_equal=True, maintain_order="left")
    difference = pl.col("simulated") - pl.col("value")
    z = pl.when(pl.col("std_error") > 0).then(difference / pl.col("std_error"))
    return joined.with_columns(difference=difference, z=z)


def costliest(names: pl.DataFrame) -> pl.DataFrame:
    """Names by expected loss, the largest first: by the exact one where it is known, which sampling does not move."""
    import polars as pl

    loss = pl.coalesce("expected_usd", "el_usd")
    return names.sort(loss, "obligor_id", descending=[True, False], nulls_last=True)
