"""A small valid tape with every kind of loan, as the text of a CSV file, and ways to break one cell of it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

from rackrisk.data import Problem, TapeProblems, read_tape

AS_OF = date(2026, 8, 31)

# A neocloud with three loans, contracts and a guarantor, a miner with two, a data centre, and one that is bare.
_COMMON = {"currency": "USD", "rate_type": "fixed", "coupon_annual": "0.09", "amortisation": "annuity"}
_NEOCLOUD = {
    **_COMMON, "obligor_id": "Nebula", "segment": "neocloud", "covenant_dscr": "1.3", "covenant_ltv": "0.85",
    "sweep_share": "0.5", "guarantor": "Parent", "guarantor_pd_annual": "0.02", "guarantee_limit_usd": "5e7",
    "power_usd_kwh": "0.07", "cash_volatility": "0.1", "unsecured_recovery": "0.35", "gpus_h100": "8000",
    "contracted_share": "0.9", "contract_revenue_usd_month": "1.1e7", "offtaker_pd_annual": "0.03",
    "refi_ltv": "0.6", "refi_dscr": "1.4",
}  # fmt: skip
_MINER = {
    **_COMMON, "obligor_id": "Pickaxe", "segment": "miner", "rate_type": "floating", "amortisation": "bullet",
    "margin_call_ltv": "0.8", "margin_restore_ltv": "0.65", "btc_pledged": "900", "hash_ph_s21": "1200",
}  # fmt: skip
ROWS: list[dict[str, str]] = [
    {**_NEOCLOUD, "facility_id": "N-1", "balance_usd": "2.5e8", "maturity_date": "2030-06-30",
     "contract_end_date": "2029-12-31", "offtaker": "Lab A", "interest_only_months": "6", "reserve_usd": "2000000"},
    {**_NEOCLOUD, "facility_id": "N-2", "balance_usd": "1.5e8", "maturity_date": "2029-06-30",
     "contract_end_date": "2028-12-31", "offtaker": "Lab A", "amortisation": "balloon", "balloon_fraction": "0.3"},
    {**_NEOCLOUD, "facility_id": "N-3", "balance_usd": "50000000", "maturity_date": "2031-01-15",
     "contract_end_date": "2030-12-31", "offtaker": "Lab B", "seniority": "second_lien"},
    {**_MINER, "facility_id": "007", "balance_usd": "30000000", "maturity_date": "2027-08-31", "btc_treasury": "150"},
    {**_MINER, "facility_id": "NO", "balance_usd": "10000000", "maturity_date": "2028-02-29", "cure_usd": "1e6"},
    {**_COMMON, "facility_id": "=cmd()", "obligor_id": "<script>", "segment": "data_centre", "balance_usd": "9e8",
     "amortisation": "sculpted", "maturity_date": "2045-06-01", "site_mw": "300", "contracted_share": "1",
     "contract_revenue_usd_month": "3.6e7", "contract_end_date": "2041-05-31", "offtaker": "Lab A",
     "offtaker_pd_annual": "0.03", "quoted_spread_annual": "0.0325", "source": "term sheet,\n\"page 2\""},
    {**_COMMON, "facility_id": "Ünïcode ☃", "obligor_id": "1e5", "segment": "other", "balance_usd": "1",
     "amortisation": "linear", "maturity_date": "2026-09-01"},
]  # fmt: skip
NAMES = ("facility_id", "obligor_id", "offtaker", "guarantor")
COLUMNS = list(dict.fromkeys(name for row in ROWS for name in row))


def write_csv(path: Path, rows: list[dict[str, str]], columns: list[str] | None = None) -> Path:
    names = columns or list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n", restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def with_cell(row: int, column: str, value: str) -> list[dict[str, str]]:
    """The valid rows with one cell changed; `row` is 1-based."""
    return [{**cells, column: value} if place == row else dict(cells) for place, cells in enumerate(ROWS, start=1)]


def copies_with_cells(changes: Iterable[tuple[int, str, str]]) -> list[dict[str, str]]:
    """One copy of the valid rows per change (row, column, value), each with names of its own and that cell changed."""
    rows: list[dict[str, str]] = []
    for place, change in enumerate(changes):
        copy = [{name: f"{cell}~{place}" if name in NAMES else cell for name, cell in row.items()} for row in ROWS]
        copy[change[0] - 1][change[1]] = change[2]
        rows += copy
    return rows


def assert_only_changed_cells(path: Path, changes: list[tuple[int, str, str]]) -> list[Problem]:
    """Each of `changes`, made in a copy of its own, must be one problem; nothing else may be named."""
    problems = problems_of(write_csv(path, copies_with_cells(changes)))
    expected = [(place * len(ROWS) + row, column) for place, (row, column, _) in enumerate(changes)]
    assert [(problem.row, problem.column) for problem in problems] == expected
    return problems


def problems_of(path: Path) -> list[Problem]:
    """What `read_tape` says is wrong; empty when it takes the file."""
    try:
        read_tape(path, as_of=AS_OF)
    except TapeProblems as error:
        return error.problems
    return []


def valid_frame(folder: Path) -> pl.DataFrame:
    """The valid tape as `read_tape` returns it, without the row numbers."""
    return read_tape(write_csv(folder / "valid.csv", ROWS), as_of=AS_OF).drop("row")


def said(problems: list[Problem]) -> list[tuple[int | None, str, str]]:
    return [(problem.row, problem.column, problem.rule) for problem in problems]
