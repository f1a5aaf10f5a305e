"""`rackrisk sweep`: its points are ordinary runs, its table is theirs, and what stops it costs no finished point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

import rackrisk
from rackrisk._compare import compare
from rackrisk._sweep import SweepRun
from rackrisk.run_folder import done_text

from .conftest import Command
from .sweeps import FIXED, SWEPT, small_sweep
from .tapes import tape_rows, write_tape


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> SweepRun:
    return small_sweep(tmp_path_factory.mktemp("sweep"))


def point(run: SweepRun, number: int) -> Path:
    return run.folder / "points" / run.order.points[number - 1].folder


# ---- points ----


def test_a_point_is_the_run_that_its_values_ask_for(done: SweepRun, tmp_path: Path) -> None:
    tape = done.folder.parent / "tape.csv"
    alone = ("market.rent.drift_annual.calm=0", "mechanisms.vacuum=true")
    same = rackrisk.run(f"portfolio.tape={tape}", *FIXED, *alone, out=str(tmp_path / "alone"))
    assert done.order.points[2].values == {"market.rent.drift_annual.calm": 0, "mechanisms.vacuum": True}
    assert (point(done, 3) / "losses.parquet").read_bytes() == (same.folder / "losses.parquet").read_bytes()
    assert (point(done, 3) / "DONE").read_text() == done_text(point(done, 3))
    manifest = json.loads((point(done, 3) / "manifest.json").read_text())
    assert manifest["config_hash"] == same.manifest["config_hash"] == done.order.points[2].config_hash


def test_all_combinations_are_run_in_order(done: SweepRun) -> None:
    combinations = [tuple(item.values.values()) for item in done.order.points]
    assert combinations == [(-0.3, True), (-0.3, False), (0, True), (0, False)]
    assert sorted(path.name for path in (done.folder / "points").iterdir()) == [p.folder for p in done.order.points]


def test_two_points_can_be_compared(done: SweepRun, command: Command) -> None:
    outcome = command("compare", str(point(done, 1)), str(point(done, 2)), "--json")
    found = json.loads(outcome.out)
    assert outcome.code == 0
    assert [change["key"] for change in found["config"]] == ["mechanisms.vacuum"]
    assert found["common_random_numbers"]


def test_a_sweep_is_no_run_to_compare(done: SweepRun, command: Command) -> None:
    outcome = command("compare", str(done.folder), str(point(done, 2)))
    assert outcome.code == 2
    assert "a sweep, whose points are runs" in outcome.words


# ---- the table ----


def test_the_table_holds_the_measures_of_every_point(done: SweepRun) -> None:
    names = ["measure", "level", "scope", "value", "std_error", "ci_low", "ci_high", "unit", "n_scenarios", "method"]
    for item in done.order.points:
        rows = done.table.filter(point=item.number)
        measures = pl.read_parquet(done.folder / rows["run"][0] / "tables/measures.parquet")
        assert rows.select(names).equals(measures.select(names))
        for key, value in item.values.items():
            assert rows[key].unique().to_list() == [value]
    assert done.table.schema["market.rent.drift_annual.calm"] == pl.Float64
    assert done.table.schema["mechanisms.vacuum"] == pl.Boolean
    assert done.table.equals(pl.read_parquet(done.folder / "tables/sweep.parquet"))


def test_differences_are_those_of_compare_with_paired_errors(done: SweepRun) -> None:
    for number in (2, 3, 4):
        found = compare(str(point(done, 1)), str(point(done, number))).measures
        ours = done.table.filter(point=number)
        key = ["scope", "measure", "level"]
        both = ours.join(found.select(*key, d="difference", e="std_error"), on=key, how="left", nulls_equal=True)
        assert both["difference"].equals(both["d"].rename("difference"), null_equal=True)
        assert both["difference_std_error"].equals(both["e"].rename("difference_std_error"), null_equal=True)
        assert set(ours.filter(measure="EL")["difference_method"]) == {
            "difference scenario by scenario, on the same random numbers"
        }


def test_pairing_makes_errors_of_differences_smaller(done: SweepRun) -> None:
    rows = done.table.filter(measure="EL", scope="portfolio").sort("point")
    first, third = rows["std_error"][0], rows["std_error"][2]
    assert rows["difference_std_error"][2] < (first**2 + third**2) ** 0.5
    assert rows["difference"].to_list()[0] is None
    assert rows["difference"][2] == pytest.approx(rows["value"][2] - rows["value"][0], rel=1e-12)


def test_points_on_other_random_numbers_are_independent_and_said_to_be(tape: Path, folder: Path) -> None:
    run = rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="found")
    first, second = run.table.filter(measure="EL", scope="portfolio").sort("point").to_dicts()
    independent = (first["std_error"] ** 2 + second["std_error"] ** 2) ** 0.5
    assert second["difference_std_error"] == pytest.approx(independent, rel=1e-12)
    assert any("independent runs" in note for note in run.manifest["warnings"])
    assert run.table.schema["seed"] == pl.Int64
    assert run.folder == folder / "found"


def test_books_of_different_segments_share_a_table(tape: Path, folder: Path) -> None:
    del tape
    write_tape(folder / "other.csv", [row for row in tape_rows() if row["segment"] != "miners"])
    run = rackrisk.sweep("portfolio.tape=tape.csv,other.csv", *FIXED, out="found")
    scopes = {number: set(run.table.filter(point=number)["scope"]) for number in (1, 2)}
    assert scopes[1] - scopes[2] == {"miners"}
    assert [item.folder for item in run.order.points] == ["001-portfolio.tape_tape.csv", "002-portfolio.tape_other.csv"]
    assert [item["path"] for item in run.manifest["inputs"]] == [str(folder / "tape.csv"), str(folder / "other.csv")]


def test_names_sweep_like_loans(folder: Path) -> None:
    few = ("model=copula", "engine=reference", "scenarios=500", "portfolio.count=40")
    run = rackrisk.sweep(*few, "copula.asset_correlation=0.1,0.3", out="found")
    sd = run.table.filter(measure="SD", scope="portfolio").sort("point")["value"]
    assert sd[1] > sd[0]
    assert (folder / "found/report.html").is_file()


def test_progress_runs_once_from_nothing_to_all_scenarios(tape: Path, folder: Path) -> None:
    del folder
    seen: list[tuple[int, int]] = []
    rackrisk.sweep(
        f"portfolio.tape={tape}", *FIXED, "seed=1,2", out="found", progress=lambda done, of: seen.append((done, of))
    )
    assert {of for _, of in seen} == {128}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == 128


def test_points_with_a_target_have_scenarios_of_their_own(tape: Path, folder: Path) -> None:
    del folder
    asked = ("until=EL:40%", "max_scenarios=3000", "scenarios=16", "months=4", "mechanisms.vacuum=true,false")
    seen: list[float] = []

    def report(done: int, of: int) -> None:
        seen.append(done / of)

    run = rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, *asked, out="found", progress=report)
    assert all(n > 16 for n in run.table["n_scenarios"])
    assert max(seen) <= 1.0


# ---- what is shown ----


def test_the_screen_fits_and_names_every_point(tape: Path, command: Command) -> None:
    outcome = command("sweep", f"portfolio.tape={tape}", *FIXED, *SWEPT, "out=found")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    for words in (
        "4 points of",
        "Loss of the portfolio by point",
        "Change against point 1",
        "-0.3",
        "false",
        "sweep.svg",
    ):
        assert words in outcome.out
    assert "4 points, the first of 12 facilities" in outcome.err


def test_more_keys_than_columns_are_listed(tape: Path, command: Command) -> None:
    outcome = command("sweep", f"portfolio.tape={tape}", *FIXED, *SWEPT, "mechanisms.offtake=true,false", "out=found")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "drift_annual.calm -0.3, mechanisms.vacuum true, mechanisms.offtake false" in outcome.out


def test_the_document_holds_points_and_table(tape: Path, command: Command, folder: Path) -> None:
    outcome = command(
        "sweep", f"portfolio.tape={tape}", *FIXED, "mechanisms.vacuum=true,false", "out=f", "--json", "--quiet"
    )
    document: dict[str, Any] = json.loads(outcome.out)
    assert outcome.err == ""
    assert document["sweep"] == pl.read_parquet(folder / "f/tables/sweep.parquet").to_dicts()
    assert [item["values"] for item in document["points"]] == [
        {"mechanisms.vacuum": True},
        {"mechanisms.vacuum": False},
    ]
    assert all((folder / "f" / item["run"] / "DONE").is_file() for item in document["points"])


def test_the_picture_is_one_document_with_words_and_nothing_to_fetch(done: SweepRun) -> None:
    text = (done.folder / "sweep.svg").read_text()
    root = ElementTree.fromstring(text)
    assert text.count("http") == 1  # the name space
    assert "var(" not in text
    assert "<script" not in text
    described = [str(item.text) for item in root.iter() if item.tag.endswith("}desc")]
    assert len(described) == 6  # three measures, vacuum on and off
    assert all("±" in words and "drift_annual.calm" in words for words in described)


def test_the_page_names_all_points_and_is_made_again_with_the_same_bytes(done: SweepRun, command: Command) -> None:
    before = (done.folder / "report.html").read_bytes()
    assert b"What the points lose" in before
    assert b"default-src" in before
    assert b"<script" not in before
    assert command("report", str(done.folder)).code == 0
    assert (done.folder / "report.html").read_bytes() == before


def test_hostile_values_are_text_on_the_page_and_name_no_folder_elsewhere(folder: Path) -> None:
    names = ["<img src=x onerror=a>.csv", "..;$(id)&.csv"]
    for rows, name in enumerate(names, 10):
        write_tape(folder / name, tape_rows(rows))
    quoted = ",".join(f"'{name}'" for name in names)
    run = rackrisk.sweep(
        f"portfolio.tape={quoted}", "seed=3", *FIXED[:-2], "scenarios=16", "market=flat,base", out="found"
    )
    page = (run.folder / "report.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x onerror=a&gt;.csv" in page
    assert "<img" not in (run.folder / "sweep.svg").read_text()
    assert all(path.parent == run.folder / "points" for path in (run.folder / "points").iterdir())
    assert all(set(item.folder) <= set("0123456789abcdefghijklmnopqrstuvwxyz_.-") for item in run.order.points)


def test_the_manifest_holds_every_point_and_file(done: SweepRun) -> None:
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert (done.folder / "DONE").read_text() == done_text(done.folder)
    assert (manifest["schema"], manifest["keys"]) == ("rackrisk/sweep/1", list(done.order.keys))
    assert [item["values"] for item in manifest["points"]] == [dict(item.values) for item in done.order.points]
    listed = {item["path"] for item in manifest["outputs"]}
    there = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    assert {name for name in there if not name.endswith(("manifest.json", "DONE"))} == listed
    assert manifest["timings_s"]["points"] > 0.0


# ---- refusals ----


def test_all_problems_of_all_points_are_listed_once_and_nothing_is_written(
    tape: Path, command: Command, folder: Path
) -> None:
    del tape
    wrong = ("portfolio.tape=tape.csv,missing.csv", "scenarios=10,0", "seed=-1", "mechanism.vacuum=true,false")
    outcome = command("sweep", *wrong, "out=found")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "5 problems in the points of the sweep" in outcome.words
    for words in ("no such file (points 5, 6, 7 and 1 more)", "greater than or equal to 1", "did you mean"):
        assert words in outcome.words
    assert outcome.words.count("greater than or equal to 0") == 1
    assert [path.name for path in folder.iterdir()] == ["tape.csv"]


def test_rows_of_a_bad_tape_are_listed_with_problems_of_keys(tape: Path, command: Command, folder: Path) -> None:
    rows = tape_rows()
    rows[3]["balance_usd"] = "-5"
    write_tape(folder / "bad.csv", rows)
    outcome = command("sweep", f"portfolio.tape={tape},bad.csv", "months=12,0", "out=found")
    assert outcome.code == 2
    assert "balance_usd" in outcome.words
    assert "months" in outcome.words
    assert not (folder / "found.unfinished").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("attribution.scenarios=10,20",), "point 2 is the same as point 1"),
        (("seed=1,1.0",), "point 2 is the same as point 1"),
        (("experiment=quick_look,no_claims", "model=copula,structural"), "problems in the points"),
        (("seed=range(0,5000)",), "at most 1,000"),
        (("scenarios=64",), "needs a key with several values"),
        (("out=a,b",), "one folder"),
        (("seed=1,2", "executor=shard"), "prepares single runs"),
        (("executor.workers=1,2",), "point 2 is the same as point 1"),
    ],
)
def test_sweeps_without_sense_are_refused(
    arguments: tuple[str, ...], words: str, command: Command, folder: Path
) -> None:
    outcome = command("sweep", "engine=reference", "portfolio=miners", *arguments)
    assert outcome.code == 2
    assert words in outcome.words
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_taken_is_refused(done: SweepRun, command: Command) -> None:
    outcome = command("sweep", *SWEPT, f"out={done.folder}")
    assert outcome.code == 2
    assert "never overwritten" in outcome.words
