"""`rackrisk compare`: differences found, errors combined as the random numbers allow, unfit folders refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import rackrisk
from rackrisk._compare import compare
from rackrisk.run_folder import RunFolderError, done_text

from .conftest import Command
from .tapes import write_tape

SMALL = (
    "engine=reference",
    "engine.precision=float64",
    "months=13",
    "market=hash_credit_crisis",
    "measures.levels=[0.9]",
)


@dataclass(frozen=True)
class Runs:
    """Finished runs: a base, one switch off, another seed, more scenarios, and two of the copula model."""

    folder: Path

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    tape = write_tape(folder / "tape.csv")

    def run(name: str, *overrides: str) -> None:
        rackrisk.run(f"portfolio.tape={tape}", *SMALL, "scenarios=120", *overrides, out=str(folder / name))

    run("base")
    run("no_vacuum", "mechanisms.vacuum=false", "name=other")
    run("seed", "seed=2")
    run("more", "scenarios=200")
    for name, correlation in (("copula", 0.1), ("copula_high", 0.3)):
        values: dict[str, Any] = {"scenarios": 2_000, "out": str(folder / name), "portfolio": {"count": 50}}
        rackrisk.run("model=copula", f"copula.asset_correlation={correlation}", "engine=reference", **values)
    return Runs(folder)


def measure(document: dict[str, Any], name: str, scope: str = "portfolio") -> dict[str, Any]:
    return next(row for row in document["measures"] if (row["measure"], row["scope"]) == (name, scope))


def test_common_random_numbers_pair_the_scenarios(runs: Runs, command: Command) -> None:
    document = json.loads(command("compare", runs["base"], runs["no_vacuum"], "--json").out)
    assert document["common_random_numbers"] is True
    assert document["config"] == [{"key": "mechanisms.vacuum", "first": True, "second": False}]
    assert (document["inputs"], document["versions"]) == ([], [])
    losses = [pl.read_parquet(f"{runs[name]}/losses.parquet")["loss"].to_numpy() for name in ("base", "no_vacuum")]
    change, row = losses[1] - losses[0], measure(document, "EL")
    assert row["difference"] == pytest.approx(change.mean(), rel=1e-12)
    assert row["std_error"] == pytest.approx(change.std(ddof=1) / np.sqrt(120), rel=1e-12)
    assert row["relative"] == pytest.approx(change.mean() / losses[0].mean())
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_other_seeds_are_independent_runs(runs: Runs, command: Command) -> None:
    document = json.loads(command("compare", runs["base"], runs["seed"], "--json").out)
    assert document["common_random_numbers"] is False
    assert [change["key"] for change in document["config"]] == ["seed"]
    row = measure(document, "EL")
    assert row["std_error"] == pytest.approx(np.hypot(row["first_std_error"], row["second_std_error"]), rel=1e-9)


def test_a_longer_run_shares_its_first_scenarios(runs: Runs) -> None:
    found = compare(runs["base"], runs["more"])
    assert found.common
    assert "120 shared scenarios" in found.reason
    row = found.measures.row(0, named=True)
    assert 0 < row["std_error"] < np.hypot(row["first_std_error"], row["second_std_error"])


def test_a_run_and_itself_differ_in_nothing(runs: Runs) -> None:
    found = rackrisk.compare(runs["base"], runs["base"])
    assert (found.config, found.inputs, found.versions) == ([], [], [])
    assert set(found.measures["difference"]) == {0.0}


def test_copula_runs_are_compared_too(runs: Runs, command: Command) -> None:
    outcome = command("compare", runs["copula"], runs["copula_high"])
    assert outcome.code == 0
    for word in ("copula.asset_correlation", "0.1", "0.3", "ES 99 %", "paired scenarios"):
        assert word in outcome.out


def test_the_screen_fits(runs: Runs, command: Command, monkeypatch: pytest.MonkeyPatch, runs_here: None) -> None:
    del runs_here
    monkeypatch.chdir(runs.folder)
    outcome = command("compare", "base", "no_vacuum")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    for word in ("mechanisms.vacuum", "true", "false", "Inputs: no difference", "EL by segment", "change"):
        assert word in outcome.out


@pytest.fixture
def runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_other_tapes_and_versions_are_named(runs: Runs, tmp_path: Path) -> None:
    other = shutil.copytree(runs["base"], tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["inputs"][0]["sha256"] = "0" * 64
    manifest["packages"]["polars"] = "0.1"
    seal(other, manifest)
    found = compare(runs["base"], str(other))
    assert [(change.key, change.second) for change in found.inputs] == [("tape sha256", "0" * 64)]
    assert [(change.key, change.second) for change in found.versions] == [("polars", "0.1")]


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes a manifest and the `DONE` that fits it."""
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "DONE").write_text(done_text(folder))


def test_every_reason_against_a_comparison_is_listed(runs: Runs, command: Command, tmp_path: Path) -> None:
    unfinished, changed = (shutil.copytree(runs["base"], tmp_path / name) for name in ("unfinished", "changed"))
    (unfinished / "DONE").unlink()
    (changed / "losses.parquet").write_bytes(b"PAR1 and no more")
    (changed / "tables/measures.parquet").unlink()
    outcome = command("compare", str(unfinished), str(changed))
    assert (outcome.code, outcome.out) == (2, "")
    for word in ("no DONE in it", "losses.parquet is not the file", "measures.parquet is missing"):
        assert word in outcome.words


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder, manifest: seal(folder, manifest | {"schema": "rackrisk/attribution/1"}), "an attribution"),
        (lambda folder, manifest: seal(folder, manifest | {"schema": 7}), "holds no run"),
        (lambda folder, manifest: seal(folder, {"schema": manifest["schema"]}), "lacks config, seed"),
        (lambda folder, manifest: seal(folder, manifest | {"outputs": [3]}), "outputs.0 is no section"),
        (lambda folder, manifest: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder, manifest: (folder / "manifest.json").write_text("[]"), "not a JSON object"),
        (lambda folder, manifest: (folder / "DONE").write_text("x"), "does not hold the hash"),
        (lambda folder, manifest: seal(folder, manifest | {"n_scenarios": 7}), "every scenario once"),
    ],
)
def test_unreadable_folders_are_refused(spoil: Any, words: str, runs: Runs, tmp_path: Path) -> None:
    bad = shutil.copytree(runs["base"], tmp_path / "bad")
    spoil(bad, json.loads((bad / "manifest.json").read_text()))
    with pytest.raises(RunFolderError, match=words):
        compare(runs["base"], str(bad))


def test_runs_of_two_models_are_refused(runs: Runs, command: Command) -> None:
    outcome = command("compare", runs["base"], runs["copula"])
    assert outcome.code == 2
    assert "model=structural" in outcome.words
    assert "model=copula" in outcome.words


def test_hostile_values_stay_text(runs: Runs, command: Command, tmp_path: Path) -> None:
    bad = shutil.copytree(runs["base"], tmp_path / "bad")
    manifest = json.loads((bad / "manifest.json").read_text())
    manifest["config"]["portfolio"]["name"] = "\x1b[31m[red]name[/red]"
    seal(bad, manifest)
    outcome = command("compare", runs["base"], str(bad))
    assert outcome.code == 0
    assert "\x1b" not in outcome.out
    assert "[red]" in outcome.out
