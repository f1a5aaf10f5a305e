"""What happened in the world of one scenario: regimes, prices, launches, counterparties, price impact of sales."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rackrisk.kernels.replay import sales
from rackrisk.models.market import REGIMES, channel_units
from rackrisk.models.market.paths import draw_fixed

from ._told import Told

LAUNCH, OFFTAKER, GUARANTOR = "launch", "offtaker_default", "guarantor_default"
MOVES = {
    "kind": pl.String, "channel": pl.String, "unit": pl.String, "start": pl.Float64, "low": pl.Float64,
    "low_month": pl.Int64, "high": pl.Float64, "high_month": pl.Int64, "end": pl.Float64,
}  # fmt: skip
HAPPENINGS = {"month": pl.Int64, "kind": pl.String, "name": pl.String, "balance_usd": pl.Float64}


@dataclass(frozen=True)
class World:
    """The market of one scenario until the horizon, sales of the defaulted included.

    Attributes:
        regimes: name of the regime in months 1, 2, ...
        moves: a row a channel of the book, `kind` price or impact: `channel, unit, start, low, low_month, high,
            high_month, end`; the impact is the factor by which our sales lower the price.
        happenings: `month, kind` (launch, offtaker_default, guarantor_default), `name` and the balance at the as-of
            date of the facilities that depend on a counterparty.
    """

    regimes: tuple[str, ...]
    moves: pl.DataFrame
    happenings: pl.DataFrame

    def months_in(self, regime: str) -> int:
        """How long a regime lasts in all."""
        return self.regimes.count(regime)

    def first_month_of(self, regime: str) -> int | None:
        """When a regime begins for the first time."""
        return self.regimes.index(regime) + 1 if regime in self.regimes else None


def world_of(told: Told) -> World:
    """The world of a scenario."""
    regimes = tuple(REGIMES[number] for number in told.paths.regime[0, 1 : told.months + 1])
    happened = sorted([*_launches(told), *_deaths(told)], key=lambda row: (row["month"], row["kind"], row["name"]))
    return World(regimes, _moves(told), pl.DataFrame(happened, schema=HAPPENINGS))


def _moves(told: Told) -> pl.DataFrame:
    units, last = channel_units(told.opened.market), told.months + 1
    _, impact = sales(told.opened.built.book, told.paths, told.replay.default_month)
    cash = zip(told.cash_names, told.paths.cash[0, :last].T, strict=True)
    price = zip(told.value_names, told.paths.price[0, :last].T, strict=True)
    rows = [_move("price", name, units[name], path) for name, path in (*cash, *price)]
    rows.append(_move("price", "short_rate", "per year", told.paths.short_rate[0, :last]))
    rows += [_move("impact", name, "factor", path) for name, path in zip(told.value_names, impact.T, strict=True)]
    return pl.DataFrame(rows, schema=MOVES)


def _move(kind: str, channel: str, unit: str, path: np.ndarray) -> dict[str, Any]:
    """Where a path of months 0, 1, ... begins, turns and ends."""
    low, high = int(path.argmin()), int(path.argmax())
    turns = {"low": path[low], "low_month": low, "high": path[high], "high_month": high}
    return {"kind": kind, "channel": channel, "unit": unit, "start": path[0], **turns, "end": path[-1]}


def _launches(told: Told) -> list[dict[str, Any]]:
    """Generations that ship until the horizon."""
    arrays = told.opened.arrays
    shipped = draw_fixed(np, arrays, told.key, np.array([told.scenario], np.uint32)).launch_month[0]
    names = told.opened.market.generations
    return [
        {"month": int(month), "kind": LAUNCH, "name": name, "balance_usd": None}
        for name, month in zip(names, shipped, strict=True)
        if 0 < month <= told.months
    ]


def _deaths(told: Told) -> list[dict[str, Any]]:
    """Offtakers and guarantors that default until the horizon, with the debt that depends on them."""
    facilities = told.opened.built.facilities
    died = {
        name: int(month)
        for name, month in zip(told.counterparties, told.paths.death_month[0], strict=True)
        if name and month <= told.months
    }
    rows = []
    for column, kind in (("offtaker", OFFTAKER), ("guarantor", GUARANTOR)):
        balance = dict(facilities.group_by(column).agg(pl.col("balance_usd").sum()).iter_rows())
        rows += [
            {"month": month, "kind": kind, "name": name, "balance_usd": balance[name]}
            for name, month in died.items()
            if name in balance
        ]
    return rows
