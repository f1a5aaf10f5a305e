"""Groups are merged by Hydra; single values are then put into the plain result, each checked for itself.

Nothing is instantiated, no file is written, and no global state of Hydra is left behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from ._overrides import Override
from ._problems import ConfigProblem
from ._suggest import did_you_mean

_MODULE = "rackrisk.conf"


@cache
def group_options() -> Mapping[str, list[str]]:
    """The choices of every shipped group, sorted."""
    folders = sorted((f for f in resources.files(_MODULE).iterdir() if f.is_dir()), key=lambda f: f.name)
    names = {f.name: sorted(file.name for file in f.iterdir() if file.name.endswith(".yaml")) for f in folders}
    return {group: [name.removesuffix(".yaml") for name in files] for group, files in names.items() if files}


def option_value(group: str, key: str) -> dict[str, Any]:
    """What each option of a group says under a top-level key."""
    from omegaconf import OmegaConf

    folder = resources.files(_MODULE) / group
    texts = {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in group_options()[group]}
    plain = {name: OmegaConf.to_container(OmegaConf.create(text)) for name, text in texts.items()}
    return {name: data.get(key) if isinstance(data, dict) else None for name, data in plain.items()}


def compose_groups(groups: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Plain unresolved values of the chosen groups, and the chosen option of each group.

    Raises:
        hydra.errors.HydraException, omegaconf.errors.OmegaConfBaseException: the groups do not fit together.
    """
    return deepcopy(_composed(tuple(groups)))


@lru_cache(maxsize=64)  # points of a sweep mostly choose the same options; merging them takes a tenth of a second
def _composed(groups: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    from hydra import compose
    from omegaconf import OmegaConf

    with _hydra():
        tree = compose("config", overrides=list(groups), return_hydra_config=True)
    choices = {str(k): str(v) for k, v in tree.hydra.runtime.choices.items() if v is not None}
    OmegaConf.set_struct(tree, False)
    del tree["hydra"]
    data = OmegaConf.to_container(tree, resolve=False)
    assert isinstance(data, dict)
    return {str(k): v for k, v in data.items()}, {k: v for k, v in choices.items() if not k.startswith("hydra/")}


@contextmanager
def _hydra() -> Iterator[None]:
    """Hydra over the shipped groups; whatever Hydra state the caller's program had is put back afterwards."""
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module(_MODULE, version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = before


def group_problem(override: Override, options: Mapping[str, list[str]]) -> ConfigProblem | None:
    """What is wrong with the choice of an option, if anything."""
    names, value = options[override.key], override.value
    if override.deletes or value is None:
        needed = override.key != "experiment"
        return ConfigProblem(override.key, "null", f"choose one of {', '.join(names)}") if needed else None
    if isinstance(value, str) and value in names:
        return None
    hint = did_you_mean(str(value), names)
    return ConfigProblem(override.key, str(value), f"unknown option; choose one of {', '.join(names)}{hint}")


def apply(override: Override, data: dict[str, Any]) -> ConfigProblem | None:
    """Sets, adds or deletes one value in plain data; returns what is wrong with it, if anything."""
    *parents, leaf = override.key.split(".")
    inside: Any = data
    for part in parents:
        if override.adds and isinstance(inside, dict):
            inside.setdefault(part, {})
        inside = inside.get(part) if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or (leaf not in inside and not override.adds):
        text = "" if override.deletes else str(override.value)
        return ConfigProblem(override.key, text, f"unknown key{did_you_mean(override.key, dotted_keys(data))}")
    if override.deletes:
        del inside[leaf]
    else:
        inside[leaf] = override.value
    return None


def dotted_keys(data: Any, prefix: str = "") -> list[str]:
    """Every dotted key of plain data, sections included."""
    if not isinstance(data, dict):
        return []
    return [k for key, value in data.items() for k in [f"{prefix}{key}", *dotted_keys(value, f"{prefix}{key}.")]]
