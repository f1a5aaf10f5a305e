"""Several devices share the scenarios of a structural run."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..arrays import Book
from ..tally import BY_SCENARIO, FacilityRows, Scale, Tally, map_fields
from .device import Device
from .structural import MakePaths, StructuralCuda


def open_devices(
    devices: Sequence[Device], book: Book, market: Any, scale: Scale, make_paths: MakePaths, **options: Any
) -> tuple[Callable[..., Tally], Callable[..., FacilityRows], int]:
    """Make a book ready on every device; arguments as in `StructuralCuda`.

    Returns:
        Functions of scenario numbers and validity, both [devices * group], the valid ones first, that give tallies and
        rows with a leading dimension of devices; scenarios of a group.
    """
    engines = [StructuralCuda(device, book, market, scale, make_paths, **options) for device in devices]
    group = min(engine.batch for engine in engines)

    def on_each(
        work: Callable[[StructuralCuda, np.ndarray], Any], scenario: np.ndarray, valid: np.ndarray
    ) -> list[Any]:
        split = (np.split(part, len(engines)) for part in (scenario, valid))
        parts = [numbers[counts] for numbers, counts in zip(*split, strict=True)]
        with ThreadPoolExecutor(len(engines)) as threads:
            return list(threads.map(work, engines, parts))

    def run(scenario: np.ndarray, valid: np.ndarray) -> Tally:
        tallies = on_each(StructuralCuda.run, scenario, valid)
        return map_fields(_stacked, *(_filled(tally, group) for tally in tallies))

    def replay(scenario: np.ndarray, valid: np.ndarray) -> FacilityRows:
        found = on_each(StructuralCuda.replay, scenario, valid)
        rows = [[_grown(field, group) for field in fields] for fields in found]
        return FacilityRows(*(np.stack(fields) for fields in zip(*rows, strict=True)))

    return run, replay, group


def _stacked(*fields: np.ndarray) -> np.ndarray:
    return np.stack(fields)


def _filled(tally: Tally, group: int) -> Tally:
    return tally._replace(**{name: _grown(getattr(tally, name), group) for name in BY_SCENARIO})


def _grown(rows: np.ndarray, count: int) -> np.ndarray:
    return np.pad(rows, ((0, count - len(rows)), (0, 0)))
