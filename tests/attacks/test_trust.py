"""A folder says what was computed, and neither where to compute nor what else to read."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rackrisk
from rackrisk import _rerun, _run
from rackrisk.cli import main
from rackrisk.rebuild import moved
from rackrisk.run_folder import RunFolderError, sha256_of

from ..cli.conftest import Command
from ..cli.sweeps import FIXED
from ..cli.tapes import write_tape
from .forgery import forge

SMALL = ("engine=reference", "portfolio=miners", "scenarios=20", "months=2")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[object]]]:
    """An address with somebody behind it, and who called."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a secret")
    called: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    called.append(server.accept()[1])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", called
        server.shutdown(socket.SHUT_RDWR)


def ray_at(address: str) -> dict[str, Any]:
    plain = {"num_cpus": 1.0, "num_gpus": 0.0, "retries": 0, "shard_scenarios": None}
    return {"name": "ray", "address": address, **plain}


def many_workers(_: str) -> dict[str, Any]:
    return {"name": "local", "workers": 1024, "shard_scenarios": None}


@pytest.mark.parametrize("wish", [ray_at, many_workers])
def test_an_unfinished_run_does_not_say_where_it_is_computed(
    folder: Path, listener: tuple[str, list[object]], wish: Any
) -> None:
    address, called = listener
    main(["run", *SMALL, "executor=shard", "out=run"])
    order = json.loads((folder / "run.unfinished/order.json").read_text())
    order["config"]["executor"] = wish(address)
    (folder / "run.unfinished/order.json").write_text(json.dumps(order))
    with _run.resumed("run", ()) as (plan, _):
        executor = plan.settings.executor
        assert executor.name == "local"
        assert executor.workers <= len(os.sched_getaffinity(0))
    assert main(["resume", "run", "--quiet"]) == 0
    warnings = json.loads((folder / "run" / "manifest.json").read_text())["warnings"]
    assert any("begun with executor=ray" in note for note in warnings) == (wish is ray_at)
    assert called == []


def test_a_finished_run_does_not_say_where_it_is_repeated(run: Path, listener: tuple[str, list[object]]) -> None:
    address, called = listener
    text = (run / "config.resolved.yaml").read_text()
    wish = "".join(f"  {key}: {'null' if value is None else value}\n" for key, value in ray_at(address).items())
    start = text.index("executor:\n")
    stop = (
        start
        + len("executor:\n")
        + sum(len(line) + 1 for line in text[start:].splitlines()[1:4] if line.startswith("  "))
    )
    (run / "config.resolved.yaml").write_text(f"{text[:start]}executor:\n{wish}{text[stop:]}")
    forge(run)
    plan = _rerun.plan_again(run)[2]
    assert plan.settings.executor.name == "local"
    assert called == []


def test_a_sweep_does_not_say_where_it_is_computed(folder: Path, tmp_path: Path) -> None:
    tape = write_tape(folder / "tape.csv")
    found = rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", "executor.workers=2", out="found")
    assert not any(word.startswith("executor") for word in found.order.fixed)
    begun = tmp_path / "again.unfinished"
    begun.mkdir()
    (begun / "points").mkdir()
    order = json.loads((found.folder / "sweep.json").read_text())
    order["fixed"].append("executor=ray")
    (begun / "sweep.json").write_text(json.dumps(order))
    with pytest.raises(RunFolderError, match="says where to compute"):
        rackrisk.resume_sweep(tmp_path / "again")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("keys", [], "without a value of every swept key"),
        ("points.0.values", {}, "without a value of every swept key"),
        ("points.0.number", 7, "numbers points"),
        ("points.1.folder", "001-seed_1", "a folder of its own"),
        ("points.0.folder", "../../x", "names folders"),
    ],
)
def test_a_sweep_that_no_sweep_wrote_is_refused(folder: Path, key: str, value: Any, words: str) -> None:
    tape = write_tape(folder / "tape.csv")
    found = rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="found")
    order = json.loads((found.folder / "sweep.json").read_text())
    *parents, leaf = key.split(".")
    inside = order
    for part in parents:
        inside = inside[int(part)] if isinstance(inside, list) else inside[part]
    inside[leaf] = value
    begun = folder / "again.unfinished"
    (begun / "points").mkdir(parents=True)
    (begun / "sweep.json").write_text(json.dumps(order))
    with pytest.raises(RunFolderError, match=words):
        rackrisk.resume_sweep("again")


def test_a_point_that_is_a_link_is_refused(folder: Path) -> None:
    tape = write_tape(folder / "tape.csv")
    found = rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="found")
    begun = folder / "again.unfinished"
    (begun / "points").mkdir(parents=True)
    shutil.copy(found.folder / "sweep.json", begun)
    (begun / "points" / "001-seed_1").symlink_to(found.folder / "points" / "001-seed_1")
    with pytest.raises(RunFolderError, match="links, pipes or devices"):
        rackrisk.resume_sweep("again")


def test_files_that_a_folder_names_are_compared_by_size_before_they_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "other").write_text("longer")
    (tmp_path / "tape").write_text("same")
    digest = sha256_of(tmp_path / "tape")
    endless = ["/proc/self/mem", "/proc/kmsg", "/dev/zero", str(tmp_path / "pipe")]
    for path in [*endless, str(tmp_path / "other")]:
        for size in (0, 4, None):
            item = {"role": "tape", "path": path, "sha256": digest} | ({} if size is None else {"bytes": size})
            (note,) = moved([item])
            assert "changed" in note or "not there" in note
    assert moved([{"role": "tape", "path": str(tmp_path / "tape"), "sha256": digest, "bytes": 4}]) == []


@pytest.mark.parametrize("name", ["manifest.json", "DONE"])
@pytest.mark.parametrize("kind", ["pipe", "endless", "sparse"])
@pytest.mark.parametrize("reader", ["explain", "rerun", "compare", "resume"])
def test_small_files_are_never_read_without_end(
    command: Command, run: Path, *, name: str, kind: str, reader: str
) -> None:
    (run / name).unlink()
    if kind == "pipe":
        os.mkfifo(run / name)
    elif kind == "endless":
        (run / name).symlink_to("/dev/zero")
    else:
        with (run / name).open("wb") as stream:
            stream.truncate(20 * 2**30)
    outcome = command(reader, *(["run", "run"] if reader == "compare" else ["run"]))
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err


def test_half_a_letter_in_a_manifest_is_refused(command: Command, run: Path) -> None:
    forge(run, lambda manifest: manifest["choices"].update(market="\ud800"))
    outcome = command("rerun", "run", "--out", "again")
    assert (outcome.code, outcome.out) == (2, "")
    assert not Path("again.unfinished").exists()


@pytest.mark.parametrize("spoil", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_no_clock_shows_is_refused(command: Command, folder: Path, spoil: str) -> None:
    main(["run", *SMALL, "executor=shard", "out=run"])
    order = json.loads((folder / "run.unfinished/order.json").read_text())
    (folder / "run.unfinished/order.json").write_text(json.dumps(order | {"started": spoil}))
    outcome = command("resume", "run", "executor=local")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err


def test_a_lock_that_is_a_pipe_is_refused(command: Command, folder: Path) -> None:
    main(["run", *SMALL, "executor=shard", "out=run"])
    (folder / "run.unfinished/lock").unlink()
    os.mkfifo(folder / "run.unfinished/lock")
    outcome = command("resume", "run", "executor=local")
    assert outcome.code == 2
    assert "is not a file" in outcome.words
