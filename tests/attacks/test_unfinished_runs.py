"""Unfinished runs that somebody else made or changed: refused, or damaged shards computed anew; nothing is followed."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.run_folder import sha256_of

from ..cli.conftest import Command
from .cage import at_most
from .forgery import put

SMALL = ("engine=reference", "portfolio=miners", "scenarios=20", "months=2", "executor=shard")


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unfinished run of two shards, one of which is there; not to be changed."""
    from rackrisk.cli import main

    place = tmp_path_factory.mktemp("prepared") / "run"
    main(["run", *SMALL, "executor.shard_scenarios=10", "--quiet", f"out={place}"])
    assert main(["shard", str(place), "--index", "0"]) == 0
    return place.with_name("run.unfinished")


@pytest.fixture
def unfinished(prepared_once: Path, folder: Path) -> Path:
    """A copy of it in the working directory, to be tampered with."""
    return Path(shutil.copytree(prepared_once, folder / "run.unfinished"))


def finish(command: Command) -> Any:
    outcome = command("resume", "run", "executor=local", "--quiet")
    assert outcome.code in {0, 2, 75}, outcome.err
    assert "Traceback" not in outcome.err
    return outcome


def shard(unfinished: Path) -> Path:
    (found,) = (unfinished / "shards").glob("*.npz")
    return found


def change_order(unfinished: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    order = json.loads((unfinished / "order.json").read_text())
    change(order)
    (unfinished / "order.json").write_text(json.dumps(order))


@pytest.mark.parametrize("name", ["order.json", "book.parquet", "shards", "lock"])
def test_a_link_in_an_unfinished_run_is_refused(command: Command, unfinished: Path, name: str) -> None:
    (unfinished / name).rename(unfinished.parent / name)
    (unfinished / name).symlink_to(unfinished.parent / name)
    assert finish(command).code == 2
    assert not (unfinished.parent / "run").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("config.scenarios", 10**12),
        ("config.scenarios", "20"),
        ("config.model", "structural"),
        ("config.model.name", "../../x"),
        ("config.name", "../../pwned"),
        ("config.portfolio.name", "../../pwned"),
        ("config._target_", "os.system"),
        ("config_hash", "0" * 64),
        ("config_hash", "../../x"),
        ("book_sha256", "0" * 64),
        ("inputs", [{"role": "tape"}]),
        ("inputs", [{"role": 3, "path": [], "sha256": None}]),
        ("choices", {"market": {"a": 1}}),
        ("engine", "os.system"),
        ("engine", "cuda"),
        ("versions", {"numpy": "\x1b[2J"}),
        ("shard_scenarios", 0),
        ("shard_scenarios", 10**30),
        ("started", "yesterday"),
        ("schema", "rackrisk/unfinished/99"),
        ("extra", 1),
    ],
)
def test_a_changed_order_is_refused(command: Command, unfinished: Path, key: str, value: Any) -> None:
    change_order(unfinished, lambda order: put(order, key, value))
    outcome = finish(command)
    assert outcome.code == 2
    assert "\x1b[2J" not in outcome.err
    assert {path.name for path in unfinished.parent.iterdir()} == {"run.unfinished"}


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "null"])
def test_an_order_that_is_none_is_refused(command: Command, unfinished: Path, text: str) -> None:
    (unfinished / "order.json").write_text(text)
    assert finish(command).code == 2


@pytest.mark.parametrize(("key", "value"), [("config.out", "../pwned"), ("config.portfolio.tape", "/etc/passwd")])
def test_places_in_an_order_are_not_gone_to(command: Command, unfinished: Path, key: str, value: str) -> None:
    change_order(unfinished, lambda order: put(order, key, value))
    assert finish(command).code == 0
    assert {path.name for path in unfinished.parent.iterdir()} == {"run"}
    assert not (unfinished.parent.parent / "pwned").exists()


def test_a_forged_book_must_still_obey_the_rules_of_a_tape(command: Command, unfinished: Path) -> None:
    book = unfinished / "book.parquet"
    pl.read_parquet(book).with_columns(balance_usd=pl.lit(float("nan"))).write_parquet(book)
    change_order(unfinished, lambda order: put(order, "book_sha256", sha256_of(book)))
    outcome = finish(command)
    assert outcome.code == 2
    assert "balance_usd" in outcome.words


class Mine:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


def archive(members: dict[str, bytes], *, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as container:
        for name, data in members.items():
            container.writestr(name, data)
    return stream.getvalue()


def array(shape: str, kind: str = "<i8", data: bytes = b"") -> bytes:
    """An .npy file with a head of any content."""
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + data


def zeros(count: int) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(count, np.int64))
    return stream.getvalue()


SHARDS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"not a zip file",
    "a pickle": lambda: pickle.dumps(Mine()),
    "an array of objects": lambda: archive({"about.npy": array("(1,)", "|O", pickle.dumps(Mine())), "a.npy": b""}),
    "a pickle beside arrays": lambda: archive({"about.npy": zeros(3), "a.npy": pickle.dumps(Mine())}),
    "a zip bomb": lambda: archive({"about.npy": zeros(8), "a.npy": zeros(60_000_000)}, compressed=True),
    "an endless array": lambda: archive({"about.npy": zeros(3), "a.npy": array("(1000000000000,)")}),
    "an array of no size": lambda: archive({"about.npy": zeros(3), "a.npy": array("(-1,)")}),
    "a head that is code": lambda: archive({"about.npy": zeros(3), "a.npy": array("exec('pwned')")}),
    "a name that leads out": lambda: archive({"../../../pwned": b"x", "about.npy": zeros(3)}),
    "no description": lambda: archive({"a.npy": zeros(3)}),
    "a description that is none": lambda: archive({"about.npy": zeros(3)}),
}


@pytest.mark.parametrize("name", SHARDS)
def test_a_forged_shard_is_set_aside_and_computed_anew(command: Command, unfinished: Path, name: str) -> None:
    shard(unfinished).write_bytes(SHARDS[name]())
    with at_most(gigabytes=2.0):
        assert finish(command).code == 0
    assert not list(unfinished.parent.rglob("*pwned*"))
    assert not (unfinished.parent.parent / "pwned").exists()
    assert (unfinished.parent / "run" / "DONE").is_file()


@pytest.mark.parametrize("kind", ["link", "pipe", "device", "folder"])
def test_a_shard_that_is_no_file_is_set_aside_and_computed_anew(
    command: Command, unfinished: Path, prepared_once: Path, kind: str
) -> None:
    place = shard(unfinished)
    place.unlink()
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(shard(prepared_once) if kind == "link" else Path("/dev/zero"))
    assert finish(command).code == 0
    assert (unfinished.parent / "run" / "DONE").is_file()


def test_what_a_stopped_run_becomes_is_what_it_would_have_become(command: Command, unfinished: Path) -> None:
    assert finish(command).code == 0
    assert command("run", *SMALL[:-1], "out=whole", "--quiet").code == 0
    assert sha256_of(Path("run/losses.parquet")) == sha256_of(Path("whole/losses.parquet"))
