"""Names from tape, configuration and manifest are text and nothing else, wherever they appear."""

import re

import pytest

from .folders import HOSTILE
from .pages import Node

_ALLOWED_INVISIBLE = {"\u00a0", "\n"}


@pytest.mark.parametrize("model", ["structural", "copula"])
def test_the_page_has_the_structure_of_a_harmless_one(model: str, request: pytest.FixtureRequest) -> None:
    names = ("usual", "hostile") if model == "structural" else ("copula", "hostile_copula")
    usual, hostile = (request.getfixturevalue(name) for name in names)

    def tags(tree: Node) -> set[tuple[str, frozenset[str]]]:
        return {(node.tag, frozenset(node.attributes)) for node in tree.every()}

    extra = {tag for tag, _ in tags(hostile) - tags(usual)}
    assert extra <= {"th", "td", "g", "line"}, "cells may gain a tooltip, nothing else may change"
    assert len(list(hostile.every("h1"))) == 1


def test_names_are_shown_as_they_are_written(hostile: Node) -> None:
    text = hostile.text()
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[8], HOSTILE[12]):
        assert " ".join(name.split()) in text


def test_no_name_is_evaluated(hostile: Node) -> None:
    assert "{{ 7 * 7 }}" in hostile.text()
    assert not re.search(r"\b49\{% raw", hostile.text())


@pytest.mark.parametrize(
    "page", ["hostile_page", "hostile_copula_page", "hostile_sweep_page", "hostile_names_sweep_page"]
)
def test_no_invisible_or_reversing_character_is_left(page: str, request: pytest.FixtureRequest) -> None:
    text: str = request.getfixturevalue(page)
    found = {c for c in text if not c.isprintable()} - _ALLOWED_INVISIBLE
    assert not found
    assert "&lt;U+202E&gt;" in text


def test_long_names_are_cut_where_they_would_break_the_layout(hostile: Node) -> None:
    cells = [node for node in hostile.every() if node.tag in {"text", "td", "th", "h4", "span"}]
    legends = [node for ul in hostile.every("ul") if ul.attributes.get("class") == "legend" for node in ul.every("bdi")]
    for node in cells + legends:
        assert all(len(word) <= 60 for text in node.texts for word in text.split()) or node.attributes.get("class") in {
            "hash",
            "about",
        }


def test_cut_names_keep_the_whole_as_a_tooltip(hostile: Node) -> None:
    tooltips = [node.attributes["title"] for node in hostile.every() if "title" in node.attributes]
    assert any(tip.startswith(HOSTILE[5]) for tip in tooltips)


def test_labels_that_no_number_depends_on_are_left_out_of_the_configuration(hostile: Node) -> None:
    assert "kept out" not in hostile.text()
    assert "/kept/out" not in hostile.text()
    assert "</pre></svg><img" in hostile.one("pre").text()
