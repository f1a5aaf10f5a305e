"""The sector mix: archetypes of facilities, how often each is generated, and the ranges of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ._sizing import Floats, table

WORDS = ("segment", "amortisation", "seniority", "offtaker", "guarantor")


@dataclass(frozen=True, slots=True)
class Mix:
    """Archetypes, one a column.

    Args:
        archetypes: Names [A].
        share: Share of facilities [A], adds up to 1.
        ranges: By parameter, lowest, most frequent and highest value [3, A]; NaN where the archetype has none.
        words: By parameter, one word an archetype; empty where it has none.
    """

    archetypes: tuple[str, ...]
    share: Floats
    ranges: Mapping[str, Floats]
    words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Pools:
    """Names that generated facilities share, one pool after the other.

    Args:
        names: All names [K]; the first of a pool are drawn most often.
        pd_annual: One-year PD of each [K], geometric from the pool's best to its worst.
        middle_pd: Geometric mean of the pool's ends, by pool.
        start, count: Place of the first name and number of names, by pool.
    """

    names: tuple[str, ...]
    pd_annual: Floats
    middle_pd: Mapping[str, float]
    start: Mapping[str, int]
    count: Mapping[str, int]


def sector_mix(weights: Mapping[str, float] | None = None) -> Mix:
    """The shipped mix, or the same with other shares of the segments.

    Args:
        weights: Share of facilities by segment, any positive total; segments not named get none. Inside a segment
            the archetypes keep their proportions. None: the shipped shares.

    Raises:
        ValueError: if `weights` names an unknown segment, has a negative or infinite weight, or adds up to zero.
    """
    mix = _shipped_mix()
    if weights is None:
        return mix
    unknown = set(weights) - set(mix.words["segment"])
    if unknown:
        raise ValueError(f"mix has unknown segments {sorted(unknown)}; there are {sorted(set(mix.words['segment']))}")
    if not all(isfinite(weight) and weight >= 0 for weight in weights.values()) or not sum(weights.values()) > 0:
        raise ValueError(f"mix needs weights that are finite, not negative and not all zero, not {dict(weights)}")
    return Mix(mix.archetypes, _reweighted(mix, weights), mix.ranges, mix.words)


@cache
def pools() -> Pools:
    """The pools of generated offtakers and guarantors."""
    names: list[str] = []
    pds: list[Floats] = []
    middle: dict[str, float] = {}
    start: dict[str, int] = {}
    count: dict[str, int] = {}
    for row in table("offtakers.csv").filter(pl.col("role") == "pool").iter_rows(named=True):
        pool, low, high = row["name"], row["pd_annual"], row["pd_high_annual"]
        start[pool], count[pool], middle[pool] = len(names), row["count"], (low * high) ** 0.5
        names += [f"{pool} {number:02d}" for number in range(1, row["count"] + 1)]
        pds.append(np.geomspace(low, high, row["count"]).round(5))
    return Pools(tuple(names), np.concatenate(pds), middle, start, count)


@cache
def _shipped_mix() -> Mix:
    rows = table("sector_mix.csv")
    names = tuple(rows["archetype"].unique(maintain_order=True))
    numbers = rows.filter(pl.col("base").is_not_null())
    ranges = {name: _range(part, names) for (name,), part in numbers.group_by("parameter", maintain_order=True)}
    texts = {(row[0], row[1]): row[2] for row in rows.select("archetype", "parameter", "text").iter_rows()}
    words = {word: tuple(texts[name, word] or "" for name in names) for word in WORDS}
    share = ranges["share"][1]
    return Mix(names, share / share.sum(), ranges, words)


def _range(rows: pl.DataFrame, names: tuple[str, ...]) -> Floats:
    """Lowest, base and highest value of one parameter for all archetypes, [3, A]."""
    found = np.full((3, len(names)), np.nan)
    columns = [names.index(name) for name in rows["archetype"]]
    found[:, columns] = rows.select("low", "base", "high").to_numpy().T
    return found


def _reweighted(mix: Mix, weights: Mapping[str, float]) -> Floats:
    segment: NDArray[np.str_] = np.array(mix.words["segment"])
    share = mix.share.copy()
    for name in np.unique(segment):
        inside = segment == name
        share[inside] *= weights.get(str(name), 0.0) / share[inside].sum()
    return share / share.sum()
