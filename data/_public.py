"""Facilities shaped on public deals: disclosed facts with their source, our assumptions for the rest.

`public_facilities.csv` holds the tape; `public_facilities_assumptions.md` says row by row what is disclosed.
Balances are a participation of 2 to 100 % in a deal, with capacity, income and cost scaled alike, so that no single
loan is the book.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from ._reader import read_tape
from ._sizing import table

PUBLIC_AS_OF = date(2026, 8, 31)


def public_facilities() -> pl.DataFrame:
    """The public facilities at `PUBLIC_AS_OF` as a checked tape (see `read_tape`)."""
    return read_tape(Path(__file__).with_name("public_facilities.csv"), as_of=PUBLIC_AS_OF)


def offtakers() -> pl.DataFrame:
    """Named offtakers and guarantors with one-year PDs and their derivation, and the pools of generated names.

    Columns: name, role, count, rating, pd_annual, pd_high_annual (pools only), derivation, source.
    """
    return table("offtakers.csv")
