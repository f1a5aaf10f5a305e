"""A place to submit to: a folder whose `bin` holds stand-ins of the schedulers and a `rackrisk`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
STAND_IN = Path(__file__).with_name("stand_in.py")

# Writes its arguments down; exits with the codes in $FAILING/INDEX one after the other, then with 0.
PRETENDER = r"""#!/usr/bin/env bash
echo "$*" >>"$FAILING/calls"
case $1 in
run) echo '{"shards": 3, "order": "somewhere"}'; exit "$(cat "$FAILING/run" 2>/dev/null || echo 0)" ;;
shard) codes=$FAILING/$4 ;;
resume) codes=$FAILING/resume ;;
esac
code=$(head -n 1 "$codes" 2>/dev/null) && sed -i 1d "$codes"
exit "${code:-0}"
"""


@dataclass(frozen=True)
class Site:
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "FAILING": str(self.folder / "failing"), "POLL_SECONDS": "0"}

    def submit(self, script: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Runs a script of ours as a user does."""
        words = ["bash", str(script), *arguments]
        env = {**self.environment, **environment}
        return subprocess.run(words, env=env, cwd=self.folder, capture_output=True, text=True, check=False)

    def fail(self, what: str, *codes: int) -> None:
        """The exit codes of the next attempts at an index, or at `run` or `resume`."""
        (self.folder / "failing" / what).write_text("".join(f"{code}\n" for code in codes))

    @property
    def jobs(self) -> list[dict[str, Any]]:
        file = self.folder / "jobs.json"
        return json.loads(file.read_text()) if file.exists() else []

    @property
    def attempts(self) -> dict[str, dict[str, list[int]]]:
        """Exit codes by job and index."""
        return {job["name"].removeprefix("rackrisk-"): job["attempts"] for job in self.jobs}

    @property
    def calls(self) -> list[str]:
        return (self.folder / "failing" / "calls").read_text().splitlines()


def site_in(folder: Path, *, pretend: bool) -> Site:
    """A new site; its `rackrisk` is the real one, or one that only pretends."""
    (folder / "bin").mkdir()
    (folder / "failing").mkdir()
    for program in ("sbatch", "scontrol", "aws", "kubectl"):
        put(folder / "bin" / program, f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" {program} "{folder}" "$@"\n')
    real = f'#!/bin/sh\nPYTHONPATH="{ROOT / "src"}" exec "{sys.executable}" -m rackrisk "$@"\n'
    put(folder / "bin" / "rackrisk", PRETENDER if pretend else real)
    definition = (DEPLOY / "aws-batch" / "job-definition.json").read_text()
    (folder / "job-definition.json").write_text(definition)
    return Site(folder)


def put(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
