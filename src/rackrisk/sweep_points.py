"""The points of a sweep, each checked like a run of its own before the first of them is simulated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from .data import Problem
from .problem_report import CONFIGURATION

if TYPE_CHECKING:
    from .config import ConfigProblem, Settings, Sweep
    from .config._executor import ExecutorConfig

#: What the folders of points are called: nothing that leads out of `points/`.
FOLDER = re.compile(r"[0-9]{3,4}-[A-Za-z0-9.+_-]*")
_SLUG_LENGTH = 60  # characters of a point folder's name after its number
_SHOWN = 3  # points named beside a problem that only some of them have
#: Sections of the configuration that the book of a run does not depend on.
_NOT_OF_THE_BOOK = {
    "name",
    "out",
    "seed",
    "attribution",
    "pricing",
    "mechanisms",
    "recovery",
    "engine",
    "executor",
    "market",
}

Inputs = list[dict[str, Any]]
Checking = Callable[[int, int], None]


class SweepProblems(Exception):
    """A sweep that cannot be run; `problems` lists everything wrong with any of its points, at least one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        number: from 1.
        folder: name below `points/`.
        arguments: overrides of this point alone, beside those of all points.
        values: value of each swept key.
        config_hash: of configuration and inputs, as in the point's manifest.
        scenarios: how many.
    """

    number: int
    folder: str
    arguments: tuple[str, ...]
    values: Mapping[str, Any]
    config_hash: str
    scenarios: int


@dataclass(frozen=True)
class Order:
    """Everything that a sweep runs; two orders are the same if they are equal.

    Attributes:
        fixed: overrides of all points, without folder, label and executor, file names absolute.
        keywords: further values of all points by dotted key, as from Python.
        keys: the swept keys in their order.
        points: in the order of their numbers.
    """

    fixed: tuple[str, ...]
    keywords: Mapping[str, Any]
    keys: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def config_hash(self) -> str:
        """SHA-256 over the hashes of all points, as 64 hex digits."""
        return hashlib.sha256("\n".join(point.config_hash for point in self.points).encode()).hexdigest()

    def arguments(self, point: Point) -> list[str]:
        """All overrides of a point."""
        return [*self.fixed, *point.arguments]


@dataclass(frozen=True)
class _Checked:
    settings: Settings
    inputs: Inputs
    config_hash: str


def read_order(
    arguments: Sequence[str], keywords: Mapping[str, Any], report: Checking | None = None
) -> tuple[Order, Settings]:
    """Checks every point; writes nothing.

    Args:
        arguments: as on the command line.
        keywords: values by dotted key, one for all points.
        report: called with (points checked, points).

    Returns:
        The order, and the settings of its first point.

    Raises:
        SweepProblems: everything that is wrong with any point.
    """
    from .config import MAX_POINTS, read_sweep
    from .problem_report import as_problems

    sweep, wrong = read_sweep(arguments, keywords)
    problems = as_problems(wrong)
    if sweep.size > MAX_POINTS:
        raise SweepProblems(problems)
    checked, more = _check_all(_arguments(sweep), keywords, report)
    problems += more
    problems = problems or _between(checked)
    if problems:
        raise SweepProblems(problems)
    return _order(sweep, keywords, checked), checked[1].settings


def check_again(order: Order, points: Sequence[Point], report: Checking | None = None) -> None:
    """Checks that points of an order that was read from its file still are what they were.

    Raises:
        SweepProblems: everything that is wrong with any of them.
    """
    asked = {point.number: order.arguments(point) for point in points}
    checked, problems = _check_all(asked, order.keywords, report)
    changed = [] if problems else [point for point in points if checked[point.number].config_hash != point.config_hash]
    if changed:
        rule = "its configuration or its inputs, or this version of rackrisk, are not those that it was checked with"
        problems = [Problem(CONFIGURATION, None, f"point {point.number}", "", rule) for point in changed]
    if problems:
        raise SweepProblems(problems)


def _check_all(
    asked: Mapping[int, Sequence[str]], keywords: Mapping[str, Any], report: Checking | None
) -> tuple[dict[int, _Checked], list[Problem]]:
    """The points that hold by number, and every problem of the others once."""
    from .config import ConfigProblems
    from .data import TapeProblems
    from .problem_report import as_problems

    books: dict[str, Inputs] = {}
    good: dict[int, _Checked] = {}
    found: dict[Problem, list[int]] = {}
    for done, (number, arguments) in enumerate(asked.items(), 1):
        try:
            good[number] = _check(arguments, keywords, books)
        except (ConfigProblems, TapeProblems) as error:
            problems = error.problems if isinstance(error, TapeProblems) else as_problems(error.problems)
            for problem in dict.fromkeys(problems):
                found.setdefault(problem, []).append(number)
        if report is not None:
            report(done, len(asked))
    return good, [_located(problem, numbers, len(asked)) for problem, numbers in found.items()]


def _arguments(sweep: Sweep) -> dict[int, tuple[str, ...]]:
    """Overrides of each point by number, those of all points included."""
    return {
        number: (*sweep.fixed, *(key.arguments[place] for key, place in zip(sweep.keys, places, strict=True)))
        for number, places in enumerate(sweep.points(), 1)
    }


def _check(arguments: Sequence[str], keywords: Mapping[str, Any], books: dict[str, Inputs]) -> _Checked:
    """One point; a book that an earlier point has read is not read again."""
    from ._model import model_of
    from ._run import load_book
    from .config import load_settings
    from .manifest import config_hash

    settings, _ = load_settings(arguments, keywords)
    key = _book_key(settings)
    if key not in books:
        books[key] = load_book(model_of(settings))[1]
    return _Checked(settings, books[key], config_hash(settings, books[key]))


def _book_key(settings: Settings) -> str:
    """All of a configuration that its book, and the memory for it, can depend on."""
    data = settings.model_dump(mode="json", exclude=_NOT_OF_THE_BOOK)
    market = getattr(settings, "market", None)
    hardware = [] if market is None else [sorted(market.generations), sorted(market.asics)]
    return json.dumps([data, hardware], sort_keys=True)


def _located(problem: Problem, numbers: Sequence[int], points: int) -> Problem:
    """A problem with the points that have it, unless all do."""
    if len(numbers) == points:
        return problem
    named = ", ".join(str(number) for number in numbers[:_SHOWN])
    rest = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return replace(problem, rule=f"{problem.rule} (point{'s' if len(numbers) > 1 else ''} {named}{rest})")


def check_executor(executor: ExecutorConfig) -> list[ConfigProblem]:
    """What is wrong with computing points there."""
    from .config import ConfigProblem

    rule = "prepares single runs for other machines; points of a sweep are computed here or under Ray"
    return [ConfigProblem("executor", executor.name, rule)] if executor.name == "shard" else []


def _between(checked: Mapping[int, _Checked]) -> list[Problem]:
    """What is wrong with points that are right each for itself."""
    from .config import ConfigProblem
    from .problem_report import as_problems

    problems: list[ConfigProblem] = []
    if len(names := {item.settings.model.name for item in checked.values()}) > 1:
        rule = "points of different models have no figures in common; sweep each model for itself"
        problems.append(ConfigProblem("model", ", ".join(sorted(names)), rule))
    problems += dict.fromkeys(
        problem for item in checked.values() for problem in check_executor(item.settings.executor)
    )
    first: dict[str, int] = {}
    for number, item in checked.items():
        if (same := first.setdefault(item.config_hash, number)) != number:
            rule = f"point {number} is the same as point {same}: nothing that a figure depends on differs"
            problems.append(ConfigProblem("sweep", "", rule))
    return as_problems(problems)


# ---- what is kept of them ----


def _order(sweep: Sweep, keywords: Mapping[str, Any], checked: Mapping[int, _Checked]) -> Order:
    from .config import OWN_KEYS, key_of

    left_out = {*OWN_KEYS, "executor"}
    kept = [argument for argument in sweep.fixed if key_of(argument).partition(".")[0] not in left_out]
    named = {
        key: _absolute_value(key, value) for key, value in keywords.items() if key.partition(".")[0] not in left_out
    }
    width = max(3, len(str(sweep.size)))
    points: list[Point] = []
    for places, (number, item) in zip(sweep.points(), checked.items(), strict=True):
        values = _plain({key.key: key.values[place] for key, place in zip(sweep.keys, places, strict=True)})
        arguments = tuple(_absolute(key.arguments[place]) for key, place in zip(sweep.keys, places, strict=True))
        folder = f"{number:0{width}d}-{_slug(values)}"
        points.append(Point(number, folder, arguments, values, item.config_hash, item.settings.scenarios))
    return Order(tuple(map(_absolute, kept)), _plain(named), tuple(key.key for key in sweep.keys), tuple(points))


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON knows it, so that an order read from its file is equal to the one that was written."""
    return json.loads(json.dumps(data, default=str))


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each key's last two parts, or all of it where those of another are the same."""
    short = {key: ".".join(key.split(".")[-2:]) for key in keys}
    return {key: name if list(short.values()).count(name) == 1 else key for key, name in short.items()}


def _slug(values: Mapping[str, Any]) -> str:
    """Keys and values as a folder's name: of a path its last part alone."""
    names = short_names(list(values))
    parts = [f"{names[key]}_{PurePath(str(value)).name or value}" for key, value in values.items()]
    return re.sub(r"[^A-Za-z0-9.+_-]+", "_", "-".join(parts))[:_SLUG_LENGTH].rstrip(".")


def _absolute(argument: str) -> str:
    """An argument that means the same file from every working directory."""
    from .config import key_of

    head, _, value = argument.partition("=")
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    bare = value[1:-1] if quoted else value
    path = _absolute_value(key_of(argument), bare)
    return argument if path == bare else f"{head}={path}"


def _absolute_value(key: str, value: Any) -> Any:
    """The value of a key; a tape's or market's own file with its folder."""
    text = str(value)
    is_tape = key == "portfolio.tape" and text != "null" and value is not None and not text.startswith("shipped:")
    is_market = key == "market" and text.lower().endswith((".yaml", ".yml"))
    return str(Path(text).expanduser().absolute()) if is_tape or is_market else value
