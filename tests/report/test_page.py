"""What every page promises: it fetches nothing, runs nothing, and says in words and numbers what its pictures show."""

from pathlib import Path

import pytest

from rackrisk.report import render

from .folders import small_run
from .pages import Node

SECTIONS = (
    "answer",
    "attribution",
    "pricing",
    "contributions",
    "early-warning",
    "segments",
    "defaults",
    "worst",
    "subject",
    "losses",
    "facilities",
    "market",
    "identity",
    "limits",
)


@pytest.mark.parametrize("page", ["usual", "hostile", "copula", "hostile_copula", "sweep", "hostile_sweep_tree"])
def test_no_attribute_leads_elsewhere(page: str, request: pytest.FixtureRequest) -> None:
    tree: Node = request.getfixturevalue(page)
    for node in tree.every():
        for name, value in node.attributes.items():
            assert not name.startswith("on"), f"<{node.tag} {name}>"
            if name in {"src", "href", "action", "data", "srcset", "poster", "xlink:href", "formaction"}:
                assert value.startswith("#") or value == "data:,", f"<{node.tag} {name}={value}>"


@pytest.mark.parametrize("page", ["usual", "hostile", "copula", "hostile_copula", "sweep", "hostile_sweep_tree"])
def test_only_elements_of_a_static_page(page: str, request: pytest.FixtureRequest) -> None:
    tree: Node = request.getfixturevalue(page)
    tags = {node.tag for node in tree.every()}
    assert not tags & {"script", "iframe", "object", "embed", "img", "form", "input", "base", "audio", "video", "use"}
    assert "foreignobject" not in tags


def test_the_policy_forbids_everything_but_styles(usual: Node) -> None:
    policies = [m for m in usual.every("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert [p.attributes["content"] for p in policies] == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    ]
    head = usual.one("head")
    assert head.children[1] is policies[0], "nothing but the character set may come before the policy"


def test_the_style_sheet_fetches_nothing(usual: Node) -> None:
    style = usual.one("style").text()
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_has_title_caption_and_numbers(usual: Node) -> None:
    figures = list(usual.every("figure"))
    assert len(figures) >= 18
    for figure in figures:
        assert figure.one("h3").text()
        assert figure.one("figcaption").text()
        assert list(figure.one("details").every("td")), figure.attributes["id"]
        charts = [svg for svg in figure.every("svg") if svg.attributes.get("role") == "img"]
        assert charts
        for chart in charts:
            named = chart.attributes["aria-labelledby"].split()
            found = {node.attributes["id"]: node.text() for node in chart.children if node.tag in {"title", "desc"}}
            assert all(found[name] for name in named)


def test_names_of_elements_are_unique_and_links_arrive(usual: Node) -> None:
    ids = [node.attributes["id"] for node in usual.every() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    assert all(a.attributes["href"].removeprefix("#") in ids for a in usual.every("a"))


def test_all_parts_are_there_in_order(usual: Node) -> None:
    sections = [node.attributes["id"] for node in usual.every("section")]
    assert tuple(sections) == SECTIONS


def test_tables_have_rows_as_long_as_their_heads(usual: Node) -> None:
    for table in usual.every("table"):
        heads = [row for row in table.one("thead").children if row.attributes.get("class") != "groups"]
        for row in table.one("tbody").children:
            assert len(row.children) == len(heads[0].children)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = small_run(tmp_path / "here"), small_run(tmp_path / "there")
    assert render(first) == render(second) == render(first)


def test_the_page_holds_no_clock_time_and_no_path(usual_page: str) -> None:
    assert "2026-09-01" not in usual_page
    assert "/secret/place" not in usual_page
    assert "book.csv" in usual_page


def test_only_finite_numbers_are_printed(usual: Node) -> None:
    places = [node for node in usual.every() if node.tag in {"td", "th", "dd", "text"}]
    words = {word for node in places for word in node.text().lower().split()}
    assert not words & {"nan", "inf", "-inf", "none", "null", "undefined"}
    coordinates = " ".join(v for svg in usual.every("svg") for node in svg.every() for v in node.attributes.values())
    assert not set(coordinates.lower().replace(",", " ").split()) & {"nan", "inf", "-inf"}
