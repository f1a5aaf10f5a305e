from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import product
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest

from rackrisk.data import ASIC_CLASSES, GENERATIONS, Facility, Problem, read_tape, tape_schema
from rackrisk.data._check import is_required
from rackrisk.data._schema import cross_rules
from rackrisk.data._tape_page import PAGES, tape_page
from rackrisk.data._wording import meta, rule_words

from .tapes import AS_OF, COLUMNS, ROWS, assert_only_changed_cells, problems_of, with_cell, write_csv

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = tape_schema(AS_OF)
STATED = {name: column for name, column in SCHEMA.columns().items() if name != "row"}


def kinds(*dtypes: pl.DataType) -> list[str]:
    return [name for name, column in STATED.items() if column.dtype in dtypes]


def only_cell(path: Path, row: int, column: str) -> Problem:
    """The one problem, which names that cell and nothing else."""
    problems = problems_of(path)
    assert [(problem.row, problem.column) for problem in problems] == [(row, column)]
    return problems[0]


# ---- What is declared ----


def test_every_column_has_a_meaning_a_unit_and_a_level() -> None:
    for name, column in STATED.items():
        assert (column.description or "").endswith("."), name
        assert set(meta(column)) >= {"unit", "level", "default"}, name


def test_every_rule_of_every_column_has_words() -> None:
    for name, column in SCHEMA.columns().items():
        for rule in column.validation_rules(pl.col(name)):
            assert rule_words(column, rule)


def test_required_columns_are_the_nine_that_no_loan_can_do_without() -> None:
    assert [name for name, column in STATED.items() if is_required(column)] == [
        "facility_id", "obligor_id", "segment", "currency", "balance_usd", "rate_type", "coupon_annual", "amortisation",
        "maturity_date",
    ]  # fmt: skip


def test_defaults_break_no_rule() -> None:
    for name, column in STATED.items():
        if (default := meta(column)["default"]) is not None:
            value = pl.DataFrame({name: [default]}, schema={name: column.dtype})
            assert all(value.select(rule).item() for rule in column.validation_rules(pl.col(name)).values()), name


def test_schema_has_one_capacity_column_per_hardware_type() -> None:
    names = tape_schema(AS_OF, ["h100", "x1"], ["m60"]).column_names()
    assert [name for name in names if name.startswith(("gpus_", "hash_ph_"))] == ["gpus_h100", "gpus_x1", "hash_ph_m60"]
    assert set(names) > set(Facility.column_names())


def test_every_bound_is_exact_in_whole_numbers() -> None:
    for name in kinds(pl.Float64()):
        bounds = (getattr(STATED[name], "max", None), getattr(STATED[name], "max_exclusive", None))
        assert 0 < (bounds[0] or bounds[1] or 0) < 2**53, name


def test_rules_read_only_columns_that_exist() -> None:
    for rule in cross_rules(AS_OF, ["gpus_h100", "site_mw"]).values():
        assert {rule.column, *rule.reads} <= set(SCHEMA.column_names())


@pytest.mark.parametrize("file", PAGES)
def test_pages_about_the_tapes_are_up_to_date(file: str) -> None:
    if not DOCS.exists():
        pytest.skip("the installed package has no docs")
    text = (DOCS / file).read_text(encoding="utf-8")
    assert text == PAGES[file](), "run: python -m rackrisk.data._tape_page docs"


def test_page_names_every_column_and_hardware_type() -> None:
    page = tape_page()
    assert all(f"| `{name}` |" in page for name in STATED)
    assert all(f"`gpus_{name}`" in page for name in GENERATIONS)
    assert all(f"`hash_ph_{name}`" in page for name in ASIC_CLASSES)


# ---- One wrong cell, one problem ----

# A first and a later row of an obligor with several, and an obligor with one row.
WRONG_ROWS = (1, 3, 7)
NUMBERS = kinds(pl.Float64(), pl.Int64())


def grid(rows: Iterable[int], names: Iterable[str], values: Iterable[str]) -> list[tuple[int, str, str]]:
    return list(product(rows, names, values))


def test_sampled_numbers_obey_their_column() -> None:
    for name in kinds(pl.Float64()):
        values = pl.DataFrame({name: STATED[name].sample(dy.random.Generator(1), 100)})
        assert values.select(pl.all_horizontal(STATED[name].validation_rules(pl.col(name)).values()).all()).item()


def test_numbers_just_out_of_bounds_are_named(tmp_path: Path) -> None:
    changes: list[tuple[int, str, str]] = []
    for name in NUMBERS:
        least, most = getattr(STATED[name], "min", None), getattr(STATED[name], "max", None)
        step = 1 if name in kinds(pl.Int64()) else 1e-9
        changes += [(7, name, repr(least - step))] if least is not None else [(7, name, "0")]
        changes += [(7, name, repr(most + max(step, step * most)))] if most is not None else [(7, name, "1e15")]
    problems = assert_only_changed_cells(tmp_path / "t.csv", changes)
    assert len(problems) == 2 * len(NUMBERS)


