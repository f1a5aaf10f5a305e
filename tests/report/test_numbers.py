"""The page says what the tables say."""

from pathlib import Path

import polars as pl
import pytest

from rackrisk.report import render

from ..helpers.fake_result import fake_result
from .folders import write_run
from .pages import Node, parse


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with enough scenarios for all errors, without the tables that have their own tests."""
    return write_run(
        tmp_path_factory.mktemp("numbers") / "run", fake_result(n_scenarios=5_000, n_facilities=60), tail={}
    )


@pytest.fixture(scope="module")
def tree(run: Path) -> Node:
    """Its page."""
    return parse(render(run))


def _measure(run: Path, name: str, level: float | None, scope: str = "portfolio") -> dict[str, float]:
    rows = pl.read_parquet(run / "tables" / "measures.parquet").filter(
        pl.col("measure") == name,
        pl.col("scope") == scope,
        pl.col("level").is_null() if level is None else pl.col("level") == level,
    )
    return rows.row(0, named=True)


def _rows(tree: Node, kind: str) -> dict[str, list[str]]:
    table = next(d for d in tree.every("div") if d.attributes.get("class") == f"table {kind}")
    return {row.children[0].text(): [cell.text() for cell in row.children[1:]] for row in table.one("tbody").children}


@pytest.mark.parametrize(
    ("tile", "measure", "level"),
    [("Expected loss", "EL", None), ("VaR 99 %", "VaR", 0.99), ("Expected shortfall 99.9 %", "ES", 0.999)],
)
def test_tiles_show_the_measures_with_error_and_interval(
    run: Path, tree: Node, tile: str, measure: str, level: float | None
) -> None:
    words = {t.one("dt").text(): t for t in tree.every("div") if t.attributes.get("class", "").startswith("tile ")}[
        tile
    ]
    row = _measure(run, measure, level)
    value, share, error, interval = (node.text() for node in words.every("dd"))
    shown = float(value.removeprefix("USD ").removesuffix(" bn"))
    decimals = len(value.removesuffix(" bn").partition(".")[2])
    assert shown == pytest.approx(row["value"] / 1e9, abs=0.51 * 10**-decimals)
    assert error == f"± USD {row['std_error'] / 1e9:.{decimals}f} bn standard error"
    assert interval == f"95 % interval {row['ci_low'] / 1e9:.{decimals}f} to {row['ci_high'] / 1e9:.{decimals}f}"
    assert share.endswith("% of exposure")


def test_the_title_is_the_expected_loss_and_its_share(run: Path, tree: Node) -> None:
    loss = _measure(run, "EL", None)["value"]
    exposure = fake_result(n_scenarios=5_000, n_facilities=60).exposure_usd["portfolio"]
    assert f"USD {loss / 1e9:.3g} bn, {100 * loss / exposure:.3g} %" in tree.one("h1").text()


def test_segments_show_their_own_expected_loss(run: Path, tree: Node) -> None:
    rows = _rows(tree, "main")
    for segment in ("btc_loan", "data_centre", "miner", "neocloud"):
        row = _measure(run, "EL", None, segment)
        assert rows[segment.replace("_", " ")][1].startswith(f"{row['value'] / 1e6:,.0f} ±")


def test_facilities_are_listed_by_expected_loss(run: Path, tree: Node) -> None:
    frame = pl.read_parquet(run / "tables" / "facilities.parquet").sort("el_usd", descending=True).head(25)
    rows = _rows(tree, "main facilities")
    shown = [name.split()[0] for name in rows]
    assert shown == frame["facility_id"].to_list()
    first, cells = frame.row(0, named=True), next(iter(rows.values()))
    assert cells[0].startswith(f"{first['el_usd'] / 1e6:.1f} ±")
    assert cells[2].startswith(f"{100 * first['pd']:.1f} ±")
    assert cells[5].startswith(f"{1e4 * first['fair_el_spread_annual']:,.0f} ±")


def test_gaps_are_marked_only_where_their_interval_excludes_zero(run: Path, tree: Node) -> None:
    frame = pl.read_parquet(run / "tables" / "facilities.parquet")
    by_name = {row["facility_id"]: row for row in frame.to_dicts()}
    for name, cells in _rows(tree, "main facilities").items():
        row = by_name[name.split()[0]]
        if row["quoted_spread_annual"] is None:
            assert cells[6] == "— n/a"
            continue
        gap = row["quoted_spread_annual"] - row["fair_el_spread_annual"]
        reach = 1.959964 * row["el_std_error_usd"] / row["pv_balance_usd"]
        expected = "▼" if gap + reach < 0 else "▲" if gap - reach > 0 else ""
        assert cells[6].startswith(expected)
        assert expected or cells[6][0] not in "▼▲"


def test_early_warning_cells_are_the_quarters_ends(run: Path, tree: Node) -> None:
    frame = (
        pl.read_parquet(run / "tables" / "early_warning.parquet").filter(pl.col("scope") == "portfolio").sort("month")
    )
    by_month = dict(zip(frame["month"].to_list(), frame["dscr_below_1_2"].to_list(), strict=True))
    cells = _rows(tree, "heat")["Whole book"]
    assert cells == [f"{100 * by_month[m]:.0f}" for m in range(3, 61, 3)]


def test_the_run_can_be_repeated_from_its_identity(tree: Node) -> None:
    section = next(node for node in tree.every("section") if node.attributes["id"] == "identity").text()
    for fact in ("ab" * 32, "philox4x32-10/v1", "jax", "float32", "2 CPU cores (made up)", "cd" * 32, "numpy 2.0"):
        assert fact in section
