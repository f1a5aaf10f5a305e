from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rackrisk.data import GENERATIONS, TapeProblems, generate, load_portfolio, public_facilities, read_tape, tape_schema

from .tapes import AS_OF, ROWS, with_cell, write_csv


@dataclass(frozen=True)
class Choice:
    tape: str | None = None
    public: bool = True
    count: int = 20
    seed: int = 1
    segments: tuple[str, ...] = ()


def problems_of(choice: Choice) -> list[tuple[str, int | None, str, str]]:
    with pytest.raises(TapeProblems) as caught:
        load_portfolio(choice, as_of=AS_OF)
    return [(problem.file, problem.row, problem.column, problem.rule) for problem in caught.value.problems]


def test_a_book_is_the_public_facilities_and_then_the_generated_ones() -> None:
    book = load_portfolio(Choice(), as_of=AS_OF)
    public, made = public_facilities(), generate(20, seed=1, as_of=AS_OF)
    assert book["facility_id"].to_list() == [*public["facility_id"], *made["facility_id"]]
    assert book["row"].to_list() == list(range(1, book.height + 1))
    assert book.columns == tape_schema(AS_OF).column_names()


def test_either_part_can_be_left_out() -> None:
    assert_frame_equal(load_portfolio(Choice(count=0), as_of=AS_OF), public_facilities())
    assert load_portfolio(Choice(public=False), as_of=AS_OF).height == 20


def test_segments_are_kept_and_rows_counted_anew() -> None:
    whole = load_portfolio(Choice(), as_of=AS_OF)
    segment = whole["segment"][0]
    part = load_portfolio(Choice(segments=(segment,)), as_of=AS_OF)
    assert_frame_equal(part.drop("row"), whole.filter(pl.col("segment") == segment).drop("row"))
    assert part["row"].to_list() == list(range(1, part.height + 1))


def test_a_segment_that_nobody_has_is_refused_with_a_suggestion() -> None:
    segment = public_facilities()["segment"][0]
    ((file, row, column, rule),) = problems_of(Choice(segments=(segment, segment + "x")))
    assert (file, row, column) == ("portfolio", None, "segment")
    assert rule == f"is not a segment of any facility; did you mean {segment}?"
    ((*_, rule),) = problems_of(Choice(segments=("?",)))
    assert rule.startswith("is not a segment of any facility; there are ")


def test_a_tape_is_the_whole_book(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    book = load_portfolio(Choice(tape=str(path), segments=("nobody",)), as_of=AS_OF)
    assert_frame_equal(book, read_tape(path, as_of=AS_OF))
    write_csv(path, with_cell(3, "balance_usd", "-1"))
    assert problems_of(Choice(tape=str(path)))[0][:3] == (str(path), 3, "balance_usd")


def test_nothing_is_no_book() -> None:
    assert problems_of(Choice(public=False, count=0))[0][3] == "must have a tape, public or generated facilities"


def test_clashes_between_sources_are_named_in_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    first = generate(3, seed=1, as_of=AS_OF)
    monkeypatch.setattr("rackrisk.data._public.public_facilities", lambda: first)
    problems = problems_of(Choice(count=4))
    assert [(file, row) for file, row, column, _ in problems if column == "facility_id"] == [
        ("generated facilities", row) for row in (1, 2, 3)
    ]


def test_public_hardware_that_the_market_does_not_know_is_refused_only_where_it_is_used() -> None:
    used = [name for name in GENERATIONS if public_facilities()[f"gpus_{name}"].sum() > 0]
    assert load_portfolio(Choice(count=0), as_of=AS_OF, generations=used).height == public_facilities().height
    with pytest.raises(TapeProblems, match=f"gpus_{used[0]}: is not a known column"):
        load_portfolio(Choice(count=0), as_of=AS_OF, generations=used[1:])
