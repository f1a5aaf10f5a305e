"""The tape of names that copula models take: its columns and the rules between them, as far as a tape has them.

A row is an obligor. Which columns there are depends on the tape: PDs come as one yearly figure or year by year, and
there is a loading for each factor that the tape names. `docs/tape_names.md` is made from this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ._check import Form
from ._columns import (
    MAX_TOTAL_USD,
    OWN,
    CrossRule,
    meta_of,
    name_column,
    number_column,
    segment_column,
    share_column,
)

LOADING_PREFIX = "loading_"
MAX_YEARS = 30
NORM_TOLERANCE = 1e-9  # of squared norms of loadings that were written with few digits

_LOADING = re.compile(rf"{LOADING_PREFIX}\w[\w .-]{{0,63}}")
_PD_YEAR = re.compile(r"pd_([1-9][0-9]?)y")


def factors_of(columns: Iterable[str]) -> list[str]:
    """Names of the factors that columns are loadings on, sorted."""
    return sorted(name.removeprefix(LOADING_PREFIX) for name in columns if _LOADING.fullmatch(name))


def years_of(columns: Iterable[str]) -> list[int]:
    """Years whose cumulative PD a column holds, ascending."""
    years = (int(match[1]) for name in columns if (match := _PD_YEAR.fullmatch(name)))
    return sorted(year for year in years if year <= MAX_YEARS)


def pd_column(year: int) -> str:
    """The column with the PD over so many years."""
    return f"pd_{year}y"


def names_form(
    columns: Sequence[str], *, years: int, correlation: NDArray[np.float64] | None, lgd_sd: float | None
) -> Form:
    """What a tape with these columns is checked against.

    Args:
        columns: Columns of the tape; PDs and loadings among them say which others there must be.
        years: Years whose PDs are needed, where the tape has PDs year by year.
        correlation: Correlation of the factors in sorted order, float64 [F, F]; None checks no norm.
        lgd_sd: Standard deviation of LGD where the tape has none of its own; None checks nothing.
    """
    factors, listed = factors_of(columns), years_of(columns)
    # A tape with both kinds of PD is refused elsewhere; here all that it has is known.
    by_year = [pd_column(year) for year in range(1, max([years, *listed]) + 1)] if listed else []
    own: dict[str, dy.Column] = {"pd": _yearly_pd()} if "pd" in columns or not listed else {}
    own |= {name: _term_pd(year) for year, name in enumerate(by_year, start=1)}
    own |= {"lgd_sd": _lgd_sd()} if "lgd_sd" in columns else {}
    own |= {f"{LOADING_PREFIX}{factor}": _loading(factor) for factor in factors}
    rules = {
        **_term_rules(by_year),
        **_lgd_rules(lgd_sd, stated="lgd_sd" in columns),
        **_norm_rule(factors, correlation),
        **_once(),
    }
    namespace = {
        "__module__": __name__,
        **own,
        "row": dy.Int64(min=1, metadata=meta_of("", OWN, None), description="1-based data row in the file."),
        **{name: dy.rule()(lambda _, holds=rule.holds: holds()) for name, rule in rules.items()},
    }
    schema = cast("type[dy.Schema]", type("Names", (Name,), namespace))
    return Form(
        schema,
        rules,
        total="ead",
        also=("pd", "pd_1y", "lgd_sd", f"{LOADING_PREFIX}<factor>"),
        mistaken_for=(
            frozenset({"facility_id", "balance_usd"}),
            "has the columns of a tape of facilities, which model=structural takes",
        ),
    )


# ---- Columns ----


class Name(dy.Schema):
    """Columns that every tape of names has."""

    obligor_id = name_column("Name of the obligor; each row has its own.")
    segment = segment_column("Group that results are also reported for.", default="all")
    ead = number_column("Exposure at default.", "USD", min=0, max_exclusive=MAX_TOTAL_USD)
    lgd = share_column("Loss given default, a share of the exposure; the mean where LGD is random.")


def _yearly_pd() -> dy.Float64:
    return share_column("One-year default probability; over h years it is 1 - (1 - pd)^h.")


def _term_pd(year: int) -> dy.Float64:
    return share_column(f"Probability of default within {year} year{'s' if year > 1 else ''}.")


def _lgd_sd() -> dy.Float64:
    return share_column("Standard deviation of LGD, where LGD is random; 0 for a name whose LGD is fixed.")


def _loading(factor: str) -> dy.Float64:
    return number_column(
        f"Loading on the factor {factor}: the square root of an asset correlation, not the correlation.",
        "loading", min=-1, max=1,
    )  # fmt: skip


# ---- Rules between columns ----


def _once() -> dict[str, CrossRule]:
    first = pl.col("obligor_id").is_first_distinct
    return {"obligor_id_once": CrossRule("obligor_id", (), "must be used once only", first, group="obligor_id")}


def _term_rules(by_year: Sequence[str]) -> dict[str, CrossRule]:
    return {
        f"{name}_rises": CrossRule(
            name, (before,), f"must not be below {before}: PDs are cumulative",
            lambda name=name, before=before: pl.col(name) >= pl.col(before),
        )
        for before, name in pairwise(by_year)
    }  # fmt: skip


def _lgd_rules(lgd_sd: float | None, *, stated: bool) -> dict[str, CrossRule]:
    room = pl.col("lgd") * (1 - pl.col("lgd"))
    if stated:
        sd = pl.col("lgd_sd")
        says = "must be below the square root of lgd x (1 - lgd), or 0: no share of 0 to 1 with that mean varies more"
        return {"lgd_sd_fits": CrossRule("lgd_sd", ("lgd",), says, lambda: (sd == 0) | (sd * sd < room))}
    if lgd_sd is not None:
        says = f"leaves no room for copula.lgd.sd = {lgd_sd:g}, which must be below the square root of lgd x (1 - lgd)"
        return {"lgd_sd_fits": CrossRule("lgd", (), says, lambda: room > lgd_sd * lgd_sd)}
    return {}


def _norm_rule(factors: Sequence[str], correlation: NDArray[np.float64] | None) -> dict[str, CrossRule]:
    if correlation is None or len(factors) < 2:  # one loading alone is bounded by its column
        return {}
    loadings = [pl.col(f"{LOADING_PREFIX}{factor}") for factor in factors]
    first, *others = (f"{LOADING_PREFIX}{factor}" for factor in factors)
    says = f"must leave the obligor variance of its own: with {', '.join(others)}, w'Rw must not be above 1"

    def holds() -> pl.Expr:
        # Sums of many terms, each row of the correlation matrix at a time.
        rows = [pl.sum_horizontal(float(r) * w for r, w in zip(row, loadings, strict=True)) for row in correlation]
        norm = pl.sum_horizontal(w * row for w, row in zip(loadings, rows, strict=True))
        return norm <= 1 + NORM_TOLERANCE

    return {"loadings_fit": CrossRule(first, tuple(others), says, holds)}
