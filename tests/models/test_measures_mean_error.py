"""Skewness-corrected interval of a mean: its definition, its limit without skewness, and zeros that are not stored."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.models.measures._mean_error import MeanError, mean_error

skewnesses = st.floats(-1.0, 1.0)  # of a mean: a sample of n has at most sqrt(n), its mean at most 1


@given(skewnesses, st.floats(0.5, 0.9999))
def test_limits_are_where_halls_transformed_statistic_is_the_normal_quantile(k: float, confidence: float) -> None:
    mean, error = 2.0, MeanError(0.1, k)
    low, high = error.interval(mean, confidence)
    assert low is not None
    assert high is not None
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    for limit, quantile in ((low, z), (high, -z)):
        t = (mean - limit) / error.std_error
        transformed = t + k * t**2 / 3.0 + k**2 * t**3 / 27.0 + k / 6.0
        assert transformed == pytest.approx(quantile, abs=1e-9)


@given(skewnesses, st.floats(0.5, 0.9999))
def test_mirrored_samples_have_mirrored_intervals(k: float, confidence: float) -> None:
    low, high = MeanError(1.0, k).interval(0.0, confidence)
    mirrored = MeanError(1.0, -k).interval(0.0, confidence)
    assert low is not None
    assert high is not None
    assert mirrored == (-high, -low)


def test_interval_without_skewness_is_the_normal_interval() -> None:
    assert MeanError(2.0, 0.0).interval(10.0, 0.95) == pytest.approx((10.0 - 3.919928, 10.0 + 3.919928), abs=1e-6)


def test_interval_leans_to_the_long_tail() -> None:
    low, high = MeanError(1.0, 0.3).interval(0.0, 0.95)
    assert low is not None
    assert high is not None
    assert high > 1.96 > -low


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(1, 50))
def test_zeros_need_not_be_stored(values: list[float], zeros: int) -> None:
    stored = np.array(values + [0.0] * zeros)
    mean = float(stored.mean())
    whole, sparse = mean_error(stored, mean=mean), mean_error(np.array(values), mean=mean, zeros=zeros)
    assert sparse.std_error == pytest.approx(whole.std_error, rel=1e-9)
    assert sparse.skewness == pytest.approx(whole.skewness, rel=1e-9, abs=1e-9)


def test_error_of_a_small_sample_by_hand() -> None:
    # 0, 0, 3: deviations -1, -1, 2; squares 1 + 1 + 4 = 6; cubes -1 - 1 + 8 = 6
    error = mean_error(np.array([0.0, 0.0, 3.0]), mean=1.0)
    assert error.std_error == pytest.approx(np.sqrt(6.0 / 2.0 / 3.0), rel=1e-15)
    assert error.skewness == pytest.approx(6.0 / 6.0**1.5, rel=1e-15)
