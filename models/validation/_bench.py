"""Where a case is run: engine, size, random numbers and the worlds that a configuration describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from rackrisk.kernels.engines import ENGINES, EngineMissing, choose
from rackrisk.kernels.streams import stream_words

from ..market import MarketConfig
from ..recovery import RecoveryConfig
from ._case import Case

#: From configuration values by dotted key (`{"market": "merton", "market.btc.price_usd": 1000.0}`) to a world.
Compose = Callable[[Mapping[str, Any]], tuple[MarketConfig, RecoveryConfig]]

_QUICK, _FULL = 0, 1
#: Scenarios of a structural case, quick and full.
_STRUCTURAL = {"reference": (2**12, 2**14), "jax": (2**14, 2**17), "cuda": (2**17, 2**20)}
#: Loan-scenarios of a copula case, quick and full; and the most scenarios it takes.
_COPULA = {"reference": (2**24, 2**27), "jax": (2**27, 2**30), "cuda": (2**31, 2**34)}
_MOST_SCENARIOS = (2**17, 2**20)
_MODULES = {"jax": "jax", "cuda": "cupy"}


@dataclass(frozen=True)
class Bench:
    """An engine and how hard it is made to work.

    Attributes:
        engine: `reference`, `jax` or `cuda`.
        seed: every case derives its own from it, so that cases are independent of each other.
        quick: few scenarios instead of many.
        compose: gives the worlds of structural cases.
    """

    engine: str
    seed: int
    quick: bool
    compose: Compose

    def seed_of(self, case: Case) -> int:
        """64-bit seed of a case: a hash of the bench's seed and the case's id."""
        low, high = stream_words(f"{self.seed} {case.id}")
        return low | high << 32

    def structural_scenarios(self) -> int:
        """Scenarios of a structural case."""
        return _STRUCTURAL[self.engine][_QUICK if self.quick else _FULL]

    def copula_scenarios(self, names: int) -> int:
        """Scenarios of a copula case of so many names: a power of two within the engine's loan-scenarios."""
        size = _QUICK if self.quick else _FULL
        affordable = 1 << (max(_COPULA[self.engine][size] // names, 1).bit_length() - 1)
        return min(affordable, _MOST_SCENARIOS[size])


def engines_here() -> dict[str, str | None]:
    """Every engine of the product: None where it can run on this machine, else what is missing."""
    return {name: _missing(name) for name in ENGINES}


def _missing(name: str) -> str | None:
    try:
        choose(name)
    except EngineMissing as error:
        return str(error)
    module = _MODULES.get(name)
    return f"{module} is not installed" if module is not None and find_spec(module) is None else None


@contextmanager
def arrays_of(engine: str) -> Iterator[tuple[Any, Callable[[Callable[..., Any]], Callable[..., Any]]]]:
    """Array namespace of an engine with 64-bit types, and its compiler (which does nothing under NumPy)."""
    if engine == "jax":
        import jax
        import jax.numpy as jnp

        from rackrisk.kernels.cores import use_every_core

        use_every_core()
        with jax.enable_x64(True):
            yield jnp, jax.jit
    elif engine == "cuda":
        import cupy

        yield cupy, lambda function: function
    else:
        yield np, lambda function: function
