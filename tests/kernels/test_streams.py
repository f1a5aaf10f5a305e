"""Streams: one for each name, whatever else there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.kernels.streams import Purpose, key_words, stream_words, streams, words

FROZEN = ["387acdc8", "7a1a260b"]


def test_streams_are_frozen():
    # BLAKE2b with an 8-byte digest, two little-endian words; a change here changes every result ever reported.
    assert [f"{word:08x}" for word in stream_words("borrower")] == FROZEN


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=30))
def test_a_name_keeps_its_stream_in_any_company(names: list[str]):
    together = streams(names)
    assert all((together[k] == streams([name])[0]).all() for k, name in enumerate(names))


def test_a_repeated_name_is_refused():
    with pytest.raises(ValueError, match="share one random stream"):
        streams(["x", "y", "x"])


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_outside_64_bits_is_refused(seed: int):
    with pytest.raises(ValueError, match="seed must be"):
        key_words(seed)


def test_purposes_blocks_scenarios_streams_and_seeds_all_change_the_words():
    def draw(
        seed: int = 1,
        scenario: int = 2,
        stream: tuple[int, int] = (3, 4),
        purpose: Purpose = Purpose.MARKET_NORMAL,
        block: int = 5,
    ) -> tuple[int, ...]:
        one = np.array([scenario], dtype=np.uint32)
        parts = tuple(np.array([part], dtype=np.uint32) for part in stream)
        return tuple(int(w[0]) for w in words(np, key_words(seed), one, parts, purpose=purpose, block=block))

    variants = [
        draw(), draw(seed=2), draw(seed=2**32 + 1), draw(scenario=3), draw(stream=(4, 3)),
        draw(purpose=Purpose.OBLIGOR_SHOCK), draw(block=6),
    ]  # fmt: skip
    assert len(set(variants)) == len(variants)
