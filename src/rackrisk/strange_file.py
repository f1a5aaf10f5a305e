"""Small files that somebody else may have made: never a link, a pipe or a device, and never read without end."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from .run_folder import DONE, MANIFEST

MAX_BYTES = 100_000_000


def small_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """What a file holds.

    Raises:
        ValueError: it is no plain file, or holds more than `most` bytes.
        OSError: it cannot be read.
    """
    if path.is_symlink():
        raise ValueError("is a symbolic link")
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would block for ever
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("is not a file")
        data = stream.read(most + 1)  # the size that the file system states need not be its length
    if len(data) > most:
        raise ValueError(f"has more than {most:,} bytes")
    return data


def is_sealed(folder: Path) -> bool:
    """True if `DONE` holds the hash of the folder's manifest.

    Raises:
        ValueError, OSError: as `small_bytes`.
    """
    digest = hashlib.sha256(small_bytes(folder / MANIFEST)).hexdigest()
    return small_bytes(folder / DONE, 1_000).decode("utf-8") == f"{digest}  {MANIFEST}\n"


def is_same(path: Path, *, size: int, sha256: str) -> bool:
    """True for a plain file of this size and hash; anything else is not opened, and no more than `size` is read."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            return False
        with path.open("rb") as stream:
            digest, left = hashlib.sha256(), size
            while left and (part := stream.read(min(left, 2**20))):
                digest.update(part)
                left -= len(part)
    except OSError:
        return False
    return digest.hexdigest() == sha256
