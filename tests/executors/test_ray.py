"""Shards under Ray: the bytes of one process, whatever is killed; and no door open to others."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import rackrisk

from .ray_processes import MARK, listening, marked, wait_for_none, wait_for_workers, workers

SOURCE = Path(__file__).parents[2] / "src"
OVERRIDES = ["portfolio=miners", "engine=reference", "scenarios=8000", "months=6"]
SHARDED = ["executor=ray", "executor.shard_scenarios=1024"]
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

# A cluster of three machines in one, of which the last is killed with all its processes once a shard is there.
THREE_NODES = """
import os, secrets, sys, threading, time
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0",
               "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
from pathlib import Path
from ray.cluster_utils import Cluster
from rackrisk.cli import main

size = {"object_store_memory": 100 * 1024**2}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **size})
lost = [cluster.add_node(num_cpus=1, **size) for _ in range(2)][-1]

def lose():
    shards = Path(sys.argv[1] + ".unfinished/shards")
    while not shards.is_dir() or not any(shards.iterdir()):
        time.sleep(0.05)
    for kind in lost.all_processes.values():
        for process in kind:
            os.kill(process.process.pid, 9)
    Path(sys.argv[1] + ".lost").touch()

threading.Thread(target=lose, daemon=True).start()
code = main(["run", f"out={sys.argv[1]}", f"executor.address={cluster.address}", *sys.argv[2:]])
cluster.shutdown()
sys.exit(code)
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")]


def test_the_results_of_one_process_and_nothing_else_on_stdout(tmp_path: Path, short: Path) -> None:
    with started(tmp_path) as (process, mark):
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["run"] == str(tmp_path / "run")
    assert results_hash(tmp_path / "run") == alone()
    wait_for_none(mark)
    assert list(short.iterdir()) == []


def test_nobody_else_is_listened_to(tmp_path: Path, short: Path) -> None:
    with started(tmp_path) as (_, mark):
        wait_for_workers(mark)
        assert listening(marked(mark)) <= LOOPBACK
        assert listening(marked(mark))  # else nothing was looked at
        (folder,) = short.glob("rackrisk-ray-*")
        assert folder.stat().st_mode & 0o077 == 0


def test_killed_workers_change_nothing(tmp_path: Path, short: Path) -> None:
    with started(tmp_path) as (process, mark):
        for _ in range(2):
            os.kill(wait_for_workers(mark)[0], signal.SIGKILL)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["run"] == str(tmp_path / "run")
    assert results_hash(tmp_path / "run") == alone()


def test_a_lost_node_changes_nothing(tmp_path: Path, short: Path) -> None:
    words = [sys.executable, "-c", THREE_NODES, str(tmp_path / "run"), *OVERRIDES, *SHARDED, "--quiet"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run.lost").exists()
    assert results_hash(tmp_path / "run") == alone()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_stopped_run_leaves_nobody_at_work_and_is_finished_without_ray(
    tmp_path: Path, short: Path, number: signal.Signals, code: int
) -> None:
    with started(tmp_path) as (process, mark):
        wait_for_workers(mark)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == code
    wait_for_none(mark, workers)
    if number != signal.SIGKILL:  # which leaves two idle processes of Ray's for about a minute, and its folder
        wait_for_none(mark)
        assert list(short.iterdir()) == []
    words = [sys.executable, "-m", "rackrisk", "run", f"out={tmp_path / 'run'}", *OVERRIDES, SHARDED[1], "--quiet"]
    subprocess.run(words, env=environment(), capture_output=True, check=True)
    assert results_hash(tmp_path / "run") == alone()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of our own whose name leaves room for those of sockets."""
    with tempfile.TemporaryDirectory(prefix="rr", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), **more}


@contextmanager
def started(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A run under Ray, and the mark of all its processes."""
    mark = secrets.token_hex(8)
    words = [sys.executable, "-m", "rackrisk", "run", f"out={folder / 'run'}", *OVERRIDES, *SHARDED, "--json"]
    env = environment(**{MARK: mark})
    process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, mark
    finally:
        process.kill()
        process.communicate()


def results_hash(run: Path) -> str:
    assert (run / "DONE").is_file()
    return json.loads((run / "manifest.json").read_text())["results_sha256"]


@cache
def alone() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return results_hash(rackrisk.run(*OVERRIDES, out=f"{folder}/run").folder)
