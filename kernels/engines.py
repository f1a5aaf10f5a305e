"""Choose an engine, run all scenarios through it and add up what it counted."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from .arrays import Book, Paths
from .cuda import device as cuda
from .reference import simulate_tile
from .shards import add_up, named_fields, tally_of
from .streams import key_words
from .tally import BY_SCENARIO, FacilityRows, Scale, Tally, map_fields

Result = TypeVar("Result")
Simulate = Callable[[np.ndarray, np.ndarray], tuple[Tally, FacilityRows]]
MakePaths = Callable[..., Paths]  # (xp, market, key, scenario) -> market paths over the book's channels
ENGINES = ("reference", "jax", "cuda")
REFERENCE_TILE = 64  # scenarios; fewer of a large book, whose tile would not fit into memory
REFERENCE_CELLS = 2**22  # scenarios x obligors
BULKY_BYTES = 2**28  # of what comes back from one batch
MAX_SCENARIOS = 2**26  # of one run: so many sums of losses fit 62 bits


class EngineMissing(Exception):
    """The engine asked for cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Engine:
    """One way to simulate groups of scenarios.

    Attributes:
        run: scenario numbers uint32 and validity bool, both [parallel * group], to a tally with a leading dimension of
            `parallel`.
        replay: from the same, what these scenarios did to every facility, with a leading dimension of `parallel`.
        group: scenarios simulated by one call on one device.
        parallel: groups simulated at once.
        device: in words.
        in_market: the same engine, book and random numbers in another market of the same shape.
    """

    name: str
    precision: str
    device: str
    group: int
    parallel: int
    run: Callable[[np.ndarray, np.ndarray], Tally]
    replay: Callable[[np.ndarray, np.ndarray], FacilityRows]
    in_market: Callable[[Any], "Engine"]


def choose(name: str) -> tuple[str, str | None]:
    """The engine to use for `auto` or a name, and a sentence to show if there was a choice.

    Raises:
        EngineMissing: the named engine cannot run here.
    """
    if name not in ("auto", "cuda"):
        return name, None
    try:
        found = cuda.in_words(cuda.cuda_devices())
    except cuda.CudaMissing as missing:
        if name == "cuda":
            raise EngineMissing(f"engine=cuda cannot run here: {missing}; use engine=jax") from None
        if find_spec("jax") is None:
            return "reference", f"engine=auto took reference (NumPy): JAX is not installed, and {missing}"
        return "jax", f"engine=auto took jax: {missing}"
    return "cuda", f"engine=auto took cuda: {found}" if name == "auto" else None


def open_engine(
    name: str, book: Book, market: Any, scale: Scale, make_paths: MakePaths, *, seed: int, precision: str
) -> Engine:
    """Make an engine ready for one book and market.

    Args:
        name: reference, jax or cuda.
        make_paths: `(xp, market, key, scenario) -> Paths` over the book's channels.
        precision: float32 or float64 of the loans; the reference engine is always float64.

    Raises:
        EngineMissing: the book does not fit the device.
    """
    open_one = {"jax": _open_jax, "cuda": _open_cuda, "reference": _open_reference}[name]
    return open_one(book, market, scale, make_paths, key=key_words(seed), precision=precision)


def _open_jax(
    book: Book, market: Any, scale: Scale, make_paths: MakePaths, *, key: tuple[int, int], precision: str
) -> Engine:
    from .jax_engine import open_tiles, place_book

    placed = place_book(book, scale, precision)

    def in_market(market: Any) -> Engine:
        run, group, devices = open_tiles(placed, market, make_paths, key=key)
        device = f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})"
        return Engine("jax", precision, device, group, len(devices), *_views(run), in_market)

    return in_market(market)


def _open_cuda(
    book: Book, market: Any, scale: Scale, make_paths: MakePaths, *, key: tuple[int, int], precision: str
) -> Engine:
    from .cuda.several import open_devices

    devices = cuda.cuda_devices()
    try:
        run, replay, group = open_devices(devices, book, market, scale, make_paths, key=key, precision=precision)
    except cuda.DeviceTooSmall as small:
        raise EngineMissing(f"engine=cuda cannot run this book: {small}") from None
    again = partial(_open_cuda, book, scale=scale, make_paths=make_paths, key=key, precision=precision)
    return Engine("cuda", precision, cuda.in_words(devices), group, len(devices), run, replay, again)


