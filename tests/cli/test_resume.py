"""What is said to people who resume, share out and repeat runs; that results agree is in tests/faults."""

from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path
from typing import NoReturn

import polars as pl
import pytest

import rackrisk
from rackrisk import _run
from rackrisk._structural import Structural
from rackrisk.executors import ShardsMissing
from rackrisk.run_folder import done_text

from ..helpers.fake_result import fake_open
from .conftest import Command

pytestmark = pytest.mark.usefixtures("fake_engine", "tape")
SMALL = ("portfolio.tape=tape.csv", "months=24", "scenarios=3000", "executor.shard_scenarios=1024", "engine=reference")


@pytest.fixture
def done(command: Command, folder: Path) -> Path:
    """A finished run."""
    assert command("run", *SMALL, "out=done", "--quiet").code == 0
    return folder / "done"


@pytest.fixture
def begun(folder: Path) -> Path:
    """A run that was stopped before its first shard, on purpose kept."""
    with _run.begun(_run.make_plan((*SMALL, "out=begun")), keep=True):
        return folder / "begun.unfinished"


def test_a_finished_run_is_not_resumed_and_that_is_no_mistake(command: Command, done: Path) -> None:
    assert command("resume", "done").out == "done: is finished; there is nothing left to do\n"
    assert json.loads(command("resume", "done", "--json").out) == {"run": "done", "finished": True}
    assert command("shard", "done", "--index", "0").code == 0
    assert done.is_dir()


def test_what_a_kill_at_the_last_moment_left_is_removed(command: Command, done: Path, begun: Path) -> None:
    begun.rename(done.with_name("done.unfinished"))
    assert command("resume", "done").code == 0
    assert [path.name for path in done.parent.iterdir() if "done" in path.name] == ["done"]


def test_a_result_never_goes_elsewhere_silently(command: Command, begun: Path) -> None:
    (begun.parent / "begun").mkdir()
    (begun.parent / "begun" / "mine").touch()
    outcome = command("resume", "begun")
    assert (outcome.code, outcome.out) == (2, "")
    assert "holds something else" in outcome.words
    assert begun.is_dir()


def test_the_first_lines_say_where_the_run_goes_and_what_is_there(command: Command, begun: Path) -> None:
    assert command("shard", str(begun), "--index", "1", "--quiet").code == 0
    outcome = command("resume", "begun")
    assert "\nto begun, where 1,024 scenarios are there already\n" in outcome.err
    assert "\nto elsewhere\n" in command("run", *SMALL, "out=elsewhere").err


def test_what_an_unfinished_run_has_otherwise_is_named(command: Command, begun: Path) -> None:
    outcome = command("run", *SMALL, "out=begun", "seed=7", "mechanisms.vacuum=false")
    assert outcome.code == 2
    assert "of another configuration (seed, mechanisms.vacuum)" in outcome.words
    tape = begun.parent / "tape.csv"
    tape.write_text(tape.read_text() + "\n")
    assert "of another configuration (portfolio.tape)" in command("run", *SMALL, "out=begun").words


def test_the_folder_above_unfinished_runs_names_them(command: Command, begun: Path) -> None:
    outcome = command("resume", str(begun.parent))
    assert outcome.code == 2
    assert f"no unfinished run here; in it are {begun.parent / 'begun'}" in outcome.words


def test_a_repetition_says_how_its_engine_and_folder_are_named(command: Command, done: Path) -> None:
    outcome = command("rerun", str(done), "engine=jax", "out=x", "seed=4")
    assert outcome.code == 2
    assert outcome.words.count("is repeated as it was; only the executor, --engine NAME and --out DIR") == 3


@pytest.mark.parametrize("override", ["seed=2", "scenarios=5", "executor.shard_scenarios=7", "out=x"])
def test_a_run_that_was_begun_changes_its_executor_alone(command: Command, begun: Path, override: str) -> None:
    outcome = command("resume", str(begun), override)
    assert (outcome.code, outcome.out) == (2, "")
    assert "cannot be changed in " in outcome.words
    assert override.partition("=")[2] in outcome.words


def test_a_tape_that_changed_in_the_meantime_is_told(command: Command, begun: Path, folder: Path) -> None:
    (folder / "tape.csv").unlink()
    assert command("resume", str(begun), "--quiet").code == 0
    notes = json.loads((folder / "begun" / "manifest.json").read_text())["warnings"]
    assert any("tape.csv is not there any more; the book is the one that the run kept" in note for note in notes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--index", "3"), "must be from 0 to 2"),
        (("--index", "-1"), "must be from 0 to 2"),
        (("--index", "0", "--of", "0"), "--of 0: must be at least 1"),
    ],
)
def test_a_job_that_is_none_is_refused(command: Command, begun: Path, arguments: tuple[str, ...], words: str) -> None:
    outcome = command("shard", str(begun), *arguments)
    assert outcome.code == 2
    assert words in outcome.words


def test_a_job_without_a_shard_says_so(command: Command, begun: Path) -> None:
    outcome = command("shard", str(begun), "--index", "7", "--of", "8")
    assert (outcome.code, "no shard falls to this job" in outcome.out) == (0, True)


def test_missing_shards_are_named_by_what_computes_them(command: Command, folder: Path) -> None:
    assert command("run", *SMALL, "executor=shard", "out=shared").code == 0
    assert command("shard", "shared", "--index", "1", "--quiet").code == 0
    outcome = command("resume", "shared", "--quiet")
    assert outcome.code == 75
    assert "shards 0, 2 are missing" in outcome.words
    assert f"rackrisk shard {folder / 'shared'} --index N" in outcome.words
    assert outcome.err.count("rackrisk resume") == 1


