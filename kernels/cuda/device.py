"""Where kernels run: a CUDA device through CuPy. Tests put a CPU in its place that runs the same source."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np

from .source import Program

THREADS, SETTLE_THREADS, LANES, CLUSTER_BLOCKS = 128, 384, 4, 8
COMPILER_OPTIONS = ("-std=c++17", "--fmad=false")  # see month.cuh
STATIC_SHARED_BYTES = 48 * 1024  # above, a kernel has to ask
MEMORY_SHARE = 0.7  # of what is free


class CudaMissing(Exception):
    """There is no CUDA device to use; the message says what is missing."""


class DeviceTooSmall(Exception):
    """Not even one group of scenarios fits into the memory of the device."""


class LaunchShape(NamedTuple):
    """How work is cut up; results do not depend on it."""

    threads: int = THREADS  # of a block
    settle_threads: int = SETTLE_THREADS  # of a block whose obligors wait for each other
    lanes: int = LANES  # scenarios that a thread walks through at a time
    cluster_blocks: int = CLUSTER_BLOCKS  # blocks that share their memory, 1 where a device cannot
    warp_threads: int = 32  # that run in step

    def at(self, precision: str) -> "LaunchShape":
        """In double precision a thread has registers for fewer scenarios."""
        return self if precision == "float32" else self._replace(lanes=max(self.lanes // 4, 1))


class Kernels(Protocol):
    """A compiled program."""

    def __call__(
        self, kernel: str, grid: tuple[int, int], block: int, structures: Sequence[np.ndarray], *, shared_bytes: int = 0
    ) -> None:
        """Launch `kernel` on `grid` blocks of `block` threads with packed structures, by value; returns at once."""
        ...


class Device(Protocol):
    """One place where kernels run; `xp` makes and moves its arrays while `active`."""

    @property
    def name(self) -> str: ...
    @property
    def xp(self) -> Any: ...
    @property
    def shape(self) -> LaunchShape: ...

    def active(self) -> AbstractContextManager[Any]:
        """Make this the device that arrays are made on."""
        ...

    def compile(self, program: Program) -> Kernels:
        """The program's kernels."""
        ...

    def free_bytes(self) -> int:
        """Memory that can be had now."""
        ...

    def to_host(self, array: Any) -> np.ndarray:
        """A copy in the memory of the CPU."""
        ...


@dataclass(frozen=True)
class CupyDevice:
    """A CUDA device; see `Device`."""

    number: int
    name: str
    xp: Any
    shape: LaunchShape

    def active(self) -> AbstractContextManager[Any]:
        """Also the device of kernels that are launched."""
        return self.xp.cuda.Device(self.number)

    def compile(self, program: Program) -> Kernels:
        """With NVRTC, kept in CuPy's cache on disk."""
        options = (*COMPILER_OPTIONS, *program.definitions)
        module = self.xp.RawModule(code=program.text, options=options, backend="nvrtc")

        def launch(
            kernel: str,
            grid: tuple[int, int],
            block: int,
            structures: Sequence[np.ndarray],
            *,
            shared_bytes: int = 0,
        ) -> None:
            function = module.get_function(kernel)
            if shared_bytes > STATIC_SHARED_BYTES:
                function.max_dynamic_shared_size_bytes = shared_bytes
            function(grid, (block,), tuple(structures), shared_mem=shared_bytes)

        return launch

    def free_bytes(self) -> int:
        """Free on the device and in CuPy's pool."""
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return int(free) + int(self.xp.get_default_memory_pool().free_bytes())

    def to_host(self, array: Any) -> np.ndarray:
        """Waits for the device."""
        return self.xp.asnumpy(array)


@cache
def cuda_devices() -> tuple[CupyDevice, ...]:
    """The CUDA devices of this machine, one or more.

    Raises:
        CudaMissing: there are none, or CuPy is not installed or does not find its libraries.
    """
    if find_spec("cupy") is None:
        raise CudaMissing("CuPy is not installed (the extra `cuda` brings it)")
    try:
        import cupy
    except ImportError as error:
        raise CudaMissing(f"CuPy does not load: {error}") from None
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        raise CudaMissing(f"CuPy finds no CUDA device: {error}") from None
    if count == 0:
        raise CudaMissing("CuPy finds no CUDA device")
    return tuple(_device(cupy, number) for number in range(count))


def in_words(devices: Sequence[Device]) -> str:
    """Which devices, for people."""
    return f"{len(devices)} x {devices[0].name} (cuda)"


def _device(cupy: Any, number: int) -> CupyDevice:
    properties = cupy.cuda.runtime.getDeviceProperties(number)
    shape = LaunchShape(cluster_blocks=CLUSTER_BLOCKS if int(properties["major"]) >= 9 else 1)
    return CupyDevice(number, properties["name"].decode(), cupy, shape)
