"""The command in processes of its own, as a shell or a scheduler would start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Shell:
    """A working directory with `rackrisk` in it."""

    folder: Path

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Starts a command with a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "rackrisk", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(SOURCE)} | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(
        self, *arguments: str, code: int = 0, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, which must be with this exit code."""
        process = self.start(*arguments, environment=environment)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == code, f"{arguments}: exit {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def manifest(self, name: str) -> dict[str, Any]:
        """Of a finished run."""
        assert (self.folder / name / "DONE").is_file()
        return json.loads((self.folder / name / "manifest.json").read_text())

    def results(self, name: str) -> str:
        """The hash of what a run computed."""
        return self.manifest(name)["results_sha256"]

    def shards(self, name: str) -> int:
        """How many shards of an unfinished run are there."""
        return sum(1 for _ in (self.folder / f"{name}.unfinished" / "shards").glob("*.npz"))


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.02)


def children(pid: int) -> Sequence[int]:
    """Processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found
