"""Saved experiments: each composes, says its own command, and is where the documents say it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rackrisk.config import ConfigProblems, load_settings
from rackrisk.config._compose import group_options
from rackrisk.sweep_points import read_order

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conf" / "experiment"
NAMES = sorted(group_options()["experiment"])
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"rackrisk (run|attribute)\b[^\n`]*?\bexperiment=([a-z0-9_]+)")


def named() -> dict[str, set[str]]:
    """Experiments that a page names, by page."""
    return {
        page.name: set(re.findall(r"\bexperiment=([a-z0-9_]+)", page.read_text(encoding="utf-8"))) for page in PAGES
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_composes(name: str) -> None:
    settings, choices = load_settings([f"experiment={name}"])
    assert choices["experiment"] == name
    assert settings.name == name


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_says_its_command_first(name: str) -> None:
    comments = re.findall(r"^#(.*)$", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [found[1] for line in comments for found in COMMAND.findall(line)] == [name]


def test_documents_name_only_experiments_that_exist() -> None:
    missing = {page: sorted(found - set(NAMES)) for page, found in named().items() if found - set(NAMES)}
    assert missing == {}


def test_every_experiment_is_named_in_a_document() -> None:
    assert sorted(set(NAMES) - set().union(*named().values())) == []


def commands() -> list[str]:
    """Command lines of all pages that need no file: `rackrisk run a=b`, comments and pipes cut off."""
    lines = [
        line
        for page in PAGES
        for line in re.findall(r"rackrisk (?:run|attribute)(?: [^\s`|#]+=[^\s`|#]+)+", page.read_text(encoding="utf-8"))
    ]
    return sorted({line for line in lines if not any(part in line for part in ("tape=", "NAME", "=DIR", ".yaml"))})


def sweeps() -> list[str]:
    """Sweeps of all pages that need no file."""
    pattern = r"rackrisk sweep(?: [^\s`|#]+=[^\s`|#]+)+"
    return sorted({line for page in PAGES for line in re.findall(pattern, page.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_documents_composes(line: str) -> None:
    overrides = [word for word in line.split()[2:] if not word.startswith("out=")]
    try:
        load_settings(overrides)
    except ConfigProblems as error:
        assert {p.key for p in error.problems} <= {"engine.name"}, error  # noqa: PT017 - a machine may lack CUDA


@pytest.mark.parametrize("line", sweeps())
def test_every_sweep_of_the_documents_composes(line: str) -> None:
    order, _ = read_order(line.split()[2:], {})
    assert len(order.points) > 1


def test_documents_name_only_scripts_that_exist() -> None:
    texts = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    named_scripts = set(re.findall(r"python -m (bench(?:\.[a-z_]+)+)", texts))
    assert named_scripts >= {"bench.evidence", "bench.history", "bench.structural"}
    places = {name: ROOT.joinpath(*name.split(".")) for name in named_scripts}
    runs = {
        name: path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() for name, path in places.items()
    }
    assert [name for name, found in runs.items() if not found] == []
