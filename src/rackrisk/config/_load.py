"""From arguments to `Settings`, or to the list of everything that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ._compose import apply, compose_groups, group_options, group_problem
from ._executor import ExecutorConfig
from ._limits import check_memory
from ._market_file import laid_over, market_of
from ._models import SHAPES, fitted, settings_of, stranger
from ._overrides import Override, overrides_of, parse_overrides, screen
from ._problems import ConfigProblem, ConfigProblems
from ._references import resolved
from ._section import ELSEWHERE, STORED
from ._settings import Settings, check_out_path
from ._suggest import did_you_mean

if TYPE_CHECKING:
    from ._structural import StructuralSettings

_MOST_SUGGESTED = 50

#: What is said of a key that belongs to a run that was begun.
OTHERS = "cannot be changed in what was begun; only the executor can"
# pydantic's error types in the words of somebody who edits YAML.
_PLAIN_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a section with keys, not a single value",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list, as in [a,b]",
    "mapping_type": "must be a section with keys, not a single value",
    "model_type": "must be a section with keys, not a single value",
    "string_type": "must be text; a number or true/false as text needs quotes",
    "too_long": "has too many entries",
    "too_short": "must have at least one entry",
    "tuple_type": "must be a list, as in [a,b]",
}


def load_settings(
    arguments: Iterable[str] = (), values: Mapping[str, Any] | None = None
) -> tuple[Settings, dict[str, str]]:
    """Composes and checks a configuration.

    Args:
        arguments: overrides in Hydra's grammar, `key=value`.
        values: further overrides as Python values by dotted key; nested mappings are flattened. They win.

    Returns:
        The settings, and the chosen option by group (`{"market": "base", ...}`).

    Raises:
        ConfigProblems: listing every problem found.
    """
    data, choices, problems = _compose(list(arguments), flatten(values or {}))
    model = choices["model"]
    elsewhere = {ELSEWHERE} if choices.get("executor") in ("ray", "shard") else set[str]()
    settings, more = _validate(data, settings_of(model), hidden={p.key for p in problems}, contexts=elsewhere)
    problems += more
    if settings is not None:
        rows = 0 if settings.portfolio.tape else settings.portfolio.count  # a tape counts itself later
        problems += check_memory(settings.most, book_bytes=rows * SHAPES[model].bytes_of_row(settings), segments=1)
    if problems or settings is None:
        raise ConfigProblems(problems)
    return settings, choices


def checked(data: dict[str, Any], model: str) -> tuple[Settings | None, list[ConfigProblem]]:
    """Settings of a complete configuration as plain values, as a run writes it, or everything that is wrong with it.

    Its files, its folder and its engine need not be here.
    """
    return _validate(data, settings_of(model), hidden=set(), contexts={ELSEWHERE, STORED})


def check_out(out: str | None) -> None:
    """Refuses a folder that a run cannot be written to.

    Raises:
        ConfigProblems: with the rule that is broken.
    """
    try:
        if out is not None:
            check_out_path(out)
    except ValueError as error:
        raise ConfigProblems([ConfigProblem("out", out or "", str(error))]) from None


def load_executor(
    arguments: Sequence[str], usual: ExecutorConfig, *, begun: bool = False, others: str = OTHERS
) -> ExecutorConfig:
    """The executor that overrides of its keys alone ask for; without any, the usual one.

    Args:
        begun: shards are there, so their size is settled.
        others: what to say of another key.

    Raises:
        ConfigProblems: listing every problem found.
    """
    keys = [argument.partition("=")[0].lstrip("+~") for argument in arguments]
    rules = {key: others for key in keys if key.partition(".")[0] != "executor"}
    if begun:
        rules["executor.shard_scenarios"] = "cannot be changed in a run that was begun: its shards have one size"
    refused = [
        ConfigProblem(key, argument.partition("=")[2], rules[key])
        for key, argument in zip(keys, arguments, strict=True)
        if key in rules
    ]
    if refused:
        raise ConfigProblems(refused)
    if not arguments:
        return usual
    chosen = [] if "executor" in keys else [f"executor={usual.name}"]
    return load_settings([*chosen, *arguments])[0].executor


def structural_settings(*arguments: str) -> StructuralSettings:
    """The configuration of a structural run, for programs that need its market.

    Raises:
        ConfigProblems: as `load_settings`.
        ValueError: the arguments choose another model.
    """
    from ._structural import StructuralSettings

    settings, _ = load_settings(arguments)
    if not isinstance(settings, StructuralSettings):
        raise ValueError(f"must be a configuration of model=structural, not {settings.model.name}")
    return settings


def _compose(
    arguments: Sequence[str], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str], list[ConfigProblem]]:
    """Plain values of the merged configuration, the chosen option by group, and problems of single overrides."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    options = group_options()
    overrides, problems = parse_overrides(arguments, options)
    from_python, more = overrides_of(values)
    overrides, problems = [*overrides, *from_python], problems + more
    overrides, market, unread = market_of(overrides, options["market"])
    problems += unread
    wrong = {o.key: p for o in overrides if o.key in options and (p := group_problem(o, options)) is not None}
    problems += wrong.values()
    # Of several choices in one group the last counts; none (`experiment=null`) is no choice at all.
    chosen = {o.key: None if o.deletes else o.value for o in overrides if o.key in options and o.key not in wrong}
    try:
        data, choices = compose_groups([f"{group}={name}" for group, name in chosen.items() if name is not None])
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        problems.append(ConfigProblem("configuration", "", str(error).splitlines()[0]))
        raise ConfigProblems(problems) from None
    if market is not None:
        data["market"], choices["market"] = laid_over(data["market"], market.changes), market.label
    data, more = fitted(data, choices)
    problems += more
    problems += [p for o in overrides if o.key not in options and (p := _set(o, data, choices["model"])) is not None]
    data, unresolved = _resolved(data)
    return data, choices, problems + unresolved


