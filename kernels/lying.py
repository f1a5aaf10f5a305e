"""Arrays of NumPy that lie where XLA's CPU devices read them without a copy of their own.

XLA takes over memory that begins at a multiple of 64 bytes; all devices of the CPU then share one book.
"""

from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array to be filled."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def lying(tree: Any, precision: str) -> Any:
    """The arrays of nested named tuples, floating ones in `precision`; those that lie well already are not copied.

    What is no array (None, a number) stays as it is.
    """
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(lying(field, precision) for field in tree))
    if not isinstance(tree, np.ndarray):
        return tree
    dtype = np.dtype(precision) if np.issubdtype(tree.dtype, np.floating) else tree.dtype
    if tree.dtype == dtype and tree.flags.c_contiguous and tree.ctypes.data % ALIGNMENT == 0:
        return tree
    copy = empty(tree.shape, dtype)
    copy[...] = tree
    return copy
