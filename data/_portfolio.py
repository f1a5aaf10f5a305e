"""The book of a run: a tape, or the public facilities and generated ones, kept to some segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from typing import Protocol

import polars as pl

from ._problems import Problem, TapeProblems, printable
from ._reader import check_tape, read_tape
from ._schema import ASIC_CLASSES, ASIC_PREFIX, GENERATIONS, GPU_PREFIX

PUBLIC = "public facilities"
GENERATED = "generated facilities"


class Portfolio(Protocol):
    """What a portfolio is made of: the fields of the configuration group `portfolio`."""

    @property
    def tape(self) -> str | None:
        """A CSV or Parquet file, which is then the whole book, or None."""
        ...

    @property
    def public(self) -> bool:
        """Whether to take the facilities shaped on public deals."""
        ...

    @property
    def count(self) -> int:
        """Number of generated facilities."""
        ...

    @property
    def seed(self) -> int:
        """Key of the generator."""
        ...

    @property
    def segments(self) -> Sequence[str]:
        """Segments to keep of the public and generated facilities; empty for all."""
        ...


def load_portfolio(
    portfolio: Portfolio,
    *,
    as_of: date,
    generations: Sequence[str] = GENERATIONS,
    asic_classes: Sequence[str] = ASIC_CLASSES,
) -> pl.DataFrame:
    """The facilities of `portfolio` as one checked tape (see `read_tape`), public ones first, `row` counted anew.

    Raises:
        TapeProblems: listing everything that is wrong with a tape, with facilities that clash between the sources,
            or with a segment that no facility has. Rows are those of the source that `Problem.file` names.
    """
    if portfolio.tape is not None:
        return read_tape(portfolio.tape, as_of=as_of, generations=generations, asic_classes=asic_classes)
    sources = _sources(portfolio, as_of, generations, asic_classes)
    if not sources:
        raise TapeProblems([Problem("portfolio", None, "", "", "must have a tape, public or generated facilities")])
    # Each source may leave out columns: the check fills them.
    frame = pl.concat(sources.values(), how="diagonal_relaxed")
    try:
        book = check_tape(frame, file="portfolio", as_of=as_of, generations=generations, asic_classes=asic_classes)
    except TapeProblems as error:
        raise TapeProblems([_located(problem, sources) for problem in error.problems]) from None
    return _kept(book, portfolio.segments)


def _sources(
    portfolio: Portfolio, as_of: date, generations: Sequence[str], asic_classes: Sequence[str]
) -> dict[str, pl.DataFrame]:
    # Here, so that reading a tape does not load the tables and the generator.
    from ._generator import generate
    from ._public import public_facilities

    sources: dict[str, pl.DataFrame] = {}
    if portfolio.public:
        sources[PUBLIC] = _without_unused(public_facilities(), generations, asic_classes)
    if portfolio.count:
        sources[GENERATED] = generate(
            portfolio.count, seed=portfolio.seed, as_of=as_of, generations=generations, asic_classes=asic_classes
        )
    return sources


def _without_unused(frame: pl.DataFrame, generations: Sequence[str], asic_classes: Sequence[str]) -> pl.DataFrame:
    """The frame without columns of hardware that the market does not know, where no facility has any of it."""
    known = {*(GPU_PREFIX + name for name in generations), *(ASIC_PREFIX + name for name in asic_classes)}
    hardware = [name for name in frame.columns if name.startswith((GPU_PREFIX, ASIC_PREFIX)) and name not in known]
    return frame.drop([name for name in hardware if (frame[name] == 0).all()])


def _located(problem: Problem, sources: dict[str, pl.DataFrame]) -> Problem:
    """The problem with the source and the row in it, instead of the row of all sources together."""
    if problem.row is None:
        return problem
    row = problem.row
    for file, frame in sources.items():
        if row <= frame.height:
            return replace(problem, file=file, row=row)
        row -= frame.height
    return problem


def _kept(book: pl.DataFrame, segments: Sequence[str]) -> pl.DataFrame:
    if not segments:
        return book
    known = book["segment"].unique().sort().to_list()
    problems = [_no_such(segment, known) for segment in segments if segment not in known]
    if problems:
        raise TapeProblems(problems)
    return book.filter(pl.col("segment").is_in(segments)).with_columns(
        row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    )


def _no_such(segment: str, known: list[str]) -> Problem:
    near = get_close_matches(segment, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return Problem("portfolio", None, "segment", printable(segment), f"is not a segment of any facility; {hint}")
