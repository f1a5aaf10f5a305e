"""The usual pages and the hostile pages of both models and of sweeps, rendered once."""

from pathlib import Path

import pytest

from rackrisk.report import render

from .copula_folders import copula_run, hostile_copula_run
from .folders import hostile_run, small_run
from .pages import Node, parse
from .sweep_folders import hostile_names_sweep, hostile_sweep, named_sweep, usual_sweep


@pytest.fixture(scope="session")
def usual_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a made-up run."""
    return render(small_run(tmp_path_factory.mktemp("runs") / "usual"))


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run with hostile names."""
    return render(hostile_run(tmp_path_factory.mktemp("runs") / "hostile"))


@pytest.fixture(scope="session")
def copula_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a small copula run."""
    return render(copula_run(tmp_path_factory.mktemp("runs") / "copula"))


@pytest.fixture(scope="session")
def hostile_copula_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a copula run with hostile names."""
    return render(hostile_copula_run(tmp_path_factory.mktemp("runs") / "hostile_copula"))


@pytest.fixture(scope="session")
def sweep_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a sweep of a number and two books."""
    return render(usual_sweep(tmp_path_factory.mktemp("runs") / "sweep"))


@pytest.fixture(scope="session")
def named_sweep_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a sweep without a number."""
    return render(named_sweep(tmp_path_factory.mktemp("runs") / "named_sweep"))


@pytest.fixture(scope="session")
def hostile_sweep_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a sweep over a number and hostile names."""
    return render(hostile_sweep(tmp_path_factory.mktemp("runs") / "hostile_sweep"))


@pytest.fixture(scope="session")
def hostile_names_sweep_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a sweep over hostile names alone."""
    return render(hostile_names_sweep(tmp_path_factory.mktemp("runs") / "hostile_names_sweep"))


@pytest.fixture
def sweep(sweep_page: str) -> Node:
    """The page of a sweep as a tree."""
    return parse(sweep_page)


@pytest.fixture
def hostile_sweep_tree(hostile_sweep_page: str) -> Node:
    """The page of a hostile sweep as a tree."""
    return parse(hostile_sweep_page)


@pytest.fixture
def copula(copula_page: str) -> Node:
    """The page of a copula run as a tree."""
    return parse(copula_page)


@pytest.fixture
def hostile_copula(hostile_copula_page: str) -> Node:
    """The hostile page of a copula run as a tree."""
    return parse(hostile_copula_page)


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
