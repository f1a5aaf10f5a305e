"""The kernels' words and normals are those of the other engines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rackrisk.kernels.cuda.device import Device
from rackrisk.kernels.cuda.draws import draw
from rackrisk.kernels.normals import normal_pair
from rackrisk.kernels.philox import philox4x32

from ...helpers.emulated import device

CASES = json.loads((Path(__file__).parents[3] / "data" / "cases" / "philox.json").read_text("utf-8"))["cases"]


@pytest.fixture(scope="module")
def gpu() -> Device:
    return device()


def as_words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def test_words_are_the_published_ones(gpu: Device) -> None:
    cases = [case for case in CASES if case["inputs"]["rounds"] == 10]
    counters = np.array([as_words(case["inputs"]["counter"]) for case in cases])
    keys = np.array([as_words(case["inputs"]["key"]) for case in cases])
    found, _ = draw(gpu, counters, keys, "float32")
    assert found.tolist() == [as_words(case["expected"]["words"]) for case in cases]
    assert len(cases) >= 3


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_normals_are_the_reference_to_the_last_places(gpu: Device, precision: str) -> None:
    """Some ten roundings of the radius; where it is small, that of the uniform, which ends at 2^-24 below one."""
    rng = np.random.default_rng(3)
    counter, key = rng.integers(0, 2**32, (20_000, 4)), rng.integers(0, 2**32, (20_000, 2))
    words, found = draw(gpu, counter, key, precision)
    known = philox4x32(np, tuple(counter.astype(np.uint32).T), tuple(key.astype(np.uint32).T))
    assert np.array_equal(words, np.stack(known, axis=1))
    expected = np.stack([z for pair in (known[:2], known[2:]) for z in normal_pair(np, *pair, np.float64)], axis=1)
    radius = np.repeat(np.sqrt(expected[:, ::2] ** 2 + expected[:, 1::2] ** 2), 2, axis=1)
    unit = np.finfo(precision).eps
    assert (np.abs(found - expected) <= unit * (10 * radius + 1 / radius)).all()


def test_extreme_words_give_finite_normals(gpu: Device) -> None:
    """The logarithm is our own in float32: its ends are where a polynomial would go wrong."""
    rng = np.random.default_rng(4)
    _, found = draw(gpu, rng.integers(0, 2**32, (200_000, 4)), np.zeros((200_000, 2)), "float32")
    assert np.isfinite(found).all()
    assert 4 < np.abs(found).max() <= 6.77
    assert abs(found.mean()) < 4.5 / np.sqrt(found.size)
    assert abs(found.std() - 1) < 4.5 / np.sqrt(2 * found.size)
