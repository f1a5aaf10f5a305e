"""What was not computed is not shown as a number, and never stops the page."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from rackrisk.report import render

from ..helpers.fake_result import fake_result
from .folders import TABLES, small_run, write_run
from .pages import Node, parse

NOTHING = pl.lit(None, dtype=pl.Float64)


def _texts(tree: Node, section: str) -> str:
    return next(node for node in tree.every("section") if node.attributes["id"] == section).text()


def _without(result: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return result.with_columns(NOTHING.alias(name) for name in columns)


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_table_leaves_out_its_part_only(run_path: Path, table: str) -> None:
    small_run(run_path)
    (run_path / "tables" / f"{table}.parquet").unlink()
    tree = parse(render(run_path))
    assert "answer" in {node.attributes["id"] for node in tree.every("section")}
    assert tree.one("h1").text().startswith("This book is expected to lose USD")


def test_losses_and_measures_alone_make_a_page(run_path: Path) -> None:
    small_run(run_path)
    for table in TABLES:
        (run_path / "tables" / f"{table}.parquet").unlink()
    tree = parse(render(run_path))
    sections = [node.attributes["id"] for node in tree.every("section")]
    assert sections == ["answer", "attribution", "segments", "subject", "losses", "identity", "limits"]


def test_a_bare_manifest_is_enough(run_path: Path) -> None:
    small_run(run_path)
    (run_path / "manifest.json").write_text("{}", encoding="utf-8")
    text = parse(render(run_path)).text()
    assert "month 0" in text
    assert "not stated" not in text, "mechanisms are left out where the run does not say"


def test_no_quoted_spread_is_said_and_not_compared(run_path: Path) -> None:
    facilities = _without(fake_result(n_scenarios=400, n_facilities=40).facilities, "quoted_spread_annual")
    tree = parse(render(small_run(run_path, facilities=facilities)))
    text = _texts(tree, "facilities")
    assert "— n/a" in text
    assert "n/a: no quoted spread on the tape" in text
    assert not [f for f in tree.every("figure") if f.attributes["id"] in {"spreads", "segment-spreads"}]


def test_unknown_errors_are_not_drawn_as_zero(run_path: Path) -> None:
    result = fake_result(n_scenarios=400, n_facilities=40)
    changed = replace(
        result,
        pd_term=_without(result.pd_term, "pd_count_std_error"),
        facilities=_without(result.facilities, "pd_std_error", "el_std_error_usd"),
    )
    tree = parse(render(write_run(run_path, changed, tail={})))
    chart = next(f for f in tree.every("figure") if f.attributes["id"] == "pd-count")
    assert not [p for p in chart.every("path") if "band" in p.attributes["class"]]
    assert "±" not in " ".join(row.text() for row in _facility_rows(tree))


def _facility_rows(tree: Node) -> list[Node]:
    tables = [d for d in tree.every("div") if d.attributes.get("class") == "table main facilities"]
    return tables[0].one("tbody").children


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_curves_break_where_a_value_is_missing(run_path: Path, value: float | None) -> None:
    result = fake_result(n_scenarios=400, n_facilities=40)
    gap = pl.col("month").is_between(20, 30)
    fans = result.fans.with_columns(p50=pl.when(gap).then(pl.lit(value, dtype=pl.Float64)).otherwise(pl.col("p50")))
    tree = parse(render(small_run(run_path, fans=fans)))
    medians = [p for p in tree.every("path") if p.attributes["class"] == "curve median"]
    assert medians
    assert all(p.attributes["d"].count("M") == 2 for p in medians)


def test_early_warning_without_performing_obligors_has_a_reason(run_path: Path) -> None:
    result = fake_result(n_scenarios=400, n_facilities=40)
    late = pl.col("month") > 30
    frame = result.early_warning.with_columns(
        pl.when(late).then(NOTHING).otherwise(pl.col(name)).alias(name) for name in ("dscr_below_1_0", "book_ltv")
    )
    text = _texts(parse(render(small_run(run_path, early_warning=frame))), "early-warning")
    assert "n/a: no obligor is tested or still performing" in text


def test_a_book_that_loses_nothing_has_no_loss_picture(run_path: Path) -> None:
    result = fake_result(n_scenarios=400, n_facilities=40)
    zero = [pl.col(name) * 0.0 for name in result.losses.columns if name.startswith("loss")]
    lgd = _without(result.loss_given_default, "lgd", "std_error")
    changed = replace(result, losses=result.losses.with_columns(zero), loss_given_default=lgd)
    tree = parse(render(write_run(run_path, changed)))
    assert tree.one("h1").text() == "No scenario lost money."
    assert "No scenario lost money." in _texts(tree, "losses")
    assert "No obligor defaulted in any scenario." in _texts(tree, "defaults")


@pytest.mark.parametrize(("scenarios", "months"), [(1, 60), (2, 1), (50, 7), (50, 600)])
def test_odd_sizes_make_a_page(run_path: Path, scenarios: int, months: int) -> None:
    page = render(write_run(run_path, fake_result(n_scenarios=scenarios, months=months)))
    assert parse(page).one("h1").text()
    assert len(page) < 1_000_000, "long horizons are thinned"


def test_few_scenarios_have_no_error_and_say_why(run_path: Path) -> None:
    tree = parse(render(write_run(run_path, fake_result(n_scenarios=100))))
    tiles = {
        t.one("dt").text(): t.text() for t in tree.every("div") if t.attributes.get("class", "").startswith("tile ")
    }
    assert "no standard error" in tiles["VaR 99.9 %"]
    assert "±" not in tiles["VaR 99.9 %"]
    assert "One scenario in 1,000" not in _texts(tree, "answer")
