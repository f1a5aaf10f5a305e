"""Whose facilities they are: shares of every facility in the members of each dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rackrisk.kernels.arrays import Paths
from rackrisk.models.book import BuiltBook
from rackrisk.models.market import MarketConfig, value_channels

SHARE_BITS = 16  # shares are whole multiples of 2^-16, so that a group's loss is a whole number too
WHOLE = 2**SHARE_BITS
NOBODY = "(none)"
BLOCK = 65_536  # facilities whose shares in all members are worked out at a time


@dataclass(frozen=True)
class Dimension:
    """One way to divide the book, as a sparse matrix of facilities and members.

    Attributes:
        name: `facility`, `obligor`, `offtaker`, `segment` or `generation`.
        members: their names.
        facility, member, share: int64, one entry a pair, sorted by member; shares of a facility add up to 2^16.
    """

    name: str
    members: list[str]
    facility: NDArray[np.int64]
    member: NDArray[np.int64]
    share: NDArray[np.int64]

    def of(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Amounts of facilities, [F], added up by member, [M]."""
        parts = amounts[self.facility] * (self.share / WHOLE)
        return np.bincount(self.member, weights=parts, minlength=len(self.members)).astype(np.float64)

    def exactly(self, amounts: list[int]) -> list[int]:
        """Whole amounts of facilities added up by member, in units of 2^-16."""
        total = [0] * len(self.members)
        for facility, member, share in zip(
            self.facility.tolist(), self.member.tolist(), self.share.tolist(), strict=True
        ):
            total[member] += share * amounts[facility]
        return total


def dimensions(built: BuiltBook, market: MarketConfig, paths: Paths) -> list[Dimension]:
    """The dimensions that contributions are reported by, facilities first and in the order of the book.

    A facility belongs to the offtakers of its obligor's contracts in proportion to their monthly revenue, and to the
    assets of its obligor in proportion to their market value at the as-of date.

    Args:
        paths: of one scenario or more, over all channels; only the as-of date is looked at.
    """
    tape, owner = built.facilities, built.book.facilities.obligor
    revenue, names = _revenue(tape, owner)
    value, assets = _asset_values(built, market, paths)
    return [
        _one_hot("facility", tape["facility_id"], tape["facility_id"].to_list()),
        _one_hot("obligor", tape["obligor_id"]),
        _shared("offtaker", names, revenue, owner),
        _one_hot("segment", tape["segment"]),
        _shared("generation", assets, value, owner),
    ]


def _revenue(tape: pl.DataFrame, owner: NDArray[np.int32]) -> tuple[NDArray[np.float64], list[str]]:
    """Contracted revenue [N, offtakers] and the offtakers' names; nobody's for obligors without any."""
    labels = tape["offtaker"].fill_null(NOBODY)
    names = sorted({*labels, NOBODY})
    place = labels.replace_strict({name: number for number, name in enumerate(names)}, return_dtype=pl.Int64).to_numpy()
    table = np.zeros((int(owner.max()) + 1, len(names)))
    np.add.at(table, (owner, place), tape["contract_revenue_usd_month"].fill_null(0.0).to_numpy())
    table[table.sum(axis=1) == 0, names.index(NOBODY)] = 1.0
    return table, names


def _asset_values(built: BuiltBook, market: MarketConfig, paths: Paths) -> tuple[NDArray[np.float64], list[str]]:
    """Market value [N, assets] at the as-of date and the assets' names; nobody's for obligors that own nothing."""
    book, used = built.book, built.value_channels
    units = book.assets.units.copy()
    units[book.coin_channel] += book.terms.coins + book.terms.pledged_coins
    value = (units * paths.price[0, 0, used][:, None]).T
    names = [asset_name(value_channels(market)[channel]) for channel in used]
    nothing = (value.sum(axis=1) == 0).astype(np.float64)
    return np.column_stack([value, nothing]), [*names, NOBODY]


def asset_name(channel: str) -> str:
    """A value channel in words: a GPU generation by its name, anything else in brackets."""
    kind, _, name = channel.partition("_")
    return name if kind == "gpu" else {"btc": "(coins)", "site": "(powered sites)"}.get(channel, f"(machines {name})")


def _one_hot(name: str, labels: pl.Series, order: list[str] | None = None) -> Dimension:
    """Every facility in one member; members sorted by name, unless another order is given."""
    members = sorted(set(labels)) if order is None else order
    table = {member: number for number, member in enumerate(members)}
    place = labels.replace_strict(table, return_dtype=pl.Int64).to_numpy()
    facility = np.argsort(place, kind="stable")
    return Dimension(name, members, facility, place[facility], np.full(len(facility), WHOLE))


def _shared(name: str, members: list[str], weights: NDArray[np.float64], owner: NDArray[np.int32]) -> Dimension:
    """From weights [N, members] of the owners, of each not all zero; members without any share are left out."""
    found = []
    for first in range(0, len(owner), BLOCK):
        share = _whole_shares(weights[owner[first : first + BLOCK]])
        facility, member = np.nonzero(share)
        found.append((facility + first, member, share[facility, member]))
    facility, member, share = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = np.unique(member)
    kept = kept[np.argsort(np.array(members)[kept], kind="stable")]
    place = np.zeros(len(members), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    order = np.argsort(place[member], kind="stable")
    return Dimension(name, [members[k] for k in kept], facility[order], place[member][order], share[order])


def _whole_shares(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Shares of each row in units of 2^-16, that add up to 1."""
    until = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    steps = np.round(np.minimum(until, 1.0) * WHOLE).astype(np.int64)
    steps[:, -1] = WHOLE
    return np.diff(steps, axis=1, prepend=0)
