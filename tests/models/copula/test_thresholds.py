"""Quantiles of default probabilities and the chi-square behind a Student t."""

import numpy as np
import pytest
from scipy import stats

from rackrisk.kernels.copula.draws import REACH, chebyshev
from rackrisk.models.copula._thresholds import mixing_series, thresholds

PDS = np.concatenate([10.0 ** np.linspace(-12, -0.001, 200), [0.5, 1 - 1e-12]])
DOFS = [2.000001, 2.5, 3.0, 4.7, 12.0, 200.0, 1e4, 1e6]


@pytest.mark.parametrize("dof", [None, *DOFS])
def test_thresholds_are_quantiles(dof: float | None):
    law = stats.norm if dof is None else stats.t(dof)
    np.testing.assert_allclose(law.cdf(thresholds(PDS, dof)), PDS, rtol=1e-11)


@pytest.mark.parametrize("dof", [None, *DOFS])
def test_thresholds_are_ordered_down_to_the_ends(dof: float | None):
    ladder = np.array([[0.0, 1e-320, 1e-300, 1e-100, 1e-20, 1e-9, 0.5], [1 - 1e-9, 1 - 1e-16, 1.0, 1.0, 1.0, 1.0, 1.0]])
    found = thresholds(ladder, dof)
    assert found.shape == ladder.shape
    assert (np.diff(found.ravel()[:10]) >= 0).all()
    assert found[0, 0] == -np.inf
    assert found[0, 1] < -2
    assert np.isfinite(found[1, 1])
    assert (found[1, 2:] == np.inf).all()


@pytest.mark.parametrize("dof", DOFS)
def test_the_mixing_series_is_the_chi_square_quantile(dof: float):
    """Relative error of sqrt(W / dof) over every normal that can be drawn; SciPy's own quantiles have about 4e-12 at
    a million degrees of freedom."""
    normal = np.linspace(-6.77, 6.77, 5001)
    upper, lower = stats.chi2.isf(stats.norm.sf(normal), dof), stats.chi2.ppf(stats.norm.cdf(normal), dof)
    exact = np.sqrt(np.where(normal > 0, upper, lower) / dof)
    ours = np.exp(chebyshev(np, mixing_series(dof), normal / REACH))
    assert np.abs(ours / exact - 1).max() < 1e-11


def test_a_gaussian_copula_has_no_mixing_variable():
    assert mixing_series(None).size == 0
