"""An unfinished run belongs to one driver, keeps what is whole, and takes nothing that is not its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rackrisk import manifest
from rackrisk.ledger import (
    Busy,
    DamagedShard,
    Order,
    ShardConflict,
    Unfinished,
    begin,
    look_at,
    reopen,
    unfinished_folder,
)
from rackrisk.run_folder import RunFolderError

BOOK = pl.DataFrame({"facility_id": ["F1", "F2"], "balance_usd": [1.5, 2.5]})
ONE, TWO = range(1024), range(1024, 2000)
FACTS = {"engine": "reference", "device": "a CPU", "precision": "float64", "seconds": 1.0}


def order(config_hash: str = "a" * 64) -> Order:
    """A run of 2,000 scenarios in shards of 1,024."""
    return Order(
        config={"scenarios": 2000},
        choices={},
        inputs=[],
        config_hash=config_hash,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        engine="reference",
        notes=[],
        versions=manifest.numeric_versions(),
        book_sha256="0" * 64,
        shard_scenarios=1024,
    )


@contextmanager
def begun(folder: Path, *, chosen: bool = True, **changed: str) -> Iterator[Unfinished]:
    with begin(order(**changed), BOOK, folder / "run", chosen=chosen) as work:
        yield work


def numbers(value: int) -> dict[str, np.ndarray]:
    return {"loss": np.full((3, 1), value, np.int64)}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of a run that was stopped after its first shard."""
    with begun(tmp_path) as work:
        work.store(ONE, numbers(1), FACTS)
    return tmp_path / "run.unfinished"


def test_a_run_that_was_stopped_before_its_first_shard_leaves_nothing(tmp_path: Path) -> None:
    inside = tmp_path / "made" / "for"
    with pytest.raises(KeyboardInterrupt), begun(inside):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_stopped_keeps_its_shards(kept: Path) -> None:
    with reopen(kept) as work:
        assert work.missing([ONE, TWO]) == [TWO]
        assert work.load(ONE).arrays["loss"].tolist() == [[1]] * 3
        assert work.load(ONE).facts["device"] == "a CPU"
        assert work.book().equals(BOOK)
    assert kept.is_dir()


def test_the_same_run_at_the_same_place_goes_on(kept: Path) -> None:
    with begun(kept.parent) as work:
        assert work.path == kept
        assert work.missing([ONE, TWO]) == [TWO]
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_another_run_at_the_same_place_is_refused(kept: Path) -> None:
    with pytest.raises(RunFolderError, match="holds another unfinished run"), begun(kept.parent, config_hash="b" * 64):
        pass
    assert look_at(kept).missing([ONE, TWO]) == [TWO]


def test_a_run_has_one_driver(tmp_path: Path) -> None:
    with begun(tmp_path) as work:
        work.store(ONE, numbers(1), FACTS)
        with pytest.raises(Busy, match="another process works on this run"), begun(tmp_path):
            pass
        with pytest.raises(Busy), reopen(work.path):
            pass
        assert look_at(work.path).missing([ONE]) == []  # whoever computes a shard needs no lock
    with reopen(tmp_path / "run.unfinished"):
        pass


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    with ExitStack() as stack:
        works = [stack.enter_context(begun(tmp_path, chosen=False)) for _ in range(3)]
        assert [work.target.name for work in works] == ["run", "run-2", "run-3"]


def test_a_shard_that_is_computed_twice_must_be_the_same(kept: Path) -> None:
    with reopen(kept) as work:
        work.store(ONE, numbers(1), FACTS | {"device": "another machine", "seconds": 7.0})
        assert work.load(ONE).facts["device"] == "a CPU"
        with pytest.raises(ShardConflict, match="computed twice with different results"):
            work.store(ONE, numbers(2), FACTS)
        with pytest.raises(ShardConflict):  # and nobody goes on as if nothing had happened
            work.load(ONE)
    with pytest.raises(ShardConflict), reopen(kept) as work:
        work.whole(ONE)


def test_a_damaged_shard_is_set_aside_and_kept_for_a_look(kept: Path) -> None:
    (shard,) = (kept / "shards").glob("*.npz")
    shard.write_bytes(shard.read_bytes()[:-30])
    with reopen(kept) as work:
        with pytest.raises(DamagedShard):
            work.load(ONE)
        assert not work.whole(ONE)
        assert (work.damaged, work.missing([ONE])) == (1, [ONE])
        work.store(ONE, numbers(1), FACTS)
        assert work.whole(ONE)


def test_a_damaged_shard_gives_way_to_a_whole_one(kept: Path) -> None:
    (shard,) = (kept / "shards").glob("*.npz")
    shard.write_bytes(b"")
    with reopen(kept) as work:
        work.store(ONE, numbers(5), FACTS)
        assert work.load(ONE).arrays["loss"][0, 0] == 5
        assert work.damaged == 1


def test_shards_of_another_run_or_place_are_not_taken(kept: Path, tmp_path: Path) -> None:
    (shard,) = (kept / "shards").glob("*.npz")
    shutil.copy(shard, shard.with_name("00001024-00002000.npz"))
    with reopen(kept) as work, pytest.raises(DamagedShard, match="of another run"):
        work.load(TWO)
    with begin(order("c" * 64), BOOK, tmp_path / "other", chosen=True) as other:
        shutil.copy(shard, other.path / "shards" / shard.name)
        with pytest.raises(DamagedShard, match="of another run"):
            other.load(ONE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"rackrisk/unfinished/1"', '"rackrisk/unfinished/2"'), "schema"),
        (lambda text: text.replace('"shard_scenarios": 1024', '"shard_scenarios": 0'), "shard_scenarios"),
        (lambda text: text.replace('"numpy": "', '"numpy": "0.'), "numpy was 0."),
        (lambda text: text[:100], "order.json"),
        (lambda text: "", "order.json"),
    ],
)
def test_an_order_of_another_kind_or_other_versions_is_refused(kept: Path, change: object, words: str) -> None:
    path = kept / "order.json"
    path.write_text(change(path.read_text()))  # pyright: ignore[reportCallIssue]
    with pytest.raises(RunFolderError, match=words), reopen(kept):
        pass


def test_a_book_that_was_changed_is_refused(kept: Path) -> None:
    BOOK.with_columns(balance_usd=pl.col("balance_usd") * 2).write_parquet(kept / "book.parquet")
    with reopen(kept) as work, pytest.raises(RunFolderError, match="not the book"):
        work.book()


@pytest.mark.parametrize("name", ["order.json", "book.parquet", "shards", "lock"])
def test_links_are_not_followed(kept: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (kept / name).rename(elsewhere)
    (kept / name).symlink_to(elsewhere)
    with pytest.raises(RunFolderError), reopen(kept):
        pass


def test_a_run_is_found_by_either_name(kept: Path) -> None:
    assert unfinished_folder(str(kept)) == unfinished_folder(str(kept.parent / "run")) == kept
    with pytest.raises(RunFolderError, match="no unfinished run"):
        unfinished_folder(str(kept.parent / "rnu"))


def test_the_identity_is_what_numbers_depend_on() -> None:
    base = order()
    assert base.identity == base.model_copy(update={"started": datetime.now(UTC), "notes": ["x"]}).identity
    for changed in ({"engine": "jax"}, {"versions": {}}, {"book_sha256": "1" * 64}, {"config_hash": "d" * 64}):
        assert base.model_copy(update=changed).identity != base.identity
    assert json.loads(base.text())["schema"] == "rackrisk/unfinished/1"
