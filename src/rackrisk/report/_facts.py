"""Figures that several sections share, worked out once from the tables: scopes, measures, sums over facilities.

Sums are `math.fsum`, exact and so independent of the order of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from statistics import NormalDist

import polars as pl

from ._format import is_number
from ._load import RunData, at
from ._text import NAME_LIMIT, label, plain, shorten

PORTFOLIO = "portfolio"

#: The largest segments are shown: as curves, as rows of a picture or of a table by month, as rows of the main table.
CURVES, ROWS, TABLE_SEGMENTS = 7, 12, 40


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its standard error and interval; None where not computed."""

    value: float | None = None
    std_error: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""

    def missing(self) -> str:
        """Why a part of the estimate is missing, as its method says: the clauses that begin with `no`."""
        return "; ".join(part for clause in self.method.split(";") if (part := clause.strip()).startswith("no "))

    def scaled(self, factor: float) -> Estimate:
        """The same estimate of a positive multiple."""
        value, error, low, high = (
            None if v is None else v * factor for v in (self.value, self.std_error, self.low, self.high)
        )
        return Estimate(value=value, std_error=error, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A run with the figures that more than one section needs."""

    run: RunData

    @cached_property
    def facilities(self) -> pl.DataFrame | None:
        """One row a facility, largest expected loss first."""
        frame = self.run.table("facilities")
        if frame is None:
            return None
        return frame.sort("el_usd", "facility_id", descending=[True, False], nulls_last=True)

    @cached_property
    def exposure(self) -> Mapping[str, float]:
        """Balance at the as-of date by scope, USD; empty where the run does not say."""
        stated = at(self.run.manifest, "exposure_usd")
        if isinstance(stated, Mapping):
            return {str(k): float(v) for k, v in stated.items() if is_number(v)}
        if self.facilities is None:
            return {}
        parts = self.facilities.partition_by("segment", as_dict=True)
        by_segment = {str(name): total(rows["balance_usd"]) for (name,), rows in parts.items()}
        return {**by_segment, PORTFOLIO: total(self.facilities["balance_usd"])}

    @cached_property
    def segments(self) -> list[str]:
        """Scopes other than the portfolio, largest exposure first."""
        scopes = self.run.tables["measures"]["scope"].unique().to_list()
        known = {str(scope) for scope in scopes if scope is not None} - {PORTFOLIO}
        return sorted(known, key=lambda s: (-self.exposure.get(s, 0.0), s))

    @cached_property
    def chart_scopes(self) -> list[str]:
        """The portfolio and the segments that are drawn as curves."""
        return [PORTFOLIO, *self.segments[:CURVES]]

    @cached_property
    def row_scopes(self) -> list[str]:
        """The portfolio and the segments that have a row of their own."""
        return [PORTFOLIO, *self.segments[:ROWS]]

    def left_out(self, shown: int) -> str:
        """A sentence for a caption on the segments that are not among the `shown` largest; empty without any."""
        hidden = len(self.segments) - shown
        if hidden <= 0:
            return ""
        return (
            " The smallest segment is not shown." if hidden == 1 else f" The {hidden} smallest segments are not shown."
        )

    @cached_property
    def confidence(self) -> float:
        """Coverage of the intervals."""
        value = at(self.run.config, "measures", "confidence")
        return float(value) if is_number(value) and 0.0 < value < 1.0 else 0.95

    @cached_property
    def z(self) -> float:
        """Standard errors on either side of an estimate for the intervals drawn from standard errors."""
        return NormalDist().inv_cdf(0.5 + self.confidence / 2)

    @cached_property
    def n_scenarios(self) -> int:
        """Number of scenarios; of each world or of the first point where the folder holds no losses of its own."""
        if self.run.model not in ("attribution", "sweep"):
            return self.run.losses.height
        counts = self.run.tables["measures"]["n_scenarios"].drop_nulls()
        return int(counts[0]) if len(counts) else 0

    @cached_property
    def months(self) -> int | None:
        """Length of the grid."""
        value = at(self.run.config, "months")
        if is_number(value):
            return int(value)
        frame = self.run.table("pd_term")
        last = None if frame is None else frame["month"].max()
        return int(last) if isinstance(last, int) else None

    @cached_property
    def levels(self) -> list[float]:
        """Levels of VaR and ES, smallest first."""
        column = self.run.tables["measures"]["level"].drop_nulls().unique().sort()
        return [float(level) for level in column.to_list()]

    def of_scope(self, scope: str) -> pl.DataFrame | None:
        """Facilities of one scope; None where the run has no facilities."""
        if self.facilities is None or scope == PORTFOLIO:
            return self.facilities
        return self.facilities.filter(pl.col("segment") == scope)

    def measure(self, name: str, *, level: float | None = None, scope: str = PORTFOLIO) -> Estimate:
        """One row of the measures table; an estimate of nothing where there is no such row."""
        frame = self.run.tables["measures"].filter(pl.col("measure") == name, pl.col("scope") == scope)
        chosen = frame.filter(pl.col("level").is_null() if level is None else pl.col("level") == level)
        if chosen.is_empty():
            return Estimate()
        row = chosen.row(0, named=True)
        keys = {"value": "value", "std_error": "std_error", "low": "ci_low", "high": "ci_high"}
        numbers = {k: row[c] if is_number(row[c]) else None for k, c in keys.items()}
        return Estimate(**numbers, method=plain(row["method"] or ""))

    def scope_rows(self, table: str, scope: str) -> pl.DataFrame | None:
        """Rows of one scope by month; None without any."""
        frame = self.run.table(table)
        if frame is None:
            return None
        rows = frame.filter(pl.col("scope") == scope).sort("month")
        return None if rows.is_empty() else rows

    @cached_property
    def book(self) -> str | None:
        """What the book is called: its portfolio, or the file of its tape without the folder."""
        tape = at(self.run.config, "portfolio", "tape")
        return f"tape {plain(PurePath(tape).name)}" if isinstance(tape, str) and tape else self.group("portfolio")

    def count(self, scope: str) -> int | None:
        """Facilities or names of a scope; None where the run lists neither."""
        frame = self.facilities if self.facilities is not None else self.run.table("names")
        if frame is None:
            return None
        return frame.height if scope == PORTFOLIO else frame.filter(pl.col("segment") == scope).height

    def group(self, key: str) -> str | None:
        """The chosen option of a config group such as `market`, for a reader; None where the run does not say."""
        name = at(self.run.manifest, "choices", key) or at(self.run.config, key, "name")
        return plain(name) if isinstance(name, str) and name else None


def scope_name(scope: str) -> str:
    """A scope for a reader, at most `NAME_LIMIT` characters."""
    return "Whole book" if scope == PORTFOLIO else shorten(label(scope), NAME_LIMIT)


def total(values: pl.Series) -> float:
    """Exact sum of the finite values."""
    return math.fsum(finite(values).to_list())


def finite(values: pl.Series) -> pl.Series:
    """The finite values of a column."""
    return values.filter(values.is_finite())


def weighted_mean(rows: pl.DataFrame, value: str, weight: str) -> float | None:
    """Mean of one column weighted by another, over the rows in which both are finite; None without any weight."""
    known = rows.filter(pl.col(value).is_finite(), pl.col(weight).is_finite())
    weights = total(known[weight])
    return total(known[value] * known[weight]) / weights if weights > 0.0 else None


def column(frame: pl.DataFrame, name: str) -> list[float | None]:
    """A column as plain numbers, with None for null, NaN and infinities."""
    return [value if is_number(value) else None for value in frame[name].to_list()]
