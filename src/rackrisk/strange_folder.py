"""What may be wrong with a run folder that somebody else made: a folder is data, and its manifest may say anything.

Hashes show that files were not changed by accident. They do not show who wrote them: whoever can write a folder can
write its hashes too. So nothing that a manifest says is followed out of the folder or taken for what it should be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from .strange_file import small_bytes

if TYPE_CHECKING:
    import polars as pl

MAX_FILES = 100_000
_MOST_USD = 1e15  # no book has more, so no loss has; NaN and infinities are not within it either

#: A type, or {"key": shape} for a mapping with these keys, or [shape] for a list, or (shape,) for a mapping of names.
Shape = Any

_NUMBER = (int, float)
#: What every run folder's manifest says, in the places that are read without asking again.
RUN: Shape = {
    "schema": str,
    "product": {"version": str},
    "config": {"model": {"name": str}, "portfolio": {"name": str}},
    "config_hash": str,
    "seed": int,
    "rng": str,
    "n_scenarios": int,
    "engine": {"name": str, "device": str, "precision": str},
    "choices": (str,),
    "exposure_usd": (_NUMBER,),
    "packages": (str,),
    "machine": {"cpu": str, "platform": str, "python": str},
    "inputs": [{"role": str, "path": str, "sha256": str}],
    "outputs": [{"path": str, "sha256": str}],
}
#: What the list of outputs must be wherever files are held against it.
OUTPUTS: Shape = {"outputs": RUN["outputs"]}


def read_manifest(path: Path) -> dict[str, Any]:
    """The JSON object in a manifest.

    Raises:
        ValueError: it is none, or of no manifest's size.
        OSError: it cannot be read.
    """
    try:
        found = json.loads(small_bytes(path).decode("utf-8"), parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()  # half a letter (a lone surrogate) cannot be written again
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"holds {word}, which is no number in JSON")


def folder_problems(folder: Path) -> list[tuple[str, str]]:
    """Entries of a folder that no run writes, as (path in it, rule): links, pipes, devices; and far too many files."""
    found: list[tuple[str, str]] = []
    for count, path in enumerate(_entries(folder)):
        if count >= MAX_FILES:
            return [*found, ("", f"holds more than {MAX_FILES:,} files")]
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found.append((name, "is a link: a run folder holds its files itself"))
        elif not path.is_file() and not path.is_dir():
            found.append((name, "is a pipe or a device"))
    return found


def read_table(path: Path, columns: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """A Parquet file of a run folder; with `columns`, these alone, in these types (None: in any).

    Raises:
        ValueError: it is none, would take more memory than there is, or lacks a column.
        OSError: it cannot be read.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    from .data import read_parquet

    frame = read_parquet(path)
    if columns is None:
        return frame
    if missing := [name for name in columns if name not in frame.columns]:
        raise ValueError(f"lacks the column {', '.join(missing)}")
    try:
        return frame.select(pl.col(name) if kind is None else pl.col(name).cast(kind) for name, kind in columns.items())
    except PolarsError as error:
        raise ValueError(f"a column has the wrong type ({error})") from None


def read_losses(path: Path) -> pl.DataFrame:
    """The losses of a run: whole numbers of scenarios from 0 on, finite losses and weights.

    Raises:
        ValueError, OSError: as `read_table`, or other columns or numbers than a run writes.
    """
    import polars as pl

    frame = read_table(path)
    numbers = [name for name in frame.columns if name in {"loss", "weight"} or name.startswith("loss:")]
    if not {"scenario", "loss", "weight"} <= set(frame.columns):
        raise ValueError("lacks the column scenario, loss or weight")
    if not frame["scenario"].dtype.is_integer() or any(frame[name].dtype != pl.Float64 for name in numbers):
        raise ValueError("a column has the wrong type")
    if not all((frame[name].abs() <= _MOST_USD).fill_null(False).all() for name in numbers):
        raise ValueError("holds losses that are no numbers")
    if frame["scenario"].sort().to_list() != list(range(frame.height)):
        raise ValueError("does not hold every scenario once")
    return frame


@contextmanager
def understood(folder: str) -> Iterator[None]:
    """Turns what goes wrong with figures that a folder should hold and does not into one problem with that folder.

    Raises:
        RunFolderError: with what was missed.
    """
    from polars.exceptions import PolarsError

    from .run_folder import RunFolderError

    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, PolarsError, TypeError, ValueError) as error:
        rule = f"a manifest or table does not hold what that of a run holds ({type(error).__name__}: {error})"
        raise RunFolderError(f"{folder}: {rule}") from error


def _entries(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, followlinks=False):
        yield from (Path(place, name) for name in sorted([*folders, *files]))


def manifest_problems(manifest: Mapping[str, Any], shape: Shape = RUN) -> list[tuple[str, str]]:
    """What a manifest says that no manifest says, as (dotted key, rule); outputs must lie in the folder."""
    found = list(_misfits(manifest, shape, ""))
    if any(key.startswith("outputs") for key, _ in found):
        return found
    outside = [item["path"] for item in manifest["outputs"] if not stays_inside(item["path"])]
    return found + [("outputs", f"{path} lies outside the run folder") for path in outside]


def stays_inside(name: str) -> bool:
    """True for a relative path in plain words: no `..`, no drive, no other way out."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def _misfits(value: Any, shape: Shape, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(shape, dict):
        yield from _section_misfits(value, shape, key)
    elif isinstance(shape, list):
        yield from _entry_misfits(value, shape[0], key)
    elif isinstance(shape, tuple) and len(shape) == 1:
        entries = value.items() if isinstance(value, dict) else [("", None)]
        for name, entry in entries:
            yield from _misfits(entry, shape[0], f"{key}.{name}")
    elif not isinstance(value, shape) or isinstance(value, bool):
        yield key, "is missing" if value is None else f"is a {type(value).__name__}, as in no run"


def _section_misfits(value: Any, shape: Mapping[str, Shape], key: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield key, "is no section with keys"
        return
    for name, below in shape.items():
        yield from _misfits(value.get(name), below, f"{key}.{name}".lstrip("."))


def _entry_misfits(value: Any, shape: Shape, key: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield key, "is no list"
        return
    for place, entry in enumerate(value):
        yield from _misfits(entry, shape, f"{key}.{place}")
