"""Where each random number lives: counter = (scenario, purpose and block, stream), key = seed.

The stream is a hash of a name (an obligor's id, a factor, a counterparty), so adding or removing one name leaves
the numbers of all others unchanged, and scenario s of a finished run can be replayed alone.
"""

from enum import IntEnum
from hashlib import blake2b
from typing import Any

import numpy as np

from .philox import Words, philox4x32

SCHEME = "philox4x32-10/1"
BLOCK_BITS = 16


class Purpose(IntEnum):
    """What a word is for; part of the counter, so two purposes never share a word."""

    SCENARIO = 0
    MARKET_NORMAL = 1
    MARKET_UNIFORM = 2
    COUNTERPARTY = 3
    OBLIGOR_SHOCK = 4
    COPULA_FACTOR = 5
    COPULA_OBLIGOR = 6


def stream_words(name: str) -> tuple[int, int]:
    """64-bit BLAKE2b hash of a name as two 32-bit words."""
    digest = blake2b(name.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def streams(names: list[str]) -> np.ndarray:
    """Stream words of many names, uint32 [names, 2].

    Raises:
        ValueError: two names hash to one stream (one chance in 4e7 for a million names), or a name repeats.
    """
    words = np.array([stream_words(name) for name in names], dtype=np.uint32).reshape(-1, 2)
    joined = words[:, 0].astype(np.uint64) << np.uint64(32) | words[:, 1]
    if np.unique(joined).size != len(names):
        raise ValueError("two names share one random stream; rename one of them")
    return words


def key_words(seed: int) -> tuple[int, int]:
    """64-bit seed as the two key words."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be from 0 to 2^64 - 1, not {seed}")
    return seed & 0xFFFFFFFF, seed >> 32


def words(xp: Any, key: tuple[Any, Any], scenario: Any, stream: Any, *, purpose: Purpose, block: Any) -> Words:
    """Four uint32 words for each pair of scenario and stream.

    Args:
        scenario: uint32 array, broadcast against the stream words.
        stream: pair of uint32 arrays.
        purpose, block: what for, and which block of four words (0 to 65,535; an int or a uint32 array).
    """
    label = xp.asarray(block, dtype=xp.uint32) | xp.asarray(int(purpose) << BLOCK_BITS, dtype=xp.uint32)
    return philox4x32(xp, (scenario, label, *stream), key)
