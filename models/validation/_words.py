"""Random words, where they live, and the way from words to uniforms and normals, on an engine's own arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rackrisk.kernels.normals import normal_pair, uniform
from rackrisk.kernels.philox import philox4x32
from rackrisk.kernels.streams import Purpose, key_words, stream_words, words

from ._bench import Bench, arrays_of
from ._case import Case
from ._check import Check, exact


def check_philox(case: Case, bench: Bench) -> Iterator[Check]:
    """Four words of a counter and a key."""
    counter, key = _words_of(case.inputs["counter"]), _words_of(case.inputs["key"])
    with arrays_of(bench.engine) as (xp, compiled):
        run = compiled(lambda *parts: philox4x32(xp, parts, tuple(key), case.inputs["rounds"]))
        found = _hex(run(*(xp.asarray(counter[k : k + 1]) for k in range(4))))
    yield exact(case, "four words", ours=found, reference=case.expected["words"], engine=bench.engine)


def check_counter(case: Case, bench: Bench) -> Iterator[Check]:
    """Stream of a name, and the words at its place."""
    wanted, stream = case.inputs, stream_words(case.inputs["name"])
    where = {"purpose": Purpose[wanted["purpose"].upper()], "block": wanted["block"]}
    with arrays_of(bench.engine) as (xp, compiled):
        run = compiled(lambda scenario, *parts: words(xp, key_words(wanted["seed"]), scenario, parts, **where))
        parts = np.array([wanted["scenario"], *stream], dtype=np.uint32)
        found = _hex(run(*(xp.asarray(parts[k : k + 1]) for k in range(3))))
    yield exact(case, "stream", ours=_hex(stream), reference=case.expected["stream"], engine=bench.engine)
    yield exact(case, "four words", ours=found, reference=case.expected["words"], engine=bench.engine)


def check_normals(case: Case, bench: Bench) -> Iterator[Check]:
    """Uniforms and normals of four words."""
    with arrays_of(bench.engine) as (xp, compiled):
        four = [xp.asarray(word[None]) for word in _words_of(case.inputs["words"])]
        uniforms = compiled(lambda *parts: [uniform(xp, word, xp.float64) for word in parts])(*four)
        normals = compiled(lambda a, b, c, d: (*_pair(xp, a, b), *_pair(xp, c, d)))(*four)
    for name, found in (("uniforms", uniforms), ("normals", normals)):
        for place, (ours, reference) in enumerate(zip(found, case.expected[name], strict=True), start=1):
            quantity = f"{name.removesuffix('s')} {place}"
            yield exact(case, quantity, ours=float(ours[0]), reference=reference, engine=bench.engine)


def _pair(xp: Any, first: Any, second: Any) -> tuple[Any, Any]:
    return normal_pair(xp, first, second, xp.float64)


def _words_of(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], dtype=np.uint32)


def _hex(found: Any) -> str:
    return " ".join(f"{int(np.asarray(word).item()):08x}" for word in found)
