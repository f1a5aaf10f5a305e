"""What tapes are made of: kinds of columns with bounds, unit and meaning, and rules between columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

MAX_TOTAL_USD = 1e15  # The engines' fixed-point sums need a bound; this is about ten times the world's GDP.
RESERVED_SEGMENTS = ("portfolio",)  # The scope of the whole book in every result table.

# Control and format characters, but not those that join letters in many scripts (U+200C, U+200D): with a soft hyphen or
# a mark of direction in it, a name would look like another one.
_HIDDEN = r"\p{Cc}\p{Zl}\p{Zp}[\p{Cf}--[\x{200C}\x{200D}]]"
NAME_PATTERN = rf"^[^{_HIDDEN}]*$"
# Free text may have line breaks and tabs: a quoted CSV field often does.
PROSE_PATTERN = rf"^([^{_HIDDEN}]|[\t\r\n])*$"

AGREES = "agrees"  # one value per obligor, repeated on each of its rows
ADDS_UP = "adds up"  # amounts of an obligor's rows are added
OWN = "facility"


def meta_of(unit: str, level: str, default: object) -> dict[str, Any]:
    """What a column says about itself beside its type and bounds."""
    return {"unit": unit, "level": level, "default": default}


def name_column(
    description: str, *, nullable: bool = False, level: str = OWN, default: str | None = None, **checks: Any
) -> dy.String:
    """Text that identifies something: kept letter for letter, so `007`, `NO` and `=1+1` are names like any other."""
    return dy.String(
        nullable=nullable,
        check={
            "characters": lambda name: name.str.contains(NAME_PATTERN),
            "blanks": lambda name: name == name.str.strip_chars(),
            "length": lambda name: name.str.len_chars() <= 200,
            **checks,
        },
        metadata=meta_of("", level, default),
        description=description,
    )


def segment_column(description: str, *, level: str = OWN, default: str | None = None) -> dy.String:
    """The name of a group of rows that results are also reported for."""
    return name_column(
        f"{description} `portfolio` is taken: it names the whole book.",
        level=level,
        default=default,
        segment=lambda name: ~name.is_in(RESERVED_SEGMENTS),
    )


def prose_column(description: str) -> dy.String:
    return dy.String(
        nullable=True,
        check={
            "prose": lambda text: text.str.contains(PROSE_PATTERN),
            "prose_length": lambda text: text.str.len_chars() <= 4000,
        },
        metadata=meta_of("", OWN, None),
        description=description,
    )


def choice_column(words: Sequence[str], description: str, *, default: str | None = None) -> dy.String:
    return dy.String(
        check={"choice": lambda word: word.is_in(words)},
        metadata={**meta_of("", OWN, default), "words": tuple(words)},
        description=description,
    )


def number_column(
    description: str, unit: str, *, default: float | None = None, level: str = OWN, **bounds: Any
) -> dy.Float64:
    return dy.Float64(metadata=meta_of(unit, level, default), description=description, **bounds)


def share_column(
    description: str, *, default: float | None = None, level: str = OWN, nullable: bool = False
) -> dy.Float64:
    return number_column(description, "decimal", default=default, level=level, nullable=nullable, min=0, max=1)


def usd_column(description: str, *, unit: str = "USD", level: str = ADDS_UP, nullable: bool = False) -> dy.Float64:
    default = None if nullable else 0.0
    return number_column(
        description, unit, default=default, level=level, nullable=nullable, min=0, max_exclusive=MAX_TOTAL_USD
    )


@dataclass(frozen=True, slots=True)
class CrossRule:
    """A rule that reads several columns or several rows.

    Args:
        column: The column whose cell is named when the rule is broken.
        reads: All columns it reads; it says nothing about a row where one of them is already named.
        says: The rule in plain English.
        holds: Gives the boolean expression; null counts as true.
        group: Column within whose groups each row is compared with the first one, if any.
    """

    column: str
    reads: tuple[str, ...]
    says: str
    holds: Callable[[], pl.Expr]
    group: str | None = None

    @property
    def by_obligor(self) -> bool:
        """Whether it is one of the many that compare the rows of an obligor, which the schema checks together."""
        return self.group == "obligor_id"
