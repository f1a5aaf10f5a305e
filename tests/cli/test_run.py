"""A run leaves one complete folder or nothing, and says the same on stdout, in JSON and in Python."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rackrisk
from rackrisk._structural import Structural, world_of
from rackrisk.config import ConfigProblems
from rackrisk.data import TapeProblems

from ..helpers.fake_result import fake_open
from .conftest import Command

pytestmark = pytest.mark.usefixtures("fake_engine")

TABLES = (
    "measures", "facilities", "pd_term", "early_warning", "fans", "defaults_by_cause", "loss_given_default",
)  # fmt: skip
SMALL = ("scenarios=300", "months=24", "portfolio.tape=tape.csv")


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


@pytest.mark.usefixtures("tape")
def test_a_run_folder_is_complete_and_its_hashes_are_right(command: Command, folder: Path) -> None:
    assert command("run", *SMALL).code == 0
    run = only_run(folder)
    manifest = json.loads((run / "manifest.json").read_text())
    found = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    expected = {
        "book.parquet",
        "config.resolved.yaml",
        "losses.parquet",
        "report.html",
        *(f"tables/{t}.parquet" for t in TABLES),
    }
    assert found == expected | {"manifest.json", "DONE"}
    assert {item["path"] for item in manifest["outputs"]} == expected
    for item in manifest["outputs"]:
        data = (run / item["path"]).read_bytes()
        assert (item["sha256"], item["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (run / "DONE").read_text().split() == [
        hashlib.sha256((run / "manifest.json").read_bytes()).hexdigest(),
        "manifest.json",
    ]


@pytest.mark.usefixtures("tape")
def test_the_manifest_says_what_was_run(command: Command, folder: Path) -> None:
    assert command("run", *SMALL, "seed=5", "mechanisms.offtake=false", "market.relet_months=4").code == 0
    manifest = json.loads((only_run(folder) / "manifest.json").read_text())
    tape = (folder / "tape.csv").read_bytes()
    assert (manifest["seed"], manifest["rng"], manifest["n_scenarios"]) == (5, "philox4x32-10/v1", 300)
    assert manifest["config"]["mechanisms"]["offtake"] is False
    assert manifest["config"]["market"]["relet_months"] == 4
    assert manifest["choices"]["market"] == "base"
    assert manifest["inputs"] == [
        {
            "role": "tape",
            "path": str(folder / "tape.csv"),
            "bytes": len(tape),
            "sha256": hashlib.sha256(tape).hexdigest(),
            "rows": 12,
        }
    ]
    assert {"numpy", "polars", "hydra-core", "rackrisk"} <= set(manifest["packages"])
    assert {"config", "book", "simulate", "measures", "tables", "report"} <= set(manifest["timings_s"])
    assert manifest["machine"]["cores"] == os.cpu_count()


@pytest.mark.usefixtures("tape")
def test_losses_have_one_row_a_scenario(command: Command, folder: Path) -> None:
    assert command("run", *SMALL).code == 0
    losses = pl.read_parquet(only_run(folder) / "losses.parquet")
    assert losses.height == 300
    assert losses.columns[:3] == ["scenario", "loss", "weight"]


@pytest.mark.usefixtures("tape")
def test_json_is_one_document_and_agrees_with_the_table(command: Command, folder: Path) -> None:
    outcome = command("run", *SMALL, "--json")
    document = json.loads(outcome.out)
    run = only_run(folder)
    assert document["run"] == str(run)
    assert document["measures"] == pl.read_parquet(run / "tables" / "measures.parquet").to_dicts()
    assert set(document["measures"][0]) == {
        "measure", "level", "value", "std_error", "ci_low", "ci_high", "unit", "scope", "n_scenarios", "method",
    }  # fmt: skip
    assert {m["scope"] for m in document["measures"]} == {"portfolio", "neoclouds", "miners", "data_centres"}


@pytest.mark.usefixtures("tape")
def test_stdout_has_the_summary_and_stderr_the_rest(command: Command, folder: Path) -> None:
    outcome = command("run", *SMALL)
    run = only_run(folder)
    assert f"runs/{run.name}/report.html" in outcome.out
    assert "rackrisk" in outcome.err
    assert "rackrisk 0" not in outcome.out
    quiet = command("run", *SMALL, "--quiet")
    assert quiet.err == ""
    assert quiet.out


@pytest.mark.usefixtures("tape")
@pytest.mark.parametrize("arguments", [(), ("run",)])
def test_the_bare_command_is_run(command: Command, folder: Path, arguments: tuple[str, ...]) -> None:
    assert command(*arguments, *SMALL, "--json").code == 0
    assert only_run(folder)


@pytest.mark.usefixtures("tape")
def test_the_same_configuration_gives_the_same_bytes_and_hash(command: Command, folder: Path) -> None:
    first, second = (command("run", *SMALL, "--json", f"out=run{i}", f"name=n{i}") for i in (1, 2))
    assert json.loads(first.out)["config_hash"] == json.loads(second.out)["config_hash"]
    for name in ("losses.parquet", *(f"tables/{t}.parquet" for t in TABLES)):
        assert (folder / "run1" / name).read_bytes() == (folder / "run2" / name).read_bytes()


def test_the_hash_depends_on_the_tape_and_not_on_its_name(command: Command, folder: Path, tape: Path) -> None:
    hashes = []
    for name, text in (
        ("a.csv", tape.read_text()),
        ("b.csv", tape.read_text()),
        ("c.csv", tape.read_text().replace("0.045", "0.05")),
    ):
        (folder / name).write_text(text)
        outcome = command("run", "scenarios=100", "months=12", f"portfolio.tape={name}", "--json")
        hashes.append(json.loads(outcome.out)["config_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.usefixtures("tape")
def test_runs_of_one_second_never_share_a_folder(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rackrisk._run._now", lambda: datetime(2026, 8, 31, tzinfo=UTC))
    for _ in range(3):
        assert command("run", *SMALL).code == 0
    names = sorted(p.name for p in (folder / "runs").iterdir())
    assert len(names) == 3
    assert names[0].startswith("20260831T000000Z-tape-base-")
    assert names[1:] == [f"{names[0]}-2", f"{names[0]}-3"]
    assert all((folder / "runs" / name / "DONE").is_file() for name in names)


@pytest.mark.usefixtures("tape")
@pytest.mark.parametrize("exists", [False, True])
def test_out_may_be_new_or_empty(command: Command, folder: Path, exists: bool) -> None:
    if exists:
        (folder / "deep" / "out").mkdir(parents=True)
    assert command("run", *SMALL, "out=deep/out").code == 0
    assert (folder / "deep" / "out" / "DONE").is_file()
    assert not (folder / "runs").exists()
    assert [p.name for p in (folder / "deep").iterdir()] == ["out"]


@pytest.mark.usefixtures("tape")
def test_a_name_labels_the_folder(command: Command, folder: Path) -> None:
    assert command("run", *SMALL, "name=my-run_1.0").code == 0
    assert "-my-run_1.0-" in only_run(folder).name


@pytest.mark.usefixtures("tape")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (MemoryError(), 75),
        (OSError(28, "No space left on device"), 75),
    ],
)
def test_a_run_that_breaks_off_leaves_nothing(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(Structural, "open", broken)
    outcome = command("run", *SMALL)
    assert (outcome.code, outcome.out) == (code, "")
    assert "Traceback" not in outcome.err
    assert [p.name for p in folder.iterdir()] == ["tape.csv"]


@pytest.mark.usefixtures("tape")
def test_a_full_disk_while_writing_leaves_nothing(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert command("run", *SMALL).code == 75
    assert [p.name for p in folder.iterdir()] == ["tape.csv"]


@pytest.mark.usefixtures("tape")
def test_an_error_in_the_program_is_not_dressed_up(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Structural, "open", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command("run", *SMALL)
    assert [p.name for p in folder.iterdir()] == ["tape.csv"]


def test_a_tape_that_changes_while_it_is_read_is_refused(
    command: Command, folder: Path, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rackrisk.data

    read = rackrisk.data.load_portfolio

    def touched(*args: Any, **kwargs: Any) -> pl.DataFrame:
        book = read(*args, **kwargs)
        tape.write_text(tape.read_text() + "\n")
        return book

    monkeypatch.setattr(rackrisk.data, "load_portfolio", touched, raising=False)
    outcome = command("run", *SMALL)
    assert outcome.code == 2
    assert "changed while it was read" in outcome.words
    assert not (folder / "runs").exists()


@pytest.mark.usefixtures("tape")
def test_report_is_made_again_and_hashes_follow(command: Command, folder: Path) -> None:
    assert command("run", *SMALL, "out=run").code == 0
    run = folder / "run"
    page = (run / "report.html").read_text()
    (run / "report.html").write_text("gone")
    outcome = command("report", "run")
    assert (outcome.code, outcome.out) == (0, f"{run / 'report.html'}\n")
    assert (run / "report.html").read_text() == page
    manifest = json.loads((run / "manifest.json").read_text())
    (entry,) = (item for item in manifest["outputs"] if item["path"] == "report.html")
    assert entry["sha256"] == hashlib.sha256(page.encode()).hexdigest()
    assert (run / "DONE").read_text().split()[0] == hashlib.sha256((run / "manifest.json").read_bytes()).hexdigest()
    assert not [p for p in run.iterdir() if p.name.startswith(".")]


@pytest.mark.usefixtures("tape")
@pytest.mark.parametrize("damage", ["no DONE", "no losses", "no folder", "no manifest"])
def test_report_refuses_what_is_no_finished_run(command: Command, folder: Path, damage: str) -> None:
    assert command("run", *SMALL, "out=run").code == 0
    if damage != "no folder":
        (
            folder / "run" / {"no DONE": "DONE", "no losses": "losses.parquet", "no manifest": "manifest.json"}[damage]
        ).unlink()
    outcome = command("report", "nowhere" if damage == "no folder" else "run")
    assert outcome.code == 2
    assert outcome.err.startswith("rackrisk: ")


@pytest.mark.usefixtures("tape")
def test_what_a_killed_report_left_is_no_part_of_the_run(command: Command, folder: Path) -> None:
    assert command("run", *SMALL, "out=run").code == 0
    (folder / "run" / ".report.html.01234567").write_text("half")
    assert command("report", "run").code == 0
    manifest = json.loads((folder / "run" / "manifest.json").read_text())
    assert not [item["path"] for item in manifest["outputs"] if item["path"].startswith(".")]
    (folder / "run" / "DONE").write_text("of the manifest before")
    assert "call it again" in command("explain", "run").words
    assert command("report", "run").code == 0
    assert command("explain", "run").code != 2 or "changed" not in command("explain", "run").words


@pytest.mark.usefixtures("tape")
def test_whoever_names_the_folder_above_is_told_what_is_in_it(command: Command, folder: Path) -> None:
    for name in "abcde":
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "DONE").touch()
    for words in (["report", "runs"], ["explain", "runs"], ["compare", "runs", "runs"], ["rerun", "runs"]):
        outcome = command(*words)
        assert (outcome.code, outcome.out) == (2, "")
        assert "in it are runs/e, runs/d, runs/c and 2 more" in outcome.words


@pytest.mark.parametrize("name", ["run", "run.unfinished"])
def test_whoever_names_an_unfinished_run_is_told_how_to_finish_it(command: Command, folder: Path, name: str) -> None:
    (folder / "run.unfinished").mkdir()
    outcome = command("report", name)
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not finished; go on with: rackrisk resume run" in outcome.words


@pytest.mark.usefixtures("tape")
@pytest.mark.parametrize("name", ["losses.parquet", "config.resolved.yaml", "tables/facilities.parquet"])
def test_no_report_is_made_of_files_that_were_changed_after_the_run(command: Command, folder: Path, name: str) -> None:
    assert command("run", *SMALL, "out=run").code == 0
    run = folder / "run"
    with (run / name).open("ab") as file:
        file.write(b"\n")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    outcome = command("report", "run")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{name} was changed after the run" in outcome.words
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("tape")
def test_python_runs_the_same(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    run = rackrisk.run(
        "months=24",
        progress=lambda done, total: seen.append((done, total)),
        scenarios=300,
        portfolio={"tape": folder / "tape.csv"},
        mechanisms={"vacuum": False},
    )
    assert run.folder == only_run(folder)
    assert run.measures.equals(pl.read_parquet(run.folder / "tables" / "measures.parquet"))
    assert run.result.n_scenarios == 300
    assert run.manifest["config"]["mechanisms"]["vacuum"] is False
    assert seen[-1] == (300, 300)


def test_python_gets_problems_as_exceptions(folder: Path, tape: Path) -> None:
    with pytest.raises(ConfigProblems, match="did you mean 'scenarios'"):
        rackrisk.run(scenaros=3)
    tape.write_text(tape.read_text().replace("USD", "EUR"))
    with pytest.raises(TapeProblems):
        rackrisk.run("portfolio.tape=tape.csv")
    assert [p.name for p in folder.iterdir()] == ["tape.csv"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_written_book_reads_back_as_the_same_book(command: Command, folder: Path, tape: Path, ending: str) -> None:
    outcome = command("book", f"portfolio.tape={tape}", "--out", f"book.{ending}")
    assert (outcome.code, outcome.out) == (0, f"book.{ending}\n")
    again = command("book", f"portfolio.tape=book.{ending}", "--out", "again.parquet")
    assert again.code == 0
    first = command("book", f"portfolio.tape={tape}", "--out", "first.parquet")
    assert first.code == 0
    assert pl.read_parquet(folder / "again.parquet").equals(pl.read_parquet(folder / "first.parquet"))
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


@pytest.mark.usefixtures("tape")
def test_a_book_is_not_overwritten_without_force(command: Command, folder: Path) -> None:
    (folder / "book.csv").write_text("mine")
    refused = command("book", "portfolio.tape=tape.csv", "--out", "book.csv")
    assert refused.code == 2
    assert "--force" in refused.err
    assert (folder / "book.csv").read_text() == "mine"
    assert command("book", "portfolio.tape=tape.csv", "--out", "book.csv", "--force").code == 0
    assert (folder / "book.csv").read_text() != "mine"


@pytest.mark.usefixtures("tape")
@pytest.mark.parametrize("out", ["book.txt", "nowhere/book.csv", ".", "book"])
def test_a_book_needs_a_usable_file_name(command: Command, folder: Path, out: str) -> None:
    outcome = command("book", "portfolio.tape=tape.csv", "--out", out)
    assert outcome.code == 2
    assert [p.name for p in folder.iterdir()] == ["tape.csv"]


def test_the_engine_gets_what_was_configured(folder: Path, tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def spy(model: Structural, book: pl.DataFrame, engine: str) -> Any:
        seen.update(world_of(model.settings), engine=engine, precision=model.settings.engine.precision)
        return fake_open(model, book, engine)

    monkeypatch.setattr(Structural, "open", spy)
    rackrisk.run("engine=reference", "scenarios=50", "months=12", "seed=9", f"portfolio.tape={tape}", "out=r")
    assert (seen["engine"], seen["precision"], seen["segments"]) == ("reference", "float64", ("segment",))
    assert (seen["months"], seen["seed"]) == (12, 9)
    assert pl.read_parquet(folder / "r" / "losses.parquet").height == 50
    assert (folder / "r" / "DONE").exists()
