"""The run that every scheduler repeats, and the hash of its results."""

import json
import tempfile
from functools import cache
from pathlib import Path

import rackrisk

OVERRIDES = ["portfolio=miners", "engine=reference", "scenarios=3000", "months=6"]
SHARDED = ["executor.shard_scenarios=1024"]


def results_hash(run: Path | None) -> str:
    """The hash in a run's manifest; without a folder that of the same run in one process."""
    return _alone() if run is None else _of(run)


def _of(run: Path) -> str:
    assert (run / "DONE").is_file()
    return json.loads((run / "manifest.json").read_text())["results_sha256"]


@cache
def _alone() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return _of(rackrisk.run(*OVERRIDES, out=f"{folder}/alone").folder)
