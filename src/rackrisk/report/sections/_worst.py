"""The worst scenarios of the run, and what happened in the world in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from .._facts import Facts
from .._format import general, is_number, money, money_text, number, percent, percent_text
from .._model import Cell, Column, Section, Table, value_cell
from .._text import NAME_LIMIT, plain, shorten
from ._headline import CAUSES
from ._market import channel_name

#: Worlds of the page; names, prices and borrowers told of each.
WORLDS, NAMES, PRICES, LOSERS = 5, 4, 4, 3

#: Prices that a reader knows, told first; the rest by how far they fell.
KNOWN = ("rent_h100", "btc", "lease", "hashprice")

#: Kinds of collateral by the beginning of their channel; an impact above `_NONE` is not told.
COLLATERAL = {"gpu_": "GPUs", "asic_": "mining machines", "site": "powered sites", "btc": "coins"}
_NONE = 0.95

World = Mapping[str, Any]


def worst_section(facts: Facts) -> Section | None:
    """A table of the worst worlds and a story of each; nothing where the run did not keep them."""
    frame = facts.run.table("worst_scenarios")
    if frame is None:
        return None
    worlds = frame.sort("rank").head(WORLDS).to_dicts()
    return Section(
        slug="worst",
        title="The worst worlds, and what happened in them",
        lead=f"The {len(worlds)} scenarios of {number(facts.n_scenarios, 0)} with the largest losses. They are single "
        "draws, not forecasts: they show by which path the book is hurt most. “rackrisk explain” replays any of "
        "them month by month.",
        blocks=[_table(worlds), *(_story(facts, world) for world in worlds)],
    )


def _table(worlds: Sequence[World]) -> Table:
    loss, share = money(w["loss_usd"] for w in worlds), percent(w["loss_share"] for w in worlds)
    body = [
        [
            Cell(text=f"{w['rank']}. scenario {number(w['scenario'], 0)}"),
            value_cell(w["loss_usd"], loss),
            value_cell(w["loss_share"], share),
            *(_count(w[f"months_{regime}"]) for regime in ("calm", "boom", "stress")),
            *(_count(w[f"defaults{cause}"]) for cause in ("", "_payment", "_margin", "_refinancing")),
            _count((w["offtaker_defaults"] or 0) + (w["guarantor_defaults"] or 0)),
        ]
        for w in worlds
    ]
    heads = [Column(head="World", numeric=False), Column(head="Loss", unit=loss.unit)]
    heads += [Column(head="of balance", unit="%")]
    heads += [Column(head=head, unit="months") for head in ("Calm", "Boom", "Stress")]
    heads += [Column(head="Obligors", unit="in default")]
    heads += [Column(head=head, unit="obligors") for head in ("Payment", "Margin", "Refinancing")]
    heads += [Column(head="Tenants", unit="in default")]
    note = "Losses of single scenarios have no standard error. Tenants: offtakers and guarantors."
    return Table(caption="The worst scenarios", columns=heads, rows=body, kind="main plain", notes=[note])


def _count(value: object) -> Cell:
    return Cell(text=number(value, 0) if is_number(value) else "—")


def _story(facts: Facts, world: World) -> Table:
    told = {
        "Regime": _regime(facts, world),
        "Prices": _prices(_rows(facts, "worst_moves", world)),
        "Tenants": _tenants(_rows(facts, "worst_happenings", world)),
        "Forced sales": _sales(_rows(facts, "worst_moves", world)),
        "Largest losses": _losers(_rows(facts, "worst_losers", world)),
    }
    rows = [[Cell(text=word), Cell(text=text)] for word, text in told.items() if text]
    caption = f"World {world['rank']}: {money_text(world['loss_usd'])} lost in scenario {number(world['scenario'], 0)}"
    heads = [Column(head="What", numeric=False), Column(head="In this world", numeric=False)]
    return Table(caption=caption, columns=heads, rows=rows, kind="story")


def _rows(facts: Facts, table: str, world: World) -> list[dict[str, Any]]:
    frame = facts.run.table(table)
    return [] if frame is None else frame.filter(pl.col("rank") == world["rank"]).to_dicts()


def _regime(facts: Facts, world: World) -> str:
    stress, first = world["months_stress"], world["first_stress_month"]
    if not stress:
        return "never in stress"
    whole = f" of {facts.months}" if facts.months else ""
    since = f", first in month {first}" if is_number(first) else ""
    return f"in stress for {number(stress, 0)}{whole} months{since}"


def _prices(moves: Sequence[World]) -> str:
    """Prices that readers know, then those that fell most, each from where to where."""
    fell = [
        m for m in moves if m["kind"] == "price" and is_number(m["start"]) and is_number(m["low"]) and m["start"] > 0
    ]
    known = [m for name in KNOWN for m in fell if m["channel"] == name]
    rents = [m for m in fell if m["channel"].startswith(("rent_", "asic_")) and m not in known]
    chosen = [*known, *sorted(rents, key=lambda m: (m["low"] / m["start"], m["channel"]))][:PRICES]
    return "; ".join(_price(move) for move in chosen)


def _price(move: World) -> str:
    style = general([move["start"], move["low"]])
    change = percent_text(move["low"] / move["start"] - 1.0)
    unit = plain(move["unit"])
    return (
        f"{channel_name(move['channel'])} {style(move['start'])} to {style(move['low'])} {unit} "
        f"in month {move['low_month']} ({change})"
    )


def _tenants(happenings: Sequence[World]) -> str:
    """Names behind the most debt that default, in the order of their defaults."""
    dead: dict[str, World] = {}
    for row in sorted(happenings, key=lambda row: -(row["balance_usd"] or 0.0)):
        if row["kind"] in ("offtaker_default", "guarantor_default"):
            dead.setdefault(row["name"], row)
    if not dead:
        return "none defaults" if happenings else ""
    shown = sorted(list(dead.values())[:NAMES], key=lambda row: (row["month"], row["name"]))
    told = [f"{_short(row['name'])} in month {row['month']} (behind {money_text(row['balance_usd'])})" for row in shown]
    more = f"; {len(dead) - len(shown)} more" if len(dead) > len(shown) else ""
    return "; ".join(told) + more


def _sales(moves: Sequence[World]) -> str:
    """How far the sales of the book itself pushed prices, at worst, of each kind of collateral."""
    told: list[str] = []
    for prefix, what in COLLATERAL.items():
        impacts = [
            m for m in moves if m["kind"] == "impact" and m["channel"].startswith(prefix) and is_number(m["low"])
        ]
        worst = min(impacts, key=lambda m: (m["low"], m["low_month"]), default=None)
        if worst is not None and worst["low"] < _NONE:
            told.append(f"{what} {percent_text(worst['low'])} in month {worst['low_month']}")
    return f"lowest price, of the market’s: {'; '.join(told)}" if told else "hardly move prices" if moves else ""


def _losers(rows: Sequence[World]) -> str:
    largest = sorted(rows, key=lambda row: (-row["loss_usd"], row["obligor_id"]))[:LOSERS]
    return "; ".join(_loser(row) for row in largest)


def _loser(row: World) -> str:
    cause = CAUSES.get(row["cause"], plain(row["cause"]))
    lgd = f", LGD {percent_text(row['lgd'])}" if is_number(row["lgd"]) else ""
    return f"{_short(row['obligor_id'])} {money_text(row['loss_usd'])} ({cause} in month {row['default_month']}{lgd})"


def _short(name: object) -> str:
    return shorten(plain(name), NAME_LIMIT)
