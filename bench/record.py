"""What every benchmark leaves behind: an aligned table on the screen and a JSON record of what was measured where."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("rackrisk", "numpy", "jax", "jaxlib", "numba")


def surroundings() -> dict[str, Any]:
    """Machine, versions, date and commit; the load is that of the last minute, as the benchmark starts."""
    return {
        "date_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": len(_git("status", "--porcelain", "--untracked-files=no").splitlines()),
        "machine": {
            "cpu": _cpu_name(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "system": platform.platform(terse=True),
        },
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "load_average_before": os.getloadavg()[0],
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
    }


def write_record(name: str, record: Mapping[str, Any]) -> Path:
    """Write bench/results/NAME-DATE.json and say where."""
    RESULTS.mkdir(exist_ok=True)
    stamp = record["date_utc"].replace(":", "").replace("-", "")[:15]
    path = RESULTS / f"{name}-{stamp}.json"
    full = {"benchmark": name, **record, "load_average_after": os.getloadavg()[0]}
    path.write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8")
    print(f"record: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return path


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first to the left, numbers to the right."""
    widths = [max(len(line[place]) for line in (header, *rows)) for place in range(len(header))]
    lines = []
    for line in (header, ["-" * width for width in widths], *rows):
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def say(message: str) -> None:
    """Progress, apart from results."""
    print(message, file=sys.stderr, flush=True)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _cpu_name() -> str:
    names = [line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
