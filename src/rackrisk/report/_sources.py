"""Where the parameters of the shipped configuration come from: the comments beside them, by key.

A comment at the end of a line belongs to the key on it, comment lines to the next key; the first word says how sure the
number is (`measured`, `judgement`, ...), as the head of `conf/market/base.yaml` explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from omegaconf import OmegaConf

#: Option that other options of a group are written on top of.
BASE = "base"

_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z_][\w]*):(?P<rest>.*)$")


@dataclass(frozen=True, kw_only=True)
class Documented:
    """An option of a configuration group: its values, and what its comments say of them, by dotted key."""

    values: Mapping[str, Any]
    comments: Mapping[str, str]


@cache
def documented(group: str, option: str) -> Documented:
    """The shipped file `conf/<group>/<option>.yaml` on top of the base option; empty where nothing is shipped."""
    values: dict[str, Any] = {}
    comments: dict[str, str] = {}
    folder = resources.files("rackrisk.conf").joinpath(group)
    files = {file.name.removesuffix(".yaml"): file for file in folder.iterdir()} if folder.is_dir() else {}
    for file in [files[name] for name in dict.fromkeys((BASE, option)) if name in files]:
        text = file.read_text(encoding="utf-8")
        found = dict(_leaves(OmegaConf.to_container(OmegaConf.create(text)), ""))
        own = comments_of(text)
        values |= found
        comments = {key: words for key, words in comments.items() if not _concerns(key, found)} | own
    return Documented(values=values, comments=comments)


def _concerns(key: str, found: Mapping[str, Any]) -> bool:
    """Whether a key, or one below it, has a new value."""
    return any(leaf == key or leaf.startswith(f"{key}.") for leaf in found)


def comments_of(text: str) -> dict[str, str]:
    """Comments of a YAML text by dotted key; mappings in braces take theirs as a whole."""
    found: dict[str, list[str]] = {}
    path: list[tuple[int, str]] = []
    waiting: list[str] = []
    for line in text.splitlines():
        content, _, comment = line.partition("#")
        match = _KEY.match(content)
        if match is None:
            waiting = [*waiting, comment.strip()] if comment and not content.strip() else []
            continue
        indent = len(match["indent"])
        path = [(at, key) for at, key in path if at < indent] + [(indent, match["key"])]
        words = [*waiting, comment.strip()]
        found[".".join(key for _, key in path)] = [word for word in words if word]
        waiting = []
    return {key: _MINUS.sub("−", " ".join(words)) for key, words in found.items() if words}


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{name}.")
        else:
            yield name, inner
