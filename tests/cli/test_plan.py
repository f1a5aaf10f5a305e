"""What a run would take is said before it is begun; what cannot be is refused, and nothing is written."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from rackrisk._model import Load
from rackrisk.shard_size import LEDGER_BYTES, MAX_SHARDS, disk_bytes, shard_scenarios

from .conftest import Command

SMALL = ("engine=reference", "portfolio=miners", "months=6")


def test_a_plan_says_shards_memory_disk_and_time(command: Command, folder: Path) -> None:
    outcome = command("plan", *SMALL, "scenarios=10000", "executor.shard_scenarios=3000", "--json")
    found = json.loads(outcome.out)
    assert (found["shards"], found["shard_scenarios"], found["scenarios"]) == (4, 3072, 10_000)
    assert found["engine"] == "reference"
    assert 0 < found["memory_bytes"] < found["memory_there_bytes"]
    assert 0 < found["disk_bytes"] < found["disk_there_bytes"]
    assert found["tried_scenarios"] > 0
    assert 2**24 < found["tried_memory_bytes"] <= 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found["seconds"] == pytest.approx(found["shard_seconds"] * 10_000 / 3072)
    assert list(folder.iterdir()) == []


def test_a_plan_fits_the_screen_and_says_where_its_times_come_from(command: Command) -> None:
    outcome = command("plan", *SMALL, "scenarios=10000")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "tried on this machine as it is now" in " ".join(outcome.out.split())
    untried = command("plan", *SMALL, "scenarios=10000", "--no-try")
    assert "seen while simulating" in outcome.out
    assert "n/a" in untried.out
    assert "seen while" not in untried.out
    assert "tried" not in untried.out


def test_an_engine_of_other_machines_is_planned_without_times(command: Command) -> None:
    outcome = command("plan", "executor=shard", "engine=cuda", "portfolio=miners", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["seconds"] is None


def test_what_does_not_fit_is_refused(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    outcome = command("plan", *SMALL)
    assert (outcome.code, outcome.out) == (2, "")
    assert "name another disk with out=DIR" in outcome.words
    assert list(folder.iterdir()) == []


LOAD = Load(units_per_scenario=1_000, units_per_shard=50_000_000, tally_bytes=1_000, step=1_024)


def test_a_shard_is_a_minutes_work_and_no_tile_is_cut() -> None:
    assert shard_scenarios(LOAD, 10**6, engine="jax", asked=None) == 50_176 == 49 * 1_024
    assert shard_scenarios(LOAD, 10**6, engine="cuda", asked=None) > 10**6
    assert shard_scenarios(LOAD, 10**6, engine="jax", asked=1) == 1_024
    assert shard_scenarios(LOAD, 10**9, engine="jax", asked=None) * MAX_SHARDS >= 10**9


def test_shards_of_a_large_book_do_not_fill_the_disk() -> None:
    large = Load(units_per_scenario=60 * 10**6, units_per_shard=2 * 10**9, tally_bytes=600_000_000, step=64)
    size = shard_scenarios(large, 1_000, engine="jax", asked=None)
    shards = -(-1_000 // size)
    assert shards * large.tally_bytes <= LEDGER_BYTES
    assert disk_bytes(large, 1_000, shards, scopes=5, book_bytes=10**9) < LEDGER_BYTES + 3 * 10**9
