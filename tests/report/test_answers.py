"""Spreads, the tail, mechanisms and worst worlds on the page are those of the tables."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rackrisk.report import render

from ..helpers.fake_result import fake_result
from .folders import TAIL, attribution_folder, small_run, write_run
from .pages import Node, parse
from .tail_tables import MECHANISMS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every answer."""
    return write_run(tmp_path_factory.mktemp("answers") / "run", fake_result(n_scenarios=5_000, n_facilities=60))


@pytest.fixture(scope="module")
def tree(run: Path) -> Node:
    """Its page."""
    return parse(render(run))


def _table(run: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(run / "tables" / f"{name}.parquet")


def _section(tree: Node, slug: str) -> Node:
    return next(node for node in tree.every("section") if node.attributes["id"] == slug)


def _rows(tree: Node, caption: str) -> dict[str, list[str]]:
    table = next(t for t in tree.every("table") if t.one("caption").text() == caption)
    return {row.children[0].text(): [cell.text() for cell in row.children[1:]] for row in table.one("tbody").children}


def _figure(tree: Node, slug: str) -> Node:
    return next(f for f in tree.every("figure") if f.attributes["id"] == slug)


def _texts(figure: Node, kind: str) -> list[str]:
    """Words of one kind in the first drawing of a figure."""
    drawing = next(svg for svg in figure.every("svg") if svg.attributes.get("role") == "img")
    return [t.text() for t in drawing.every("text") if t.attributes.get("class") == f"label {kind}"]


def test_the_answer_names_loss_tail_verdict_and_driver_with_errors(run: Path, tree: Node) -> None:
    lead = _section(tree, "answer").one("p").text()
    loss = _measure(run, "EL", None)
    assert lead.startswith("Simulated over 60 months from 31 August 2026, in 5,000 scenarios")
    assert f"The expected loss is USD {loss['value'] / 1e9:.3f} ± {loss['std_error'] / 1e9:.3f} bn." in lead
    assert lead.count(" ± ") >= 5
    assert "paid 300 bp a year and should be paid 220 ± 8 bp: as a whole they pay for the risk" in lead
    assert "(quoted less fair 80 bp, 95 % interval 64 to 96)" in lead
    assert "The biggest driver is deflation: 37.9 ± 1.0 % of the expected loss." in lead
    assert "of the ES 99 % comes from" in lead


def _measure(run: Path, name: str, level: float | None) -> dict[str, Any]:
    wanted = pl.col("level").is_null() if level is None else pl.col("level") == level
    return _table(run, "measures").filter(wanted, measure=name, scope="portfolio").row(0, named=True)


def test_verdicts_are_counted_as_in_the_table(run: Path, tree: Node) -> None:
    counts = dict(
        _table(run, "pricing").filter(kind="facility").drop_nulls("verdict")["verdict"].value_counts().iter_rows()
    )
    lead = _section(tree, "pricing").one("p").text()
    assert f"Of {sum(counts.values())} facilities with a quote {counts.get('falls short', 0)} fall short" in lead
    assert f"{counts.get('pays', 0)} pay and {counts.get('open', 0)} cannot be told" in lead


def test_facilities_are_ranked_by_what_they_are_short_of(run: Path, tree: Node) -> None:
    frame = _table(run, "pricing").filter(kind="facility").drop_nulls("mispricing_annual").sort("mispricing_annual")
    rows = _rows(tree, "Facilities by quoted less fair spread")
    assert list(rows) == frame["name"].to_list()[: len(rows)]
    assert _texts(_figure(tree, "mispricing"), "name") == list(rows)[:20]
    for cells, row in zip(rows.values(), frame.iter_rows(named=True), strict=False):
        low, high = (f"{1e4 * row[f'mispricing_ci_{end}']:,.0f}".replace("-", "−") for end in ("low", "high"))
        assert cells[2] == f"{1e4 * row['fair_spread_annual']:,.0f} ± 8"
        assert cells[5] == f"{low} to {high}"
        assert cells[6] == {"pays": "▲ pays", "falls short": "▼ falls short", "open": "open"}[row["verdict"]]


def test_the_facilities_table_has_the_same_verdicts(run: Path, tree: Node) -> None:
    prices = {row["name"]: row for row in _table(run, "pricing").filter(kind="facility").iter_rows(named=True)}
    rows = _rows(tree, "Facilities by expected loss")
    marks = {"pays": "▲", "falls short": "▼"}
    for name, cells in rows.items():
        verdict = prices[name.split()[0]]["verdict"]
        assert (cells[6][0] if cells[6][0] in "▲▼" else None) == marks.get(verdict)


@pytest.mark.parametrize("dimension", ["segment", "generation", "offtaker", "facility"])
def test_contributions_are_shares_of_the_tail_with_errors(run: Path, tree: Node, dimension: str) -> None:
    frame = _table(run, "contributions").filter(dimension=dimension, measure="ES", level=0.99)
    largest = frame.sort("share", "name", descending=[True, False]).head(10)
    numbers = _texts(_figure(tree, f"contributions-{dimension}"), "number")
    assert numbers == [f"{100 * s:.1f} ± {100 * e:.{1 if e >= 0.001 else 2}f} %"
                       for s, e in largest.select("share", "share_std_error").iter_rows()]  # fmt: skip


def test_the_waterfall_starts_with_what_stays_and_ends_with_the_total(run: Path, tree: Node) -> None:
    names = _texts(_figure(tree, "waterfall-el"), "name")
    assert names == ["without the mechanisms", *MECHANISMS, "all of them"]
    total = _table(run, "attribution").filter(mechanism="total", scope="portfolio", measure="EL").row(0, named=True)
    assert _texts(_figure(tree, "waterfall-el"), "number")[-1].startswith(f"{total['value'] / 1e6:,.0f} ±")


def test_five_worst_worlds_are_told_with_what_happened(run: Path, tree: Node) -> None:
    worlds = _table(run, "worst_scenarios").sort("rank").head(5)
    rows = _rows(tree, "The worst scenarios")
    assert list(rows) == [f"{r}. scenario {s}" for r, s in worlds.select("rank", "scenario").iter_rows()]
    told = {word: cells[0] for word, cells in _rows(tree, "World 1: USD 3.00 bn lost in scenario 101").items()}
    assert told["Regime"] == "in stress for 36 of 60 months, first in month 7"
    assert told["Prices"].startswith("H100 4.00 to 1.00 USD in month 58 (−75.0 %); Bitcoin")
    assert told["Tenants"].startswith("Tenant 0 in month 10 (behind USD 900 m)")
    assert told["Tenants"].endswith("; 2 more")
    assert told["Forced sales"].startswith("lowest price, of the market’s: GPUs 40.0 % in month 58; mining machines")
    assert "a failed refinancing in month 46, LGD 50.0 %" in told["Largest losses"]


@pytest.mark.parametrize("slug", ["attribution", "pricing", "contributions", "segments", "worst"])
def test_every_picture_of_a_section_has_a_table_and_every_number_a_unit(tree: Node, slug: str) -> None:
    section = _section(tree, slug)
    for figure in section.every("figure"):
        assert figure.one("details").one("table").one("caption").text()
        assert all(
            svg.one("title").text() and svg.one("desc").text()
            for svg in figure.every("svg")
            if svg.attributes.get("role")
        )
    for table in section.every("table"):
        heads = [head for head in table.one("thead").every("th") if "n" in head.attributes.get("class", "").split()]
        units = [head.text() for head in heads if not list(head.every("span"))]
        assert set(units) <= {"Facilities", "Scenarios", "With a loss in the tail"}, "counts need no unit"


def test_headings_go_down_one_step_at_a_time(tree: Node) -> None:
    levels = [int(node.tag[1]) for node in tree.every() if node.tag in {"h1", "h2", "h3", "h4"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_run_without_attribution_says_how_to_get_one(run_path: Path) -> None:
    (small_run(run_path) / "tables" / "attribution.parquet").unlink()
    tree = parse(render(run_path))
    section = _section(tree, "attribution")
    assert "“rackrisk attribute” with the options of this run does" in section.text()
    assert "biggest driver" not in _section(tree, "answer").text()


def test_too_few_scenarios_for_intervals_leave_the_verdict_open(run_path: Path) -> None:
    small_run(run_path)
    path = run_path / "tables" / "pricing.parquet"
    frame = pl.read_parquet(path)
    errors = [c for c in frame.columns if "_ci_" in c or c.endswith("std_error")]
    nothing = {name: pl.lit(None, dtype=frame.schema[name]) for name in [*errors, "verdict"]}
    frame.with_columns(**nothing).write_parquet(path)
    tree = parse(render(run_path))
    assert "the run is too short to judge the difference" in _section(tree, "answer").text()
    assert "n/a: too few scenarios in the tail for an interval" in _section(tree, "pricing").text()
    assert not [c for c in _figure(tree, "mispricing").every("line") if "whisker" in c.attributes["class"]]


@pytest.mark.parametrize("table", TAIL)
def test_an_empty_answer_is_left_out(run_path: Path, table: str) -> None:
    path = small_run(run_path) / "tables" / f"{table}.parquet"
    pl.read_parquet(path).head(0).write_parquet(path)
    assert parse(render(run_path)).one("h1").text()


@pytest.mark.parametrize("hostile", [False, True])
def test_an_attribution_alone_makes_a_page(run_path: Path, hostile: bool) -> None:
    tree = parse(render(attribution_folder(run_path, hostile=hostile)))
    sections = [node.attributes["id"] for node in tree.every("section")]
    assert sections == ["answer", "attribution", "subject", "identity", "limits"]
    assert tree.one("h1").text().startswith("This book is expected to lose USD")
    assert "256 scenarios" in _section(tree, "answer").text()
    assert next(dt.text() for dt in tree.every("dt")) == "Expected loss"
    assert "not computed" not in _section(tree, "answer").text()
    assert not [
        node for node in tree.every() if node.tag in {"script", "img", "b"} and "onmouseover" in node.attributes
    ]
