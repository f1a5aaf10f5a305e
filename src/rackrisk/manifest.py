"""What a run was: configuration, inputs, versions, machine, timings, outputs; written as manifest.json."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import __version__
from .configured import NO_FIGURE
from .run_folder import LOSSES, TABLES

if TYPE_CHECKING:
    from .config import Settings

SCHEMA = "rackrisk/run/1"
RNG_SCHEME = "philox4x32-10/v1"

_COMPUTING = ("numpy", "scipy", "jax", "jaxlib", "cupy-cuda13x")  # can move the last bits of a number
_PACKAGES = (*_COMPUTING, "polars", "pydantic", "hydra-core", "omegaconf", "dataframely")
# Settings outside the configuration that can change speed or last bits; values of other variables are never read.
_VARIABLES = ("XLA_FLAGS", "JAX_PLATFORMS", "JAX_ENABLE_X64", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")


_PLAIN_VALUE = re.compile(r"|=(true|false|-?[0-9.]{1,20})", re.IGNORECASE)
_KIND = "(cpu|gpu|cuda|rocm|tpu)"
_DEVICES = re.compile(rf"true|false|-?[0-9]{{1,4}}(,[0-9]{{1,4}})*|{_KIND}(,{_KIND})*", re.IGNORECASE)


class Computed(Protocol):
    """What the manifest says of any result."""

    @property
    def engine(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def n_scenarios(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def scopes(self) -> list[str]: ...
    @property
    def exposure_usd(self) -> dict[str, float]: ...
    @property
    def timings(self) -> dict[str, float]: ...


def config_hash(settings: Settings, inputs: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of everything in the configuration that numbers depend on, as 64 hex digits.

    Label, folder, executor, the defaults of `rackrisk attribute` and a target that is not set are left out, and a tape
    counts by its content, not its name.
    """
    unset = {"until", "max_scenarios"} if settings.until is None else set[str]()
    data = settings.model_dump(mode="json", exclude={*NO_FIGURE, *unset})
    data["portfolio"]["tape"] = [item["sha256"] for item in inputs if item["role"] == "tape"]
    return hashlib.sha256(json_bytes(data)).hexdigest()


def json_bytes(data: Any) -> bytes:
    """The one way to write plain values as JSON, for hashes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def version_differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Packages that compute and are not of the version they were, in words; `then` may name others too."""
    names = [name for name in ("rackrisk", *_COMPUTING) if then.get(name) != now.get(name)]
    return [f"{name} was {then.get(name, 'not there')} and is {now.get(name, 'not there')} now" for name in names]


def results_hash(outputs: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of what was computed, losses and tables, as 64 hex digits: two runs with one hash have the same results.

    Args:
        outputs: files of a run folder with their hashes.
    """
    files = computed_files(outputs)
    return hashlib.sha256(json_bytes([[name, files[name]] for name in sorted(files)])).hexdigest()


def computed_files(outputs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """SHA-256 of losses and tables by path, of the outputs that a manifest lists."""
    return {
        item["path"]: item["sha256"]
        for item in outputs
        if item["path"] == LOSSES or item["path"].startswith(f"{TABLES}/")
    }


def numeric_versions() -> dict[str, str]:
    """Versions of rackrisk and of the packages that can move the last bits of a number."""
    return {name: version for name, version in _versions().items() if name in ("rackrisk", *_COMPUTING)}


def build_manifest(
    settings: Settings,
    result: Computed,
    *,
    facts: Mapping[str, Any],
    choices: Mapping[str, str],
    inputs: Sequence[Mapping[str, Any]],
    started: datetime,
    timings: Mapping[str, float],
) -> dict[str, Any]:
    """The manifest without its list of outputs, as plain JSON values.

    Args:
        settings: the checked configuration.
        result: what the engine returned.
        facts: what the model says about its run: horizon, size of the book, speed, warnings.
        choices: the chosen option by configuration group.
        inputs: files that were read: role, path, bytes, sha256, rows.
        started: when the run began.
        timings: seconds by phase.
    """
    return {
        "schema": SCHEMA,
        "product": {"name": "rackrisk", "version": __version__},
        "started_utc": _utc(started),
        "finished_utc": _utc(max(started, datetime.now(UTC))),  # clocks are set back now and then
        "config_hash": config_hash(settings, inputs),
        "choices": dict(choices),
        "config": settings.model_dump(mode="json"),
        "seed": result.seed,
        "rng": RNG_SCHEME,
        "engine": {"name": result.engine, "device": result.device, "precision": result.precision},
        "n_scenarios": result.n_scenarios,
        "scopes": list(result.scopes),
        "exposure_usd": dict(result.exposure_usd),
        "inputs": [dict(item) for item in inputs],
        "packages": _versions(),
        "machine": _machine(),
        "environment": environment(os.environ),
        "timings_s": {**{k: round(v, 3) for k, v in timings.items()}, "engine": _rounded(result.timings)},
        **facts,
    }


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables outside the configuration that can change speed or last bits, and nothing else of the environment.

    A word of their values that is not a switch, a number or the name of a device is left out as `…`: a path or anything
    else that somebody put there does not belong into a folder that is passed on.
    """
    return {
        name: " ".join(_plain_word(word) for word in variables[name].split())
        for name in _VARIABLES
        if name in variables
    }


def _plain_word(word: str) -> str:
    switch = re.fullmatch(r"(--xla_[a-z0-9_]{1,100})(=.*)?", word)
    if switch is not None:
        value = switch[2] or ""
        return word if _PLAIN_VALUE.fullmatch(value) else f"{switch[1]}=…"
    return word if _DEVICES.fullmatch(word) else "…"


def _rounded(timings: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in timings.items()}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _versions() -> dict[str, str]:
    found = {"rackrisk": __version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an optional one
    return found


def _machine() -> dict[str, Any]:
    return {
        "platform": _platform(),
        "python": platform.python_version(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _platform() -> str:
    """System, release, machine and C library; `platform.platform` would start the first `uname` that PATH leads to."""
    system = os.uname()
    return "-".join((system.sysname, system.release, system.machine, "with", "".join(platform.libc_ver())))


@cache
def cpu_name() -> str:
    """The processor of this machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