def test_folders_of_unfinished_runs_have_their_name_for_themselves(command: Command, done: Path) -> None:
    assert "ends in .unfinished" in command("run", *SMALL, "out=a.unfinished").words
    assert "holds a finished run" in (words := command("run", *SMALL, "out=done").words)
    assert "rackrisk report done" in words
    assert done.is_dir()


@pytest.mark.parametrize("change", ["append", "replace", "delete"])
def test_a_run_whose_tables_were_changed_is_not_repeated(command: Command, done: Path, change: str) -> None:
    table = done / "tables" / "facilities.parquet"
    if change == "append":
        table.write_bytes(table.read_bytes() + b"x")
    elif change == "replace":
        shutil.copy(done / "tables" / "measures.parquet", table)
    else:
        shutil.rmtree(done / "tables")
    outcome = command("rerun", "done")
    assert (outcome.code, outcome.out) == (2, "")
    assert "tables/facilities.parquet" in outcome.words
    assert not (done.parent / "runs").exists()


def test_a_repetition_says_which_bytes_are_others(command: Command, done: Path) -> None:
    same = command("rerun", "done", "--quiet")
    assert (same.code, "same: losses and every table" in same.out) == (0, True)
    other = command("rerun", "done", "--engine", "jax", "--quiet")
    assert "engine.name was reference and is jax now" in " ".join(other.out.split())


def test_a_repetition_says_which_settings_of_the_machine_are_others(
    command: Command, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "versions, machine, device and inputs are those of the run" in command("rerun", "done", "--quiet").out
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    manifest = json.loads((done / "manifest.json").read_text())
    manifest["shards"]["cpus"], manifest["packages"]["polars"] = ["another processor"], "0.1"
    (done / "manifest.json").write_text(json.dumps(manifest))
    (done / "DONE").write_text(done_text(done))
    words = " ".join(command("rerun", "done", "--quiet").out.split())
    assert "environment.OMP_NUM_THREADS was not set and is 3 now" in words
    assert "shards.cpus was another processor and is" in words
    assert "polars was 0.1 and is" in words
    assert "are those of the run" not in words


def test_a_run_of_an_array_is_repeated_here(command: Command) -> None:
    command("run", *SMALL, "executor=shard", "out=array")
    for index in range(3):
        assert command("shard", "array", "--index", str(index)).code == 0
    assert command("resume", "array", "--quiet").code == 0
    assert command("rerun", "array", "--out", "again", "--quiet").code == 0
    refused = command("rerun", "array", "executor=shard", "--out", "third")
    assert (refused.code, refused.out) == (2, "")
    assert "use local or ray" in refused.words


def test_a_run_that_others_compute_is_prepared_from_python_too(folder: Path) -> None:
    with pytest.raises(ShardsMissing):
        rackrisk.run(*SMALL, "executor=shard", out="array")
    assert (folder / "array.unfinished" / "order.json").is_file()


def test_nobody_waits_for_shards_that_nobody_knows(command: Command) -> None:
    with _run.begun(_run.make_plan((*SMALL, "until=EL:1%", "out=begun")), keep=True):
        pass
    outcome = command("resume", "begun", "executor=shard")
    assert (outcome.code, outcome.out) == (2, "")
    assert "cannot be known beforehand" in outcome.words


def test_a_run_that_others_finish_in_this_moment_is_no_mistake(
    command: Command, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(_run, "tidied", lambda _: next(answers))
    assert command("resume", str(done)).out.endswith("is finished; there is nothing left to do\n")


def test_a_book_that_is_torn_is_seen_before_anything_is_computed(command: Command, begun: Path) -> None:
    book = begun / "book.parquet"
    book.write_bytes(book.read_bytes()[:-1])
    outcome = command("run", *SMALL, "out=begun")
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not the book" in outcome.words
    assert list((begun / "shards").iterdir()) == []


def test_who_is_interrupted_after_the_end_is_told_that_it_is_the_end(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Structural, "print_summary", interrupt)
    outcome = command("run", *SMALL, "out=late")
    assert outcome.code == 130
    assert f"{folder / 'late'} is finished" in outcome.words
    assert (folder / "late" / "DONE").is_file()


def test_an_engine_that_is_none_is_refused(command: Command, done: Path) -> None:
    for name in ("jaxx", ""):
        outcome = command("rerun", str(done), "--engine", name)
        assert (outcome.code, outcome.out) == (2, "")
        assert "choose one of reference, jax, cuda" in outcome.words


def test_the_simulation_is_gone_before_the_report_is_made(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[object]] = []

    def spy(model: Structural, book: pl.DataFrame, engine: str) -> object:
        simulation = fake_open(model, book, engine)
        made.append(weakref.ref(simulation))
        return simulation

    def look(folder: Path) -> str:
        assert [place() for place in made] == [None]
        return "<html></html>"

    monkeypatch.setattr(Structural, "open", spy)
    monkeypatch.setattr("rackrisk.report.render", look)
    assert command("run", *SMALL, "--quiet").code == 0
    assert len(made) == 1


def test_a_tape_under_another_name_is_no_difference(command: Command, begun: Path) -> None:
    shutil.copy(begun.parent / "tape.csv", begun.parent / "moved.csv")
    moved = [word.replace("tape.csv", "moved.csv") for word in SMALL]
    assert "of another configuration (seed);" in command("run", *moved, "out=begun", "seed=2").words
    assert command("run", *moved, "out=begun", "--quiet").code == 0
