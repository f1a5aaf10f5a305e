"""A run needs no network, opens no port, starts no program and writes nowhere but into its folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = ("engine=reference", "portfolio=miners", "scenarios=50", "months=6", "--quiet")
RUN = (sys.executable, "-m", "rackrisk", "run", *SMALL)
LISTENING = "0A"


def namespace() -> list[str]:
    """The command that runs another one without any network; empty where the system does not permit it."""
    for options in ("-rn", "-n"):
        if (
            shutil.which("unshare")
            and subprocess.run(["unshare", options, "true"], capture_output=True).returncode == 0
        ):
            return ["unshare", options]
    return []


@pytest.mark.parametrize("more", [(), ("executor.workers=2", "executor.shard_scenarios=25")])
def test_a_run_succeeds_in_an_empty_network_namespace(tmp_path: Path, more: tuple[str, ...]) -> None:
    if not (without_network := namespace()):
        pytest.skip("unshare is not permitted here")
    devices = subprocess.run([*without_network, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True)
    assert [line.split(":")[0].strip() for line in devices.stdout.splitlines()[2:]] == ["lo"]
    out = tmp_path / "run"
    done = subprocess.run([*without_network, *RUN, *more, f"out={out}"], cwd=tmp_path, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    assert (out / "DONE").is_file()


def listening(process: int) -> list[str]:
    """Local addresses that a process and its children listen at, of every protocol."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        handles = [str(handle.readlink()) for handle in Path(f"/proc/{process}/fd").iterdir()]
        own = {handle.removeprefix("socket:[").rstrip("]") for handle in handles if handle.startswith("socket:[")}
        rows = [
            line.split()
            for table in ("tcp", "tcp6", "udp", "udp6")
            for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]
        ]
    except OSError:
        return []
    found = [row[1] for row in rows if row[9] in own and row[3] in {LISTENING, "07"}]
    return found + [address for child in children for address in listening(int(child))]


@pytest.mark.parametrize("more", [(), ("executor.workers=2", "executor.shard_scenarios=25")])
def test_no_port_is_open_at_any_time_of_a_run(tmp_path: Path, more: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [*RUN, *more, f"out={tmp_path}/run"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    looks = 0
    while process.poll() is None:
        assert listening(process.pid) == []
        looks += 1
        time.sleep(0.02)
    assert process.returncode == 0
    assert looks > 10


def test_a_port_that_is_open_would_be_seen() -> None:
    script = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert len(listening(process.pid)) == 1
        finally:
            process.kill()


AUDIT = """
import json, os, sys
WATCHED = tuple("socket. subprocess. pickle. urllib. os.system os.exec os.posix os.fork os.spawn".split())
seen = []
def hook(event, arguments):
    if event.startswith(WATCHED):
        seen.append([event, repr(arguments)[:200]])
    elif event == "open":
        path, mode, flags = arguments
        if isinstance(path, (str, bytes)) and flags & (os.O_WRONLY | os.O_RDWR):
            seen.append(["write", os.path.abspath(os.fsdecode(path))])
sys.addaudithook(hook)
from rackrisk.cli import main
code = main(sys.argv[1:])
os.write(2, json.dumps([code, seen]).encode())
"""


def test_a_run_starts_nothing_connects_to_nothing_and_writes_into_its_folder_only(tmp_path: Path) -> None:
    trap = tmp_path / "bin"
    trap.mkdir()
    for name in ("uname", "git", "ldconfig", "gcc", "cc", "nvidia-smi", "sh", "lscpu", "nvcc", "which"):
        (trap / name).write_text(f"#!/bin/sh\n> {tmp_path}/trapped\n")
        (trap / name).chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-B", "-c", AUDIT, "run", *SMALL, f"out={tmp_path}/run"],
        env={**os.environ, "PATH": str(trap)}, cwd=tmp_path, capture_output=True, timeout=300,
    )  # fmt: skip
    code, seen = json.loads(done.stderr)
    assert code == 0
    assert not (tmp_path / "trapped").exists()
    assert {event for event, _ in seen} <= {"write"}
    inside = (f"{tmp_path}/run.unfinished", f"{tmp_path}/.run", f"{tmp_path}/run", "/dev/")
    assert [path for _, path in seen if not path.startswith(inside)] == []


@pytest.mark.parametrize("more", [(), ("executor.workers=2", "executor.shard_scenarios=25")])
def test_modules_that_lie_among_the_data_are_not_run(tmp_path: Path, more: tuple[str, ...]) -> None:
    others = ["numpy", "polars", "yaml", "rich", "omegaconf", "jinja2"]
    others += ["hydra_plugins/__init__", "jax_plugins/__init__"]
    # What Python itself needs for `-m` is beyond anybody's program.
    own = [sys.executable, "-I", "-c", "import runpy, sys; print(*sys.modules)"]
    before = subprocess.run(own, capture_output=True, text=True, check=True).stdout.split()
    for name in {*others, *sys.stdlib_module_names} - set(before):
        module = tmp_path / f"{name}.py"
        module.parent.mkdir(exist_ok=True)
        module.write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')\nraise SystemExit(7)\n")
    done = subprocess.run([*RUN, *more, f"out={tmp_path}/run"], cwd=tmp_path, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    assert not (tmp_path / "pwned").exists()
