"""Choose an engine for a pool, run all scenarios through it and add up what it counted."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cuda import device as cuda
from ..engines import EngineMissing
from ..shards import add_up, named_arrays, tally_of
from ..streams import key_words
from . import reference
from .arrays import BY_SCENARIO, MAX_SCENARIOS, Pool, Tally
from .tally import added

PRECISION = "exact integers; float64 PDs"


@dataclass(frozen=True)
class CopulaEngine:
    """One way to simulate batches of scenarios.

    Attributes:
        device: in words.
        batch: scenarios of one call.
        run: first scenario of a batch and number of scenarios in all, to a tally with a leading dimension.
    """

    name: str
    device: str
    batch: int
    run: Callable[[int, int], Tally]


def open_engine(name: str, pool: Pool, *, seed: int) -> CopulaEngine:
    """Make an engine ready for one pool.

    Args:
        name: reference, jax or cuda, as `rackrisk.kernels.engines.choose` gives it.

    Raises:
        rackrisk.kernels.engines.EngineMissing: the memory of the CUDA device cannot hold the pool.
    """
    key = key_words(seed)
    if name == "jax":
        from .jax_engine import open_tiles

        run, tile, devices = open_tiles(pool, key)
        device = f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})"
        return CopulaEngine(name, device, tile * len(devices), run)
    if name == "cuda":
        from ..cuda.copula import open_copula

        devices = cuda.cuda_devices()
        try:
            run, batch = open_copula(devices, pool, key)
        except cuda.DeviceTooSmall as small:
            raise EngineMissing(f"engine=cuda cannot run this pool: {small}") from None
        return CopulaEngine(name, cuda.in_words(devices), batch, run)

    def run_reference(first: int, scenarios: int) -> Tally:
        return _map(lambda field: field[None], reference.simulate_tile(pool, key, first, scenarios))

    return CopulaEngine("reference", f"NumPy on {platform.machine()}", reference.TILE, run_reference)


def run_scenarios(
    engine: CopulaEngine, scenarios: int | range, progress: Callable[[int, int], None] | None = None
) -> Tally:
    """Tally of scenarios 0..scenarios-1 or of a range: `loss` has one row a scenario, in order, `default_squares`
    Python integers.

    Raises:
        ValueError: no scenario, or more than the exact sums can hold.
    """
    numbers = range(scenarios) if isinstance(scenarios, int) else scenarios
    if not 0 < len(numbers) <= MAX_SCENARIOS or numbers.step != 1:
        raise ValueError(f"scenarios must be from 1 to {MAX_SCENARIOS:,} in a row, not {len(numbers):,}")

    def parts() -> Iterator[dict[str, np.ndarray]]:
        for tally, done in _tallies(engine, numbers):
            yield named_arrays(added(tally))
            if progress is not None:
                progress(min(done, len(numbers)), len(numbers))

    total = tally_of(Tally, add_up(parts(), BY_SCENARIO))
    return total._replace(loss=total.loss[: len(numbers)])


def _tallies(engine: CopulaEngine, numbers: range) -> Iterator[tuple[Tally, int]]:
    """Tallies of batches in NumPy, and scenarios done after each. One batch runs ahead of the one that is read."""
    ahead: list[tuple[Tally, int]] = []
    for first in range(numbers.start, numbers.stop, engine.batch):
        ahead.append((engine.run(first, numbers.stop), first + engine.batch - numbers.start))
        if len(ahead) > 1:
            tally, done = ahead.pop(0)
            yield _map(np.asarray, tally), done
    tally, done = ahead.pop()
    yield _map(np.asarray, tally), done


def _map(function: Callable[[Any], Any], tally: Tally) -> Tally:
    return Tally(*map(function, tally))
