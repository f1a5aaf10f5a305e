"""Market files that stand for gigabytes, never end, or do not mean what they say: refused within seconds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rackrisk.config import ConfigProblems, load_settings, plain_mapping
from rackrisk.config._yaml import MAX_BYTES, MAX_DEPTH

from .cage import at_most

HEAD = "defaults: [base, _self_]\n"
LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
SECTIONS = "a0: {x: 1, y: 2}\n" + "".join(
    f"a{i}: {{x: '${{market.a{i - 1}}}', y: '${{market.a{i - 1}}}'}}\n" for i in range(1, 40)
)
TEXTS = "a0: xxxxxxxxxx\n" + "".join(f"a{i}: '${{market.a{i - 1}}}${{market.a{i - 1}}}'\n" for i in range(1, 40))
BOMBS = {
    "aliases": (LAUGHS, "anchors"),
    "merged keys": ("x: &a {b: 1}\ny:\n  <<: *a\n", "anchors"),
    "sections that refer to sections": (SECTIONS, "leads to a section"),
    "texts made of texts": (TEXTS, "resolvers are refused"),
    "a circle": ("a: ${market.b}\nb: ${market.a}\n", "leads on through more than"),
    "brackets": ("a: " + "[" * 400_000, "levels"),
    "braces": ("a: " + "{a: " * 100_000 + "}" * 100_000, "levels"),
    "indentation": ("".join(" " * i + f"k{i}:\n" for i in range(900)), "levels"),
    "one line": ("a: " + "x" * MAX_BYTES, "at most 1,000,000 bytes"),
    "keys": ("".join(f"k{i}: 1\n" for i in range(30_000)), "words and signs"),
    "unknown keys": ("".join(f"unknown_{i}: 1\n" for i in range(3_000)), "unknown key"),
    "complex keys": ("".join(f"? a{i}\n" for i in range(60_000)), "words and signs"),
    "digits": ("btc: {price_usd: " + "9" * 500_000 + "}\n", "not YAML"),
    "entries": ("btc: {price_usd: [" + "1," * 400_000 + "]}\n", "words and signs"),
}  # fmt: skip


def reasons(file: Path) -> str:
    with pytest.raises(ConfigProblems) as caught:
        load_settings([f"market={file}"])
    return str(caught.value)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_without_time_or_memory(tmp_path: Path, name: str) -> None:
    text, rule = BOMBS[name]
    file = tmp_path / "own.yaml"
    file.write_text(HEAD + text)
    load_settings([])  # what is loaded once is no part of the bomb
    with at_most(gigabytes=1.0):
        started = time.monotonic()
        assert rule in reasons(file)
        assert time.monotonic() - started < 20.0  # some two seconds where nothing else runs


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("btc: {price_usd: NO}", "NO"),
        ("generations: {NO: {}}", "NO"),
        ("a: [on, 1]", "on"),
        ("a: Yes", "Yes"),
        ("btc: {price_usd: 010}", "010"),
        ("btc: {price_usd: 190:20:30}", "190:20:30"),
        ("btc: {price_usd: 1:30.5}", "1:30.5"),
    ],
)
def test_words_and_digits_that_yaml_reads_as_something_else_are_refused(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"{HEAD}{text}\n")
    assert f"has the word {word}, which YAML reads as something else" in reasons(file)


@pytest.mark.parametrize("text", ["'NO'", '"010"', "'1:30'", "0.10", "10", "1e3", "true", "2026-08-31", "gb200"])
def test_what_yaml_takes_as_it_is_written_is_not_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(f"a: {text}\n")
    assert isinstance(plain_mapping(file), dict)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_never_opened(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "own.yaml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    assert "cannot be read" in reasons(file)


def test_a_file_that_says_it_is_empty_is_still_not_read_without_end() -> None:
    assert "YAML" in str(plain_mapping(Path("/proc/self/environ"))) or Path("/proc/self/environ").stat().st_size


def test_shipped_markets_and_written_configurations_stay_far_from_the_limits(finished: Path) -> None:
    shipped = sorted((Path(__file__).parents[2] / "conf" / "market").glob("*.yaml"))
    for file in (*shipped, finished / "config.resolved.yaml"):
        assert file.stat().st_size < MAX_BYTES / 10
        assert isinstance(plain_mapping(file), dict), file
    assert MAX_DEPTH >= 3 * 5
