"""Default and LGD given the factors."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from rackrisk.kernels.copula.conditional import (
    draw_limits,
    driven_cells,
    independent_cells,
    loss_quanta,
    squarable,
    years_in_default,
)
from rackrisk.kernels.copula.draws import Systematic
from rackrisk.kernels.copula.normal_cdf import normal_cdf

ALL_WORDS = [np.array([0, 1, 2**31, 2**32 - 2, 2**32 - 1], dtype=np.uint32)] * 4


def limits(threshold: float, factor: float, loading: float, inverse: float = 1.0, mixing: float = 1.0) -> int:
    given = Systematic(np.full((1, 4, 1), factor), np.asarray(mixing))
    found = draw_limits(np, ndtr, given, threshold, loading=np.array([loading]), inverse_residual=inverse)
    assert found.dtype == np.uint32
    return int(found[0, 0])


def test_a_limit_is_the_conditional_probability_in_units_of_a_draw():
    correlation, pd, factor = 0.3, 0.02, -1.7
    expected = ndtr((ndtri(pd) - np.sqrt(correlation) * factor) / np.sqrt(1 - correlation))
    found = limits(ndtri(pd), factor, np.sqrt(correlation), 1 / np.sqrt(1 - correlation))
    assert abs(found * 2.0**-31 - expected) <= 2.0**-32


def test_the_mixing_variable_scales_the_threshold_alone():
    assert limits(-2.0, 0.5, 0.4, mixing=0.5) == limits(-1.0, 0.5, 0.4)


@pytest.mark.parametrize("factor", [-6.7, 0.0, 6.7])
def test_no_word_is_a_default_at_pd_0_and_every_word_is_one_at_pd_1(factor: float):
    for cdf in (ndtr, lambda x: normal_cdf(np, x)):
        given = Systematic(np.full((1, 4, 5), factor), np.asarray(1.0))
        for threshold, expected in ((-np.inf, 0), (np.inf, 1)):
            found = draw_limits(np, cdf, given, np.full((1, 1, 1), threshold), loading=[0.7], inverse_residual=1.4)
            assert (np.stack(years_in_default(np, ALL_WORDS, found)) == expected).all()


@pytest.mark.parametrize(("factor", "expected"), [(-0.51, 2**31), (-0.49, 0)])
def test_without_a_residual_the_factor_decides_alone(factor: float, expected: int):
    assert limits(-0.5, factor, 1.0, inverse=1e300) == expected


def test_a_draw_is_held_against_every_year():
    """Limits of three years in units of a draw; a draw is a word without its last bit."""
    limit = np.array([10, 20, 30], dtype=np.uint32)[:, None, None] + np.zeros((3, 4, 5), np.uint32)
    words = [np.array([0, 19, 20, 59, 60], dtype=np.uint32)] * 4
    for years in years_in_default(np, words, limit):
        np.testing.assert_array_equal(years, [3, 3, 2, 1, 0])


def test_cells_are_equiprobable_and_within_the_table():
    words = [np.arange(0, 2**32, 2**20, dtype=np.uint64).astype(np.uint32)] * 4
    for cells in (16, 256):
        counts = np.bincount(independent_cells(np, words, cells)[2], minlength=cells)
        assert (counts == 4096 // cells).all()
        (driven,) = driven_cells(np, ndtr, [ndtri((np.arange(4096) + 0.5) / 4096)], cells)
        assert (np.bincount(driven, minlength=cells) == 4096 // cells).all()
        (ends,) = driven_cells(np, ndtr, [np.array([-np.inf, np.inf])], cells)
        assert ends.tolist() == [0, cells - 1]


def test_losses_and_squares_are_rounded_once():
    lgd = np.array([0, 1, 2**29, 2**30 - 1, 2**30], dtype=np.int64)
    assert loss_quanta(np, np.float64(2**20 + 1), lgd).tolist() == [0, 0, 2**19, 2**20 + 1, 2**20 + 1]
    assert squarable(lgd).tolist() == [0, 0, 2**14, 2**15, 2**15]
