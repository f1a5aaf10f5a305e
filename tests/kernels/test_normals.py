"""The map from words to uniforms and normals."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from rackrisk.kernels.normals import SINE_OF_TURN, normal_pair, uniform
from rackrisk.kernels.streams import Purpose, words

EXTREMES = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], dtype=np.uint32)


def test_the_sine_is_off_by_less_than_its_documented_error():
    turn = np.linspace(-0.25, 0.25, 100_001)
    powers = sum(c * turn ** (2 * k + 1) for k, c in enumerate(SINE_OF_TURN))
    assert np.abs(powers - np.sin(2 * np.pi * turn)).max() < 3.5e-9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniforms_stay_inside_their_interval(dtype: type[np.floating]):
    values = uniform(np, EXTREMES, dtype)
    assert (values > 0).all()
    assert (values <= 1).all()
    assert dtype is np.float32 or values.max() < 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normals_are_finite_and_bounded_for_every_word(dtype: type[np.floating]):
    first, second = np.meshgrid(EXTREMES, EXTREMES)
    pair = np.stack(normal_pair(np, first, second, dtype))
    assert np.isfinite(pair).all()
    assert np.abs(pair).max() <= np.sqrt(2 * np.log(2**33)) * (1 + 1e-6)


def _sample(scenarios: int = 100_000) -> np.ndarray:
    scenario = np.arange(scenarios, dtype=np.uint32)
    zero = np.uint32(0)
    w = words(np, (5, 0), scenario, (zero, zero), purpose=Purpose.OBLIGOR_SHOCK, block=3)
    return np.stack([*normal_pair(np, w[0], w[1], np.float64), *normal_pair(np, w[2], w[3], np.float64)])


def test_normals_pass_a_distribution_test():
    # Four tests at 1e-4 each: a false alarm has probability 4e-4, and the seed is fixed.
    assert min(stats.kstest(row, "norm").pvalue for row in _sample()) > 1e-4


def test_the_four_normals_of_a_block_are_uncorrelated():
    correlation = np.corrcoef(_sample()) - np.eye(4)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(100_000)


def test_single_precision_differs_by_rounding_only():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2**32, (2, 100_000), dtype=np.uint32)
    exact = np.stack(normal_pair(np, first, second, np.float64))
    for single in (normal_pair(np, first, second, np.float32), normal_pair(jnp, first, second, jnp.float32)):
        # The angle carries 2^-24 of a turn, the radius a few units in the last place; near u = 1 the log loses digits.
        assert np.abs(np.stack(single) - exact).max() < 2e-3
        assert np.quantile(np.abs(np.stack(single) - exact), 0.99) < 2e-6
