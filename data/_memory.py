"""How much memory there is."""

from __future__ import annotations

import os
from pathlib import Path


def memory_there_bytes() -> int:
    """Memory that this process could still get, in bytes: the machine's, or its control group's if that is less."""
    return min(_machine_bytes(), _group_bytes())


def _machine_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: the physical memory is the best that is known
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _group_bytes() -> int:
    """Room left in the control group (version 2), or a number above any machine."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return 2**62
    return 2**62 if limit == "max" else max(0, int(limit) - used)
