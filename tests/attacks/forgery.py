"""What somebody can do who can write a folder: change anything and make every hash fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rackrisk.run_folder import DONE, MANIFEST, done_text, sha256_of


def manifest_of(run: Path) -> dict[str, Any]:
    """The manifest of a run folder."""
    return json.loads((run / MANIFEST).read_text(encoding="utf-8"))


def forge(run: Path, change: Callable[[dict[str, Any]], Any] = lambda _: None) -> Path:
    """Brings the hashes of outputs, manifest and `DONE` up to date after `change` to the manifest."""
    manifest = manifest_of(run)
    for item in manifest["outputs"]:
        if (run / item["path"]).is_file():
            item["sha256"] = sha256_of(run / item["path"])
    changed = change(manifest)
    write_manifest(run, manifest if changed is None else changed)
    return run


def write_manifest(run: Path, manifest: Any) -> None:
    """A manifest of any content, sealed."""
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    (run / MANIFEST).write_text(text, encoding="utf-8")
    (run / DONE).write_text(done_text(run), encoding="utf-8")


def put(manifest: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key; parts that are numbers are places in lists."""
    *parents, leaf = key.split(".")
    inside: Any = manifest
    for part in parents:
        inside = inside[int(part)] if isinstance(inside, list) else inside[part]
    inside[int(leaf) if isinstance(inside, list) else leaf] = value


def leaves(data: Any, key: str = "") -> list[str]:
    """Dotted keys of every value in nested mappings, sections included."""
    if not isinstance(data, Mapping):
        return [key]
    below = [name for part, value in data.items() for name in leaves(value, f"{key}.{part}".lstrip("."))]
    return [*([key] if key else []), *below]
