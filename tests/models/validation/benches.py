"""Benches for tests: engines, and worlds out of the shipped configuration."""

from __future__ import annotations

import pytest

from rackrisk.models.validation import Bench, Case, load_cases
from rackrisk.validate import SEED, compose

CASES = load_cases()


def bench(engine: str, *, seed: int = SEED) -> Bench:
    """A quick bench; JAX may be absent."""
    pytest.importorskip("jax" if engine == "jax" else "numpy")
    return Bench(engine, seed, True, compose)


def cases_of(*kinds: str) -> list[Case]:
    """Cases of some kinds, in their order."""
    return [case for case in CASES if case.kind in kinds]


def case_of(name: str) -> Case:
    """The case with an id."""
    (found,) = (case for case in CASES if case.id == name)
    return found
