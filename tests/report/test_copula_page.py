"""The page of a copula run shows every figure with its error beside its exact twin, and what the words mean."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from rackrisk.report import ReportError, render

from .copula_folders import TABLES, copula_run, equal_run
from .pages import Node, parse


def section(tree: Node, name: str) -> Node:
    return next(node for node in tree.every("section") if node.attributes["id"] == name)


def rows(table: Node) -> list[list[str]]:
    return [[cell.text() for cell in row.children] for row in table.one("tbody").children]


def test_the_sections_are_those_of_the_model(copula: Node) -> None:
    assert [node.attributes["id"] for node in copula.every("section")] == [
        "answer", "subject", "losses", "exact", "segments", "defaults", "names", "assumptions", "identity", "limits",
    ]  # fmt: skip
    assert section(copula, "subject").one("h2").text() == "Book and model"
    targets = {node.attributes["href"] for node in copula.one("nav").every("a")}
    assert targets == {f"#{node.attributes['id']}" for node in copula.every("section")} - {"#answer"}


def test_the_page_says_what_was_simulated(copula: Node) -> None:
    text = section(copula, "answer").text()
    assert "Over 3 years, in 800 scenarios of a Gaussian copula." in text
    assert "of exposure" in copula.one("h1").text()
    subject = section(copula, "subject").text()
    for words in ("tape", ".parquet", "from the tape’s loadings", "beta distributed", "3 years", "Names 52"):
        assert words in subject
    assert "secret" not in copula.text()


def test_every_exact_figure_is_on_the_page(tmp_path: Path) -> None:
    run = equal_run(tmp_path / "run")
    tree = parse(render(run))
    exact = pl.read_parquet(run / "tables" / "exact.parquet").filter(scope="portfolio")
    table = next(section(tree, "exact").every("table"))
    assert [row[0] for row in rows(table)] == ["EL", "SD", "VaR 99 %", "VaR 99.9 %", "ES 99 %", "ES 99.9 %"]
    assert exact["measure"].to_list() == ["EL", "SD", "VaR", "VaR", "ES", "ES"]
    unit = 1e6
    assert "USD m" in table.text()
    for row, value in zip(rows(table), exact["value"], strict=True):
        assert float(row[2].replace(",", "")) == pytest.approx(value / unit, abs=0.5e-3)
    # The highest level whose simulated VaR has an error.
    assert "Without simulation the VaR 99 % is" in section(tree, "answer").text()
    assert "asset correlation" in section(tree, "subject").text().lower()
    assert "0.1928 for every pair, a loading of 0.4391" in section(tree, "subject").text()


def test_the_distance_is_counted_in_percent_and_in_standard_errors(tmp_path: Path) -> None:
    run = equal_run(tmp_path / "run")
    names = ("measures", "exact")
    frames = [pl.read_parquet(run / "tables" / f"{n}.parquet").filter(scope="portfolio", measure="EL") for n in names]
    simulated, exact = (frame.row(0, named=True) for frame in frames)
    (row, *_) = rows(next(section(parse(render(run)), "exact").every("table")))
    assert figure(row[3]) == pytest.approx(100 * (simulated["value"] / exact["value"] - 1), abs=0.006)
    assert figure(row[4]) == pytest.approx((simulated["value"] - exact["value"]) / simulated["std_error"], abs=0.006)


def figure(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def test_pictures_have_rings_where_something_is_exact(tmp_path: Path, copula: Node) -> None:
    tree = parse(render(equal_run(tmp_path / "run")))
    rings = [node for node in tree.every("circle") if node.attributes.get("class") == "ring"]
    assert len(rings) == 2 * 4 + 1, "VaR and ES at two levels, for two widths, and the legend"
    assert not [node for node in copula.every("circle") if node.attributes.get("class") == "ring"]
    for chart in tree.every("svg"):
        heights = {
            kind: {node.attributes["cy"] for node in chart.every("circle") if node.attributes.get("class") == kind}
            for kind in ("ring", "mark var")
        }
        # VaR and ES of a level lie at the same height, the level's probability.
        assert not heights["ring"] or chart.attributes["class"] == "swatch" or heights["ring"] == heights["mark var"]


def test_the_term_structure_has_the_pds_of_the_tape(copula: Node) -> None:
    table = next(section(copula, "defaults").every("table"))
    years = rows(table)
    assert [row[0] for row in years] == ["1", "2", "3"]
    expected = [sum(1 - (1 - 0.01 * (1 + i % 5)) ** year for i in range(52)) / 52 for year in (1, 2, 3)]
    assert [float(row[2]) for row in years] == pytest.approx([100 * pd for pd in expected], abs=0.006)
    simulated = [re.fullmatch(r"([\d.]+)± ([\d.]+)", row[1].replace(" ", "").replace("±", "± ")) for row in years]
    for row, found in zip(years, simulated, strict=True):
        assert found is not None
        # Two rounded figures and a rounded error.
        assert figure(row[3]) == pytest.approx((float(found[1]) - figure(row[2])) / float(found[2]), abs=0.15)


def test_the_words_keep_correlation_and_loading_apart(copula: Node) -> None:
    text = section(copula, "assumptions").text()
    assert "correlation 0.20 is loading 0.447" in text
    assert re.search(r"hold[s]? loadings", text)
    assert "Student t" not in text


def test_a_student_t_run_says_what_that_means(tmp_path: Path) -> None:
    copula = {"dependence": "t", "dof": 4, "lgd": {"kind": "wrong_way", "sd": 0.2, "correlation": 0.3}}
    tree = parse(render(copula_run(tmp_path / "run", copula=copula)))
    assert "a Student t copula with 4 degrees of freedom" in section(tree, "answer").text()
    text = section(tree, "assumptions").text()
    assert "chi-square" in text
    assert "high when the name’s factors are bad" in text
    assert "correlation 0.3" in section(tree, "subject").text()


def test_one_segment_needs_no_table_of_segments(tmp_path: Path) -> None:
    tree = parse(render(equal_run(tmp_path / "run")))
    assert "segments" not in {node.attributes["id"] for node in tree.every("section")}
    assert "comes from all" not in tree.text()


def test_one_scenario_makes_a_page_without_errors(tmp_path: Path) -> None:
    text = parse(render(equal_run(tmp_path / "run", scenarios=1))).text()
    assert "n/a" in text
    assert " nan" not in text.lower()


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_table_leaves_out_its_part_only(tmp_path: Path, table: str) -> None:
    run = copula_run(tmp_path / "run")
    (run / "tables" / f"{table}.parquet").unlink()
    tree = parse(render(run))
    assert tree.one("h1").text().startswith("This book is expected to lose USD")


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    run = copula_run(tmp_path / "run")
    manifest = (run / "manifest.json").read_text(encoding="utf-8")
    (run / "manifest.json").write_text(manifest.replace('"name": "copula"', '"name": "other"'), encoding="utf-8")
    with pytest.raises(ReportError, match="unknown model"):
        render(run)
