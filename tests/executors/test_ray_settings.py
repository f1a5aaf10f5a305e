"""What is refused before Ray is started, and how tasks are handed over; without Ray itself."""

import errno
import socket
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rackrisk.cli import main
from rackrisk.config import ConfigProblems
from rackrisk.executors import WorkersLost, _ray, _ray_cluster

ADDRESS = "10.0.0.1:6379"


@pytest.fixture
def with_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if Ray were installed, and nothing were set."""
    monkeypatch.setattr(_ray_cluster, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


def test_without_ray_the_user_hears_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_ray_cluster, "find_spec", lambda _: None)
    small = ["portfolio=miners", "engine=reference", "scenarios=8", "months=2"]
    assert main(["run", "executor=ray", f"out={tmp_path / 'run'}", *small, "--quiet"]) == 2
    assert "pip install -c constraints.txt '.[ray]'" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("with_ray")
def test_a_cluster_of_our_own_needs_no_token_of_the_user() -> None:
    assert _ray_cluster.ray_problems(None) == []


@pytest.mark.usefixtures("with_ray")
def test_no_cluster_is_entered_without_a_token(tmp_path: Path) -> None:
    (problem,) = _ray_cluster.ray_problems(ADDRESS)
    assert "token" in problem.rule
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").touch()
    assert _ray_cluster.ray_problems(ADDRESS) == []


@pytest.mark.usefixtures("with_ray")
def test_no_cluster_is_entered_that_asks_for_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    (problem,) = _ray_cluster.ray_problems(ADDRESS)
    assert "disabled" in problem.rule
    assert "secret" not in str(problem)


@pytest.mark.usefixtures("with_ray")
@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "10.0.0.1", "http://10.0.0.1:8265", "", "a b:1", "u@h:1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    (problem,) = _ray_cluster.ray_problems(address)
    assert "HOST:PORT" in problem.rule


def test_where_nobody_answers_it_can_be_tried_again_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(OSError, match="no Ray cluster answers") as refused:
            _ray_cluster._knock(f"127.0.0.1:{taken.getsockname()[1]}")
    assert refused.value.errno == errno.EAGAIN


class RayError(Exception):
    """As Ray's own."""


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause


def pretended(value: Any) -> Any:
    """A `ray` whose tasks are done in reverse order, with this value or error."""

    def get(_: object) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    def wait(answers: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return answers[-1:], answers[:-1]

    errors = SimpleNamespace(RayTaskError=RayTaskError, RayError=RayError)
    return SimpleNamespace(get=get, wait=wait, exceptions=errors)


def test_every_range_is_handed_over_once_and_few_at_a_time() -> None:
    ranges = [range(start, start + 10) for start in range(0, 200, 10)]
    under_way: set[int] = set()
    most = 0

    def start(numbers: range) -> int:
        nonlocal most
        under_way.add(numbers.start)
        most = max(most, len(under_way))
        return numbers.start

    arrived: list[range] = []
    for answers in _ray._answers(pretended("sums"), start, ranges, ahead=3):
        for numbers, value in answers:
            assert value == "sums"
            under_way.remove(numbers.start)
            arrived.append(numbers)
    assert sorted(arrived, key=lambda numbers: numbers.start) == ranges
    assert most == 3


def test_an_error_of_the_task_is_raised_as_itself() -> None:
    with pytest.raises(ValueError, match="no such rate"):
        _ray._value(pretended(RayTaskError(ValueError("no such rate"))), None, range(3))


def test_an_error_of_the_infrastructure_can_be_tried_again_later() -> None:
    with pytest.raises(WorkersLost, match="scenarios 0 to 2"):
        _ray._value(pretended(RayError("the node died")), None, range(3))


def test_a_task_larger_than_the_machine_is_refused_and_not_waited_for() -> None:
    here = SimpleNamespace(cluster_resources=lambda: {"CPU": 2.0})
    _ray._check_room(here, SimpleNamespace(num_cpus=2, num_gpus=0))
    with pytest.raises(ConfigProblems) as refused:
        _ray._check_room(here, SimpleNamespace(num_cpus=3, num_gpus=1))
    assert [problem.key for problem in refused.value.problems] == ["executor.num_cpus", "executor.num_gpus"]
