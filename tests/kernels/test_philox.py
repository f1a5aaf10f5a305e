"""Philox4x32 against the published known answers, on every array library."""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from rackrisk.kernels.philox import philox4x32

# The file alone, without the package that reads it: it needs more than NumPy.
CASES = json.loads((Path(__file__).parents[2] / "data" / "cases" / "philox.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize("xp", [np, jnp], ids=["numpy", "jax"])
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_words_are_the_published_ones(xp: Any, case: dict[str, Any]):
    counter, key, expected = (
        np.array([int(word, 16) for word in text.split()], dtype=np.uint32)
        for text in (case["inputs"]["counter"], case["inputs"]["key"], case["expected"]["words"])
    )
    counters = tuple(xp.asarray(counter[k : k + 1]) for k in range(4))
    found = philox4x32(xp, counters, tuple(key), case["inputs"]["rounds"])
    assert [int(word[0]) for word in found] == expected.tolist()


@pytest.mark.parametrize("xp", [np, jnp], ids=["numpy", "jax"])
def test_words_do_not_depend_on_what_is_drawn_beside_them(xp: Any):
    counter = np.arange(40, dtype=np.uint32)
    zero = xp.zeros(40, xp.uint32)
    together = philox4x32(xp, (xp.asarray(counter), zero, zero, zero), (1, 2))
    alone = philox4x32(xp, (xp.asarray(counter[17:18]), zero[:1], zero[:1], zero[:1]), (1, 2))
    assert [int(word[17]) for word in together] == [int(word[0]) for word in alone]
