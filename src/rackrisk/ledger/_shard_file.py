"""A shard as a file: arrays of exact integers, who computed them, and a hash that tells whether they are whole."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import struct
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rackrisk.run_folder import sync

SCHEMA = "rackrisk/shard/1"
ABOUT = "about"
MAX_ABOUT_BYTES = 100_000

_UNREADABLE = (  # what the readers of .npz say of bytes that are none
    *(ValueError, KeyError, TypeError, AttributeError, RuntimeError, EOFError, OverflowError),
    *(struct.error, zipfile.BadZipFile),
)

Arrays = dict[str, np.ndarray]


class DamagedShard(Exception):
    """A shard file that is not what was written; the message says how it shows."""


@dataclass(frozen=True)
class Shard:
    """Attributes:
    arrays: the tally by name.
    facts: `identity, first, last, sha256` and what its computer says of itself: `engine, device, precision, seconds`.
    """

    arrays: Arrays
    facts: Mapping[str, Any]


def content_hash(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, types, shapes and numbers, as 64 hex digits; not of the file around them."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def write_shard(path: Path, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> bool:
    """Writes a file at once and through to the disk; False if there is one of that name already, which stays."""
    stored = {name: _storable(array) for name, array in arrays.items()}
    about = {"schema": SCHEMA, **facts, "sha256": content_hash(stored)}
    aside = path.with_name(f".{path.stem}-{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as stream:
            np.savez(stream, **stored, **{ABOUT: np.frombuffer(json.dumps(about).encode(), np.uint8)})  # pyright: ignore[reportArgumentType]
            stream.flush()
            os.fsync(stream.fileno())
        return _placed(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def read_shard(path: Path) -> Shard:
    """The shard of a file, looked at to the last bit.

    Raises:
        DamagedShard: it is torn, was changed, or never was a shard.
        FileNotFoundError: there is none.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DamagedShard(f"{path.name}: is no file")  # a pipe would block for ever
    try:
        _check_container(path)
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        facts = json.loads(found.pop(ABOUT).tobytes())
        right = facts["schema"] == SCHEMA and facts["sha256"] == content_hash(found)
        usable = {name: _usable(array) for name, array in found.items()}
        _check_facts(facts)
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a wrong offset inside the file
            raise
        raise DamagedShard(f"{path.name}: cannot be read ({error})") from None
    except _UNREADABLE as error:
        raise DamagedShard(f"{path.name}: cannot be read ({error})") from None
    if not right:
        raise DamagedShard(f"{path.name}: does not have the hash it was written with")
    return Shard(usable, facts)


def _check_container(path: Path) -> None:
    """Refuses what could unfold to more than the file holds: shards are stored without compression."""
    with zipfile.ZipFile(path) as container:
        members = container.infolist()
        for member in members:
            if _array_bytes(container, member) > member.file_size:
                raise ValueError("an array holds less than it says")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError("it holds less than it says")
    if next((m.file_size for m in members if m.filename == f"{ABOUT}.npy"), 0) > MAX_ABOUT_BYTES:
        raise ValueError("its description is too long")


def _array_bytes(container: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes that an array will take by its own head; one of Python objects is refused."""
    with container.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = head(stream)
    if dtype.hasobject:
        raise ValueError("it holds objects, not numbers")
    return math.prod(shape) * dtype.itemsize


def _storable(array: np.ndarray) -> np.ndarray:
    """Python integers as text: a file holds no objects."""
    return array.astype(str) if array.dtype == object else array


def _check_facts(facts: Any) -> None:
    seconds = facts["seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e12:
        raise ValueError("it does not say how many seconds it took")
    if not all(isinstance(facts.get(name, ""), str) for name in ("engine", "device", "precision", "cpu", "flags")):
        raise ValueError("it does not say in words what computed it")


def _usable(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "iuU":
        raise ValueError(f"it holds {array.dtype} and not whole numbers")
    if array.dtype.kind != "U":
        return array
    return np.array([int(text) for text in array.ravel()], dtype=object).reshape(array.shape)


def _placed(aside: Path, path: Path) -> bool:
    """Gives a file its name, unless there is one already."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}:
            raise
        if path.exists():  # a file system without hard links: two writers in the same instant are not told apart
            return False
        aside.replace(path)
    with suppress(OSError):
        sync(path.parent)
    return True
