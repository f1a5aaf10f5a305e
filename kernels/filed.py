"""Tables of a large book that need not stay in memory.

The schedules of a million loans are two gigabytes, which an engine reads once. They lie in a file without a name: what
nobody looks at may leave memory and comes back when somebody does.
"""

import mmap
import os
import tempfile
from contextlib import suppress

import numpy as np

LARGE_BYTES = 64 * 2**20


def table(shape: tuple[int, ...]) -> np.ndarray:
    """A float64 array to be filled; in memory where it is small, or where there is no room on the disk."""
    size = int(np.prod(shape, dtype=np.int64)) * 8
    if size >= LARGE_BYTES:
        with suppress(OSError), tempfile.TemporaryFile(prefix="rackrisk-") as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk says so now, and not by a signal later
            return np.frombuffer(mmap.mmap(file.fileno(), size), np.float64).reshape(shape)
    return np.empty(shape)


def set_aside(array: np.ndarray) -> None:
    """Let a large table leave memory until it is read again."""
    memory = array
    while isinstance(memory, np.ndarray):
        memory = memory.base
    memory = memory.obj if isinstance(memory, memoryview) else memory
    if isinstance(memory, mmap.mmap):
        memory.madvise(mmap.MADV_DONTNEED)
