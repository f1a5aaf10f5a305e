"""`rackrisk attribute`: its folder, its screen, its document, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

import rackrisk
from rackrisk.attribution_screen import BAR_CELLS, bars
from rackrisk.run_folder import done_text, list_files

from .conftest import Command
from .tapes import tape_rows, write_tape

TWO = (
    "mechanisms.duration=false",
    "mechanisms.convergence=false",
    "mechanisms.leverage=false",
    "mechanisms.offtake=false",
)
SMALL = ("portfolio.tape=tape.csv", "engine=reference", "engine.precision=float64", "months=13", *TWO)


@pytest.fixture
def small(tape: Path) -> tuple[str, ...]:
    """A small book with two mechanisms on, on the reference engine."""
    del tape
    return ("attribute", *SMALL, "scenarios=64", "measures.levels=[0.9]", "market=hash_credit_crisis", "out=found")


def test_the_folder_holds_tables_picture_and_manifest(small: tuple[str, ...], command: Command, folder: Path) -> None:
    assert command(*small).code == 0
    found = folder / "found"
    names = {item["path"] for item in list_files(found)}
    tables = {"tables/attribution.parquet", "tables/worlds.parquet"}
    assert names == {"attribution.svg", "config.resolved.yaml", "report.html", *tables}
    manifest = json.loads((found / "manifest.json").read_text())
    assert (found / "DONE").read_text() == done_text(found)
    assert manifest["outputs"] == list_files(found)
    assert (manifest["schema"], manifest["worlds"], manifest["n_scenarios"]) == ("rackrisk/attribution/1", 4, 64)
    assert manifest["mechanisms"] == ["deflation", "vacuum"]


def test_shares_of_every_scope_add_up(small: tuple[str, ...], command: Command, folder: Path) -> None:
    command(*small)
    table = pl.read_parquet(folder / "found/tables/attribution.parquet")
    worlds = pl.read_parquet(folder / "found/tables/worlds.parquet")
    assert set(table["scope"]) == {"portfolio", "neoclouds", "miners", "data_centres"}
    for _, rows in table.group_by("scope", "measure", "level"):
        total = rows.filter(pl.col("mechanism") == "total")["value"].item()
        parts = rows.filter(pl.col("mechanism") != "total")["value"].sum()
        assert parts == pytest.approx(total, rel=1e-12, abs=1e-6)
    whole = worlds.filter(pl.col("deflation") & pl.col("vacuum")).select("scope", "measure", "level", whole="value")
    both = table.filter(pl.col("mechanism") == "total").join(
        whole, on=["scope", "measure", "level"], nulls_equal=True, how="inner"
    )
    assert both.height == 8
    assert both["value"].to_list() == both["whole"].to_list()


def test_the_screen_fits_and_shows_every_mechanism(small: tuple[str, ...], command: Command) -> None:
    outcome = command(*small)
    assert max(map(len, outcome.out.splitlines())) <= 80
    for word in ("deflation", "vacuum", "without any", "all of them", "EL of the portfolio", "ES 90 %", "found"):
        assert word in outcome.out
    assert "off in every world: duration, leverage, convergence, offtake" in " ".join(outcome.out.split())
    assert "4 worlds" in outcome.err


def test_the_document_holds_the_table(small: tuple[str, ...], command: Command, folder: Path) -> None:
    outcome = command(*small, "--json", "--quiet")
    document: dict[str, Any] = json.loads(outcome.out)
    assert outcome.err == ""
    assert document["attribution"] == pl.read_parquet(folder / "found/tables/attribution.parquet").to_dicts()
    assert document["run"] == str(folder / "found")


def test_the_picture_is_one_document_with_words_and_nothing_to_fetch(
    small: tuple[str, ...], command: Command, folder: Path
) -> None:
    command(*small)
    text = (folder / "found/attribution.svg").read_text()
    root = ElementTree.fromstring(text)
    assert text.count("http") == 1  # the name space
    assert "var(" not in text
    assert "<script" not in text
    described = [element for element in root.iter() if element.tag.endswith("}desc")]
    assert len(described) == 2
    assert all("vacuum" in str(element.text) and "±" in str(element.text) for element in described)


def test_its_own_scenarios_and_levels_stand_in_for_those_of_a_run(tape: Path, command: Command, folder: Path) -> None:
    del tape
    own = ("attribution.scenarios=40", "attribution.levels=[0.8]")
    assert command("attribute", *SMALL, *own, "out=found").code == 0
    table = pl.read_parquet(folder / "found/tables/attribution.parquet")
    assert set(table["n_scenarios"]) == {40}
    assert set(table["level"]) == {None, 0.8}
    config = (folder / "found/config.resolved.yaml").read_text()
    assert "scenarios: 40" in config


def test_python_gives_the_same_shares(small: tuple[str, ...], command: Command, folder: Path) -> None:
    command(*small)
    again = rackrisk.attribute(*small[1:-1], out="again")
    assert again.shares.equals(pl.read_parquet(folder / "found/tables/attribution.parquet"))
    assert again.worlds.equals(pl.read_parquet(folder / "found/tables/worlds.parquet"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("model=copula",), "for model=structural"),
        (("experiment=no_claims",), "leaves nothing to attribute"),
        (("attribution.scenarios=0",), "greater than or equal to 1"),
        (("attribution.levels=[0.9,0.9]",), "must not repeat"),
        (("scenarios=60000000",), "fewer scenarios"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(
    arguments: tuple[str, ...], words: str, command: Command, folder: Path
) -> None:
    outcome = command("attribute", *arguments)
    assert outcome.code == 2
    assert words in outcome.words
    assert list(folder.iterdir()) == []


def test_settings_of_attribution_do_not_change_what_a_run_is_called_by() -> None:
    from rackrisk.config import load_settings
    from rackrisk.manifest import config_hash

    one, other = (load_settings([*argument])[0] for argument in ((), ("attribution.scenarios=99",)))
    assert config_hash(one, []) == config_hash(other, [])


def test_bars_begin_where_the_last_one_ended() -> None:
    values = {"without them": 1.0, "up": 9.0, "down": -4.0, "total": 6.0}
    drawn = bars([{"mechanism": name, "value": value} for name, value in values.items()])
    assert [len(bar) for bar in drawn] == [round(end / 10 * BAR_CELLS) for end in (1, 10, 10, 6)]
    assert [set(bar) - {" "} for bar in drawn] == [{"█"}, {"▓"}, {"░"}, {"█"}]
    assert len(drawn[2]) - len(drawn[2].lstrip()) == len(drawn[3])


def test_its_report_is_made_again_with_the_same_bytes(small: tuple[str, ...], command: Command, folder: Path) -> None:
    command(*small)
    page = (folder / "found/report.html").read_bytes()
    assert b"Which mechanism loses the money" in page
    assert command("report", "found").code == 0
    assert (folder / "found/report.html").read_bytes() == page
    assert (folder / "found/DONE").read_text() == done_text(folder / "found")


def test_there_is_no_report_of_neither_losses_nor_shares(
    small: tuple[str, ...], command: Command, folder: Path
) -> None:
    command(*small)
    (folder / "found/tables/attribution.parquet").unlink()
    outcome = command("report", "found")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no report to be made of it" in outcome.words


def test_names_of_segments_are_shown_and_never_obeyed(small: tuple[str, ...], command: Command, folder: Path) -> None:
    names = ("[bold]evil[/bold]", "a name that is much longer than its column", "plain")
    rows = [row | {"segment": names[i // 2 % 3]} for i, row in enumerate(tape_rows())]
    write_tape(folder / "tape.csv", rows)
    outcome = command(*small)
    assert outcome.code == 0
    assert "[bold]evil[/b…" in outcome.out
    assert "a name that i…" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
