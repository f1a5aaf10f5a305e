"""Runs that end themselves: the same numbers as a run of that length, cut off or not, by one process or two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rackrisk

from .conftest import Command

BOOK = ("model=copula", "engine=reference", "portfolio.count=40", "portfolio.pd=0.05", "scenarios=1000")
UNTIL = (*BOOK, "until=EL:4%", "executor.shard_scenarios=1024")


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


@pytest.fixture
def whole(command: Command, folder: Path) -> dict[str, Any]:
    """A run that nothing disturbed."""
    assert command("run", *UNTIL, "out=whole").code == 0
    return manifest(folder / "whole")


def test_a_run_ends_when_its_measure_is_known(whole: dict[str, Any]) -> None:
    looks = whole["shards"]["looks"]
    assert [look["verdict"] for look in looks] == ["go on"] * (len(looks) - 1) + ["stop"]
    assert len(looks) > 1
    assert looks[-1]["scenarios"] == whole["n_scenarios"] > 1000
    assert looks[-1]["half_width"] <= 0.04 < looks[0]["half_width"]
    assert looks[-1]["reason"] in whole["warnings"]


def test_its_results_are_those_of_a_run_of_that_length(whole: dict[str, Any], command: Command, folder: Path) -> None:
    assert command("run", *BOOK, f"scenarios={whole['n_scenarios']}", "out=plain").code == 0
    assert manifest(folder / "plain")["results_sha256"] == whole["results_sha256"]


def test_the_table_says_what_the_last_look_said(whole: dict[str, Any], folder: Path) -> None:
    import polars as pl

    (row,) = (
        pl.read_parquet(folder / "whole/tables/measures.parquet").filter(measure="EL", scope="portfolio").to_dicts()
    )
    last = whole["shards"]["looks"][-1]
    assert {name: row[name] for name in ("value", "std_error", "ci_low", "ci_high")} == {
        name: last[name] for name in ("value", "std_error", "ci_low", "ci_high")
    }


@pytest.mark.parametrize("reports", [1, 4])
def test_a_run_that_was_cut_off_decides_alike(whole: dict[str, Any], folder: Path, reports: int) -> None:
    left = reports

    def cut(done: int, total: int) -> None:
        nonlocal left
        left -= 1
        if left <= 0 and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rackrisk.run(*UNTIL, out="cut", progress=cut)
    assert not (folder / "cut").exists()
    again = rackrisk.run(*UNTIL, out="cut")
    assert again.manifest["results_sha256"] == whole["results_sha256"]
    assert again.manifest["shards"]["looks"] == whole["shards"]["looks"]


@pytest.mark.slow
def test_two_processes_decide_as_one(whole: dict[str, Any], command: Command, folder: Path) -> None:
    assert command("run", *UNTIL, "executor.workers=2", "out=two").code == 0
    two = manifest(folder / "two")
    assert two["results_sha256"] == whole["results_sha256"]
    assert two["shards"]["looks"] == whole["shards"]["looks"]


def test_a_run_at_its_limit_says_how_many_scenarios_would_do(command: Command, folder: Path) -> None:
    outcome = command("run", *UNTIL, "until=EL:1%", "max_scenarios=1500", "out=short")
    assert outcome.code == 0
    short = manifest(folder / "short")
    assert short["n_scenarios"] == 1500
    (said,) = (note for note in short["warnings"] if "would reach" in note)
    assert said.startswith("EL is known to ")
    assert " after 1,500 scenarios; about " in said
    assert said in " ".join(outcome.out.split())
    assert "1,000 to 1,500 scenarios until EL:1%" in outcome.words


def test_a_plan_is_of_the_most_that_a_target_may_take(command: Command) -> None:
    outcome = command("plan", *UNTIL, "max_scenarios=9000", "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert (found["scenarios"], found["shards"]) == (9_000, 9)
    assert "the most scenarios that it may take" in found["note"]
