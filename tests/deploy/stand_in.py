"""Stand-ins for `sbatch`, `scontrol`, `aws` and `kubectl`, which run what is submitted at once, by their rules.

    python stand_in.py PROGRAM FOLDER ARGUMENTS

FOLDER keeps what was submitted: `jobs.json` has the exit codes of every attempt, by job and index.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

OK = 0
VOLUME = "/runs"  # where containers see the shared volume


def main(program: str, folder: str, arguments: list[str]) -> None:
    commands = {"sbatch": sbatch, "scontrol": scontrol, "aws": aws, "kubectl": kubectl}
    commands[program](Path(folder), arguments)


# ---- what every scheduler does ----


def note(folder: Path, name: str, attempts: dict[str, list[int]], **facts: Any) -> str:
    """Writes a job down and returns its number."""
    file = folder / "jobs.json"
    jobs = jobs_in(folder)
    jobs.append({"id": str(len(jobs) + 1), "name": name, "attempts": attempts, **facts})
    file.write_text(json.dumps(jobs))
    return jobs[-1]["id"]


def jobs_in(folder: Path) -> list[dict[str, Any]]:
    file = folder / "jobs.json"
    return json.loads(file.read_text()) if file.exists() else []


def succeeded(folder: Path, number: str) -> bool:
    attempts = next(job["attempts"] for job in jobs_in(folder) if job["id"] == number)
    return bool(attempts) and all(codes[-1] == OK for codes in attempts.values())


def in_container(folder: Path, command: list[str], environment: dict[str, str]) -> int:
    """Runs a container's command: no variable of the outside reaches it, and the volume is a folder."""
    inside = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "FAILING") if name in os.environ}
    mounted = [word.replace(VOLUME, str(folder / "volume")) for word in command]
    (folder / "volume").mkdir(exist_ok=True)
    (folder / "elsewhere").mkdir(exist_ok=True)
    where = folder / "elsewhere"
    return subprocess.run(mounted, env={**inside, **environment}, cwd=where, stdout=sys.stderr, check=False).returncode


# ---- SLURM ----


def sbatch(folder: Path, arguments: list[str]) -> None:
    place = next(place for place, word in enumerate(arguments) if not word.startswith("--"))
    script = Path(arguments[place])
    lines = re.findall(r"^#SBATCH (--\S+)", script.read_text(), flags=re.MULTILINE)
    words = [word.removeprefix("--").partition("=") for word in [*lines, *arguments[:place]]]
    options = {name: value for name, _, value in words}
    number = str(len(jobs_in(folder)) + 1)
    spooled = folder / f"spool-{number}"  # the script runs from a copy elsewhere
    shutil.copy(script, spooled)
    kind, _, before = options.get("dependency", "").partition(":")
    attempts: dict[str, list[int]] = {}
    if kind != "afterok" or succeeded(folder, before):
        command = ["bash", str(spooled), *arguments[place + 1 :]]
        first, last = map(int, options.get("array", "0-0").split("-"))
        for index in range(last, first - 1, -1):  # any order will do
            attempts[str(index)] = slurm_task(folder, command, number, index, array="array" in options)
    note(folder, options["job-name"], attempts, options=options)
    print(f"{number};cluster" if "parsable" in options else f"Submitted batch job {number}")


