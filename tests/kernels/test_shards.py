"""The tally of a run is that of its parts added up, however it is cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.kernels.shards import add_up, named_arrays, ranges_of, tally_of
from rackrisk.kernels.tally import MonthTally, Tally


@given(first=st.integers(0, 10**6), count=st.integers(1, 10**4), size=st.integers(1, 10**4))
def test_ranges_cover_every_scenario_once_and_in_order(first: int, count: int, size: int) -> None:
    ranges = ranges_of(first, first + count, size)
    assert [number for part in ranges for number in part] == list(range(first, first + count))
    assert all(len(part) == size for part in ranges[:-1])
    assert 0 < len(ranges[-1]) <= size


def test_a_tally_is_its_named_arrays() -> None:
    months = MonthTally(*(np.full((2, 3), place) for place in range(len(MonthTally._fields))))
    others = {name: np.full(4, place) for place, name in enumerate(Tally._fields) if name != "months"}
    whole = Tally(months=months, **others)
    arrays = named_arrays(whole)
    assert {"loss", "months.debt", "months.defaults", "carried"} <= set(arrays)
    again = tally_of(Tally, arrays)
    assert isinstance(again.months, MonthTally)
    for name, array in named_arrays(again).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_python_integers_do_not_wrap() -> None:
    part = {"squares": np.array([2**62], dtype=object), "loss": np.zeros((1, 1))}
    assert add_up([part] * 4, ("loss",))["squares"][0] == 2**64