@pytest.mark.parametrize("value", ["abc", "NaN", "0.1.2"])
def test_what_is_no_number_is_named_and_nothing_else(value: str, tmp_path: Path) -> None:
    for problem in assert_only_changed_cells(tmp_path / "t.csv", grid(WRONG_ROWS, NUMBERS, [value])):
        assert problem.value == value
        assert "number" in problem.rule


def test_numbers_nobody_means_are_named(tmp_path: Path) -> None:
    values = [
        "1e308",
        "-1e308",
        "inf",
        "-Infinity",
        "1e999",
        "1,000",
        "$5",
        "5%",
        "0x10",
        "1_0",
        "- 1",
        "--1",
        "e5",
        ".",
    ]
    changes = grid([7], NUMBERS, values)
    problems = assert_only_changed_cells(tmp_path / "t.csv", changes)
    assert [problem.value for problem in problems] == [value for _, _, value in changes]


def test_infinite_numbers_are_called_so(tmp_path: Path) -> None:
    changes = grid([7], kinds(pl.Float64()), ["inf", "-inf", "NaN", "nan", "1e999"])
    problems = assert_only_changed_cells(tmp_path / "t.csv", changes)
    assert {problem.rule for problem in problems} == {"must be a finite number"}


def test_negative_numbers_are_named(tmp_path: Path) -> None:
    names = [name for name in NUMBERS if name != "quoted_spread_annual"]
    assert_only_changed_cells(tmp_path / "t.csv", grid(WRONG_ROWS, names, ["-1"]))


def test_impossible_dates_are_named(tmp_path: Path) -> None:
    values = [
        "2026-02-30", "2030-13-01", "31/12/2030", "2030-1-1", "20300101", "2030-01-01T00:00:00", "soon", "2030-06-30x",
        "0", "0000-01-01", "2100-02-29",
    ]  # fmt: skip
    for problem in assert_only_changed_cells(tmp_path / "t.csv", grid(WRONG_ROWS, kinds(pl.Date()), values)):
        assert problem.rule == "must be a calendar date written YYYY-MM-DD"


def test_words_outside_a_choice_are_named(tmp_path: Path) -> None:
    names = ["currency", "rate_type", "amortisation", "seniority"]
    changes = grid(WRONG_ROWS, names, ["EUR", "usd", "Fixed", "bulet", "senior", "balloon "])
    for problem in assert_only_changed_cells(tmp_path / "t.csv", changes):
        assert problem.rule.startswith("must be USD" if problem.column == "currency" else "must be one of")


def test_names_with_blanks_or_hidden_characters_are_refused(tmp_path: Path) -> None:
    values = [
        " a", "a ", "\u00a0a", "   ", "a\x00b", "a\nb", "\x1b[31mred", "a\u202eb", "a\u200bb", "\ufeffa", "x" * 201,
    ]  # fmt: skip
    changes = grid(WRONG_ROWS, ["facility_id", "obligor_id", "segment", "offtaker", "guarantor"], values)
    assert all(problem.value.isprintable() for problem in assert_only_changed_cells(tmp_path / "t.csv", changes))


def test_empty_required_cells_are_named(tmp_path: Path) -> None:
    names = [name for name, column in STATED.items() if is_required(column)]
    problems = assert_only_changed_cells(tmp_path / "t.csv", grid(WRONG_ROWS, names, [""]))
    assert {problem.rule for problem in problems} == {"is required and must not be empty"}


def test_free_text_takes_line_breaks_but_no_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for name in ("source", "confidence"):
        assert not problems_of(write_csv(path, with_cell(7, name, "two\r\nlines\tand \u201cquotes\u201d, =1+1")))
        assert_only_changed_cells(path, grid([7], [name], ["\x1b[2J", "a\x00", "\u202e", "x" * 4001]))


# ---- Every rule between columns ----

OBLIGOR_FIELDS = {
    "segment": "miner", "covenant_dscr": "1.2", "covenant_ltv": "0.8", "sweep_share": "1", "margin_call_ltv": "0.9",
    "refi_ltv": "0.5", "refi_dscr": "1.5", "unsecured_recovery": "0.4", "guarantor": "Other parent",
    "guarantor_pd_annual": "0.03", "guarantee_limit_usd": "6e7", "power_usd_kwh": "0.08", "cash_volatility": "0.2",
}  # fmt: skip


def test_every_field_that_must_agree_is_tried() -> None:
    agreeing = {rule.column for rule in cross_rules(AS_OF, ["site_mw"]).values() if rule.group == "obligor_id"}
    assert agreeing == {*OBLIGOR_FIELDS, "margin_restore_ltv"}


