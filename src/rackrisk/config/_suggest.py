"""Did-you-mean suggestions for mistyped keys and names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice

_CLOSE_ENOUGH = 0.6  # difflib's own default: below it, suggestions of unrelated words begin
_MOST_NAMES, _MOST_LETTERS = 10_000, 200  # beyond them a suggestion takes seconds, and no typist needs it
_LEAF_DISCOUNT = 0.9  # a match of the whole key beats a match of its last part alone


def closest(word: str, known: Iterable[str]) -> str | None:
    """The most similar of `known`, or None; a dotted key also matches by its last part alone (`levels`)."""
    if len(word) > _MOST_LETTERS:
        return None
    known = list(islice(known, _MOST_NAMES))
    scored = [(max(_score(word, name), _LEAF_DISCOUNT * _score(_leaf(word), _leaf(name))), name) for name in known]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= _CLOSE_ENOUGH else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or an empty string."""
    name = closest(word, known)
    return f"; did you mean '{name}'?" if name else ""


def _score(a: str, b: str) -> float:
    return SequenceMatcher(None, a.lower(), b.lower()).ratio()


def _leaf(key: str) -> str:
    return key.rsplit(".", 1)[-1]
