"""A finished run is told about from its folder alone, exactly or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rackrisk
from rackrisk.rebuild import RunProblems

from .conftest import Command
from .tapes import tape_rows, write_tape

SMALL = ("scenarios=40", "months=30", "engine=reference", "market=hash_credit_crisis", "--quiet")


@pytest.fixture
def finished(tape: Path, command: Command) -> Path:
    """A run of the small tape."""
    assert command("run", *SMALL, f"portfolio.tape={tape.name}", "out=done").code == 0
    return Path("done")


def told(command: Command, *arguments: str) -> dict[str, Any]:
    outcome = command("explain", *arguments, "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def worst_of(run: Path) -> tuple[str, str]:
    """The worst scenario and who loses most in it."""
    row = pl.read_parquet(run / "tables" / "worst_losers.parquet").row(0, named=True)
    return str(row["scenario"]), row["obligor_id"]


def test_the_worst_scenarios_are_those_of_the_losses(command: Command, finished: Path) -> None:
    losses = pl.read_parquet(finished / "losses.parquet").sort("loss", descending=True)
    rows = told(command, str(finished))["worst"]["scenarios"]
    assert [row["scenario"] for row in rows] == losses["scenario"].head(5).to_list()
    assert [row["loss_usd"] for row in rows] == losses["loss"].head(5).to_list()
    text = command("explain", str(finished)).out
    assert "Worst scenarios" in text
    assert f"rackrisk explain done --scenario {rows[0]['scenario']}" in text


def test_a_run_without_those_tables_is_simulated_again(command: Command, finished: Path) -> None:
    first = told(command, str(finished))["worst"]
    for table in (finished / "tables").glob("worst_*.parquet"):
        table.unlink()
    assert told(command, str(finished))["worst"] == first


def test_the_loss_is_that_of_the_run_to_the_last_quantum(command: Command, finished: Path) -> None:
    losses = pl.read_parquet(finished / "losses.parquet")
    for scenario in (*losses.sort("loss")["scenario"].tail(2), 0):
        document = told(command, str(finished), "--scenario", str(scenario))
        row = losses.row(scenario, named=True)
        assert document["agrees"]
        assert document["notes"] == []
        assert document["scenario"]["loss_usd"] == row["loss"]
        assert sum(r["loss_usd"] for r in document["scenario"]["obligors"]) == row["loss"]
        by_scope = {r["scope"]: r["loss_usd"] for r in document["scenario"]["scopes"]}
        assert by_scope == {"portfolio": row["loss"]} | {
            name.removeprefix("loss:"): value for name, value in row.items() if name.startswith("loss:")
        }


def test_python_and_the_command_tell_the_same(command: Command, finished: Path) -> None:
    scenario, obligor = worst_of(finished)
    found = rackrisk.explain(finished, scenario=int(scenario), obligor=obligor)
    document = told(command, str(finished), "--scenario", scenario, "--obligor", obligor)
    assert found.agrees
    assert found.obligor is not None
    assert document["obligor"]["months"] == found.obligor.months.to_dicts()
    assert document["obligor"]["loss_usd"] == found.obligor.loss_usd > 0
    assert document["obligor"]["events"][-1]["kind"] == "default"
    assert document["obligor"]["events"][-1]["text"].startswith("DEFAULT")


def test_the_screen_fits_and_says_what_happened(command: Command, finished: Path) -> None:
    scenario, obligor = worst_of(finished)
    for arguments in ((), ("--scenario", scenario), ("--scenario", scenario, "--obligor", obligor)):
        outcome = command("explain", str(finished), *arguments)
        assert outcome.code == 0
        assert max(map(len, outcome.out.splitlines())) <= 80
    assert "the replay is the run's own scenario, to the last quantum" in outcome.out
    for part in ("Month by month", "What happened", "DEFAULT", "What the estate fetches", "Facility by facility"):
        assert part in outcome.out


def test_a_facility_that_survives_is_told_about_too(command: Command, finished: Path) -> None:
    losses = pl.read_parquet(finished / "losses.parquet")
    scenario = int(losses.sort("loss")["scenario"][0])
    outcome = command("explain", str(finished), "--scenario", str(scenario), "--obligor", "Obligor 0")
    assert outcome.code == 0
    assert "Month by month" in outcome.out


@pytest.mark.parametrize("name", ["losses.parquet", "config.resolved.yaml"])
def test_worst_scenarios_are_not_told_of_a_changed_run(
    command: Command, finished: Path, folder: Path, name: str
) -> None:
    copy = folder / "copy"
    shutil.copytree(finished, copy)
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    outcome = command("explain", str(copy))
    assert (outcome.code, outcome.out) == (2, "")
    assert "was changed after the run" in outcome.words


def test_all_problems_of_the_arguments_are_listed_at_once(command: Command, finished: Path) -> None:
    outcome = command("explain", str(finished), "--scenario", "40", "--obligor", "Oblgor 3")
    assert (outcome.code, outcome.out) == (2, "")
    assert "2 problems" in outcome.words
    assert "from 0 to 39" in outcome.words
    assert "did you mean 'Obligor 3'?" in outcome.words or "did you mean 'Obligor" in outcome.words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dune",), "did you mean 'done'?"),
        (("done", "--scenario", "-1"), "from 0 to 39"),
        (("done", "--scenario", "first"), "whole number"),
        (("done", "--obligor", "Obligor 1"), "the worst scenarios are"),
        (("done", "--scenario", "1", "--obligor", "F-003"), "facility of 'Obligor 1'"),
        (("done", "--scenario", "1", "--engine", "cuda"), "cuda"),
    ],
)
@pytest.mark.usefixtures("finished")
def test_what_is_not_there_is_refused_with_a_hint(command: Command, arguments: tuple[str, ...], said: str) -> None:
    outcome = command("explain", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.words


def test_a_run_that_cannot_be_repeated_is_refused(command: Command, finished: Path) -> None:
    with (finished / "config.resolved.yaml").open("a") as stream:
        stream.write("\n# a comment\n")
    shutil.copy(finished / "tables" / "measures.parquet", finished / "losses.parquet")
    outcome = command("explain", str(finished), "--scenario", "1")
    assert outcome.code == 2
    assert "2 problems" in outcome.words
    for name in ("config.resolved.yaml", "losses.parquet"):
        assert name in outcome.words


def test_a_run_keeps_its_book_whatever_becomes_of_the_tape(command: Command, finished: Path, folder: Path) -> None:
    write_tape(folder / "tape.csv", tape_rows(10))
    changed = told(command, str(finished), "--scenario", "1")
    assert changed["agrees"]
    assert "was changed after the run" in changed["notes"][0]
    (folder / "tape.csv").unlink()
    gone = told(command, str(finished), "--scenario", "1")
    assert gone["agrees"]
    assert "is not there any more" in gone["notes"][0]


def test_a_manifest_that_was_edited_is_refused(finished: Path) -> None:
    manifest = finished / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    with pytest.raises(RunProblems, match="was changed after the run"):
        rackrisk.explain(finished, scenario=1)


def test_worst_tables_that_were_changed_are_refused(command: Command, finished: Path) -> None:
    table = finished / "tables" / "worst_scenarios.parquet"
    shutil.copy(finished / "tables" / "measures.parquet", table)
    assert "was changed after the run" in command("explain", str(finished)).words


def test_the_tape_is_found_from_anywhere(
    command: Command, finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = finished.absolute()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert told(command, str(run), "--scenario", "3")["agrees"]


def test_hostile_names_are_shown_and_do_nothing(command: Command, folder: Path) -> None:
    name = "[red]x[/red] {0} %s $(id)"
    rows = [row | {"obligor_id": name, "offtaker": "[link=file:///]lab[/link]"} for row in tape_rows(2)]
    lease = {"contracted_share": "1", "contract_revenue_usd_month": "1000", "contract_end_date": "2027-01-31"}
    write_tape(folder / "evil.csv", [row | lease for row in rows])
    assert command("run", *SMALL, "portfolio.tape=evil.csv", "out=evil").code == 0
    scenario, obligor = worst_of(folder / "evil")
    assert obligor == name
    for arguments in ((), ("--scenario", scenario), ("--scenario", scenario, "--obligor", name)):
        outcome = command("explain", "evil", *arguments)
        assert outcome.code == 0
        assert "[red]x" in outcome.out
    assert f"--obligor '{name}'" in " ".join(command("explain", "evil").out.split())


def test_a_copula_run_says_what_it_does_not_have(command: Command, folder: Path) -> None:
    quick = ("model=copula", "scenarios=200", "portfolio.count=20", "engine=reference", "out=names", "--quiet")
    assert command("run", *quick).code == 0
    outcome = command("explain", "names")
    assert outcome.code == 2
    assert "has no months to tell about" in outcome.words
    assert (folder / "names" / "DONE").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("portfolio=miners", "market=replay_2021_2022"),
        ("portfolio=neoclouds", "mechanisms.vacuum=false", "mechanisms.offtake=false"),
        ("portfolio=data_centres", "mechanisms.duration=false", "mechanisms.deflation=false"),
        ("portfolio=synthetic", "portfolio.count=150", "recovery=thin", "seed=18446744073709551615"),
    ],
)
def test_shipped_books_markets_and_switches_are_repeated_exactly(
    command: Command, folder: Path, overrides: tuple[str, ...]
) -> None:
    options = ("scenarios=60", "months=36", "out=run", "--quiet")
    assert command("run", *overrides, *options).code == 0
    scenario, obligor = worst_of(folder / "run")
    document = told(command, "run", "--scenario", scenario, "--obligor", obligor)
    assert document["agrees"]
    assert document["obligor"]["exact"]
    beside = told(command, "run", "--scenario", scenario, "--obligor", obligor, "--engine", "reference")
    assert beside["notes"]
    assert beside["obligor"]["loss_usd"] == pytest.approx(document["obligor"]["loss_usd"], rel=1e-4)
