"""A disk that is full or read-only, and a compile cache full of rubbish: nothing is lost or silently different."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..helpers.commands import SOURCE, Shell
from .conftest import RUN, SHARDS

pytestmark = pytest.mark.slow

OWN_MOUNTS = ["unshare", "--map-root-user", "--mount", "bash", "-c"]


def with_mounts(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A shell that may mount things for itself, in a folder, with `rackrisk` as a function."""
    command = f'rackrisk() {{ "{sys.executable}" -m rackrisk "$@"; }}\n{script}'
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [*OWN_MOUNTS, command], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def _mounts_are_allowed(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("mounts")
    try:
        allowed = with_mounts(folder, "mount -t tmpfs tmpfs .").returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this machine does not let a test mount anything")


def test_a_full_disk_loses_no_shard(shell: Shell, undisturbed: str) -> None:
    """The disk is filled while the run goes on; with room again, the run is finished."""
    run = " ".join(f"'{word}'" for word in (*RUN, "out=disk/run"))
    found = with_mounts(
        shell.folder,
        f"""
        mkdir disk && mount -t tmpfs -o size=24m tmpfs disk || exit 99
        rackrisk {run} & driver=$!
        until [ "$(ls disk/run.unfinished/shards/*.npz 2>/dev/null | wc -l)" -ge 3 ]; do sleep 0.1; done
        cat /dev/zero > disk/rubbish 2>/dev/null
        wait $driver; echo "first $?"
        echo "kept $(ls disk/run.unfinished/shards/*.npz | wc -l)"
        rackrisk resume disk/run --quiet; echo "full $?"
        rm disk/rubbish
        rackrisk resume disk/run --quiet > screen; echo "again $?"
        cp -r disk/run run
        """,
    )
    said = dict(line.split() for line in found.stdout.splitlines() if len(line.split()) == 2)
    assert (said["first"], said["full"], said["again"]) == ("75", "75", "0"), found.stderr
    assert 3 <= int(said["kept"]) < SHARDS
    assert "No space left on device" in found.stderr
    assert "Traceback" not in found.stderr
    assert shell.results("run") == undisturbed


def test_a_read_only_folder_is_refused_before_anything_is_computed(shell: Shell) -> None:
    found = with_mounts(
        shell.folder,
        f"""
        mkdir disk && mount -t tmpfs -o ro tmpfs disk || exit 99
        rackrisk {" ".join(RUN)} out=disk/run
        """,
    )
    assert found.returncode == 2
    assert "Read-only file system" in found.stderr
    assert "Traceback" not in found.stderr
    assert list((shell.folder / "disk").iterdir()) == []


def test_rubbish_in_the_compile_cache_changes_nothing(shell: Shell) -> None:
    command = (*RUN, "engine=jax", "scenarios=1024", "executor.shard_scenarios=1024")
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(shell.folder / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    shell(*command, "out=first", environment=cache)
    programs = [path for path in (shell.folder / "cache").rglob("*") if path.is_file()]
    assert programs
    for place, path in enumerate(programs):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] if place % 2 else b"rubbish" * 100)
    shell(*command, "out=second", environment=cache)
    assert shell.results("second") == shell.results("first")
