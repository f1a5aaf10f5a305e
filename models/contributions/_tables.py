"""Contributions and concentration as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rackrisk.kernels.tally import Tally
from rackrisk.models.book import BuiltBook
from rackrisk.models.measures import mean_estimate

from ._apportion import apportion
from ._estimates import LevelEstimate, TailEstimates
from ._members import Dimension

Array = NDArray[np.float64]

EXPOSURE = "balance at the as-of date"
EXPECTED = "mean of all scenarios"
BOUNDED = "mean of all scenarios; the error is at most this: those of the facilities added up"
TAIL = "mean over the replayed tail; influence-function standard error"
BAND = "share in the losses of the replayed scenarios inside the VaR's interval; ratio error and that of the VaR"


LISTED = 100_000  # members of a dimension that are shown one by one
OTHERS = "(all others)"
ADDED_UP = "members that are not listed, added up; the error is at most this: theirs added up"


def contribution_tables(
    built: BuiltBook, tally: Tally, found: TailEstimates, el_error_usd: Array, confidence: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Exposure, EL, VaR and ES of every member of every dimension, and how concentrated they are.

    Of a dimension with more than 100,000 members those with the largest shares are listed, and the others in one row.

    Args:
        el_error_usd: [F], standard errors of the facilities' EL; NaN where there is none.
        confidence: of the measures.

    Returns:
        First `dimension, name, measure` (exposure, EL, VaR, ES), `level` (null for the first two), `value_usd,
        std_error_usd, share` (of the dimension's total), `share_std_error, method`. The values of a dimension add up
        to the measure of the book exactly. Second that of `concentration_table`, of all members.
    """
    frames, concentrations = [], []
    first = 0
    for part in found.dimensions:
        place = slice(first, first + len(part.members))
        first = place.stop
        rows = [*_plain(built, tally, part, el_error_usd, confidence)]
        rows += [row for level in found.levels for row in _tail_rows(level, place)]
        listed = _largest(rows)
        for row in rows:  # one after the other: all of them together are gigabytes in a large book
            whole = _frame(part, row)
            concentrations.append(concentration_table(whole))
            frames.append(whole if listed is None else _without_others(whole, listed))
    return pl.concat(frames), pl.concat(concentrations)


def _largest(rows: list[dict[str, Any]]) -> NDArray[np.bool_] | None:
    """The members with the largest shares of any measure; None for all."""
    shares = np.nan_to_num(np.array([row["share"] for row in rows])).max(axis=0)
    if len(shares) <= LISTED:
        return None
    listed = np.zeros(len(shares), dtype=bool)
    listed[np.argsort(-shares, kind="stable")[:LISTED]] = True
    return listed


def _without_others(whole: pl.DataFrame, listed: NDArray[np.bool_]) -> pl.DataFrame:
    """The listed members, and the others added up."""
    others = whole.filter(pl.Series(~listed))
    added = others.select(
        pl.col("dimension").first(),
        pl.lit(OTHERS).alias("name"),
        pl.col("measure", "level").first(),
        pl.col("value_usd").sum(),
        _sum_if_known("std_error_usd"),
        _sum_if_known("share"),
        _sum_if_known("share_std_error"),
        pl.lit(ADDED_UP).alias("method"),
    )
    return pl.concat([whole.filter(pl.Series(listed)), added])


def _sum_if_known(name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.is_not_null().all()).then(column.sum()).alias(name)


def _plain(
    built: BuiltBook, tally: Tally, part: Dimension, el_error_usd: Array, confidence: float
) -> Iterator[dict[str, Any]]:
    """Exposure and EL."""
    exposure = part.of(built.scale.first_balance_usd)
    zero = np.zeros(len(part.members))
    yield _row("exposure", None, exposure, zero, share_error=zero) | {"method": EXPOSURE}
    el = mean_estimate(tally.loss[:, 0] * float(built.scale.loss_quantum_usd), confidence=confidence).value
    assert el is not None
    losses = part.exactly(tally.facility_loss.tolist())
    alone = np.bincount(part.member, minlength=len(part.members)) == 1
    value, error = apportion(el, losses), part.of(el_error_usd)
    row = _row("EL", None, value, error, share_error=np.full(len(value), np.nan))
    yield row | {"method": np.where(alone, EXPECTED, BOUNDED).tolist()}


def _tail_rows(level: LevelEstimate, place: slice) -> Iterator[dict[str, Any]]:
    var, es = level.var[place], level.es[place]
    yield _row("VaR", level.level, var, level.var_error[place], level.var_share_error[place]) | {"method": BAND}
    yield _row("ES", level.level, es, level.es_error[place], level.es_share_error[place]) | {"method": TAIL}


def _row(measure: str, level: float | None, value: Array, error: Array, share_error: Array) -> dict[str, Any]:
    total = value.sum()
    share = value / total if total > 0 else np.full(len(value), np.nan)
    columns = {"value_usd": value, "std_error_usd": error, "share": share, "share_std_error": share_error}
    return {"measure": measure, "level": level, **columns}


def _frame(part: Dimension, row: dict[str, Any]) -> pl.DataFrame:
    numbers = ("value_usd", "std_error_usd", "share", "share_std_error")
    method = row["method"]
    frame = pl.DataFrame(
        {"name": part.members, **{name: pl.Series(row[name], dtype=pl.Float64).fill_nan(None) for name in numbers}}
    ).with_columns(
        dimension=pl.lit(part.name),
        measure=pl.lit(row["measure"]),
        level=pl.lit(row["level"], pl.Float64),
        method=pl.lit(method) if isinstance(method, str) else pl.Series(method, dtype=pl.String),
    )
    return frame.select("dimension", "name", "measure", "level", *numbers, "method")


def concentration_table(contributions: pl.DataFrame) -> pl.DataFrame:
    """How concentrated each measure is in each dimension.

    Returns:
        `dimension, measure, level, members` (with a share above 0), `herfindahl` (sum of squared shares of what has a
        name), `herfindahl_std_error` (at most this: the errors of the shares, added up), `effective_members` (1 /
        herfindahl), `largest, largest_share, largest_share_std_error` (of the whole measure). What belongs to nobody,
        as capacity without a tenant, is no member; a dimension without members has no row.
    """
    keys = ["dimension", "measure", "level"]
    named = contributions.filter(pl.col("name") != "(none)")
    shares, errors = pl.col("share"), pl.col("share_std_error")
    whole, squares = shares.sum(), (shares**2).sum()
    moved = 2 * ((shares * errors).sum() / whole**2 + squares * errors.sum() / whole**3)
    top = pl.col("share").arg_max()
    return (
        named.group_by(keys, maintain_order=True)
        .agg(
            members=(shares > 0).sum().cast(pl.Int64),
            herfindahl=squares / whole**2,
            herfindahl_std_error=pl.when(errors.is_null().any()).then(None).otherwise(moved),
            largest=pl.col("name").get(top),
            largest_share=shares.get(top),
            largest_share_std_error=errors.get(top),
            known=shares.is_not_null().all(),
        )
        .filter(pl.col("known") & (pl.col("members") > 0))
        .with_columns(effective_members=1 / pl.col("herfindahl"))
        .select(
            *keys,
            "members",
            "herfindahl",
            "herfindahl_std_error",
            "effective_members",
            "largest",
            "largest_share",
            "largest_share_std_error",
        )
    )
