"""Bad configuration never gives a number: everything wrong with it is listed, and nothing is run or written."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from rackrisk.config import ConfigProblem, ConfigProblems, load_settings
from rackrisk.kernels.cuda import device

from .conftest import Command
from .tapes import tape_rows, write_tape


def problems_of(*overrides: str) -> list[ConfigProblem]:
    with pytest.raises(ConfigProblems) as caught:
        load_settings(overrides)
    return caught.value.problems


def rules_of(*overrides: str) -> dict[str, str]:
    return {p.key: p.rule for p in problems_of(*overrides)}


def test_all_problems_are_listed_at_once() -> None:
    rules = rules_of(
        "portfolio=miner",
        "market.btc.price_usd=-1",
        "market.regimes.initial=panic",
        "engine.precision=float16",
        "measures.levels=[0.9,2]",
        "mechanisms.offtake=NO",
        "scenarios=0",
        "months=601",
        "seed=1.5",
        "as_of=2026-13-01",
        "name=a/b",
        "recovery.system_multiple=.nan",
        "n_scenarios=10",
        "nonsense",
        "hydra.run.dir=/",
    )
    assert set(rules) == {
        "portfolio", "market.btc.price_usd", "market.regimes.initial", "engine.precision", "measures.levels.1",
        "mechanisms.offtake", "scenarios", "months", "seed", "as_of", "name", "recovery.system_multiple", "n_scenarios",
        "nonsense", "hydra.run.dir",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("n_scenarios=10", "scenarios"),
        ("scenario=10", "scenarios"),
        ("measures.level=[0.9]", "measures.levels"),
        ("levels=[0.9]", "measures.levels"),
        ("mechanisms.offtaker=false", "mechanisms.offtake"),
        ("portfolio=miner", "miners"),
        ("market=bse", "base"),
        ("engine.precision=flaot32", "float32"),
        ("miners", "portfolio=miners"),
        ("+market.btc.prce_usd=3", "market.btc.price_usd"),
    ],
)
def test_a_mistyped_word_comes_with_a_suggestion(override: str, suggestion: str) -> None:
    (problem,) = problems_of(override)
    assert f"did you mean '{suggestion}'?" in problem.rule


def test_an_unknown_option_lists_the_options() -> None:
    (problem,) = problems_of("engine=tpu")
    assert "auto, cuda, jax, reference" in problem.rule


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("hydra.run.dir=/tmp/x", "hydra.run.dir"),
        ("hydra/launcher=basic", "hydra/launcher"),
        ("+hydra.searchpath=[file:///tmp]", "hydra.searchpath"),
        ("hydra/job_logging=none", "hydra/job_logging"),
        ("++_target_=os.system", "_target_"),
        ("+market._target_=os.system", "market._target_"),
        ("market.btc={_target_: os.system, _args_: [ls]}", "market.btc._target_"),
        ("+market.generations.x={a: [{_target_: os.system}]}", "market.generations.x.a.0._target_"),
        ("seed=${oc.env:HOME}", "seed"),
        ("name=${oc.env:HOME}", "name"),
        ("out=${hydra:runtime.cwd}", "out"),
        ("portfolio.tape=${oc.env:HOME}", "portfolio.tape"),
        ("measures.levels=[${oc.decode:1}]", "measures.levels"),
        ("market=${oc.env:HOME}", "market"),
        ("seed=${oc.create:${seed}}", "seed"),
        ("market@portfolio=base", "market@portfolio"),
        ("name=../../x", "name"),
        ("name=.hidden", "name"),
        ("name=" + "x" * 300, "name"),
        ("seed=1,2", "seed"),
        ("seed=range(1,3)", "seed"),
        ("scenarios=" + "[" * 5000, "scenarios"),
        ("x" * 20_000 + "=1", "x" * 60),
        ("seed=1\0", "seed=1\0"),
        ("scenarios=1000000000000", "scenarios"),
        ("scenarios=1000000000", "scenarios"),
        ("months=inf", "months"),
        ("measures.levels=[.nan]", "measures.levels.0"),
        ("seed=18446744073709551616", "seed"),
        ("~portfolio", "portfolio"),
        ("portfolio=null", "portfolio"),
        ("~seed", "seed"),
        ("portfolio.count=1e9", "portfolio.count"),
        ("portfolio.tape=nothing.csv", "portfolio.tape"),
        ("portfolio.tape=/etc/passwd", "portfolio.tape"),
        ("engine.name=reference", "engine.precision"),
        ("seed=${months2}", "seed"),
    ],
)
def test_hostile_and_impossible_overrides_are_refused_by_key(override: str, key: str) -> None:
    assert key in {p.key for p in problems_of(override)}


def test_yaml_words_are_not_taken_for_truth_values_or_numbers() -> None:
    rules = rules_of("mechanisms.vacuum=NO", "market.relet_months=on", "recovery.unsecured_recovery=true", "seed='1'")
    assert set(rules) == {"mechanisms.vacuum", "market.relet_months", "recovery.unsecured_recovery", "seed"}


@pytest.mark.parametrize("count", [0, 99, 1_000_001])
def test_a_synthetic_book_has_100_to_a_million_facilities(count: int) -> None:
    assert "portfolio.count" in rules_of("portfolio=synthetic", f"portfolio.count={count}")


def test_a_list_with_a_wrong_entry_is_complained_about_once() -> None:
    assert set(rules_of("measures.levels=[99]")) == {"measures.levels.0"}
    assert set(rules_of("measures.levels=[]")) == {"measures.levels"}


def test_an_engine_that_cannot_run_is_refused_before_anything_is_said(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_devices() -> None:
        raise device.CudaMissing("CuPy finds no CUDA device: none is plugged in")

    monkeypatch.setattr(device, "cuda_devices", no_devices)
    outcome = command("run", "engine=cuda")
    assert (outcome.code, outcome.out) == (2, "")
    assert "engine=cuda cannot run here: CuPy finds no CUDA device: none is plugged in; use engine=jax" in outcome.words
    assert "scenarios" not in outcome.err
    assert not list(folder.iterdir())


def test_a_few_problems_of_the_command_line_are_only_shown(command: Command, folder: Path) -> None:
    outcome = command("run", "scenarios=0", "seed=x", f"out={folder}/never")
    assert (outcome.code, outcome.out) == (2, "")
    assert "scenarios" in outcome.err
    assert "seed" in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(folder.iterdir())


def test_more_problems_than_are_shown_leave_one_named_file(command: Command, folder: Path) -> None:
    keys = [f"nonsense_{i:02d}" for i in range(25)]
    outcome = command("run", *(f"{key}=1" for key in keys))
    assert (outcome.code, outcome.out) == (2, "")
    (file,) = folder.iterdir()
    assert str(file) in outcome.err.replace("\n", "")
    with file.open(newline="") as stream:
        assert [row["column"] for row in csv.DictReader(stream)] == keys


def test_problems_of_a_tape_always_leave_one_named_file(command: Command, folder: Path) -> None:
    rows = [{**row, "currency": "EUR"} for row in tape_rows(2)]
    outcome = command("run", f"portfolio.tape={write_tape(folder / 'bad.csv', rows)}")
    assert outcome.code == 2
    (file,) = folder.glob("rackrisk-problems-*.csv")
    assert str(file) in outcome.err.replace("\n", "")


def test_the_first_20_problems_are_shown_and_all_are_in_the_file(command: Command, folder: Path) -> None:
    rows = [{**row, "currency": "EUR"} for row in tape_rows(30)]
    outcome = command("run", f"portfolio.tape={write_tape(folder / 'bad.csv', rows)}")
    assert outcome.code == 2
    assert outcome.err.count("EUR") == 20
    assert "30 problems" in outcome.err
    (file,) = folder.glob("rackrisk-problems-*.csv")
    assert file.read_text().count("EUR") == 30
    assert not (folder / "runs").exists()


def test_problems_go_to_a_temporary_file_where_the_folder_is_closed(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def closed() -> Path:
        raise PermissionError

    place = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.setattr(Path, "cwd", staticmethod(closed))
    outcome = command("run", *(f"nonsense_{i}=1" for i in range(25)))
    assert outcome.code == 2
    assert len(list(place.glob("rackrisk-*/rackrisk-problems-*.csv"))) == 1
    assert not list(folder.iterdir())


def test_no_value_of_the_environment_is_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "s3cret")
    outcome = command("run", "name=${oc.env:CANARY}", "market=${oc.env:CANARY}", "+x=${oc.env:CANARY}")
    assert outcome.code == 2
    assert "s3cret" not in outcome.out + outcome.err


def test_terminal_escapes_in_an_argument_are_shown_not_obeyed(command: Command) -> None:
    outcome = command("run", "name=\x1b[2J\x1b]0;owned\x07")
    assert outcome.code == 2
    assert "\x1b[2J" not in outcome.err
    assert "\\x1b" in outcome.err


@pytest.mark.parametrize("kind", ["link", "full", "file"])
def test_an_out_folder_that_is_not_free_is_refused(command: Command, folder: Path, kind: str) -> None:
    out, elsewhere = folder / "out", folder / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        out.symlink_to(elsewhere)
    elif kind == "full":
        out.mkdir()
        (out / "mine.txt").write_text("keep")
    else:
        out.write_text("keep")
    outcome = command("run", f"out={out}")
    assert outcome.code == 2
    assert not list(elsewhere.iterdir())
    assert kind == "link" or "keep" in {out.read_text() if kind == "file" else (out / "mine.txt").read_text()}


def test_runs_may_not_be_a_link(command: Command, folder: Path, tape: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "runs").symlink_to(folder / "elsewhere")
    outcome = command("run", f"portfolio.tape={tape}")
    assert outcome.code == 2
    assert "symbolic link" in outcome.err
    assert not list((folder / "elsewhere").iterdir())


def test_a_folder_that_cannot_be_made_is_named(command: Command, tape: Path, folder: Path) -> None:
    (folder / "file").write_text("")
    outcome = command("run", f"portfolio.tape={tape}", "out=file/below")
    assert outcome.code == 2
    assert "file" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["resume"], "required: RUN"),
        (["shard", "run"], "required: --index"),
        (["run", "--jsn"], "unexpected argument --jsn"),
        (["report"], "required"),
        (["report", "a", "b"], "unexpected argument b"),
        (["book"], "--out"),
        (["--nonsense"], "unexpected argument --nonsense"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(command: Command, arguments: list[str], words: str) -> None:
    outcome = command(*arguments)
    assert outcome.code == 2
    assert words in outcome.words


def test_a_tape_is_found_from_the_working_directory_and_may_have_any_name(folder: Path) -> None:
    name = "tape (final) = ü,1.csv"
    write_tape(folder / name)
    settings, _ = load_settings([f"portfolio.tape={name}"])
    assert settings.portfolio.tape == name
    settings, _ = load_settings([f"portfolio.tape='{name}'"])
    assert settings.portfolio.tape == name


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_tape_is_named(tape: Path) -> None:
    tape.chmod(0)
    assert "cannot be read" in rules_of(f"portfolio.tape={tape}")["portfolio.tape"]
