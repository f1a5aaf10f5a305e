"""A working directory, a small tape, the command in this process, and an engine that makes numbers up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rackrisk._structural import Structural
from rackrisk.cli import main

from ..helpers.fake_result import fake_open
from .tapes import write_tape


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """stderr with line breaks of the table taken out."""
        return " ".join(self.err.split())


Command = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def tape(folder: Path) -> Path:
    """A valid tape in the working directory."""
    return write_tape(folder / "tape.csv")


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """`command("run", "seed=2")` runs it here and returns exit code, stdout and stderr."""
    del folder

    def run(*arguments: str) -> Outcome:
        try:
            code = main(arguments)
        except SystemExit as exit:  # argparse
            code = exit.code if isinstance(exit.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the simulation by made-up numbers for the same facilities."""
    monkeypatch.setattr(Structural, "open", fake_open)