def _set(override: Override, data: dict[str, Any], model: str) -> ConfigProblem | None:
    """Sets one value in plain data; returns what is wrong with it, if anything."""
    return stranger(override.key, override.value, model) or apply(override, data)


def _resolved(data: dict[str, Any]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """Data with references such as `${months}` replaced; one that leads nowhere is a problem."""
    problems = screen(data)
    return (data, problems) if problems else resolved(data)


def _validate(
    data: dict[str, Any], kind: type[Settings], *, hidden: set[str], contexts: set[str]
) -> tuple[Settings | None, list[ConfigProblem]]:
    """Settings or problems; keys already complained about (`hidden`), and what is in them, are not named twice.

    Checked as JSON in strict mode: there a list may be a tuple and text a date, but `NO` is no number and "1" no count.
    """
    try:
        text = json.dumps(data, default=str)
    except ValueError:
        return None, [ConfigProblem("", "", "a number has more digits than can be read")]
    try:
        return kind.model_validate_json(text, strict=True, context=contexts), []
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        # Suggestions compare each key with all beside it: thousands of unknown keys get none.
        found = [_explain(item, data, suggest=len(wrong) <= _MOST_SUGGESTED) for item in wrong]
        # A list with a wrong entry is also "too short" for pydantic, which does not count the wrong ones.
        outer = {p.key for p in found if any(other.key.startswith(f"{p.key}.") for other in found)}
        return None, [p for p in found if p.key not in outer and not _is_in(p.key, hidden)]


def _is_in(key: str, sections: Iterable[str]) -> bool:
    return any(f"{key}.".startswith(f"{section}.") for section in sections)


def _explain(item: Any, data: dict[str, Any], *, suggest: bool) -> ConfigProblem:
    path = _path_in(item["loc"], data, missing=item["type"] == "missing")
    key, value = ".".join(path), _value_of(item)
    if item["type"] == "extra_forbidden":
        return ConfigProblem(key, value, f"unknown key{did_you_mean(key, _siblings(path, data)) if suggest else ''}")
    if item["type"] == "missing":
        return ConfigProblem(key, value, "is missing")
    message = _PLAIN_WORDS.get(item["type"]) or _rule(str(item["msg"]))
    if item["type"] in {"literal_error", "enum"} and isinstance(item["input"], str):
        message += did_you_mean(item["input"], _expected(item))
    return ConfigProblem(key, value, message)


def _value_of(item: Any) -> str:
    """The value as text; nothing for a rule between several keys, which names them itself."""
    whole_section = item["type"] == "value_error" and isinstance(item["input"], dict)
    return "" if item["type"] == "missing" or whole_section else _as_text(item["input"])


def _rule(message: str) -> str:
    """pydantic's sentence as a rule: `must be greater than 0`."""
    for start in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(start)
    for start in ("Input should", "String should"):
        message = message.replace(start, "must")
    return message


def _expected(item: Any) -> list[str]:
    text = str(item.get("ctx", {}).get("expected", ""))
    return [word.strip(" '") for word in text.replace(" or ", ",").split(",") if word.strip(" '")]


def _siblings(path: Sequence[str], data: dict[str, Any]) -> list[str]:
    """Dotted keys beside `path` that the schema knows: those of the composed data less the offender itself."""
    inside: Any = data
    for part in path[:-1]:
        inside = inside[part] if isinstance(inside, dict) and part in inside else {}
    names = list(inside) if isinstance(inside, dict) else []
    return [".".join([*path[:-1], str(name)]) for name in names if name != path[-1]]


def _path_in(loc: Sequence[int | str], data: Any, *, missing: bool) -> list[str]:
    """Parts of pydantic's location that are keys of the data; it also names types of unions, which no reader knows."""
    path: list[str] = []
    for i, part in enumerate(loc):
        last_and_missing = missing and i == len(loc) - 1
        if last_and_missing or _has(data, part):
            path.append(str(part))
            data = None if last_and_missing else data[part]
    return path or [str(part) for part in loc]


def _has(data: Any, part: int | str) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data)


def _as_text(value: Any) -> str:
    text = repr(value) if isinstance(value, (float, dict, list)) else str(value)
    return text if len(text) <= 200 else text[:199] + "…"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Python values by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat
