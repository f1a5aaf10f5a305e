"""The command as a process: it starts at once, stops at once, and leaves nothing behind when stopped."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rackrisk.interruptible import ProgressReport, interruptible, still_running

from .conftest import Command
from .tapes import write_tape

HEAVY = {"hydra", "jax", "numpy", "omegaconf", "polars", "pydantic", "rich", "yaml"}

# An engine that says it has begun and then never comes back.
ENDLESS = """
import sys, time
from rackrisk._structural import Structural
class Endless:
    def tally(self, numbers, progress):
        progress(1, 100)
        print("begun", file=sys.stderr, flush=True)
        time.sleep(600)
Structural.open = lambda *arguments: Endless()
from rackrisk.cli import main
sys.exit(main())
"""

MADE_UP = """
import sys
from rackrisk._structural import Structural
from tests.helpers.fake_result import fake_open
Structural.open = fake_open
from rackrisk.cli import main
sys.exit(main())
"""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = "import sys, rackrisk, rackrisk.cli; rackrisk.cli._parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize(("flag", "words"), [("--version", "rackrisk "), ("--help", "examples:")])
def test_the_module_is_the_command(flag: str, words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "rackrisk", flag], capture_output=True, text=True, check=True)
    assert words in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_stops_at_once_and_leaves_nothing(tmp_path: Path, number: int, code: int) -> None:
    write_tape(tmp_path / "tape.csv")
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "run", "portfolio.tape=tape.csv", "scenarios=100"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        while "begun" not in (line := process.stderr.readline()):
            assert line, "the run ended by itself"
        assert list((tmp_path / "runs").iterdir()), "the folder is claimed while the engine runs"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert "interrupted" in err
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["tape.csv"]


def test_help_names_every_shipped_choice() -> None:
    import rackrisk.conf
    from rackrisk.cli import _parser

    conf = Path(rackrisk.conf.__path__[0])
    text = _parser()[0].format_help()
    groups = ("portfolio", "market", "recovery", "engine", "experiment")
    names = [path.stem for group in groups for path in (conf / group).glob("*.yaml")]
    families = {name: f"{name.partition('_')[0]}_*" for name in names}  # of experiments
    assert [name for name in names if name not in text and families[name] not in text] == []


def test_help_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    from rackrisk.cli import _parser

    monkeypatch.setenv("COLUMNS", "80")
    parser, commands = _parser()
    for one in (parser, *commands.values()):
        assert [line for line in one.format_help().splitlines() if len(line) > 80] == []


def with_made_up_numbers(folder: Path, command: str, pipes: str) -> int:
    """Runs a command in a shell with redirections behind it, and returns its exit code."""
    write_tape(folder / "tape.csv")
    (folder / "made_up.py").write_text(MADE_UP)
    line = f"{{ sleep 1; {sys.executable} made_up.py {command}; }} {pipes}; exit ${{PIPESTATUS[0]}}"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(["bash", "-c", line], cwd=folder, check=False, env=environment).returncode


RUN = "run --quiet portfolio.tape=tape.csv scenarios=100 out=kept"


@pytest.mark.parametrize("command", ["show-config", RUN, f"{RUN} --json"])
def test_a_reader_that_goes_away_is_no_error_and_the_run_is_kept(tmp_path: Path, command: str) -> None:
    assert with_made_up_numbers(tmp_path, command, "2>complaints | true") == 0
    assert (tmp_path / "complaints").read_text() == ""
    assert (tmp_path / "kept" / "DONE").exists() == command.startswith("run")


def test_a_reader_of_stderr_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    assert with_made_up_numbers(tmp_path, RUN.replace("--quiet", ""), "2>&1 >shown | true") == 0
    assert (tmp_path / "kept" / "DONE").exists()
    assert "EL" in (tmp_path / "shown").read_text()


@pytest.mark.parametrize(("set_by_user", "level"), [({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "0")])
def test_the_compiler_is_quiet_unless_asked(
    set_by_user: dict[str, str], level: str, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    for name, value in set_by_user.items():
        monkeypatch.setenv(name, value)
    assert command("show-config").code == 0
    assert os.environ.pop("TF_CPP_MIN_LOG_LEVEL") == level


def test_a_second_thread_computes_and_its_errors_arrive_here() -> None:
    def call(report: object) -> int:
        del report
        assert threading.current_thread() is not threading.main_thread()
        return 7

    def fail(report: object) -> int:
        raise ValueError(str(report is not None))

    assert interruptible(call, None) == 7
    with pytest.raises(ValueError, match="True"):
        interruptible(fail, None)


@pytest.fixture
def sigint_heard() -> Iterator[None]:
    """A process started in the background of a shell may ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint_heard")
def test_a_cancelled_call_ends_at_its_next_report() -> None:
    reports: list[int] = []

    def call(report: ProgressReport) -> None:
        _thread.interrupt_main()
        for done in range(1_000):
            report(done, 1_000)
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        interruptible(call, lambda done, total: reports.append(done))
    deadline = time.monotonic() + 10.0
    while still_running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not still_running()
    assert len(reports) < 900
