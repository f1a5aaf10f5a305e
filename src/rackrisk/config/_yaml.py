"""YAML files that nobody vouched for: plain mappings of a bounded size, or the reason why a file is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml  # the parser that OmegaConf reads with

MAX_BYTES = 1_000_000
MAX_TOKENS = 50_000  # a shipped market has 2,000; the parser takes seconds for a hundred thousand
MAX_DEPTH = 20  # a shipped market has 5; the parser's stack and time end long before its memory

_ALIASES = "must not use anchors (&) and aliases (*): a few of them can stand for gigabytes"
_TAGS = "must not use tags (!): what they name would be made"
# Words and digits that YAML 1.1 reads as something else than they say: Norway as false, 010 as 8, 1:30 as 90.
_NOT_WHAT_IT_SAYS = re.compile(
    r"(yes|no|on|off)|[+-]?0[0-7_]+|[+-]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", re.IGNORECASE
)
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def plain_mapping(path: Path) -> dict[str, Any] | str:
    """The mapping in a YAML file, interpolations unresolved, or why there is none.

    Aliases, tags, deep nesting and more than `MAX_TOKENS` tokens are refused while the file is scanned, before anything
    is built from it. Words such as `NO` and numbers such as `010` must be quoted or written otherwise.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        text = _text(path)
        if refused := _refused(text):
            return refused
        data = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except (OSError, UnicodeDecodeError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8 text'})"
    except _TooLong:
        return f"must be a file of at most {MAX_BYTES:,} bytes"
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, RecursionError) as error:
        return f"is not YAML: {_first_words(error)}"
    if not isinstance(data, dict):
        return "must be a mapping of keys"
    return {str(key): value for key, value in data.items()}


class _TooLong(Exception):
    pass


def _first_words(error: Exception) -> str:
    """What is wrong and where, in one line."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and mark is not None:
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    return (str(error).splitlines() or ["nested too deeply"])[0]


def _text(path: Path) -> str:
    """The file's text. A pipe or a device is never opened: it could block for ever or never end."""
    if path.exists() and not path.is_file():
        raise OSError(0, "not a file")
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)  # the size that the file system states need not be its length
    if len(data) > MAX_BYTES:
        raise _TooLong
    return data.decode("utf-8")


def _refused(text: str) -> str:
    """Why a text is not taken, or nothing; stops at the first token that says so."""
    depth = 0
    for count, token in enumerate(yaml.scan(text)):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if isinstance(token, (yaml.AliasToken, yaml.AnchorToken)):
            return _ALIASES
        if isinstance(token, yaml.TagToken):
            return _TAGS
        if count > MAX_TOKENS or depth > MAX_DEPTH:
            return f"must have at most {MAX_TOKENS:,} words and signs, and {MAX_DEPTH} levels"
        if isinstance(token, yaml.ScalarToken) and token.plain and _NOT_WHAT_IT_SAYS.fullmatch(token.value):
            return f"has the word {token.value}, which YAML reads as something else: quote it, or write true or false"
    return ""