def _open_reference(
    book: Book, market: Any, scale: Scale, make_paths: MakePaths, *, key: tuple[int, int], precision: str
) -> Engine:
    def run(scenario: np.ndarray, valid: np.ndarray) -> tuple[Tally, FacilityRows]:
        paths = make_paths(np, market, key, scenario)
        tally, rows = simulate_tile(book, paths, scale, key, scenario=scenario, valid=valid)
        return map_fields(lambda field: field[None], tally), FacilityRows(*(field[None] for field in rows))

    tile = reference_tile(len(book.stream))
    device = f"NumPy on {platform.machine()}"
    again = partial(_open_reference, book, scale=scale, make_paths=make_paths, key=key, precision=precision)
    return Engine("reference", "float64", device, tile, 1, *_views(run), again)


def reference_tile(obligors: int) -> int:
    """Scenarios in a tile of the reference engine: a power of two."""
    return 1 << (max(min(REFERENCE_TILE, REFERENCE_CELLS // obligors), 1).bit_length() - 1)


def _views(both: Simulate) -> tuple[Callable[..., Tally], Callable[..., FacilityRows]]:
    """The two results of one program apart: what a run adds up, and what a replay looks at."""
    return lambda *batch: both(*batch)[0], lambda *batch: both(*batch)[1]


def run_scenarios(
    engine: Engine, scenarios: int | range | np.ndarray, progress: Callable[[int, int], None] | None = None
) -> Tally:
    """Tally of scenarios 0..scenarios-1, or of the scenarios with given numbers.

    Loss, exposure and paid have one row a scenario, in order.

    Args:
        scenarios: how many, or their numbers: a range or uint32 [S].

    Raises:
        ValueError: no scenario, or more than the exact sums can hold.
    """
    numbers = range(scenarios) if isinstance(scenarios, int) else scenarios
    count = len(numbers)
    if not 0 < count <= MAX_SCENARIOS:
        raise ValueError(f"scenarios must be from 1 to {MAX_SCENARIOS:,}, not {count:,}")

    def parts() -> Iterator[dict[str, np.ndarray]]:
        done = 0
        for tally in _ahead(engine.run(*batch) for batch in _batches(engine, numbers)):
            yield from _by_device(tally)
            del tally  # or it would stay until there is the next
            done = min(done + engine.group * engine.parallel, count)
            if progress is not None:
                progress(done, count)

    total = tally_of(Tally, add_up(parts(), BY_SCENARIO))
    return total._replace(**{name: getattr(total, name)[:count] for name in BY_SCENARIO})


def _by_device(tally: Tally) -> Iterator[dict[str, np.ndarray]]:
    """The arrays of each device's part of a batch, in the order of their scenarios."""
    parts = {name: _parts(field) for name, field in named_fields(tally).items()}
    for device in range(len(parts["loss"])):
        yield {name: part[device] for name, part in parts.items()}


def _parts(field: Any) -> list[np.ndarray]:
    """The devices' entries of an array, from where they are: together they would be a copy."""
    shards = getattr(field, "addressable_shards", None)
    if shards is None or len(shards) != field.shape[0]:
        return list(np.asarray(field))
    return [np.asarray(shard.data)[0] for shard in sorted(shards, key=lambda shard: shard.index[0].start or 0)]


def replay_scenarios(engine: Engine, numbers: np.ndarray) -> Iterator[FacilityRows]:
    """What the scenarios with these numbers, uint32 [S], did to every facility, batch after batch in their order.

    The same program as `run_scenarios` on the same random numbers: every loss is that of the run, to the last quantum.
    """
    left = len(numbers)
    for rows in _ahead(engine.replay(*batch) for batch in _batches(engine, numbers)):
        yield FacilityRows(*(np.asarray(field).reshape(-1, field.shape[-1])[:left] for field in rows))
        left -= engine.group * engine.parallel


def _batches(engine: Engine, numbers: range | np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scenario numbers and validity of one call after the other; the last one is filled up."""
    size = engine.group * engine.parallel
    for first in range(0, len(numbers), size):
        part = np.asarray(numbers[first : first + size], dtype=np.uint32)
        yield np.pad(part, (0, size - len(part))), np.arange(size) < len(part)


def _ahead(calls: Iterator[Result]) -> Iterator[Result]:
    """The same, with one batch running ahead of the one that is read, unless two of them are too much to hold."""
    waiting: list[Result] = []
    for call in calls:
        waiting.append(call)
        bulky = sum(field.nbytes for field in named_fields(call).values()) > BULKY_BYTES
        del call
        while len(waiting) > (not bulky):
            yield waiting.pop(0)
    yield from waiting
