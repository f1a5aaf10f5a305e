"""A shard file is whole or refused: nothing in between, and nothing that unfolds or runs."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rackrisk.ledger._shard_file import DamagedShard, content_hash, read_shard, write_shard

ARRAYS = {"loss": np.arange(12, dtype=np.int64).reshape(4, 3), "months.debt": np.zeros((2, 0), np.int64)}
FACTS = {"identity": "a" * 64, "first": 0, "last": 4, "device": "a CPU", "seconds": 1.0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A shard."""
    path = tmp_path / "00000000-00000004.npz"
    assert write_shard(path, ARRAYS, FACTS)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    named=st.dictionaries(
        st.text("abc.xyz_", min_size=1, max_size=8).map(lambda name: f"n{name}"),
        arrays(st.sampled_from([np.int64, np.int32]), array_shapes(min_dims=0, max_dims=3, min_side=0)),
        min_size=1,
    ),
    big=st.lists(st.integers(-(2**200), 2**200), min_size=1, max_size=4),
)
def test_what_is_written_is_read(tmp_path: Path, named: dict[str, np.ndarray], big: list[int]) -> None:
    path = tmp_path / "shard.npz"
    path.unlink(missing_ok=True)
    given = named | {"squares": np.array(big, dtype=object)}
    assert write_shard(path, given, FACTS)
    found = read_shard(path)
    assert found.arrays.keys() == given.keys()
    for name, array in named.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)
    assert found.arrays["squares"].tolist() == big
    assert FACTS.items() <= found.facts.items()


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros(3, bool), np.array(["2026-01-01"], "M8[D]"), np.array([b"x"])])
def test_what_is_no_whole_number_is_damage(tmp_path: Path, array: np.ndarray) -> None:
    assert write_shard(tmp_path / "shard.npz", {"loss": array}, FACTS)
    with pytest.raises(DamagedShard, match="not whole numbers"):
        read_shard(tmp_path / "shard.npz")


@pytest.mark.parametrize("change", [{"seconds": None}, {"seconds": -1}, {"seconds": True}, {"cpu": 5}, {"device": []}])
def test_facts_of_another_kind_are_damage(tmp_path: Path, change: dict[str, Any]) -> None:
    assert write_shard(tmp_path / "shard.npz", ARRAYS, FACTS | change)
    with pytest.raises(DamagedShard, match="does not say"):
        read_shard(tmp_path / "shard.npz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_torn_file_is_noticed(file: Path, data: st.DataObject) -> None:
    whole = file.read_bytes()
    torn = file.with_name("torn.npz")
    torn.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(DamagedShard, match=r"torn\.npz"):
        read_shard(torn)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_a_flipped_bit_never_changes_a_number(file: Path, data: st.DataObject) -> None:
    flipped = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(flipped) - 1))
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    other = file.with_name("flipped.npz")
    other.write_bytes(flipped)
    try:
        found = read_shard(other)
    except DamagedShard:
        return
    assert content_hash(found.arrays) == content_hash(ARRAYS)  # a bit of the container that nobody reads


def test_a_file_that_is_there_stays(file: Path) -> None:
    before = file.read_bytes()
    assert not write_shard(file, {"loss": np.ones(3)}, FACTS)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def stored(path: Path, compression: int, **members: Any) -> Path:
    """An .npz made by somebody else."""
    with zipfile.ZipFile(path, "w", compression) as container:
        for name, value in members.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, np.asarray(value), allow_pickle=True)
            container.writestr(f"{name}.npy", stream.getvalue())
    return path


def about(**arrays: np.ndarray) -> np.ndarray:
    """A description with the right hash."""
    text = json.dumps({"schema": "rackrisk/shard/1", **FACTS, "sha256": content_hash(arrays)})
    return np.frombuffer(text.encode(), np.uint8)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    hostile = np.array([{"a": 1}], dtype=object)
    path = stored(tmp_path / "pickle.npz", zipfile.ZIP_STORED, loss=hostile, about=about())
    with pytest.raises(DamagedShard, match="cannot be read"):
        read_shard(path)


def test_a_file_that_unfolds_to_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    zeros = np.zeros(10**6, np.int64)
    path = stored(tmp_path / "bomb.npz", zipfile.ZIP_DEFLATED, loss=zeros, about=about(loss=zeros))
    with pytest.raises(DamagedShard, match="compressed"):
        read_shard(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"schema": "another"}', "\x00"])
def test_a_description_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    described = np.frombuffer(text.encode(), np.uint8)
    path = stored(tmp_path / "odd.npz", zipfile.ZIP_STORED, loss=np.zeros(3), about=described)
    with pytest.raises(DamagedShard):
        read_shard(path)
