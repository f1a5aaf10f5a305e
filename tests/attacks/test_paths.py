"""Nothing that is typed or configured leads out of the folder that results go to, or makes a command break."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from rackrisk.config import ConfigProblems, load_settings

from ..cli.conftest import Command
from ..cli.tapes import write_tape

SMALL = ("engine=reference", "portfolio=miners", "scenarios=10", "months=2", "--quiet")


@pytest.mark.parametrize(
    "name", ["../x", "../../../../tmp/x", "/x", "a/b", ".x", "a\\b", "a b", "", "x" * 65, "ü", "\x1b[2J"]
)
@pytest.mark.parametrize("key", ["name", "portfolio.name"])
def test_no_name_of_a_run_or_a_book_is_a_path(command: Command, folder: Path, key: str, name: str) -> None:
    quoted = name if key == "name" else f"'{name}'"
    outcome = command("run", *SMALL, f"{key}={quoted}")
    assert (outcome.code, outcome.out) == (2, "")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("stem", ["..%2f..", "...", "-rf", "a b", "x" * 200, "$(touch pwned)", "=cmd()", "<script>"])
def test_a_market_files_name_is_only_a_label(command: Command, folder: Path, stem: str) -> None:
    (folder / f"{stem}.yaml").write_text("defaults: [flat, _self_]\n")
    outcome = command("run", *SMALL, f"market={folder}/{stem}.yaml")
    assert outcome.code == 0, outcome.err
    (run,) = (folder / "runs").iterdir()
    assert not set(run.name) & set("/$()<> =%")
    assert not (folder / "pwned").exists()


@pytest.mark.parametrize(
    "out",
    [
        *("/", "..", ".", "nope/..", "nope/../mine", "a/" * 600, "/dev/null"),
        *("~nobody-of-that-name/x", "a\x1b[2Jb", "a\nb", "a\u202eb"),
    ],
)
def test_a_place_that_cannot_hold_a_run_is_refused(command: Command, folder: Path, out: str) -> None:
    (folder / "mine").write_text("keep")
    outcome = command("run", *SMALL, f"out={out}")
    assert (outcome.code, outcome.out) == (2, "")
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_link_is_not_written_through_whatever_leads_to_it(command: Command, folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    for out in ("link", "nope/../link", "./nope/.././link"):
        outcome = command("run", *SMALL, f"out={out}")
        assert (outcome.code, outcome.out) == (2, "")
        assert "is a symbolic link" in outcome.words
    assert list((folder / "real").iterdir()) == []


def test_what_is_suggested_to_be_typed_is_one_word_to_the_shell(command: Command, folder: Path) -> None:
    outcome = command("run", "engine=reference", "portfolio=miners", "executor=shard", "out='$(touch pwned);x y'")
    assert outcome.code == 0
    line = next(line for line in outcome.out.splitlines() if "rackrisk resume" in line)
    assert shlex.split(line.partition(": ")[2]) == ["rackrisk", "resume", str(folder / "$(touch pwned);x y")]


@pytest.mark.parametrize(
    "arguments",
    [
        ("resume", "/"),
        ("resume", ".unfinished"),
        ("resume", "~nobody-of-that-name/x"),
        ("run", f"seed={'9' * 5_000}"),
        ("run", f"scenarios={'9' * 5_000}"),
        ("run", "executor.shard_scenarios=1e30"),
        ("run", f"executor.shard_scenarios={10**30}"),
        ("sweep", "seed=range(1,10,0)"),
        ("sweep", "seed=range(nan,1)"),
        ("sweep", "seed=range(0,nan)"),
        ("sweep", "seed=range(0,1,nan)"),
        ("sweep", "seed=choice(choice(1,2),3)"),
        ("sweep", *(f"a{i}=1,2" for i in range(70))),
        ("run", "market.btc.jump_sd=300"),
        ("run", "market.rent.volatility_annual.boom=1e15"),
        ("run", "market.btc.price_usd=5e-324"),
        ("run", "--\x1b]0;x\x07"),
    ],
)
def test_what_no_command_can_take_is_refused_in_words(
    command: Command, folder: Path, arguments: tuple[str, ...]
) -> None:
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err
    assert "\x1b]" not in outcome.err
    assert list(folder.iterdir()) == []


def test_a_number_of_a_hundred_thousand_digits_is_refused(command: Command, folder: Path) -> None:
    (folder / "mine.yaml").write_text(f"defaults: [base, _self_]\nbtc: {{price_usd: 0x{'f' * 100_000}}}\n")
    assert command("run", "market=mine.yaml").code == 2


def test_bytes_that_are_no_text_are_refused_in_an_argument() -> None:
    for argument in ("out=runs/\udcff", "portfolio.tape=\udcff.csv", "market=\udcff.yaml", "name=\udcff"):
        with pytest.raises(ConfigProblems, match="UTF-8"):
            load_settings([argument])


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "portfolio.tape=~nobody-of-that-name/x.csv"),
        ("run", "market=~nobody-of-that-name/x.yaml"),
        ("book", "--out", "~nobody-of-that-name/x.csv"),
        ("report", "~nobody-of-that-name/x"),
        ("explain", "~nobody-of-that-name/x"),
        ("compare", "~nobody-of-that-name/x", "y"),
        ("calibrate", "x.csv", "--out", "~nobody-of-that-name/x.yaml"),
    ],
)
def test_a_home_that_nobody_has_is_said_to_be_none(command: Command, arguments: tuple[str, ...]) -> None:
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "home of a user who is not known" in outcome.words


@pytest.mark.parametrize("arguments", [("report",), ("explain",), ("resume",), ("rerun",), ("compare", "x")])
def test_what_a_terminal_would_obey_in_a_name_is_shown_not_obeyed(
    command: Command, folder: Path, arguments: tuple[str, ...]
) -> None:
    outcome = command(*arguments, "\x1b]0;owned\x07\u202ex\rrackrisk: all is well")
    assert outcome.code == 2
    assert not set(outcome.err) & set("\x1b\x07\u202e\r")


def test_a_suggestion_from_a_file_is_shown_not_obeyed(command: Command, folder: Path) -> None:
    (folder / "own.yaml").write_text('defaults: [base, _self_]\n"\\e[2Jab": 1\n"\\e[2Jac": 2\n')
    outcome = command("run", "market=own.yaml")
    assert outcome.code == 2
    assert "did you mean" in outcome.words
    assert "\x1b[2J" not in outcome.err


def test_the_list_of_problems_is_not_written_through_a_link(command: Command, folder: Path) -> None:
    write_tape(folder / "bad.csv", [{"facility_id": "x", "nonsense": "y"}])
    assert command("run", "portfolio.tape=bad.csv").code == 2
    (listed,) = folder.glob("rackrisk-problems-*.csv")
    victim, text = folder / "victim", listed.read_text()
    victim.write_text("mine")
    listed.unlink()
    listed.symlink_to(victim)
    assert command("run", "portfolio.tape=bad.csv").code == 2
    assert victim.read_text() == "mine"
    assert text
