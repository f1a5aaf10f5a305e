"""A small book on the reference engine, in twelve shards of a second or so, and what an undisturbed run gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..helpers.commands import Shell

SHARDS = 12
RUN = (
    *("run", "portfolio=miners", "engine=reference", "months=6", f"scenarios={SHARDS * 1024}", "--no-progress"),
    "executor.shard_scenarios=1024",
)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the results of one process that nobody disturbs, and that knows of no shards."""
    shell = Shell(tmp_path_factory.mktemp("undisturbed"))
    shell(*RUN, "executor.shard_scenarios=1000000", "out=whole")
    assert shell.manifest("whole")["shards"]["count"] == 1
    return shell.results("whole")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty working directory."""
    return Shell(tmp_path)
