"""The engines' normal distribution function against SciPy's."""

import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from rackrisk.kernels.copula.normal_cdf import LAST, ROOT_OF_TAIL, normal_cdf

INSIDE = np.linspace(-LAST, LAST, 400_001)


def test_inside_it_is_exact_to_far_less_than_a_draw_resolves():
    assert np.abs(normal_cdf(np, INSIDE) - ndtr(INSIDE)).max() < 2e-12


def test_outside_it_is_within_a_third_of_a_draw():
    outside = np.array([-np.inf, -1e300, -40.0, -7.0, -LAST, LAST, 7.0, 40.0, 1e300, np.inf])
    assert np.abs(normal_cdf(np, outside) - ndtr(outside)).max() < 2**-31 / 3


def test_the_compiled_one_differs_by_rounding():
    """An error of an ulp in each of the polynomial's steps, 16 times larger in its sixteenth power."""
    difference = np.abs(np.asarray(normal_cdf(jnp, jnp.asarray(INSIDE))) - normal_cdf(np, INSIDE))
    assert difference.max() < 16 * len(ROOT_OF_TAIL) * 2**-53
