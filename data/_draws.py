"""Random numbers of generated facilities: a pure function of seed and row, so a longer book starts with the shorter.

Philox4x32-10 as everywhere; the counter is the row, the block of four numbers, and a stream of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rackrisk.kernels.normals import normal_pair, uniform
from rackrisk.kernels.philox import philox4x32
from rackrisk.kernels.streams import key_words, stream_words

from ._mix import Mix
from ._sizing import Floats

STREAM = stream_words("generated facilities")
WORDS_PER_BLOCK = 4
# Every uniform by name. A new one goes to the end: the others then keep their numbers.
UNIFORMS = (
    "archetype", "rate", "generation", "offtaker", "guarantee", "guarantor",
    "tenor_months", "age_months", "interest_only_months", "spread_annual", "coupon_annual", "balloon_fraction",
    "loan_to_cost", "dscr", "contract_gap_months", "contracted_share", "opex_usd_kw_month", "opex_usd_ph_month",
    "opex_share", "merchant_cost_share", "power_usd_kwh", "old_share", "treasury_share",
    "covenant_share", "covenant_ltv", "sweep_share", "cure_share", "reserve_months",
    "margin_call_ltv", "margin_restore_ltv", "refi_ltv", "refi_dscr", "unsecured_recovery", "cash_volatility",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """The random numbers of some rows and the archetypes that they fell on.

    Args:
        mix: The archetypes.
        kind: Archetype of each row, int64 [n].
        uniforms: By name, numbers inside (0, 1), float64 [n].
        normals: By name, standard normals, float64 [n].
    """

    mix: Mix
    kind: NDArray[np.int64]
    uniforms: dict[str, Floats]
    normals: dict[str, Floats]

    def __call__(self, parameter: str) -> Floats:
        """The parameter in every row, triangular over its range; NaN where the archetype has none."""
        return triangular(self.uniforms[parameter], *self.mix.ranges[parameter][:, self.kind])

    def fixed(self, parameter: str) -> Floats:
        """A parameter without a range in every row, 0 where the archetype has none."""
        return np.nan_to_num(self.mix.ranges[parameter][1])[self.kind]

    def amount(self, parameter: str) -> Floats:
        """The parameter in every row, 0 where the archetype has none."""
        return np.nan_to_num(self(parameter))

    def is_word(self, parameter: str, word: str) -> NDArray[np.bool_]:
        """Rows whose archetype has this word."""
        return np.array([own == word for own in self.mix.words[parameter]])[self.kind]


def draw(mix: Mix, *, seed: int, rows: NDArray[np.uint32]) -> Sample:
    """The sample of some rows (numbers from 0); the same row always gets the same numbers."""
    first = _words(seed, rows, 0)
    balance, quote = normal_pair(np, first[0], first[1], np.float64)
    uniforms: dict[str, Floats] = dict(zip(UNIFORMS, _uniforms(seed, rows, len(UNIFORMS)), strict=True))
    kind = np.searchsorted(np.cumsum(mix.share)[:-1], uniforms["archetype"], side="right").astype(np.int64)
    return Sample(mix, kind, uniforms, {"balance": balance, "quote": quote})


def triangular(uniforms: Floats, low: Floats, base: Floats, high: Floats) -> Floats:
    """Quantiles of the triangular distribution with mode `base`; `low` where the range is a point."""
    width = high - low
    safe = np.where(width > 0, width, 1.0)
    peak = (base - low) / safe
    left = low + np.sqrt(uniforms * safe * (base - low))
    right = high - np.sqrt((1 - uniforms) * safe * (high - base))
    return np.where(width > 0, np.where(uniforms < peak, left, right), low)


def log_normal(normals: Floats, low: Floats, median: Floats, high: Floats) -> Floats:
    """Lognormal around the median, with two standard deviations to either end of the range, cut there."""
    cut = np.clip(normals, -2, 2) / 2
    return median * np.exp(np.where(cut < 0, cut * np.log(median / low), cut * np.log(high / median)))


def _uniforms(seed: int, rows: NDArray[np.uint32], count: int) -> Sequence[Floats]:
    blocks = range(1, 1 - (-count // WORDS_PER_BLOCK))
    words = [word for block in blocks for word in _words(seed, rows, block)]
    return [uniform(np, word, np.float64) for word in words[:count]]


def _words(seed: int, rows: NDArray[np.uint32], block: int) -> tuple[NDArray[np.uint32], ...]:
    fixed = [np.full(rows.shape, word, dtype=np.uint32) for word in (block, *STREAM)]
    return philox4x32(np, (rows, fixed[0], fixed[1], fixed[2]), key_words(seed))
