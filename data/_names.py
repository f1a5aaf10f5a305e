"""The tape of names, from files and from frames made in code, checked by the same rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ._check import checked
from ._files import RawTape, read_raw
from ._names_schema import LOADING_PREFIX, MAX_YEARS, factors_of, names_form, pd_column, years_of
from ._problems import Problem, TapeProblems, printable

#: As many as the largest factor models in use have; engines take minutes to compile more.
MAX_FACTORS = 256

#: From names of factors, sorted, to their correlation matrix, float64 [F, F]; ValueError where it knows others.
CorrelationOf = Callable[[list[str]], NDArray[np.float64]]


def independent(factors: list[str]) -> NDArray[np.float64]:
    """Factors that know nothing of each other."""
    return np.eye(len(factors))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the configuration says that a tape must fit."""

    horizon_years: int
    asset_correlation: float | None
    correlation_of: CorrelationOf
    lgd_sd: float | None

    def __post_init__(self) -> None:
        if not 1 <= self.horizon_years <= MAX_YEARS:
            raise ValueError(f"horizon_years must be from 1 to {MAX_YEARS}, not {self.horizon_years}")


def read_names(
    path: Path | str,
    *,
    horizon_years: int = 1,
    asset_correlation: float | None = None,
    correlation_of: CorrelationOf = independent,
    lgd_sd: float | None = None,
) -> pl.DataFrame:
    """Reads a CSV (UTF-8, commas) or Parquet file, one obligor a row, columns in any order (`docs/tape_names.md`).

    Args:
        path: The file; its ending says which kind it is.
        horizon_years: Years H of the PD term structure, 1 to 30.
        asset_correlation: The same for every pair of names, for a tape without loadings; None for one with loadings.
        correlation_of: From the sorted factors to their correlation matrix [F, F]; its ValueError becomes a problem.
        lgd_sd: Standard deviation of LGD where the tape has no column `lgd_sd`; None: LGD does not vary.

    Returns:
        Rows as in the file, with the columns `obligor_id, segment` (text), `ead` (USD), `lgd`, `lgd_sd` if the tape has
        it, `pd_1y` to `pd_<H>y` (cumulative, never falling) and the tape's `loading_<factor>` in sorted order, float64.

    Raises:
        TapeProblems: listing everything that is wrong with the file. Then there is no tape.
        ValueError: if `horizon_years` is out of its range.
    """
    return _checked(read_raw(Path(path)), _Terms(horizon_years, asset_correlation, correlation_of, lgd_sd))


def check_names_frame(
    frame: pl.DataFrame,
    *,
    file: str,
    horizon_years: int = 1,
    asset_correlation: float | None = None,
    correlation_of: CorrelationOf = independent,
    lgd_sd: float | None = None,
) -> pl.DataFrame:
    """Checks a frame made in code by the rules of `read_names`; `file` is its name in problems.

    What `read_names` returned comes back as it is, as long as the horizon is not longer. Raises as `read_names` does.
    """
    terms = _Terms(horizon_years, asset_correlation, correlation_of, lgd_sd)
    return _checked(RawTape(file, frame, from_text=False), terms)


def _checked(raw: RawTape, terms: _Terms) -> pl.DataFrame:
    columns = raw.frame.columns
    correlation, problems = _correlation(raw, terms)
    problems = [*_pd_problems(raw), *problems]
    form = names_form(columns, years=terms.horizon_years, correlation=correlation, lgd_sd=terms.lgd_sd)
    return _canonical(checked(raw, form, found=problems), terms.horizon_years)


def _pd_problems(raw: RawTape) -> list[Problem]:
    if "pd" not in raw.frame.columns or not years_of(raw.frame.columns):
        return []
    return [Problem(raw.file, None, "pd", "", "must not stand beside PDs by year: leave one of them out")]


def _correlation(raw: RawTape, terms: _Terms) -> tuple[NDArray[np.float64] | None, list[Problem]]:
    """The correlation matrix of the tape's factors, and what does not fit between tape and configuration."""
    factors = factors_of(raw.frame.columns)
    if not factors:
        if terms.asset_correlation is not None or not raw.frame.width:
            return None, []
        words = f"must have a column {LOADING_PREFIX}<factor> for each factor, or copula.asset_correlation must be set"
        return None, [Problem(raw.file, None, "", "", words)]
    if len(factors) > MAX_FACTORS:
        words = f"must have loadings on at most {MAX_FACTORS} factors, not {len(factors):,}"
        raise TapeProblems([Problem(raw.file, None, "", "", words)])
    problems: list[Problem] = []
    if terms.asset_correlation is not None:
        words = f"must not have loadings beside copula.asset_correlation = {terms.asset_correlation:g}: leave one out"
        problems.append(Problem(raw.file, None, "", f"{LOADING_PREFIX}{factors[0]}", words))
    try:
        return terms.correlation_of(factors), problems
    except ValueError as error:
        return None, [*problems, Problem(raw.file, None, "", "", printable(error, most=400))]


def _canonical(frame: pl.DataFrame, years: int) -> pl.DataFrame:
    columns = frame.columns
    spread = ["lgd_sd"] if "lgd_sd" in columns else []
    loadings = [f"{LOADING_PREFIX}{factor}" for factor in factors_of(columns)]
    by_year = [pd_column(year) for year in range(1, years + 1)]
    if "pd" in columns:
        frame = frame.with_columns(cumulative_pds(frame["pd"], years))
    return frame.select("obligor_id", "segment", "ead", "lgd", *spread, *by_year, *loadings)


def cumulative_pds(pd: pl.Series, years: int) -> list[pl.Series]:
    """1 - (1 - pd)^h for h = 1 to `years`, exact for h = 1 and to the last bits for small PDs, as `pd_1y` and so on."""
    yearly = pd.to_numpy()
    with np.errstate(divide="ignore"):  # log(0) of a certain default is minus infinity, and its PD stays 1
        log_survival = np.log1p(-yearly)
    terms = [yearly, *(-np.expm1(year * log_survival) for year in range(2, years + 1))]
    # Rounding must not let a longer horizon fall below a shorter one.
    rising = np.maximum.accumulate(np.stack(terms), axis=0)
    return [pl.Series(pd_column(year), values) for year, values in enumerate(rising, start=1)]


def equal_names(count: int, *, pd: float, lgd: float, ead_usd: float) -> pl.DataFrame:
    """A frame of `count` names that differ in nothing but their name, for `check_names_frame`.

    Args:
        count: Number of names.
        pd: One-year default probability.
        lgd: Loss given default.
        ead_usd: Exposure of each.
    """
    number = pl.int_range(1, count + 1, dtype=pl.Int64, eager=True).cast(pl.String).str.zfill(8)
    same = {"ead": ead_usd, "pd": pd, "lgd": lgd}
    return pl.DataFrame({"obligor_id": "name-" + number}).with_columns(
        pl.lit(value, pl.Float64).alias(column) for column, value in same.items()
    )
