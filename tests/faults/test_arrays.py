"""One book as one process, as several, as an array of jobs in any order: the same bytes."""

from __future__ import annotations

import json
import random
import re

import pytest

from ..helpers.commands import Shell
from .conftest import RUN, SHARDS

pytestmark = pytest.mark.slow


def test_shards_and_processes_leave_the_bytes_as_they_are(shell: Shell, undisturbed: str) -> None:
    shell(*RUN, "out=one")
    shell(*RUN, "out=four", "executor.workers=4", "executor.shard_scenarios=2048")
    assert shell.manifest("one")["shards"]["count"] == SHARDS
    assert shell.manifest("four")["shards"]["count"] == SHARDS / 2
    assert shell.results("one") == shell.results("four") == undisturbed


def test_an_array_of_jobs_gives_the_bytes_of_one_process(shell: Shell, undisturbed: str) -> None:
    prepared = json.loads(shell(*RUN, "executor=shard", "out=run", "--json").stdout)
    assert prepared["shards"] == SHARDS
    tasks = [*range(5), 2]  # one comes twice
    random.Random(1).shuffle(tasks)
    for index in tasks[:-1]:
        shell("shard", "run", "--index", str(index), "--of", "5")
    early = shell("resume", "run", code=75)
    assert re.search(r"shards? [0-9, ]+ (is|are) missing", early.stderr)
    shell("shard", "run", "--index", str(tasks[-1]), "--of", "5")
    assert "already" in shell("shard", "run", "--index", "2", "--of", "5").stdout
    shell("resume", "run", "--no-progress")
    assert shell.results("run") == undisturbed
    assert "is finished" in shell("shard", "run", "--index", "0").stdout  # a job that comes late harms nobody


def test_an_array_can_be_finished_here(shell: Shell, undisturbed: str) -> None:
    shell(*RUN, "executor=shard", "out=run")
    shell("shard", "run", "--index", "7")
    shell("resume", "run.unfinished", "executor=local", "executor.workers=2", "--no-progress")
    assert shell.manifest("run")["shards"]["scenarios_computed_before"] == 1024
    assert shell.results("run") == undisturbed


def test_copula_runs_are_lists_of_shards_too(shell: Shell) -> None:
    command = (
        "run",
        "model=copula",
        "scenarios=5000",
        "engine=reference",
        "copula.lgd.kind=beta",
        "copula.lgd.sd=0.2",
        "--no-progress",
    )
    shell(*command, "out=whole")
    shell(*command, "out=parts", "executor.shard_scenarios=1", "executor.workers=2")
    assert (shell.manifest("whole")["shards"]["count"], shell.manifest("parts")["shards"]["count"]) == (1, 5)
    assert shell.results("parts") == shell.results("whole")


def test_a_run_until_a_target_is_the_run_of_so_many_scenarios(shell: Shell) -> None:
    command = ("run", "model=copula", "engine=reference", "portfolio.count=50", "--no-progress")
    shell(*command, "scenarios=3000", "until=ES:0.99:4%", "out=until", "executor.shard_scenarios=4096")
    seen = shell.manifest("until")
    assert len(seen["shards"]["looks"]) > 1
    assert seen["shards"]["looks"][-1]["half_width"] <= 0.04
    shell(*command, f"scenarios={seen['n_scenarios']}", "out=plain")
    assert shell.results("until") == shell.results("plain")
    assert any("is known to" in note for note in seen["warnings"])


def test_a_finished_run_can_be_repeated_from_its_folder_alone(shell: Shell, undisturbed: str) -> None:
    shell(*RUN, "out=run")
    (shell.folder / "moved").mkdir()
    (shell.folder / "run").rename(shell.folder / "moved" / "run")
    found = json.loads(shell("rerun", "moved/run", "--out", "again", "executor.workers=2", "--json").stdout)
    assert found["same_bytes"]
    assert found["differs"] == []
    assert shell.results("again") == undisturbed
    other = shell("rerun", "moved/run", "--out", "jax", "--engine", "jax", code=1)
    assert "not the same" in other.stdout
    assert "engine.name was reference and is jax now" in " ".join(other.stdout.split())
