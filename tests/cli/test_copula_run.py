"""A copula run: one folder, exact figures beside simulated ones, on the screen, in JSON and in Python."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rackrisk
from rackrisk.data import TapeProblems

from .conftest import Command, Outcome

SMALL = ("model=copula", "engine=reference", "scenarios=4000")
HOSTILE = "[red]<b>=cmd()|" + "x" * 100


def write(folder: Path, rows: list[dict[str, Any]], name: str = "names.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def names(count: int = 40, **columns: Any) -> list[dict[str, Any]]:
    """Names of three kinds in two segments."""
    return [
        {"obligor_id": f"n{i}", "segment": "ab"[i % 2], "ead": 100 + i % 3, "pd": 0.02, "lgd": 0.5, **columns}
        for i in range(count)
    ]


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


def document(outcome: Outcome) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_the_model_alone_runs_and_leaves_a_complete_folder(command: Command, folder: Path) -> None:
    outcome = command("run", "model=copula", "portfolio.count=50", "scenarios=2000", "engine=reference")
    assert outcome.code == 0
    run = only_run(folder)
    assert "-equal_names-gaussian-" in run.name
    found = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    tables = {f"tables/{name}.parquet" for name in ("measures", "names", "pd_term", "exact")}
    assert found == tables | {
        "manifest.json",
        "DONE",
        "report.html",
        "losses.parquet",
        "book.parquet",
        "config.resolved.yaml",
    }
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["book"] == {"names": 50}
    assert (manifest["horizon_years"], manifest["asset_correlation"]) == (1, 0.1928)
    assert manifest["loan_scenarios_per_s"] > 0
    assert "months" not in manifest


def test_exact_figures_stand_beside_simulated_ones(command: Command, folder: Path) -> None:
    tape = write(folder, names())
    data = document(command("run", *SMALL, f"portfolio.tape={tape}", "copula.asset_correlation=0.2", "--json"))
    exact = {(row["scope"], row["measure"], row["level"]): row for row in data["exact"]}
    simulated = {(row["scope"], row["measure"], row["level"]): row for row in data["measures"]}
    assert set(exact) == set(simulated)
    for key, row in exact.items():
        assert (row["simulated"], row["std_error"]) == (simulated[key]["value"], simulated[key]["std_error"])
        if row["z"] is not None:
            assert row["z"] == pytest.approx((row["simulated"] - row["value"]) / row["std_error"])
            assert abs(row["z"]) < 6  # 18 figures, the smallest with 4 expected scenarios above it
    # 20 names of 100 to 102 in each segment: ead x lgd x pd, summed by hand.
    total = sum(row["ead"] for row in names()) * 0.5 * 0.02
    assert exact["portfolio", "EL", None]["value"] == pytest.approx(total, rel=1e-12)


def test_the_screen_shows_simulated_and_exact_figures_and_their_distance(command: Command, folder: Path) -> None:
    tape = write(folder, names())
    outcome = command("run", *SMALL, f"portfolio.tape={tape}", "copula.asset_correlation=0.2", "copula.horizon_years=3")
    assert outcome.code == 0
    for words in ("asset correlation 0.2 (loading 0.4472)", "exact", "z", "VaR 99.9 %", "Names in default within, %",
                  "Largest expected losses", "report"):  # fmt: skip
        assert words in outcome.out
    assert max(len(line) for line in outcome.out.splitlines() if "runs/" not in line) <= 80
    assert "40 names, 4,000 scenarios, 3 years" in outcome.err


def test_where_nothing_exact_is_known_a_note_says_why(command: Command, folder: Path) -> None:
    tape = write(
        folder, [{**row, "loading_x": 0.3 + 0.01 * (i % 2), "loading_y": 0.2} for i, row in enumerate(names())]
    )
    outcome = command("run", *SMALL, f"portfolio.tape={tape}")
    assert outcome.code == 0
    assert "n/a" in outcome.out
    assert "no exact VaR and ES: several factors" in outcome.out
    manifest = json.loads((only_run(folder) / "manifest.json").read_text())
    assert any("several factors" in note for note in manifest["warnings"])


def test_names_of_files_never_reach_the_terminal_as_commands(command: Command, folder: Path) -> None:
    rows = [{**row, "obligor_id": f"{HOSTILE}{i}", "segment": HOSTILE} for i, row in enumerate(names(3))]
    outcome = command("run", *SMALL, f"portfolio.tape={write(folder, rows)}", "copula.asset_correlation=0.2")
    assert outcome.code == 0
    assert "[red]" in outcome.out
    assert "\x1b" not in outcome.out
    assert max(len(line) for line in outcome.out.splitlines() if "runs/" not in line) <= 80
    report = (only_run(folder) / "report.html").read_text()
    assert "<b>=cmd" not in report
    assert "&lt;b&gt;=cmd" in report


@pytest.mark.parametrize(
    "rows",
    [
        names(1),
        [{**row, "pd": 0} for row in names(5)],
        [{**row, "pd": 1} for row in names(5)],
        [{**row, "ead": 0} for row in names(5)],
        [{**row, "lgd": 0} for row in names(5)],
        [{**row, "ead": 1e-3} for row in names(5)],
        [{**row, "ead": 1e13} for row in names(5)],
        [{**row, "pd": i % 2} for i, row in enumerate(names(5))],
    ],
)
@pytest.mark.parametrize("scenarios", [1, 300])
def test_books_at_the_edge_run(command: Command, folder: Path, rows: list[dict[str, Any]], scenarios: int) -> None:
    tape = f"portfolio.tape={write(folder, rows)}"
    extra = (tape, "copula.asset_correlation=0.2", f"scenarios={scenarios}", "engine=reference")
    outcome = command("run", "model=copula", *extra)
    assert outcome.code == 0, outcome.err
    assert "nan" not in outcome.out.replace("name", "")
    data = document(command("run", "model=copula", *extra, "--json"))
    value = next(m["value"] for m in data["measures"] if m["measure"] == "EL" and m["scope"] == "portfolio")
    certain = sum(row["ead"] * row["lgd"] for row in rows if row["pd"] == 1)
    most = sum(row["ead"] * row["lgd"] for row in rows)
    assert certain * (1 - 1e-9) <= value <= most * (1 + 1e-9)


@pytest.mark.parametrize(
    ("change", "place"),
    [({"pd": "1.0000001"}, ("2", "pd")), ({"lgd": "nan"}, ("2", "lgd")), ({"obligor_id": "n0"}, ("2", "obligor_id"))],
)
def test_a_bad_tape_is_refused_with_row_and_column_and_nothing_is_written(
    command: Command, folder: Path, change: dict[str, str], place: tuple[str, str]
) -> None:
    rows = names(4)
    rows[1] |= change
    outcome = command("run", *SMALL, f"portfolio.tape={write(folder, rows)}", "copula.asset_correlation=0.2")
    assert outcome.code == 2
    assert outcome.out == ""
    assert all(word in outcome.words for word in place)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("columns", "overrides", "words"),
    [
        ({}, (), "a column loading_<factor> for each factor, or copula.asset_correlation must be set"),
        ({"loading_x": 0.3}, ("copula.asset_correlation=0.2",), "leave one out"),
        ({"loading_x": 0.8, "loading_y": 0.7}, (), "w'Rw must not be above 1"),
        ({"loading_x": 0.3}, ("copula.factor_correlation={x: {z: 0.1}}",), "z"),
        ({"loading_x": 0.3}, ("copula.factor_correlation=[[1, 0], [0, 1]]",), "factor_correlation must have 1 rows"),
        ({"loading_x": 0.3}, ("copula.lgd.kind=beta",), "needs a standard deviation"),
        ({"loading_x": 0.3}, ("copula.lgd.kind=beta", "copula.lgd.sd=0.499999"), None),
        (
            {"loading_x": 0.3, "lgd": 0.99},
            ("copula.lgd.kind=beta", "copula.lgd.sd=0.3"),
            "room for copula.lgd.sd = 0.3",
        ),
        ({"loading_x": 0.3, "lgd_sd": 0.5}, ("copula.lgd.kind=beta",), "below the square root of lgd"),
    ],
)
def test_tape_and_configuration_must_fit(
    command: Command, folder: Path, columns: dict[str, Any], overrides: tuple[str, ...], words: str | None
) -> None:
    outcome = command("run", *SMALL, f"portfolio.tape={write(folder, names(4, **columns))}", *overrides)
    assert outcome.code == (0 if words is None else 2)
    assert words is None or words in outcome.words


def test_a_spread_that_is_not_used_is_noted(command: Command, folder: Path) -> None:
    tape = write(folder, names(4, lgd_sd=0.2))
    outcome = command("run", *SMALL, f"portfolio.tape={tape}", "copula.asset_correlation=0.2")
    assert "lgd_sd is not used" in outcome.out


def test_python_and_the_command_give_the_same_numbers(command: Command, folder: Path) -> None:
    tape = write(folder, names())
    data = document(command("run", *SMALL, f"portfolio.tape={tape}", "copula.asset_correlation=0.2", "--json"))
    result = rackrisk.run(
        model="copula",
        engine="reference",
        scenarios=4000,
        portfolio={"tape": str(tape)},
        copula={"asset_correlation": 0.2},
    )
    assert result.measures.to_dicts() == data["measures"]
    assert result.tables["exact"]["value"].to_list() == [row["value"] for row in data["exact"]]
    assert result.manifest["config_hash"] == data["config_hash"]


def test_another_seed_gives_other_losses_and_the_same_exact_figures(command: Command, folder: Path) -> None:
    runs = [document(command("run", *SMALL, "portfolio.count=30", f"seed={seed}", "--json")) for seed in (1, 1, 2)]
    first, same, other = (pl.read_parquet(Path(run["run"]) / "losses.parquet") for run in runs)
    assert first.equals(same)
    assert not first.equals(other)
    assert [row["value"] for row in runs[0]["exact"]] == [row["value"] for row in runs[2]["exact"]]


def test_python_raises_what_is_wrong_with_the_tape(folder: Path) -> None:
    tape = write(folder, [{**row, "pd": 2} for row in names(3)])
    with pytest.raises(TapeProblems) as caught:
        rackrisk.run(model="copula", portfolio={"tape": str(tape)}, copula={"asset_correlation": 0.2})
    assert [p.row for p in caught.value.problems] == [1, 2, 3]


def test_a_written_book_of_names_gives_the_same_losses(command: Command, folder: Path) -> None:
    assert command("book", "model=copula", "portfolio.count=30", "--out", "names.csv").code == 0
    first = document(command("run", *SMALL, "portfolio.count=30", "--json"))
    same = ("portfolio.tape=names.csv", "copula.asset_correlation=0.1928")
    second = document(command("run", *SMALL, *same, "--json"))
    losses = [pl.read_parquet(Path(run["run"]) / "losses.parquet") for run in (first, second)]
    assert losses[0].equals(losses[1])


def test_the_report_of_a_finished_run_can_be_made_again(command: Command, folder: Path) -> None:
    assert command("run", *SMALL, "portfolio.count=20").code == 0
    run = only_run(folder)
    page = (run / "report.html").read_text()
    (run / "report.html").write_text("")
    assert command("report", str(run)).code == 0
    assert (run / "report.html").read_text() == page
