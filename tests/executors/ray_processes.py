"""Processes and ports of a run under Ray, found by a mark in their environment."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

MARK = "RACKRISK_TEST_MARK"
_LISTENING = "0A"

T = TypeVar("T")


def marked(mark: str) -> list[int]:
    """Living processes with this mark, by number."""
    wanted = f"{MARK}={mark}".encode()
    return [number for number in _numbers() if wanted in _read(number, "environ").split(b"\0") and not _dead(number)]


def workers(mark: str) -> list[int]:
    """Those of them that compute shards at this moment."""
    return [number for number in marked(mark) if _read(number, "cmdline").startswith(b"ray::_computed")]


def listening(numbers: list[int]) -> set[str]:
    """Addresses, as the kernel writes them, at which these processes wait for connections."""
    sockets = {link for number in numbers for link in _links(number)}
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTENING and f"socket:[{words[9]}]" in sockets:
                found.add(words[1].split(":")[0])
    return found


def wait_for_workers(mark: str) -> list[int]:
    return _wait(lambda: workers(mark), 60)


def wait_for_none(mark: str, kind: Callable[[str], list[int]] = marked) -> None:
    _wait(lambda: not kind(mark), 30)


def _wait(look: Callable[[], T], seconds: float) -> T:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def _numbers() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) != os.getpid()]


def _read(number: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{number}/{name}").read_bytes()
    except OSError:
        return b""


def _dead(number: int) -> bool:
    return b") Z" in _read(number, "stat")


def _links(number: int) -> list[str]:
    try:
        return [str(link.readlink()) for link in Path(f"/proc/{number}/fd").iterdir()]
    except OSError:
        return []
