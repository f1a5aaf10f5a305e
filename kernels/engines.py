"""Choose an engine, run all scenarios through it and add up what it counted."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from .arrays import Book, Paths
from .reference import simulate_tile
from .streams import key_words
from .tally import BY_SCENARIO, Scale, Tally, map_fields

ENGINES = ("reference", "jax", "cuda")
REFERENCE_TILE = 64
MAX_SCENARIOS = 2**26  # of one run: so many sums of losses fit 62 bits


class EngineMissing(Exception):
    """The engine asked for cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Engine:
    """One way to simulate groups of scenarios.

    Attributes:
        run: scenario numbers uint32 and validity bool, both [parallel * group], to a tally with a leading dimension of
            `parallel`.
        group: scenarios simulated by one call on one device.
        parallel: groups simulated at once.
        device: in words.
    """

    name: str
    precision: str
    device: str
    group: int
    parallel: int
    run: Callable[[np.ndarray, np.ndarray], Tally]


def choose(name: str) -> tuple[str, str | None]:
    """The engine to use for `auto` or a name, and a sentence to show if there was a choice.

    Raises:
        EngineMissing: the named engine cannot run here.
    """
    if name == "cuda":
        raise EngineMissing("engine=cuda needs the CUDA kernels, which this version does not have yet; use engine=jax")
    if name == "auto":
        if find_spec("jax") is None:
            return "reference", "engine=auto took the NumPy reference engine, because JAX is not installed"
        return "jax", None
    return name, None


def open_engine(
    name: str, book: Book, market: Any, scale: Scale, make_paths: Callable[..., Paths], *, seed: int, precision: str
) -> Engine:
    """Make an engine ready for one book and market.

    Args:
        name: reference or jax.
        make_paths: `(xp, market, key, scenario) -> Paths` over the book's channels.
        precision: float32 or float64 of the loans; the reference engine is always float64.
    """
    key = key_words(seed)
    if name == "jax":
        from .jax_engine import open_tiles

        run, group, devices = open_tiles(book, market, scale, make_paths, key=key, precision=precision)
        device = f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})"
        return Engine(name, precision, device, group, len(devices), run)

    def run_reference(scenario: np.ndarray, valid: np.ndarray) -> Tally:
        paths = make_paths(np, market, key, scenario)
        tally = simulate_tile(book, paths, scale, key, scenario=scenario, valid=valid)
        return map_fields(lambda field: field[None], tally)

    return Engine("reference", "float64", f"NumPy on {platform.machine()}", REFERENCE_TILE, 1, run_reference)


def run_scenarios(engine: Engine, scenarios: int, progress: Callable[[int, int], None] | None = None) -> Tally:
    """Tally of scenarios 0..scenarios-1; loss and exposure have one row a scenario, in order.

    Raises:
        ValueError: more scenarios than the exact sums can hold.
    """
    if not 0 < scenarios <= MAX_SCENARIOS:
        raise ValueError(f"scenarios must be from 1 to {MAX_SCENARIOS:,}, not {scenarios:,}")
    total: Tally | None = None
    rows: list[Tally] = []
    for tally, done in _tallies(engine, scenarios):
        rows.append(tally)
        sums = map_fields(lambda field: field.sum(axis=0), tally)
        total = sums if total is None else map_fields(np.add, total, sums)
        if progress is not None:
            progress(min(done, scenarios), scenarios)
    assert total is not None
    by_scenario = {name: np.concatenate([getattr(tally, name) for tally in rows]) for name in BY_SCENARIO}
    flat = {name: field.reshape(-1, field.shape[-1])[:scenarios] for name, field in by_scenario.items()}
    return total._replace(**flat)


def _tallies(engine: Engine, scenarios: int) -> Iterator[tuple[Tally, int]]:
    """Tallies of batches in NumPy, and scenarios done after each. One batch runs ahead of the one that is read."""
    batch = engine.group * engine.parallel
    ahead: list[tuple[Tally, int]] = []
    for first in range(0, scenarios, batch):
        numbers = np.arange(first, first + batch, dtype=np.uint32)
        ahead.append((engine.run(numbers, numbers < scenarios), first + batch))
        if len(ahead) > 1:
            tally, done = ahead.pop(0)
            yield map_fields(np.asarray, tally), done
    tally, done = ahead.pop()
    yield map_fields(np.asarray, tally), done
