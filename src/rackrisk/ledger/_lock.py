"""The lock of whoever drives a run: held by an open file, so that it ends with its process however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import IO

from rackrisk.passing import passes
from rackrisk.run_folder import LOCK, RunFolderError


class Busy(Exception):
    """Somebody else works on this run; the message is for the user."""


def make_lock(path: Path) -> IO[bytes]:
    """Makes and takes the lock of a new folder."""
    return _held((path / LOCK).open("xb"), path)


def take_lock(path: Path, *, make: bool = False) -> IO[bytes]:
    """Takes the lock of a folder that is there.

    Args:
        make: the folder may be new, and have no lock yet.

    Raises:
        Busy: another process holds it, or finishes the run in this moment.
        RunFolderError: it cannot be opened, or this file system has no locks.
        OSError: it cannot be opened now; later it may be.
    """
    try:
        # Opened without waiting: somebody may have put a pipe there.
        handle = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if make else 0), 0o644)
    except FileNotFoundError:
        if path.is_dir():
            raise RunFolderError(f"{path}: has no file {LOCK}, so no run works there; delete the folder") from None
        raise Busy(f"{path}: another process has just finished this run") from None
    except OSError as error:
        if passes(error):
            raise
        raise RunFolderError(f"{path / LOCK}: cannot be opened ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise RunFolderError(f"{path / LOCK}: is not a file")
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
        if passes(error) and error.errno != errno.ENOLCK:
            raise
        rule = f"this file system has no locks ({error.strerror}); choose another out"
        raise RunFolderError(f"{path}: {rule}") from None
    return lock


def _is(lock: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
