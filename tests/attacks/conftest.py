"""A finished run that attackers get a copy of, and the command in this process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rackrisk

from ..cli.conftest import command as command
from ..cli.conftest import folder as folder
from ..cli.conftest import tape as tape

SMALL = ("engine=reference", "portfolio=miners", "scenarios=20", "months=3")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run, not to be changed."""
    return rackrisk.run(*SMALL, f"out={tmp_path_factory.mktemp('finished') / 'run'}").folder


@pytest.fixture
def run(finished: Path, folder: Path) -> Path:
    """A copy of it in the working directory, to be tampered with."""
    return Path(shutil.copytree(finished, folder / "run"))
