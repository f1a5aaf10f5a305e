"""Memory of a large book: tables that need not stay in it, and what is free goes back to the system.

The schedules of a million loans are two gigabytes, which an engine reads once, and what a run says of their months is
half a one. They lie in a file without a name: what nobody looks at may leave memory and comes back when somebody does.
"""

import ctypes
import mmap
import os
import tempfile
from contextlib import suppress

import numpy as np

LARGE_BYTES = 64 * 2**20


def table(shape: tuple[int, ...], dtype: type[np.generic] = np.float64) -> np.ndarray:
    """An array to be filled; in memory where it is small, or where there is no room on the disk."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size >= LARGE_BYTES:
        with suppress(OSError), tempfile.TemporaryFile(prefix="rackrisk-") as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk says so now, and not by a signal later
            return np.frombuffer(mmap.mmap(file.fileno(), size), dtype).reshape(shape)
    return np.empty(shape, dtype)


def give_back() -> None:
    """Hand memory that is free inside this process back to the system, where its C library can; between two phases.

    The library keeps what is freed for later, which after a simulation of a million loans is some gigabytes.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def set_aside(array: np.ndarray) -> None:
    """Let a large table leave memory until it is read again."""
    memory = array
    while isinstance(memory, np.ndarray):
        memory = memory.base
    memory = memory.obj if isinstance(memory, memoryview) else memory
    if isinstance(memory, mmap.mmap):
        memory.madvise(mmap.MADV_DONTNEED)
