"""The SLURM array: what is submitted, what is tried again, and that it gives the bytes of one process."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from .results import OVERRIDES, SHARDED, results_hash
from .submitting import DEPLOY, Site

SUBMIT = DEPLOY / "slurm" / "submit.sh"
SHARD = DEPLOY / "slurm" / "shard.sbatch"


def test_prepare_array_and_merge_in_this_order(site: Site) -> None:
    done = site.submit(SUBMIT, "/data/base", "scenarios=1000")
    assert done.returncode == 0, done.stderr
    assert site.calls[0] == "run executor=shard out=/data/base --json scenarios=1000"
    assert sorted(site.calls[1:4]) == [f"shard /data/base --index {index} --of 3" for index in range(3)]
    assert site.calls[4:] == ["resume /data/base"]
    assert site.jobs[1]["options"]["dependency"] == "afterok:1"


def test_no_more_tasks_than_the_cluster_allows(site: Site) -> None:
    site.submit(SUBMIT, "/data/base", TASKS="2")
    assert sorted(site.calls[1:3]) == ["shard /data/base --index 0 --of 2", "shard /data/base --index 1 --of 2"]


def test_a_wrong_configuration_submits_nothing(site: Site) -> None:
    site.fail("run", 2)
    assert site.submit(SUBMIT, "/data/base", "scenarios=-1").returncode == 2
    assert site.jobs == []


def test_what_passes_is_tried_again(site: Site) -> None:
    site.fail("1", 75, 75)
    site.submit(SUBMIT, "/data/base")
    assert site.attempts == {"shard": {"2": [0], "1": [75, 75, 0], "0": [0]}, "merge": {"0": [0]}}


def test_a_merge_that_meets_a_full_disk_is_tried_again(site: Site) -> None:
    site.fail("resume", 75, 75)
    site.submit(SUBMIT, "/data/base")
    assert site.attempts["merge"] == {"0": [75, 75, 0]}


def test_no_merge_is_tried_for_ever(site: Site) -> None:
    site.fail("resume", *[75] * 10)
    site.submit(SUBMIT, "/data/base")
    assert site.attempts["merge"] == {"0": [75] * 4}


@pytest.mark.parametrize("code", [0, 1, 2])
def test_what_is_done_or_wrong_when_the_time_is_over_is_not_tried_again(site: Site, code: int) -> None:
    task = started_task(site, f"sleep 0.3; exit {code}")
    task.send_signal(signal.SIGUSR1)
    assert task.wait(10) == code
    assert not (site.folder / "requeue-7_4").exists()


def test_no_task_is_tried_for_ever(site: Site) -> None:
    site.fail("0", *[75] * 10)
    site.submit(SUBMIT, "/data/base")
    assert site.attempts["shard"]["0"] == [75] * 4


@pytest.mark.parametrize("code", [1, 2, 143])
def test_what_does_not_get_better_is_not_tried_again_and_nothing_is_merged(site: Site, code: int) -> None:
    site.fail("0", code)
    site.submit(SUBMIT, "/data/base")
    assert site.attempts["shard"]["0"] == [code]
    assert site.attempts["merge"] == {}
    assert site.jobs[1]["options"]["kill-on-invalid-dep"] == "yes"


@pytest.mark.parametrize(("number", "requeued"), [(signal.SIGUSR1, True), (signal.SIGTERM, False)])
def test_a_task_at_its_time_limit_goes_on_later_and_a_cancelled_one_does_not(
    site: Site, number: signal.Signals, requeued: bool
) -> None:
    task = started_task(site, "sleep 0.3; exit 143")
    task.send_signal(number)
    assert task.wait(10) == 143
    assert (site.folder / "requeue-7_4").exists() == requeued


@pytest.mark.parametrize("script", ["shard", "merge"])
def test_no_signal_finds_a_task_without_an_answer_once_its_program_can_run(script: str) -> None:
    lines = (SHARD.parent / f"{script}.sbatch").read_text().splitlines()
    traps = [number for number, line in enumerate(lines) if line.startswith("trap ")]
    (started,) = (number for number, line in enumerate(lines) if line.startswith('"${rackrisk[@]}"'))
    assert traps
    assert max(traps) < started


@pytest.mark.slow
def test_an_array_gives_the_results_of_one_process(real_site: Site) -> None:
    run = real_site.folder / "array"
    done = real_site.submit(SUBMIT, str(run), *OVERRIDES, *SHARDED)
    assert done.returncode == 0, done.stderr
    assert len(real_site.attempts["shard"]) == 3
    assert results_hash(run) == results_hash(None)


def started_task(site: Site, when_terminated: str) -> subprocess.Popen[bytes]:
    """A task of an array whose program is at work and does this when it is told to end."""
    slow = site.folder / "bin" / "rackrisk"
    slow.write_text(f"#!/bin/bash\ntrap '{when_terminated}' TERM\ntouch started\nwhile :; do sleep 0.05; done\n")
    place = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "4"}
    words = ["bash", str(SHARD), "/data/base", "9"]
    task = subprocess.Popen(words, env={**site.environment, **place}, cwd=site.folder)
    wait_for(site.folder / "started")
    return task


def wait_for(path: Path) -> None:
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(path)
