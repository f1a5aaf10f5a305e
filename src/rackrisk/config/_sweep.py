"""Arguments of a sweep in Hydra's own grammar: `key=a,b`, `key=range(1,4)`; those with one value stay as they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from ._compose import group_options
from ._overrides import MAX_LENGTH, parse_overrides
from ._problems import ConfigProblem

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override as HydraOverride

#: Points of a sweep at most.
MAX_POINTS = 1_000

#: Keys that a whole sweep has one value of: its folder and its label.
OWN_KEYS = ("out", "name")


@dataclass(frozen=True)
class SweptKey:
    """A key with several values.

    Attributes:
        key: dotted key or group.
        arguments: `key=value` for each value, as a single run takes it.
        values: what each argument says.
    """

    key: str
    arguments: tuple[str, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Sweep:
    """What all points have in common, and what they differ in."""

    fixed: tuple[str, ...]
    keys: tuple[SweptKey, ...]

    def points(self) -> Iterator[tuple[int, ...]]:
        """The place of each key's value for every point; the last key changes fastest."""
        return product(*(range(len(swept.values)) for swept in self.keys))

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(len(swept.values) for swept in self.keys)


def read_sweep(arguments: Sequence[str], values: Mapping[str, Any]) -> tuple[Sweep, list[ConfigProblem]]:
    """Takes the swept keys out of arguments.

    Args:
        arguments: as on the command line; in a sweep a comma outside quotes and brackets separates values everywhere.
        values: further values by dotted key, one for all points.

    Returns:
        The sweep without what is wrong with it, and all that is. Mistakes that a single run would refuse, too, are left
        to the check of the points.
    """
    fixed: list[str] = []
    keys: list[SweptKey] = []
    problems: list[ConfigProblem] = []
    for argument in arguments:
        parsed = _parsed(argument)
        if parsed is None:
            fixed.append(argument)
            continue
        swept, wrong = _swept(parsed)
        keys += [] if wrong else [swept]
        problems += wrong
    keys, more = _once(keys, fixed, values)
    found = Sweep(tuple(fixed), tuple(keys))
    problems += more
    if not keys and not problems:
        rule = "a sweep needs a key with several values, key=a,b or key=range(1,4)"
        problems.append(ConfigProblem("sweep", "", rule))
    if found.size > MAX_POINTS:
        sizes = " x ".join(f"{len(swept.values):,}" for swept in keys)
        problems.append(ConfigProblem("sweep", f"{sizes} points", f"a sweep has at most {MAX_POINTS:,}"))
    return found, problems


def key_of(argument: str) -> str:
    """The dotted key of an argument."""
    return argument.partition("=")[0].lstrip("+~").strip()


def _parsed(argument: str) -> HydraOverride | None:
    """A swept argument in Hydra's grammar; None for one value and for what that grammar cannot read."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if len(argument) > MAX_LENGTH or "\0" in argument or "=" not in argument:
        return None
    try:
        parsed = OverridesParser.create().parse_override(argument)
    except (HydraException, RecursionError, ValueError):
        return None
    return parsed if parsed.is_sweep_override() else None


def _swept(parsed: HydraOverride) -> tuple[SweptKey, list[ConfigProblem]]:
    """The values of a swept argument, and what is wrong with them."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    key = parsed.key_or_group
    empty = SweptKey(key, (), ())
    text = (parsed.input_line or "").partition("=")[2]
    if rule := _refusal(parsed):
        return empty, [ConfigProblem(key, text, rule)]
    try:
        texts = list(islice(parsed.sweep_string_iterator(), MAX_POINTS + 1))
    except (ArithmeticError, HydraException, OmegaConfBaseException, ValueError):
        return empty, [ConfigProblem(key, text, "is no list of values that can be written down")]
    if len(texts) > MAX_POINTS:
        return empty, [ConfigProblem(key, text, f"a sweep has at most {MAX_POINTS:,} points")]
    arguments = [f"{parsed.get_key_element()}={value}" for value in texts]
    read, problems = parse_overrides(arguments, group_options())
    twice = [text for text, times in Counter(str(override.value) for override in read).items() if times > 1]
    problems += [ConfigProblem(key, value, "is there more than once") for value in twice]
    return SweptKey(key, tuple(arguments), tuple(override.value for override in read)), problems


def _refusal(parsed: HydraOverride) -> str:
    """Why a key cannot be swept like this; empty if it can."""
    from hydra.core.override_parser.types import ValueType

    if parsed.key_or_group in OWN_KEYS:
        return "a sweep has one folder and one label; its points are numbered"
    if parsed.is_delete():
        return "a key is deleted for all points or for none"
    if not parsed.is_discrete_sweep() or parsed.value_type is ValueType.GLOB_CHOICE_SWEEP:
        return "is no list of values; use key=a,b, choice(a,b) or range(start,stop,step)"
    if getattr(parsed.value(), "shuffle", False):
        return "a shuffled order cannot be repeated"
    return ""


def _once(
    keys: Sequence[SweptKey], fixed: Sequence[str], values: Mapping[str, Any]
) -> tuple[list[SweptKey], list[ConfigProblem]]:
    """The keys that are named once, and a problem for each that is not."""
    named = Counter([*(swept.key for swept in keys), *map(key_of, fixed), *values])
    again = dict.fromkeys(swept.key for swept in keys if named[swept.key] > 1)
    problems = [ConfigProblem(key, "", "is given more than once; a swept key is given once") for key in again]
    return [swept for swept in keys if swept.key not in again], problems
