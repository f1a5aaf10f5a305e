"""The usual page and the hostile page, rendered once."""

from pathlib import Path

import pytest

from rackrisk.report import render

from .folders import hostile_run, small_run
from .pages import Node, parse


@pytest.fixture(scope="session")
def usual_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a made-up run."""
    return render(small_run(tmp_path_factory.mktemp("runs") / "usual"))


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run with hostile names."""
    return render(hostile_run(tmp_path_factory.mktemp("runs") / "hostile"))


@pytest.fixture
def usual(usual_page: str) -> Node:
    """The usual page as a tree."""
    return parse(usual_page)


@pytest.fixture
def hostile(hostile_page: str) -> Node:
    """The hostile page as a tree."""
    return parse(hostile_page)


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """Where a test may write its run."""
    return tmp_path / "run"
