"""An unfinished run belongs to one driver, keeps what is whole, and takes nothing that is not its own."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl
import pytest

from rackrisk import manifest
from rackrisk.failures import exit_code
from rackrisk.ledger import (
    Busy,
    DamagedShard,
    Order,
    ShardConflict,
    Unfinished,
    begin,
    look_at,
    reopen,
    take_lock,
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
    with pytest.raises(RunFolderError, match="of another configuration"), begun(kept.parent, config_hash="b" * 64):
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


def test_a_conflict_that_is_seen_after_the_sums_stops_the_run_and_stays(kept: Path) -> None:
    with reopen(kept) as work, work.draft() as folder:
        with pytest.raises(ShardConflict):
            work.store(ONE, numbers(2), FACTS)  # by another process
        with pytest.raises(ShardConflict):
            work.check_conflicts()
        folder.write_json("manifest.json", {})
        folder.publish()  # a moment later, and the driver would not have seen it
    assert (kept / "shards" / "00000000-00001024.conflict").is_file()


def test_another_book_makes_another_run(kept: Path) -> None:
    other, place = BOOK.with_columns(balance_usd=pl.col("balance_usd") * 2), kept.parent / "run"
    with pytest.raises(RunFolderError, match="of another book"), begin(order(), other, place, chosen=True):
        pass
    with reopen(kept) as work:  # nobody holds its lock
        assert work.book().equals(BOOK)


def test_shards_of_a_size_that_was_asked_for_are_not_mixed_with_others(kept: Path) -> None:
    asked = order().model_copy(update={"config": {"executor": {"shard_scenarios": 512}}, "shard_scenarios": 512})
    with (
        pytest.raises(RunFolderError, match="with shards of 1,024 scenarios"),
        begin(asked, BOOK, kept.parent / "run", chosen=True),
    ):
        pass


def test_a_place_that_was_filled_in_the_meantime_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    with pytest.raises(RunFolderError, match="holds something else by now"), begun(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_killed_processes_left_is_removed_and_what_others_make_is_not(kept: Path) -> None:
    folder = kept.parent
    for name in (".run.unfinished.gone-01234567/shards", ".run.begun-01234567", ".run.begun-89abcdef"):
        (folder / name).mkdir(parents=True)
    for name in ("01234567", "89abcdef"):
        (folder / f".run.begun-{name}" / "lock").touch()
    (kept / ".run.partial-01234567" / "tables").mkdir(parents=True)
    with take_lock(folder / ".run.begun-89abcdef"):
        with reopen(kept) as work, work.draft() as draft:
            draft.write_json("manifest.json", {})
            draft.publish()
        assert sorted(path.name for path in folder.iterdir()) == [".run.begun-89abcdef", "run"]
    assert not any((folder / "run").glob(".*"))


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ETIMEDOUT])
def test_a_file_server_that_is_away_is_no_refusal(kept: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number), "somewhere")

    for place, name in ((os, "open"), (fcntl, "flock"), (Path, "read_text")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, away)
            with pytest.raises(OSError, match="somewhere") as raised, reopen(kept):
                pass
        assert exit_code(raised.value) == 75


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
