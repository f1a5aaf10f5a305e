"""Which number a name gets in which scenario."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev as numpy_chebyshev

from rackrisk.kernels.copula.draws import REACH, chebyshev, default_words, lgd_words, normals, systematic
from rackrisk.kernels.philox import philox4x32
from rackrisk.kernels.streams import stream_words
from rackrisk.models.copula._pool import build_pool

from ...models.copula.pools import model_of

KEY = (7, 9)
QUADS = np.array([0, 1, 12_000, 2**24 - 1], dtype=np.uint32)


def test_scenario_and_name_are_the_counter_and_the_seed_is_the_key():
    """Restates the layout: a change of it changes every run."""
    stream = stream_words("acme")
    for draw, label in ((default_words, 6 << 16), (lgd_words, 6 << 16 | 1)):
        words = draw(np, KEY, QUADS, (np.uint32(stream[0]), np.uint32(stream[1])))
        counter = (QUADS, np.uint32(label), np.uint32(stream[0]), np.uint32(stream[1]))
        for ours, expected in zip(words, philox4x32(np, counter, KEY), strict=True):
            np.testing.assert_array_equal(ours, expected)


def test_factors_and_mixing_variable_have_counters_of_their_own():
    """Restates the layout; with the series of order one, the mixing variable is the exponential of its normal."""
    names, config = model_of("factors")
    pool = build_pool(names, config).pool._replace(mixing=np.array([0.0, REACH]))
    given = systematic(np, KEY, QUADS, pool)
    counters = [(5 << 16, *stream_words("a")), (5 << 16, *stream_words("b")), (5 << 16 | 1, 0, 0)]
    shared = [*given.factors, np.log(given.mixing)]
    for (label, first, second), ours in zip(counters, shared, strict=True):
        counter = (QUADS, np.uint32(label), np.uint32(first), np.uint32(second))
        np.testing.assert_allclose(ours, normals(np, philox4x32(np, counter, KEY)), rtol=1e-12)


def test_words_and_normals_are_those_of_jax():
    stream = (np.uint32(1), np.uint32(2))
    ours = default_words(np, KEY, QUADS, stream)
    theirs = default_words(jnp, KEY, jnp.asarray(QUADS), (jnp.uint32(1), jnp.uint32(2)))
    np.testing.assert_array_equal(np.stack(ours), np.stack([np.asarray(word) for word in theirs]))
    np.testing.assert_allclose(np.stack(normals(jnp, theirs)), np.stack(normals(np, ours)), rtol=1e-12, atol=1e-14)


def test_the_four_places_of_a_quad_are_independent_standard_normals():
    four = np.stack(
        normals(np, default_words(np, KEY, np.arange(50_000, dtype=np.uint32), (np.uint32(3), np.uint32(3))))
    )
    assert np.abs(four.mean(axis=1)).max() < 4 / np.sqrt(50_000)
    assert np.abs(np.cov(four) - np.eye(4)).max() < 4 * np.sqrt(2 / 50_000)


@pytest.mark.parametrize("order", [1, 2, 9])
def test_chebyshev_series_is_numpys(order: int):
    coefficients, place = np.random.default_rng(1).normal(size=order), np.linspace(-1, 1, 101)
    np.testing.assert_allclose(
        chebyshev(np, coefficients, place), numpy_chebyshev.chebval(place, coefficients), rtol=1e-12, atol=1e-13
    )