@pytest.mark.parametrize(("name", "value"), OBLIGOR_FIELDS.items())
def test_disagreement_within_an_obligor_names_the_later_row(name: str, value: str, tmp_path: Path) -> None:
    problem = only_cell(write_csv(tmp_path / "t.csv", with_cell(3, name, value)), 3, name)
    assert problem.rule.startswith("must be the same in all rows of one")
    assert "row 1 says" in problem.rule


@pytest.mark.parametrize(("name", "value"), OBLIGOR_FIELDS.items())
def test_disagreement_with_the_first_row_names_all_others(name: str, value: str, tmp_path: Path) -> None:
    problems = problems_of(write_csv(tmp_path / "t.csv", with_cell(1, name, value)))
    assert [(problem.row, problem.column) for problem in problems] == [(2, name), (3, name)]


def test_an_empty_cell_is_a_disagreement_too(tmp_path: Path) -> None:
    problem = only_cell(write_csv(tmp_path / "t.csv", with_cell(3, "covenant_ltv", "")), 3, "covenant_ltv")
    assert problem.rule.endswith("row 1 says 0.85")


def test_margin_restore_must_agree_within_an_obligor(tmp_path: Path) -> None:
    only_cell(write_csv(tmp_path / "t.csv", with_cell(5, "margin_restore_ltv", "0.5")), 5, "margin_restore_ltv")


def test_an_unreadable_first_row_hides_no_disagreement_between_later_ones(tmp_path: Path) -> None:
    rows = with_cell(1, "power_usd_kwh", "cheap")
    rows[2]["power_usd_kwh"] = "0.08"
    problems = problems_of(write_csv(tmp_path / "t.csv", rows))
    assert [(problem.row, problem.column) for problem in problems] == [(1, "power_usd_kwh"), (3, "power_usd_kwh")]


def test_one_offtaker_has_one_default_probability(tmp_path: Path) -> None:
    problem = only_cell(
        write_csv(tmp_path / "t.csv", with_cell(6, "offtaker_pd_annual", "0.04")), 6, "offtaker_pd_annual"
    )
    assert problem.rule == "must be the same in all rows of one offtaker; row 1 says 0.03"


def test_one_guarantor_has_one_default_probability(tmp_path: Path) -> None:
    rows = with_cell(7, "guarantor", "Parent")
    rows[6]["guarantor_pd_annual"] = "0.5"
    problem = only_cell(write_csv(tmp_path / "t.csv", rows), 7, "guarantor_pd_annual")
    assert problem.rule == "must be the same in all rows of one guarantor; row 1 says 0.02"


@pytest.mark.parametrize(
    ("row", "column", "value", "rule"),
    [
        (1, "balloon_fraction", "0.2", "must be 0 unless amortisation is balloon"),
        (5, "facility_id", "007", "must be used once only; row 4 has it too"),
        (1, "contract_end_date", "", "is required where contracted_share is above 0"),
        (1, "contract_end_date", f"{AS_OF}", f"must be after the as-of date {AS_OF} where contracted_share is above 0"),
        (4, "contract_revenue_usd_month", "1", "must be 0 where contracted_share is 0"),
        (7, "margin_restore_ltv", "0.5", "needs a margin_call_ltv in the same row"),
        (7, "offtaker_pd_annual", "0.1", "needs the name of the offtaker in the same row"),
        (7, "guarantor_pd_annual", "0.1", "needs the name of the guarantor in the same row"),
        (7, "guarantee_limit_usd", "0.1", "needs the name of the guarantor in the same row"),
        (6, "interest_only_months", "226", "must be less than the months to maturity, unless amortisation is bullet"),
        (7, "maturity_date", "2026-08-31", "must be after the as-of date 2026-08-31"),
        (7, "maturity_date", "2076-09-01", "must be at most 600 months after the as-of date 2026-08-31"),
        (7, "segment", "portfolio", "must not be portfolio: that names the whole book in every result"),
        (2, "interest_only_months", "2.5", "must be a whole number of at most 64 bits"),
        (7, "offtaker_pd_annual", "1.0000001", "must be at least 0 and at most 1 (a decimal: 0.05 means 5 %)"),
        (7, "covenant_ltv", "80", "must be above 0 and at most 10 (a decimal: 0.05 means 5 %)"),
        (7, "btc_pledged", "21000001", "must be at least 0 and at most 21 000 000 BTC"),
    ],
)  # fmt: skip
def test_broken_rule_names_the_cell(row: int, column: str, value: str, rule: str, tmp_path: Path) -> None:
    assert only_cell(write_csv(tmp_path / "t.csv", with_cell(row, column, value)), row, column).rule == rule


