"""The image is built by the commands of the README, holds the product's files alone, and runs as nobody special."""

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

from .submitting import DEPLOY, ROOT

TEXT = (DEPLOY / "container" / "Containerfile").read_text()
STAGES = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize(
    ("stage", "command"),
    [
        ("cpu-build", "pip install -c constraints.txt ."),
        ("cuda-build", "pip install -c constraints.txt '.[cuda]'"),
    ],
)
def test_the_image_is_built_by_the_commands_of_the_readme(stage: str, command: str) -> None:
    assert f"RUN {command}\n" in STAGES[stage]
    assert f"`{command}`" in (ROOT / "README.md").read_text()


def test_every_process_runs_as_a_user_without_rights() -> None:
    runtime = STAGES["runtime"]
    assert "\nUSER 10001:10001\n" in runtime
    assert all("USER" not in STAGES[stage] for stage in ("cpu", "cuda"))  # both begin with `runtime` and keep its user
    assert re.findall(r"^FROM (\S+) AS (?:cpu|cuda)$", TEXT, flags=re.MULTILINE) == ["runtime", "runtime"]


def test_schedulers_can_replace_the_command() -> None:
    assert not re.search(r"^ENTRYPOINT", TEXT, flags=re.MULTILINE)
    assert STAGES["runtime"].rstrip().endswith('CMD ["rackrisk", "--help"]')


def test_nothing_secret_is_asked_for() -> None:
    assert re.findall(r"^ARG (\w+)", TEXT, flags=re.MULTILINE) == ["BASE"]
    assert not re.search(r"token|password|secret=|index-url", TEXT, flags=re.IGNORECASE)


PRIVATE = (
    ".env",
    ".git/config",
    "runs/base/manifest.json",
    "loans.csv",
    "id_rsa",
    ".venv/bin/python",
    "data/raw/a.csv",
)


@pytest.mark.parametrize("name", PRIVATE)
def test_files_of_the_user_stay_outside(name: str) -> None:
    assert not let_through(name)


def test_the_product_goes_in() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    needed = [
        name for name in names if re.match(r"(src|kernels|models|conf|data)/|(pyproject|constraints|README)\.", name)
    ]
    if not needed:
        pytest.skip("not a checkout")
    assert [name for name in needed if not let_through(name)] == []


def let_through(name: str) -> bool:
    """By the rules of the file, of which the last that fits decides; a folder's rule holds for all in it."""
    parts = Path(name).parts
    above = [str(Path(*parts[:depth])) for depth in range(1, len(parts) + 1)]
    verdict = True
    for rule in (ROOT / ".containerignore").read_text().splitlines():
        if rule and not rule.startswith("#") and any(fits(place, rule.removeprefix("!")) for place in above):
            verdict = rule.startswith("!")
    return verdict


def fits(place: str, pattern: str) -> bool:
    anywhere = pattern.startswith("**/")
    return fnmatch.fnmatch(Path(place).name if anywhere else place, pattern.removeprefix("**/"))
