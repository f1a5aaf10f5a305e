"""The points of a sweep, and its small multiples: a picture a measure, a panel a combination of the other keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from ._facts import PORTFOLIO, Facts
from ._format import Style, compact, is_number, level_text, money
from ._load import at
from ._text import NAME_LIMIT, plain, shorten
from .charts import Dot, PointPlot, Row, RowPlot, exactly, row_scale

#: Panels of a picture, and rows of one, at most.
MOST_PANELS, MOST_ROWS = 12, 40
#: Style classes of the measures.
KINDS: Mapping[str, str] = {"EL": "el", "VaR": "var", "ES": "es"}
NAMES: Mapping[str, str] = {"EL": "Expected loss", "VaR": "VaR", "ES": "Expected shortfall"}


@dataclass(frozen=True)
class Wanted:
    """A measure that is pictured, with its level."""

    measure: str
    level: float | None

    @property
    def name(self) -> str:
        """For a heading."""
        return f"{NAMES[self.measure]} {level_text(self.level)}".rstrip()

    @property
    def short(self) -> str:
        """For the head of a column."""
        return f"{self.measure} {level_text(self.level)}".rstrip()

    @property
    def kind(self) -> str:
        """Style class."""
        return KINDS[self.measure]

    @property
    def slug(self) -> str:
        """For an id."""
        return f"sweep-{self.measure.lower()}"


@dataclass(frozen=True)
class Points:
    """A sweep's table with its keys."""

    facts: Facts

    @cached_property
    def table(self) -> pl.DataFrame:
        """Rows of all points, in their order."""
        return self.facts.run.tables["sweep"]

    @cached_property
    def keys(self) -> list[str]:
        """The swept keys."""
        stated = at(self.facts.run.manifest, "keys")
        return [str(key) for key in stated] if isinstance(stated, list) else []

    @cached_property
    def across(self) -> str | None:
        """The key of the horizontal axis: the first with numbers; None where there is none."""
        numeric = (key for key in self.keys if self.table[key].dtype.is_numeric() and not self.table[key].has_nulls())
        return next(numeric, None)

    @cached_property
    def scopes(self) -> list[str]:
        """The portfolio, then the segments in the order of the points that have them."""
        found = self.table["scope"].unique(maintain_order=True).to_list()
        return [PORTFOLIO, *(str(scope) for scope in found if scope != PORTFOLIO)]

    @cached_property
    def wanted(self) -> list[Wanted]:
        """EL, and VaR and ES at the highest of the levels that have most intervals."""
        found = [Wanted("EL", None)]
        for measure in ("VaR", "ES"):
            rows = self.table.filter(pl.col("measure") == measure, pl.col("scope") == PORTFOLIO)
            known = rows.filter(pl.col("ci_low").is_finite(), pl.col("ci_high").is_finite())["level"].to_list()
            levels = {(known.count(level), level) for level in rows["level"].drop_nulls().to_list()}
            found += [Wanted(measure, max(levels)[1])] if levels else []
        return found

    def rows(self, wanted: Wanted, scope: str = PORTFOLIO) -> list[dict[str, Any]]:
        """One row a point that has the measure."""
        level = pl.col("level").is_null() if wanted.level is None else pl.col("level") == wanted.level
        return self.table.filter(pl.col("measure") == wanted.measure, pl.col("scope") == scope, level).to_dicts()

    def style(self, wanted: Wanted) -> Style:
        """Money of one measure at all points."""
        return money(row["value"] for row in self.rows(wanted))

    def called(self, row: Mapping[str, Any], keys: Sequence[str]) -> str:
        """`drift_annual.calm −0.3, miners`: values of some keys; a name needs no key beside it."""
        words = [(key, self.text(key, row[key])) for key in keys]
        return ", ".join(text if isinstance(row[key], str) else f"{self.short[key]} {text}" for key, text in words)

    def text(self, key: str, value: Any) -> str:
        """A value for a reader: of a path its last part, or as many as tell it from the key's other values."""
        if isinstance(value, bool) or value is None:
            return str(value).lower().replace("none", "null")
        if not isinstance(value, str):
            return exactly(value)
        parts = plain(value).split("/")
        tails = ("/".join(parts[i:]) for i in reversed(range(len(parts))))
        others = [f"/{plain(other)}" for other in self.table[key].unique().to_list() if other not in (value, None)]
        found = next((tail for tail in tails if not any(other.endswith(f"/{tail}") for other in others)), value)
        return shorten(plain(found), NAME_LIMIT)

    def combinations(self, wanted: Wanted) -> list[list[dict[str, Any]]]:
        """Rows of a measure, those together that have the same values of all keys but the horizontal one."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows(wanted):
            found.setdefault(repr([row[key] for key in self.others]), []).append(row)
        return list(found.values())

    @cached_property
    def short(self) -> dict[str, str]:
        """Each key's last two parts."""
        from ..sweep_points import short_names

        return {key: plain(name) for key, name in short_names(self.keys).items()}

    @cached_property
    def same_book(self) -> bool:
        """Whether all points have the same balances, so that their losses fit one axis."""
        stated = at(self.facts.run.manifest, "points")
        books = [at(item, "exposure_usd", PORTFOLIO) for item in stated] if isinstance(stated, list) else []
        return len(set(books)) == 1

    @property
    def others(self) -> list[str]:
        """Keys beside the one of the horizontal axis."""
        return [key for key in self.keys if key != self.across]


