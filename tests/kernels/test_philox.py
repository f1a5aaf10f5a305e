"""Philox4x32 against the published known answers, on every array library."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from rackrisk.kernels.philox import philox4x32

# DEShawResearch/random123, tests/kat_vectors: rounds, counter, key, expected words.
KNOWN_ANSWERS = """
10 00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8
10 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd
10 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1
7 00000000 00000000 00000000 00000000 00000000 00000000 5f6fb709 0d893f64 4f121f81 4f730a48
7 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 5207ddc2 45165e59 4d8ee751 8c52f662
7 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 4dfccaba 190a87f0 c47362ba b6b5242a
"""


@pytest.mark.parametrize("xp", [np, jnp], ids=["numpy", "jax"])
@pytest.mark.parametrize("line", KNOWN_ANSWERS.split("\n")[1:-1])
def test_words_are_the_published_ones(xp: Any, line: str):
    rounds, *words = line.split()
    counter, key, expected = np.split(np.array([int(word, 16) for word in words], dtype=np.uint32), [4, 6])
    found = philox4x32(xp, tuple(xp.asarray(counter[k : k + 1]) for k in range(4)), tuple(key), int(rounds))
    assert [int(word[0]) for word in found] == expected.tolist()


@pytest.mark.parametrize("xp", [np, jnp], ids=["numpy", "jax"])
def test_words_do_not_depend_on_what_is_drawn_beside_them(xp: Any):
    counter = np.arange(40, dtype=np.uint32)
    zero = xp.zeros(40, xp.uint32)
    together = philox4x32(xp, (xp.asarray(counter), zero, zero, zero), (1, 2))
    alone = philox4x32(xp, (xp.asarray(counter[17:18]), zero[:1], zero[:1], zero[:1]), (1, 2))
    assert [int(word[17]) for word in together] == [int(word[0]) for word in alone]