def test_margin_is_restored_below_the_call(tmp_path: Path) -> None:
    rows = with_cell(4, "margin_restore_ltv", "0.81")
    rows[4]["margin_restore_ltv"] = "0.81"
    problems = problems_of(write_csv(tmp_path / "t.csv", rows))
    assert [(problem.row, problem.rule) for problem in problems] == [
        (4, "must not be above margin_call_ltv"), (5, "must not be above margin_call_ltv"),
    ]  # fmt: skip


def test_a_contract_needs_capacity_in_its_row(tmp_path: Path) -> None:
    rows = with_cell(7, "contracted_share", "0.5")
    rows[6]["contract_end_date"] = "2030-01-01"
    problem = only_cell(write_csv(tmp_path / "t.csv", rows), 7, "contracted_share")
    assert problem.rule == "must be 0 in a row without GPUs and site_mw: nothing is contracted"
    assert not problems_of(write_csv(tmp_path / "t.csv", [*rows[:6], {**rows[6], "gpus_vr200": "1"}]))


def contracts(count: int) -> list[dict[str, str]]:
    """One obligor with `count` different contracts, and two rows that repeat the first."""
    ends = [f"20{28 + place % 6}-01-01" for place in range(count)] + ["2028-01-01"] * 2
    offtakers = [f"Tenant {place // 6}" for place in range(count)] + ["Tenant 0"] * 2
    return [
        {**ROWS[5], "facility_id": f"D-{place}", "obligor_id": "Campus", "contract_end_date": end, "offtaker": offtaker}
        for place, (end, offtaker) in enumerate(zip(ends, offtakers, strict=True))
    ]


def test_four_contracts_are_legal_and_each_one_more_is_named(tmp_path: Path) -> None:
    assert not problems_of(write_csv(tmp_path / "t.csv", contracts(4)))
    problems = problems_of(write_csv(tmp_path / "t.csv", contracts(6)))
    assert [(problem.row, problem.column) for problem in problems] == [
        (5, "contract_end_date"),
        (6, "contract_end_date"),
    ]


def test_uncontracted_rows_are_no_contracts(tmp_path: Path) -> None:
    rows = contracts(6)
    for cells in rows[4:6]:
        cells.update(contracted_share="0", contract_revenue_usd_month="0")
    assert not problems_of(write_csv(tmp_path / "t.csv", rows))


def test_total_balance_is_bounded(tmp_path: Path) -> None:
    rows = with_cell(7, "balance_usd", "6e14")
    rows[5]["balance_usd"] = "6e14"
    (problem,) = problems_of(write_csv(tmp_path / "t.csv", rows))
    assert (problem.row, problem.column) == (None, "balance_usd")
    assert problem.rule == "must add up to less than 1e15 USD"


# ---- What is legal ----


def test_odd_names_are_kept_letter_for_letter(tmp_path: Path) -> None:
    values = [
        "0", "1", "NO", "on", "010", "1e5", "=cmd()", "+1", "@x", "<script>", "'; --", "nan", "null", "ДЦ-1", "a b",
        "\\x1b", "٣", "e\u0301", "x" * 200, '"quoted"', "a,b",
    ]  # fmt: skip
    for name in ("facility_id", "obligor_id", "segment", "offtaker", "guarantor"):
        unlike = [{**ROWS[6], "facility_id": f"F{place}", "obligor_id": f"O{place}"} for place, _ in enumerate(values)]
        rows = [{**row, name: value} for row, value in zip(unlike, values, strict=True)]
        frame = read_tape(write_csv(tmp_path / "t.csv", rows), as_of=AS_OF)
        assert frame[name].to_list() == values


@pytest.mark.parametrize("value", ["0", "1"])
def test_probabilities_of_zero_and_one_are_legal(value: str, tmp_path: Path) -> None:
    rows = with_cell(7, "offtaker", "New")
    rows[6]["offtaker_pd_annual"] = value
    assert not problems_of(write_csv(tmp_path / "t.csv", rows))


def test_maturities_up_to_fifty_years_are_legal_whatever_the_day(tmp_path: Path) -> None:
    assert not problems_of(write_csv(tmp_path / "t.csv", with_cell(7, "maturity_date", "2076-08-31")))
    leap = date(2028, 2, 29)
    rows = [{**ROWS[6], "maturity_date": "2078-02-28"}]
    assert read_tape(write_csv(tmp_path / "t.csv", rows), as_of=leap).height == 1


def test_minus_zero_is_zero(tmp_path: Path) -> None:
    frame = read_tape(write_csv(tmp_path / "t.csv", with_cell(7, "site_mw", "-0.0")), as_of=AS_OF)
    assert str(frame["site_mw"][6]) == "0.0"


def test_every_column_of_the_valid_tape_is_known() -> None:
    assert set(COLUMNS) <= set(STATED)
