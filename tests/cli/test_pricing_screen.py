"""Spreads, contributions and costs of defaults in a run folder, on the screen and in the JSON document."""

from __future__ import annotations

import io
import json

import polars as pl
import pytest
from rich.console import Console

import rackrisk
from rackrisk._run import Run
from rackrisk.config import ConfigProblems, load_settings
from rackrisk.pricing_screen import pricing_answers, pricing_tables

TABLES = ("pricing", "contributions", "concentration", "offtaker_defaults")
SMALL = ("portfolio=neoclouds", "portfolio.count=12", "engine=reference", "engine.precision=float64", "months=24")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("pricing") / "run"
    return rackrisk.run(
        *SMALL, "scenarios=1300", "measures.levels=[0.9,0.95]", "pricing.capital_level=0.9", out=str(out)
    )


def test_the_folder_has_what_the_run_has(run: Run) -> None:
    for name in TABLES:
        stored = pl.read_parquet(run.folder / "tables" / f"{name}.parquet")
        assert stored.equals(run.tables[name])
        assert stored.height > 0


def test_contributions_of_a_stored_run_add_up_to_its_stored_measures(run: Run) -> None:
    measures = pl.read_parquet(run.folder / "tables" / "measures.parquet").filter(scope="portfolio")
    rows = pl.read_parquet(run.folder / "tables" / "contributions.parquet")
    for row in measures.filter(pl.col("measure").is_in(["VaR", "ES"])).iter_rows(named=True):
        for (_,), part in rows.filter(measure=row["measure"], level=row["level"]).group_by("dimension"):
            assert sum(part["value_usd"].to_list()) == row["value"]


def test_every_table_is_on_the_screen_and_fits(run: Run) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    for table in pricing_tables(run, ["neoclouds", "portfolio"]):
        console.print(table)
    text = console.export_text()
    titles = ("Spreads that would pay", "Least paid for their", "Where the ES 90 % comes from", "What a default of")
    assert [title for title in titles if title not in text] == []
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert run.result.pricing.filter(rank=1)["name"].item()[:8] in text


def test_the_json_document_holds_plain_numbers(run: Run) -> None:
    document = json.loads(json.dumps(pricing_answers(run), allow_nan=False))
    assert set(document) == set(TABLES)
    assert len(document["pricing"]) == run.result.pricing.height
    assert {row["dimension"] for row in document["contributions"]} == {"obligor", "offtaker", "segment", "generation"}


REFUSED = {
    "pricing.hurdle_annual=-0.1": "must be greater than or equal to 0",
    "pricing.capital_level=1": "must be less than 1",
    "pricing.hurdle=0.1": "unknown key",
}


@pytest.mark.parametrize("override", REFUSED)
def test_settings_that_make_no_sense_are_refused(override: str) -> None:
    with pytest.raises(ConfigProblems) as refused:
        load_settings([override])
    assert [problem.key for problem in refused.value.problems] == [override.partition("=")[0]]
    assert REFUSED[override] in refused.value.problems[0].rule
