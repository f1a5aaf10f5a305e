"""A sweep that was stopped goes on where it was, and with nothing that is not its own."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import rackrisk
from rackrisk import _run, sweep_picture
from rackrisk._sweep import SweepRun, execute, make_plan, resume_sweep
from rackrisk.config import ConfigProblems
from rackrisk.ledger import Busy, Unfinished, take_lock
from rackrisk.run_folder import Draft, RunFolderError, done_text
from rackrisk.sweep_points import SweepProblems

from .conftest import Command
from .sweeps import FIXED, SWEPT, small_sweep
from .tapes import tape_rows, write_tape


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> SweepRun:
    return small_sweep(tmp_path_factory.mktemp("sweep"))


class Stopped(Exception):
    """Stands for whatever ends a process."""


def stop_after(points: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets so many points be run and no more; the list grows by the folder of each."""
    ran: list[str] = []
    whole = _run.execute

    def execute(plan: _run.Plan, **options: Any) -> _run.Run:
        if len(ran) == points:
            raise Stopped
        ran.append(plan.target.name)
        return whole(plan, **options)

    monkeypatch.setattr(_run, "execute", execute)
    return ran


def begun(tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep of two points in `again` of which the first is finished."""
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        with pytest.raises(Stopped):
            rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="again")


def test_a_stopped_sweep_goes_on_where_it_was(done: SweepRun, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (f"portfolio.tape={done.folder.parent / 'tape.csv'}", *FIXED, *SWEPT, "out=again")
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(Stopped):
            rackrisk.sweep(*asked)
    assert [path.name for path in folder.iterdir()] == ["again.unfinished"]
    assert not (folder / "again.unfinished/DONE").exists()
    with monkeypatch.context() as patch:
        ran = stop_after(9, patch)
        again = rackrisk.sweep(*asked)
    assert ran == [item.folder for item in done.order.points[2:]]
    assert again.table.equals(done.table)
    assert [path.name for path in folder.iterdir()] == ["again"]


@pytest.mark.parametrize("name", ["again", "again.unfinished"])
def test_a_stopped_sweep_is_resumed_from_its_folder_alone(
    name: str, tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        with pytest.raises(Stopped):
            rackrisk.sweep("portfolio.tape=tape.csv", *FIXED, *SWEPT, out="again")
    assert tape == folder / "tape.csv"
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    found = resume_sweep(folder / name)
    assert found.folder == folder / "again"
    assert len(found.order.points) == 4
    with pytest.raises(RunFolderError, match="is finished"):
        resume_sweep(found.folder)


def test_what_a_killed_point_left_is_not_taken_for_a_point(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tape, monkeypatch)
    (folder / "again.unfinished/points/.002-seed_2.partial-0123abcd/tables").mkdir(parents=True)
    found = rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="again")
    assert sorted(path.name for path in (found.folder / "points").iterdir()) == ["001-seed_1", "002-seed_2"]


@pytest.mark.parametrize("damage", ["DONE", "manifest.json", "config_hash"])
def test_a_damaged_point_stops_the_sweep(
    damage: str, tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tape, monkeypatch)
    first = folder / "again.unfinished/points/001-seed_1"
    if damage == "config_hash":
        manifest = json.loads((first / "manifest.json").read_text())
        (first / "manifest.json").write_text(json.dumps(manifest | {"config_hash": "0" * 64}))
        (first / "DONE").write_text(done_text(first))
    else:
        (first / damage).unlink()
    with pytest.raises(RunFolderError, match="is not the run of this point"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="again")
    assert first.is_dir()


def test_another_sweep_does_not_mix_with_unfinished_work(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tape, monkeypatch)
    before = sorted(folder.rglob("*"))
    with pytest.raises(RunFolderError, match="work of another sweep"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,3", out="again")
    assert sorted(folder.rglob("*")) == before


def test_a_tape_that_changed_stops_a_resumed_sweep(tape: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    begun(tape, monkeypatch)
    write_tape(tape, tape_rows(10))
    with pytest.raises(SweepProblems, match="point 2"):
        resume_sweep(folder / "again.unfinished")


def test_a_tape_that_changes_between_points_stops_the_sweep(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _run.execute

    def execute(plan: _run.Plan, **options: Any) -> _run.Run:
        write_tape(tape, tape_rows(10))
        return whole(plan, **options)

    monkeypatch.setattr(_run, "execute", execute)
    with pytest.raises(RunFolderError, match="point 2: its inputs were changed"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="again")
    assert [path.name for path in (folder / "again.unfinished/points").iterdir()] == ["001-seed_1"]


@pytest.mark.parametrize("name", ["../../escape", "001-x/../../..", "/tmp/x", ""])
def test_an_order_cannot_lead_out_of_its_folder(
    name: str, tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tape, monkeypatch)
    order = json.loads((folder / "again.unfinished/sweep.json").read_text())
    order["points"][1]["folder"] = name
    (folder / "again.unfinished/sweep.json").write_text(json.dumps(order))
    with pytest.raises(RunFolderError, match="names folders"):
        resume_sweep(folder / "again")


def test_one_process_at_a_time_works_on_a_sweep(tape: Path, command: Command, folder: Path) -> None:
    (folder / "found.unfinished/points").mkdir(parents=True)
    with (folder / "found.unfinished/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome = command("sweep", f"portfolio.tape={tape}", *FIXED, "seed=1,2", "out=found")
    assert outcome.code == 75
    assert "another process works on this run" in outcome.words
    assert (folder / "found.unfinished/points").is_dir()


@pytest.mark.parametrize("name", ["points", "sweep.json", "lock"])
def test_links_in_unfinished_work_are_not_followed(name: str, tape: Path, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "found.unfinished").mkdir()
    (folder / "found.unfinished" / name).symlink_to(folder / "elsewhere")
    with pytest.raises(RunFolderError, match=r"symbolic link|Too many levels"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="found")
    assert list((folder / "elsewhere").iterdir()) == []


def test_who_stops_a_sweep_is_told_how_it_goes_on(
    tape: Path, command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _run.execute

    def execute(plan: _run.Plan, **options: Any) -> _run.Run:
        if plan.target.name.startswith("002"):
            raise KeyboardInterrupt
        return whole(plan, **options)

    monkeypatch.setattr(_run, "execute", execute)
    outcome = command("sweep", f"portfolio.tape={tape}", *FIXED, "seed=1,2,3", "out=found")
    assert outcome.code == 130
    kept = f"{folder / 'found.unfinished'} keeps 1 of 3 points; go on with: rackrisk resume {folder / 'found'}"
    assert kept in outcome.words
    monkeypatch.setattr(_run, "execute", whole)
    assert command("resume", "found.unfinished", "executor.workers=2", "--no-progress").code == 0
    assert (folder / "found/DONE").is_file()


def test_a_point_goes_on_from_its_shards(tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (f"portfolio.tape={tape}", *FIXED, "scenarios=2100", "months=2", "seed=1,2", "executor.shard_scenarios=1")
    undisturbed = rackrisk.sweep(*asked, out="whole")
    computed: list[range] = []
    whole = Unfinished.store

    def store(work: Unfinished, numbers: range, *parts: Any) -> None:
        if len(computed) == 2:
            raise Stopped
        whole(work, numbers, *parts)
        computed.append(numbers)

    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "store", store)
        with pytest.raises(Stopped):
            rackrisk.sweep(*asked, out="again")
    assert [path.name for path in (folder / "again.unfinished/points").iterdir()] == ["001-seed_1.unfinished"]
    found = resume_sweep("again")
    assert found.table.equals(undisturbed.table)
    manifest = json.loads((found.folder / "points/001-seed_1/manifest.json").read_text())
    assert manifest["shards"]["scenarios_computed_before"] == 2_048


def test_only_the_executor_changes_in_a_sweep_that_was_begun(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tape, monkeypatch)
    for override, words in (("seed=9", "cannot be changed"), ("executor=shard", "prepares single runs")):
        with pytest.raises(ConfigProblems, match=words):
            resume_sweep(folder / "again", override)


def test_a_sweep_that_fails_at_its_end_writes_only_that_again(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (f"portfolio.tape={tape}", *FIXED, "seed=1,2", "out=again")

    def fail(_: Path) -> str:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(sweep_picture, "picture", fail)
        with pytest.raises(Stopped) as raised:
            rackrisk.sweep(*asked)
    assert raised.value.__notes__ == [
        f"{folder / 'again.unfinished'} keeps 2 of 2 points; go on with: rackrisk resume {folder / 'again'}"
    ]
    ran = stop_after(0, monkeypatch)
    assert (rackrisk.sweep(*asked).folder / "sweep.svg").is_file()
    assert ran == []


def test_a_finished_sweep_is_not_resumed_and_that_is_no_mistake(command: Command, done: SweepRun) -> None:
    outcome = command("resume", str(done.folder))
    assert (outcome.code, outcome.out) == (0, f"{done.folder}: is finished; there is nothing left to do\n")


def test_a_torn_point_stops_the_sweep_before_others_are_run(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tape, monkeypatch)
    losses = folder / "again.unfinished/points/001-seed_1/losses.parquet"
    losses.write_bytes(losses.read_bytes()[:-9])
    ran = stop_after(9, monkeypatch)
    with pytest.raises(RunFolderError, match="was changed after the run, or is torn"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="again")
    assert ran == []


def test_the_tape_of_a_point_that_is_finished_need_not_be_there(
    tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_tape(folder / "other.csv", tape_rows(6))
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        with pytest.raises(Stopped):
            rackrisk.sweep(f"portfolio.tape={other},{tape}", *FIXED, out="again")
    other.unlink()
    assert len(resume_sweep("again").order.points) == 2


def test_a_sweep_is_locked_until_it_has_its_name(tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Draft.publish

    def publish(draft: Draft) -> Path:
        place = whole(draft)
        if place == folder / "again":
            with pytest.raises(Busy):
                take_lock(place)
        return place

    monkeypatch.setattr(Draft, "publish", publish)
    rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="again")
    assert not (folder / "again" / "lock").exists()


def test_a_place_that_was_taken_in_the_meantime_is_left_alone(tape: Path, folder: Path) -> None:
    plan = make_plan([f"portfolio.tape={tape}", *FIXED, "seed=1,2", "out=again"])
    (folder / "again").mkdir()
    (folder / "again" / "mine").touch()
    with pytest.raises(RunFolderError, match="is taken by now"):
        execute(plan)
    assert sorted(path.name for path in folder.iterdir()) == ["again", "tape.csv"]


@pytest.mark.slow
def test_a_sweep_that_is_killed_again_and_again_gives_the_same_table(done: SweepRun, tmp_path: Path) -> None:
    asked = (f"portfolio.tape={done.folder.parent / 'tape.csv'}", *FIXED, *SWEPT, "out=again")
    call = [sys.executable, "-m", "rackrisk", "sweep", *asked, "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(Path(rackrisk.__file__).parents[1])}
    work, names = tmp_path / "again.unfinished", [item.folder for item in done.order.points]
    for sign in ("sweep.json", f"points/{names[0]}.unfinished", f"points/{names[1]}/DONE", f"points/{names[3]}/DONE"):
        process = subprocess.Popen(call, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
        while not (work / sign).exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert work.is_dir()
    resume = [sys.executable, "-m", "rackrisk", "resume", "again", "--quiet"]
    subprocess.run(resume, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]
    ours, theirs = (folder / "tables/sweep.parquet" for folder in (tmp_path / "again", done.folder))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_sweep_leaves_an_unfinished_run_alone(tape: Path, folder: Path) -> None:
    with _run.begun(_run.make_plan((f"portfolio.tape={tape}", *FIXED, "out=taken")), keep=True):
        pass
    before = sorted((folder / "taken.unfinished").rglob("*"))
    with pytest.raises(RunFolderError, match=r"holds an unfinished run; finish it with rackrisk resume .*taken"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="taken")
    assert sorted((folder / "taken.unfinished").rglob("*")) == before


def test_a_run_leaves_an_unfinished_sweep_alone(tape: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tape, monkeypatch)
    before = sorted((folder / "again.unfinished").rglob("*"))
    with pytest.raises(RunFolderError, match=r"holds an unfinished sweep \(rackrisk resume .*again finishes it\)"):
        rackrisk.run(f"portfolio.tape={tape}", *FIXED, out="again")
    assert sorted((folder / "again.unfinished").rglob("*")) == before


def test_a_sweep_leaves_alone_what_is_no_work_of_this_program(tape: Path, folder: Path) -> None:
    (folder / "mine.unfinished").mkdir()
    (folder / "mine.unfinished/letter").touch()
    with pytest.raises(RunFolderError, match="holds no sweep but something else"):
        rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="mine")
    assert [path.name for path in (folder / "mine.unfinished").iterdir()] == ["letter"]
