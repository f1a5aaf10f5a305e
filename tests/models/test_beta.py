"""Beta distributions of an LGD at every shape that a tape may ask for."""

import numpy as np
import pytest
from scipy.special import ndtr

from rackrisk.kernels.copula.arrays import MAX_CELLS
from rackrisk.models.beta import SMALLEST_SD, beta_quantile, beta_shape, noticeable
from rackrisk.models.copula._lgd import cell_means
from rackrisk.models.exact._severity import latent_lgd, latent_nodes

MEANS = np.array([0.001, 0.0371, 0.3, 0.5, 0.5549305012398461, 0.77, 0.999])


def spreads(mean: float) -> np.ndarray:
    """Standard deviations from the smallest that counts to nearly the largest there can be."""
    return np.geomspace(SMALLEST_SD, 0.999 * np.sqrt(mean * (1 - mean)), 60)


@pytest.mark.parametrize("mean", MEANS)
def test_cells_rise_from_0_to_1_and_keep_the_mean(mean: float) -> None:
    sd = spreads(mean)
    table = cell_means(np.full(sd.shape, mean), sd, MAX_CELLS)
    assert np.isfinite(table).all()
    assert table.min() >= 0
    assert table.max() <= 1
    assert np.diff(table, axis=1).min() > -1e-7  # rounding of a difference, times the number of cells
    np.testing.assert_allclose(table.mean(axis=1), mean, atol=1e-9)


@pytest.mark.parametrize("mean", MEANS)
def test_quantiles_rise_and_are_never_missing(mean: float) -> None:
    nodes = latent_nodes(1 / 16)
    for sd in spreads(mean):
        quantile = latent_lgd(mean, float(sd), nodes)
        assert np.isfinite(quantile).all()
        assert np.diff(quantile).min() >= -1e-12


def test_quantile_where_scipy_has_none() -> None:
    a, b = beta_shape(0.5549305012398461, 0.29394912175836824)
    far = beta_quantile(a, b, ndtr(np.array([-8.2, -8.3, -8.4, -8.5])))
    # x^a grows in proportion to the probability
    slope = np.diff(np.log(far)) / np.diff(np.log(ndtr(np.array([-8.2, -8.3, -8.4, -8.5]))))
    np.testing.assert_allclose(slope, 1 / a, rtol=1e-6)


def test_a_spread_too_small_to_matter_is_none() -> None:
    np.testing.assert_array_equal(noticeable([0.0, 1e-9, 9e-6, 1e-5, 0.2]), [0, 0, 0, 1e-5, 0.2])
