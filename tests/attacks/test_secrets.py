"""What lies in the environment stays there: no value of it is in a run folder or on the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rackrisk
from rackrisk.manifest import environment

from ..cli.tapes import write_tape

CANARY = "c4n4ry-0f-4-s3cr3t"
NAMES = (
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RAY_AUTH_TOKEN", "DATABASE_URL", "GITHUB_TOKEN", "PASSWORD",
    "HYDRA_FULL_ERROR", "SLURM_JOB_NAME", "LD_LIBRARY_PATH", "JAX_PLATFORM_NAME",
)  # fmt: skip


@pytest.mark.parametrize("arguments", [("run",), ("run", "executor.workers=2", "executor.shard_scenarios=10")])
def test_no_value_of_the_environment_gets_into_a_run(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    variables = dict.fromkeys(NAMES, CANARY) | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count=1 --xla_dump_to=/tmp/{CANARY} {CANARY}",
        "CUDA_VISIBLE_DEVICES": CANARY,
        "OMP_NUM_THREADS": "1",
    }
    small = ("engine=reference", "portfolio=miners", "scenarios=20", "months=2", f"out={tmp_path}/run")
    done = subprocess.run(
        [sys.executable, "-m", "rackrisk", *arguments, *small],
        env={**os.environ, **variables}, cwd=tmp_path, capture_output=True, timeout=300, check=True,
    )  # fmt: skip
    assert CANARY.encode() not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if CANARY.encode() in path.read_bytes() or CANARY in path.name] == []


def test_a_report_does_not_say_where_the_tape_lay(folder: Path) -> None:
    (folder / CANARY).mkdir()
    tape = write_tape(folder / CANARY / "tape.csv")
    run = rackrisk.run("engine=reference", f"portfolio.tape={tape}", "scenarios=20", "months=2", out="run").folder
    assert CANARY in (run / "config.resolved.yaml").read_text()
    page = (run / "report.html").read_text()
    assert "tape.csv" in page
    assert CANARY not in page


def test_what_can_move_numbers_or_speed_is_still_recorded() -> None:
    said = {
        "XLA_FLAGS": "--xla_cpu_x=false --xla_x=3",
        "JAX_PLATFORMS": "cuda,cpu",
        "OMP_NUM_THREADS": "8",
    }
    assert environment(said | {"HOME": "/home/me"}) == said
    assert environment({"XLA_FLAGS": "--xla_dump_to=/home/me"}) == {"XLA_FLAGS": "--xla_dump_to=…"}


@given(
    st.dictionaries(st.sampled_from(("XLA_FLAGS", "JAX_PLATFORMS", "HOME")), st.text("abc/=_-: 1\n\x1b", max_size=30))
)
def test_nothing_but_switches_numbers_and_devices_is_recorded(variables: dict[str, str]) -> None:
    for value in environment(variables).values():
        assert not set(value) & set("/:\n\x1b")
