"""The shipped books through the whole command, with an engine that really simulates."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from rackrisk._model import model_of
from rackrisk._run import load_book
from rackrisk.config import load_settings

from .conftest import Command
from .tapes import tape_rows, write_tape


@pytest.mark.parametrize("name", ["neoclouds", "miners", "data_centres"])
def test_a_part_of_the_book_holds_one_segment_public_and_generated(name: str) -> None:
    settings, _ = load_settings([f"portfolio={name}", "portfolio.count=60"])
    book, inputs = load_book(model_of(settings))
    public, _ = load_book(model_of(load_settings([f"portfolio={name}", "portfolio.count=0"])[0]))
    assert book["segment"].unique().to_list() == [name]
    assert 0 < public.height < book.height
    assert inputs == []


def test_the_default_book_holds_every_part() -> None:
    settings, _ = load_settings()
    book, _ = load_book(model_of(settings))
    assert set(book["segment"]) == {"neoclouds", "miners", "data_centres"}
    assert book.height > 300


def test_a_synthetic_book_has_as_many_facilities_as_asked_for() -> None:
    settings, _ = load_settings(["portfolio=synthetic", "portfolio.count=100"])
    assert load_book(model_of(settings))[0].height == 100


def test_a_written_shipped_book_gives_the_same_run(command: Command, folder: Path) -> None:
    small = ("engine=reference", "scenarios=16", "months=6", "--json")
    assert command("book", "portfolio=miners", "portfolio.count=20", "--out", "miners.csv").code == 0
    first = json.loads(command("run", "portfolio=miners", "portfolio.count=20", *small).out)
    second = json.loads(command("run", "portfolio.tape=miners.csv", *small).out)
    assert first["measures"] == second["measures"]
    losses = [pl.read_parquet(Path(run["run"]) / "losses.parquet") for run in (first, second)]
    assert losses[0].equals(losses[1])
    assert len(list((folder / "runs").iterdir())) == 2


def test_results_can_be_reported_by_several_columns(command: Command, folder: Path) -> None:
    write_tape(
        folder / "tape.csv",
        [{**row, "seniority": ("senior_secured", "unsecured")[i // 2 % 2]} for i, row in enumerate(tape_rows())],
    )
    outcome = command(
        "run",
        "portfolio.tape=tape.csv",
        "engine=reference",
        "scenarios=16",
        "months=6",
        "measures.segments=[segment,seniority]",
        "--json",
    )
    scopes = {m["scope"] for m in json.loads(outcome.out)["measures"]}
    assert scopes == {
        "portfolio",
        "neoclouds",
        "miners",
        "data_centres",
        "seniority:senior_secured",
        "seniority:unsecured",
    }


def test_an_engine_that_cannot_run_here_is_refused(command: Command, folder: Path, tape: Path) -> None:
    outcome = command("run", f"portfolio.tape={tape}", "engine=cuda", "scenarios=16", "months=6")
    if outcome.code == 0:
        pytest.skip("this machine has a CUDA device")
    assert outcome.code == 2
    assert "engine=" in outcome.err
    assert not (folder / "runs").exists()
