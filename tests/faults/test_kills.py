"""Whoever is killed whenever: the run can be finished, and then has the bytes of one that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ..helpers.commands import Shell, children, wait_for
from .conftest import RUN, SHARDS

pytestmark = pytest.mark.slow


def kill(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.communicate(timeout=60)


def workers_of(driver: subprocess.Popen[str]) -> list[int]:
    """The processes that compute; the standard library starts one more, to clean up."""
    found = []
    for pid in children(driver.pid):
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_a_driver_killed_again_and_again_gets_there(shell: Shell, undisturbed: str, workers: int) -> None:
    chance, command, kills = random.Random(workers), (*RUN, "out=run", f"executor.workers={workers}"), 0
    while not (shell.folder / "run").exists():
        seen = shell.shards("run")
        driver = shell.start(*command)
        more = chance.randint(1, 4)
        wait_for(
            lambda seen=seen, more=more, driver=driver: shell.shards("run") >= seen + more or driver.poll() is not None,
            "more shards",
        )
        time.sleep(chance.uniform(0, 0.7))
        kill(driver)
        kills += driver.returncode == -signal.SIGKILL
        assert shell.shards("run") >= seen or (shell.folder / "run").exists()
        command = ("resume", "run", "--no-progress") if chance.random() < 0.5 else command
    assert kills >= 2
    assert shell.results("run") == undisturbed
    left = [path.name for path in shell.folder.iterdir() if path.name != "run"]
    if left:  # killed after the run was published: the rest of the work folder is still there, and harms nobody
        assert left == ["run.unfinished"]
        assert "is finished" in shell("resume", "run").stdout
        assert [path.name for path in shell.folder.iterdir()] == ["run"]


def test_workers_that_are_killed_are_replaced(shell: Shell, undisturbed: str) -> None:
    driver = shell.start(*RUN, "out=run", "executor.workers=2")
    for shards in (1, 3):
        wait_for(lambda shards=shards: shell.shards("run") >= shards and len(workers_of(driver)) > 0, "workers")
        with suppress(ProcessLookupError):
            os.kill(random.Random(shards).choice(workers_of(driver)), signal.SIGKILL)
    _, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert "Traceback" not in err
    assert shell.results("run") == undisturbed


def test_workers_do_not_outlive_their_driver(shell: Shell) -> None:
    driver = shell.start(*RUN, "out=run", "executor.workers=2")
    wait_for(lambda: shell.shards("run") >= 1, "a shard")
    workers = workers_of(driver)
    assert len(workers) == 2
    kill(driver)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the end of the workers")


def test_workers_that_always_die_end_the_run(shell: Shell) -> None:
    driver = shell.start(*RUN, "out=run", "executor.workers=2")
    while driver.poll() is None:
        for pid in workers_of(driver):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    out, err = driver.communicate(timeout=60)
    assert (driver.returncode, out) == (75, "")
    assert "killed again and again" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_says_how_to_go_on(
    shell: Shell, undisturbed: str, number: int, code: int, workers: int
) -> None:
    driver = shell.start(*RUN, "out=run", f"executor.workers={workers}")
    wait_for(lambda: shell.shards("run") >= 2, "shards")
    kept = shell.shards("run")
    driver.send_signal(number)
    out, err = driver.communicate(timeout=60)
    assert (driver.returncode, out) == (code, "")
    assert "rackrisk resume" in err
    assert "Traceback" not in err
    done = shell("resume", "run", "executor.workers=1", "--no-progress")
    assert "EL" in done.stdout
    assert kept * 1024 <= shell.manifest("run")["shards"]["scenarios_computed_before"] < SHARDS * 1024
    assert shell.results("run") == undisturbed
