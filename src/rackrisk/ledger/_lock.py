"""The lock of whoever drives a run: held by an open file, so that it ends with its process however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import IO

from rackrisk.run_folder import RunFolderError

LOCK = "lock"


class Busy(Exception):
    """Somebody else works on this run; the message is for the user."""


def make_lock(path: Path) -> IO[bytes]:
    """Makes and takes the lock of a new folder."""
    return _held((path / LOCK).open("xb"), path)


def take_lock(path: Path) -> IO[bytes]:
    """Takes the lock of a folder that is there.

    Raises:
        Busy: another process holds it.
        RunFolderError: it cannot be opened, or this file system has no locks.
    """
    try:
        handle = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError as error:
        raise RunFolderError(f"{path / LOCK}: cannot be opened ({error.strerror})") from None
    lock = _held(os.fdopen(handle, "r+b"), path)
    if not _is(lock, path / LOCK):  # the run was finished between opening and locking
        lock.close()
        raise Busy(f"{path}: another process works on this run")
    return lock


def _held(lock: IO[bytes], path: Path) -> IO[bytes]:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            raise Busy(f"{path}: another process works on this run") from None
        rule = f"this file system has no locks ({error.strerror}); choose another out"
        raise RunFolderError(f"{path}: {rule}") from None
    return lock


def _is(lock: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
