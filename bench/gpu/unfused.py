"""The same month as array code, one kernel an operation: what a careful user of CuPy or PyTorch writes.

The months and their sales alone, with ready market paths: no losses, no tables, so these do less than the engines.
Normals come from the library's own generator, its fastest. Mean default counts tell whether it is the same model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.month import month, scene, start

from .book import GpuCase


@dataclass(frozen=True)
class Library:
    """An array library on the device; `wait` returns when all is done."""

    name: str
    xp: Any
    asarray: Callable[[np.ndarray], Any]
    normals: Callable[[tuple[int, int]], Any]
    wait: Callable[[], None]


def cupy_library() -> Library:
    """CuPy on the current device."""
    import cupy

    def normals(shape: tuple[int, int]) -> Any:
        return cupy.random.standard_normal(shape, dtype=cupy.float32)

    return Library("CuPy, unfused", cupy, cupy.asarray, normals, cupy.cuda.get_current_stream().synchronize)


def torch_library(device: str) -> Library:
    """PyTorch on a device."""
    import torch  # pyright: ignore[reportMissingImports]

    from .torch_arrays import Tensor, TorchNamespace

    xp = TorchNamespace(device)

    def normals(shape: tuple[int, int]) -> Any:
        return Tensor(torch.randn(shape, device=device))

    def wait() -> None:
        if device != "cpu":
            torch.cuda.synchronize()

    return Library("PyTorch, unfused", xp, xp.asarray, normals, wait)


def moved(part: Any, asarray: Callable[[np.ndarray], Any]) -> Any:
    """Nested named tuples on the device, floats in single precision; plain numbers stay."""
    if hasattr(part, "_asdict"):
        return type(part)(*(moved(field, asarray) for field in part))
    if part is None or isinstance(part, int):
        return part
    array = np.asarray(part)
    return asarray(array.astype(np.float32) if array.dtype == np.float64 else array)


def open_unfused(library: Library, case: GpuCase, scenarios: int) -> Callable[[], np.ndarray]:
    """Make ready; returns a function that simulates the scenarios and gives defaults by scenario."""
    numbers = np.arange(scenarios, dtype=np.uint32)
    paths = case.make_paths(np, case.market, case.key, numbers)
    book, paths = (
        moved(case.book._replace(facilities=None, ranks=None), library.asarray),
        moved(Paths(*paths), library.asarray),
    )
    xp, shape = library.xp, (scenarios, case.loans)

    def simulate() -> np.ndarray:
        stage, state = scene(xp, book, paths), start(xp, book, scenarios)
        for t in range(1, case.months + 1):
            state, _ = month(xp, stage, t, state, library.normals(shape))
        library.wait()
        defaulted = (state.cause > 0).astype(xp.float32)
        counts = defaulted @ xp.ones((case.loans,), xp.float32)
        raw = getattr(counts, "data", counts) if "Tensor" in type(counts).__name__ else counts
        return np.asarray(raw.cpu() if hasattr(raw, "cpu") else raw.get() if hasattr(raw, "get") else raw)

    return simulate