def panels_of(points: Points, wanted: Wanted) -> list[PointPlot]:
    """A panel for each combination of the other keys, at most `MOST_PANELS`; without any, one."""
    assert points.across is not None
    return [_panel(points, wanted, rows) for rows in points.combinations(wanted)[:MOST_PANELS]]


def reach_of(points: Points, panels: Sequence[PointPlot]) -> list[float] | None:
    """What the panels of a picture share as their vertical axis; None where each has its own book and axis."""
    return [value for panel in panels for value in panel.reach] if points.same_book else None


def rows_plot(points: Points, wanted: Wanted) -> RowPlot:
    """Where no key is a number: a row a point, dots with whiskers."""
    rows, style = points.rows(wanted)[:MOST_ROWS], points.style(wanted)
    reach = [v / style.scale for row in rows for v in (row["value"], row["ci_high"]) if is_number(v)]
    drawn = [
        Row(name=points.called(r, points.keys), number=_number(r, style), marks=_marks(r, style, wanted)) for r in rows
    ]
    said = "; ".join(f"{row.name}: {row.number}" for row in drawn)
    return RowPlot(
        slug=wanted.slug,
        title=wanted.name,
        description=f"Dots with whiskers in {style.unit}. {said}.",
        rows=drawn,
        scale=row_scale(reach),
        axis=style.unit,
    )


def _panel(points: Points, wanted: Wanted, rows: Sequence[Mapping[str, Any]]) -> PointPlot:
    assert points.across is not None
    style, axis = points.style(wanted), points.short[points.across]
    said = "; ".join(f"{exactly(row[points.across])}: {_number(row, style)}" for row in rows)
    return PointPlot(
        slug=f"{wanted.slug}-{rows[0]['point']}",
        title=points.called(rows[0], points.others) or wanted.name,
        description=f"{wanted.name} in {style.unit} by {axis}, with standard errors. {said}.",
        xs=[float(row[points.across]) for row in rows],
        values=[_finite(row["value"]) for row in rows],
        low=[_finite(row["ci_low"]) for row in rows],
        high=[_finite(row["ci_high"]) for row in rows],
        kind=wanted.kind,
        axis=axis,
        write=lambda value: compact(value / style.scale),
    )


def _number(row: Mapping[str, Any], style: Style) -> str:
    return style.with_error(_finite(row["value"]), _finite(row["std_error"])).replace("\u00a0", " ")


def _marks(row: Mapping[str, Any], style: Style, wanted: Wanted) -> list[Dot]:
    value, low, high = (_finite(row[name]) for name in ("value", "ci_low", "ci_high"))
    if value is None:
        return []
    ends = [None if v is None else v / style.scale for v in (low, high)]
    return [Dot(value=value / style.scale, low=ends[0], high=ends[1], kind=wanted.kind)]


def _finite(value: Any) -> float | None:
    return value if is_number(value) else None
