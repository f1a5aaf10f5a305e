"""A result whose shards come from machines that may round otherwise says so."""

from __future__ import annotations

import pytest

from rackrisk.simulated import _kind

SHARD = {"device": "2 x cpu (cpu)", "cpu": "Xeon"}


@pytest.mark.parametrize(
    ("changed", "same"),
    [({"device": "16 x cpu (cpu)"}, True), ({"device": "2 x NVIDIA H100 (cuda)"}, False), ({"cpu": "EPYC"}, False)],
)
def test_how_many_devices_there_are_is_no_difference_and_what_they_are_is(changed: dict[str, str], same: bool) -> None:
    assert (_kind(SHARD | changed) == _kind(SHARD)) == same
