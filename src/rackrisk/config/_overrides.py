"""Arguments such as `market=base` or `measures.levels=[0.9]`, taken apart and screened before Hydra sees them.

Hydra's grammar stops at the first mistake; here each argument is parsed alone, so that all mistakes are found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rackrisk.data import is_utf8

from ._problems import ConfigProblem
from ._references import is_reference
from ._suggest import did_you_mean

#: Keys whose value is taken as typed: file names and labels may hold `=`, brackets, blanks and any letter.
RAW_KEYS = frozenset({"portfolio.tape", "out", "name"})

#: What a market's own file ends with; its path, too, is taken as typed.
MARKET_FILES = (".yaml", ".yml")

MAX_LENGTH = 10_000  # characters of one argument; nested brackets beyond it would exhaust the parser's stack

UNDERSCORE = "keys that begin with '_' are refused"
RESOLVERS = "only plain references such as ${months} are resolved; resolvers are refused"


@dataclass(frozen=True)
class Override:
    """One argument: the option of a group, or a value to be set, added or deleted at a dotted key."""

    key: str
    value: Any
    adds: bool = False
    deletes: bool = False


def parse_overrides(
    arguments: Iterable[str], options: Mapping[str, Iterable[str]]
) -> tuple[list[Override], list[ConfigProblem]]:
    """Splits arguments into usable overrides and problems; `options` lists the choices of each group."""
    good: list[Override] = []
    problems: list[ConfigProblem] = []
    for argument in arguments:
        parsed = _parse(argument, options)
        if isinstance(parsed, ConfigProblem):
            problems.append(parsed)
        else:
            good.append(parsed)
    return good, problems


def overrides_of(values: Mapping[str, Any]) -> tuple[list[Override], list[ConfigProblem]]:
    """The same from Python values by dotted key."""
    problems = screen(dict(values))
    bad = {p.key for p in problems}
    return [Override(key, _plain(value)) for key, value in values.items() if not _touches(key, bad)], problems


def _plain(value: Any) -> Any:
    """Paths and dates as text."""
    return value if value is None or isinstance(value, (bool, int, float, str, list)) else str(value)


def _touches(key: str, bad: Iterable[str]) -> bool:
    return any(name == key or name.startswith(f"{key}.") for name in bad)


def holds_code(text: str) -> bool:
    """True if `text` has an interpolation and is more than one plain reference: `${oc.env:HOME}`, `${a}-${b}`."""
    return "${" in text and not is_reference(text)


def screen(data: Any, path: str = "") -> list[ConfigProblem]:
    """Problems of keys that begin with `_` and of interpolations that call a resolver, at any depth of plain data."""
    if isinstance(data, dict):
        return [p for key, value in data.items() for p in _screen_entry(str(key), value, f"{path}.{key}".lstrip("."))]
    if isinstance(data, list):
        return [p for i, value in enumerate(data) for p in screen(value, f"{path}.{i}")]
    if isinstance(data, str) and holds_code(data):
        return [ConfigProblem(path, data, RESOLVERS)]
    return []


def _screen_entry(key: str, value: Any, path: str) -> list[ConfigProblem]:
    hidden = any(part.startswith("_") for part in key.split("."))  # Python values have dotted keys
    own = [ConfigProblem(path, str(value), UNDERSCORE)] if hidden else []
    return own + screen(value, path)


def _parse(argument: str, options: Mapping[str, Iterable[str]]) -> Override | ConfigProblem:
    if len(argument) > MAX_LENGTH or "\0" in argument:
        return ConfigProblem(argument[:60], "", f"an argument has at most {MAX_LENGTH:,} characters and no NUL")
    if not is_utf8(argument):
        return ConfigProblem(argument[:60], "", "an argument must be UTF-8 text")
    if "=" not in argument and not argument.startswith("~"):
        return ConfigProblem(argument, "", f"expected key=value{_as_option(argument, options)}")
    key, _, value = argument.partition("=")
    refused = _refuse(key.lstrip("+~"), value)
    if refused is not None:
        return refused
    if key.lstrip("+") in RAW_KEYS or (key == "market" and value.rstrip("'\"").lower().endswith(MARKET_FILES)):
        return Override(key.lstrip("+"), _raw_value(value))
    return _parse_with_hydra(argument, key, value)


def _refuse(key: str, value: str) -> ConfigProblem | None:
    """Keys and values that would select code, files or another place in the configuration."""
    if re.match(r"hydra\b", key):
        return ConfigProblem(key, value, "settings of the configuration library cannot be changed")
    if "@" in key:
        return ConfigProblem(key, value, "a group cannot be moved to another place")
    if any(part.startswith("_") for part in re.split(r"[./]", key)):
        return ConfigProblem(key, value, UNDERSCORE)
    if holds_code(value):
        return ConfigProblem(key, value, RESOLVERS)
    return None


def _parse_with_hydra(argument: str, key: str, value: str) -> Override | ConfigProblem:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(argument)
    except (HydraException, RecursionError, ValueError) as error:  # ValueError: of thousands of digits
        return ConfigProblem(key, value, f"cannot be read{_reason(error)}; text with brackets or commas needs quotes")
    if parsed.is_sweep_override():
        return ConfigProblem(
            key, value, f"one run takes one value; `rackrisk sweep` takes several; a list is written {key}=[a,b]"
        )
    hidden = screen(parsed.value(), parsed.key_or_group)
    if hidden:
        return hidden[0]
    adds = parsed.is_add() or parsed.is_force_add()
    return Override(parsed.key_or_group, parsed.value(), adds=adds, deletes=parsed.is_delete())


def _reason(error: Exception) -> str:
    """What the grammar says, without the names of its tokens."""
    said = (str(error).splitlines() or [type(error).__name__])[0].partition(" expecting ")[0][:100]
    return " (it ends too early)" if "<EOF>" in said else f" ({said})"


def _raw_value(value: str) -> str | None:
    if value == "null":
        return None
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _as_option(word: str, options: Mapping[str, Iterable[str]]) -> str:
    """`rackrisk run miners` means `portfolio=miners`: say so."""
    for group, names in options.items():
        if word in names:
            return f"; did you mean '{group}={word}'?"
    return did_you_mean(word, [f"{group}=" for group in options])