def slurm_task(folder: Path, command: list[str], number: str, index: int, *, array: bool) -> list[int]:
    codes: list[int] = []
    asked = folder / (f"requeue-{number}_{index}" if array else f"requeue-{number}")
    while not codes or asked.exists():
        asked.unlink(missing_ok=True)
        place = {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": str(index)} if array else {}
        task = {"SLURM_JOB_ID": number, "SLURM_RESTART_COUNT": str(len(codes))}
        environment = {**os.environ, **place, **task}
        codes.append(subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode)
    return codes


def scontrol(folder: Path, arguments: list[str]) -> None:
    assert arguments[0] == "requeue"
    (folder / f"requeue-{arguments[1]}").touch()


# ---- AWS Batch ----


def aws(folder: Path, arguments: list[str]) -> None:
    assert arguments[:2] == ["batch", "submit-job"]
    options = dict(zip((word.removeprefix("--") for word in arguments[2::2]), arguments[3::2], strict=True))
    definition = json.loads((folder / "job-definition.json").read_text())
    parameters = definition["parameters"] | dict([options.get("parameters", "_=").split("=", 1)])
    overrides = json.loads(options.get("container-overrides", "{}"))
    command = overrides.get("command") or [
        parameters[word.removeprefix("Ref::")] if word.startswith("Ref::") else word
        for word in definition["containerProperties"]["command"]
    ]
    before = options.get("depends-on", "").removeprefix("jobId=")
    size = int(options["array-properties"].removeprefix("size=")) if "array-properties" in options else None
    attempts: dict[str, list[int]] = {}
    if not before or succeeded(folder, before):
        for index in range(size or 1):
            place = {"AWS_BATCH_JOB_ARRAY_INDEX": str(index), "AWS_BATCH_JOB_ARRAY_SIZE": str(size)} if size else {}
            attempts[str(index)] = batch_child(folder, command, place, definition["retryStrategy"])
    print(note(folder, options["job-name"], attempts, options=options))


def batch_child(folder: Path, command: list[str], place: dict[str, str], strategy: dict[str, Any]) -> list[int]:
    codes: list[int] = []
    while len(codes) < strategy["attempts"]:
        codes.append(in_container(folder, command, {**place, "AWS_BATCH_JOB_ATTEMPT": str(len(codes) + 1)}))
        if codes[-1] == OK or batch_action(codes[-1], strategy["evaluateOnExit"]) == "EXIT":
            break
    return codes


def batch_action(code: int, rules: list[dict[str, str]]) -> str:
    """The first rule that fits; a job that no rule fits is tried again."""
    seen = {"onExitCode": str(code), "onReason": "", "onStatusReason": "Essential container in task exited"}
    for rule in rules:
        patterns = {key: value for key, value in rule.items() if key != "action"}
        if all(re.fullmatch(re.escape(p).replace(r"\*", ".*"), seen[key]) for key, p in patterns.items()):
            return rule["action"]
    return "RETRY"


# ---- Kubernetes ----


def kubectl(folder: Path, arguments: list[str]) -> None:
    if arguments[0] == "delete":
        return
    if arguments[0] == "get":
        name = arguments[1].removeprefix("job/")
        print(next(job["state"] for job in reversed(jobs_in(folder)) if job["name"] == name))
        return
    assert arguments[:2] == ["apply", "-f"]
    job = yaml.safe_load(Path(arguments[2]).read_text())
    spec = job["spec"]
    indices = range(spec["completions"]) if spec.get("completionMode") == "Indexed" else [None]
    attempts = {str(index or 0): pods(folder, spec, index) for index in indices}
    good = all(codes[-1] == OK for codes in attempts.values())
    state = "SuccessCriteriaMet Complete" if good else "FailureTarget Failed"
    note(folder, job["metadata"]["name"], attempts, state=state)


def pods(folder: Path, spec: dict[str, Any], index: int | None) -> list[int]:
    (container,) = spec["template"]["spec"]["containers"]
    environment = {} if index is None else {"JOB_COMPLETION_INDEX": str(index)}
    words = [*container["command"], *container["args"]]
    command = [re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], word) for word in words]
    limit = spec["backoffLimit"] if index is None else spec["backoffLimitPerIndex"]
    codes: list[int] = []
    while len(codes) <= limit:
        codes.append(in_container(folder, command, environment))
        if codes[-1] == OK or pod_action(codes[-1], spec["podFailurePolicy"]["rules"]) in {"FailIndex", "FailJob"}:
            break
    return codes


def pod_action(code: int, rules: list[dict[str, Any]]) -> str:
    """The first rule that fits a container that ended by itself."""
    for rule in rules:
        if code in rule.get("onExitCodes", {}).get("values", []):
            assert rule["onExitCodes"]["operator"] == "In"
            return rule["action"]
    return "Count"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
