"""The run folder: written beside its place, renamed into it, `DONE` last, so that no reader ever sees half a result."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .output import typed
from .passing import passes

if TYPE_CHECKING:
    import polars as pl

RUNS = "runs"
DONE, MANIFEST, REPORT = "DONE", "manifest.json", "report.html"
CONFIG, BOOK, LOSSES, TABLES = "config.resolved.yaml", "book.parquet", "losses.parquet", "tables"

UNFINISHED = ".unfinished"  # what the name of a run's folder has more until it is finished
ORDER, SWEEP_ORDER = "order.json", "sweep.json"  # in it: what the run, or the sweep, is to compute

LOCK = "lock"  # held by whoever works in a folder

_OWN = {MANIFEST, DONE, LOCK}
_RUNS_NAMED = 3  # of those inside a folder that is no run itself
_ATTEMPTS = 1_000  # names tried beside one that is taken


class RunFolderError(Exception):
    """A folder that cannot hold a run, or does not hold a finished one; the message is for the user."""


@dataclass(frozen=True)
class Draft:
    """A folder being filled; `publish` gives it its name."""

    path: Path
    target: Path

    def write_text(self, name: str, text: str) -> None:
        """Writes a UTF-8 file through to the disk."""
        _write_bytes(self.path / name, text.encode())

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Writes a JSON file through to the disk; NaN and infinities are refused."""
        self.write_text(name, json_text(data))

    def write_frame(self, name: str, frame: pl.DataFrame) -> None:
        """Writes a Parquet file through to the disk."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        with _errors_of_the_system(path):
            frame.write_parquet(path, compression="zstd", statistics=True)
        sync(path)

    def publish(self) -> Path:
        """Writes `DONE`, renames the folder to its target and returns its path.

        A target that somebody else filled in the meantime is never touched: the folder then gets a name beside it.
        """
        if (self.path / TABLES).is_dir():
            sync(self.path / TABLES)
        sync(self.path)
        self.write_text(DONE, done_text(self.path))
        sync(self.path)
        for place in names_from(self.target):
            with suppress(FileExistsError):
                rename_into(self.path, place)
                sync(place.parent)
                return place
        raise all_taken(self.target)


@contextmanager
def _errors_of_the_system(path: Path) -> Iterator[None]:
    """Polars wraps a full disk and its like into errors of its own; here they are OSError again."""
    from polars.exceptions import PolarsError

    try:
        yield
    except PolarsError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


def target_folder(*, out: str | None, label: str, config_hash: str, now: datetime) -> Path:
    """Where a run goes: `out`, or `runs/<utc>-<label>-<8 hex digits of the hash>` in the working directory.

    Raises:
        RunFolderError: `runs` is a symbolic link, or a label is no part of a name.
    """
    if out is not None:
        return real_place(named_folder(out))
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", label):
        raise RunFolderError(f"{label}: a run folder cannot be called so; name=LABEL gives it another name")
    runs = Path(RUNS).absolute()
    if runs.is_symlink():
        raise RunFolderError(f"{runs}: is a symbolic link; name the folder itself with out=DIR")
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return runs / f"{stamp}-{label}-{config_hash[:8]}"


def real_place(path: Path) -> Path:
    """Where a folder of this name is or would be: links and `..` above it are followed, and it itself is not."""
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def all_taken(target: Path) -> RunFolderError:
    """What to say when there is no place left for a run."""
    return RunFolderError(f"{target} and {_ATTEMPTS} names beside it are taken")


@contextmanager
def draft(target: Path) -> Iterator[Draft]:
    """A new folder beside `target`, gone again without a trace if the body fails or is interrupted.

    Raises:
        RunFolderError: the folder above `target` cannot be made or written to.
    """
    with parents_of(target), draft_in(target.parent, target) as folder:
        yield folder


@contextmanager
def draft_in(place: Path, target: Path) -> Iterator[Draft]:
    """The same in a folder of the same disk."""
    path = place / f".{target.name[:100]}.partial-{secrets.token_hex(4)}"
    try:
        make_folder(path)
        yield Draft(path, target)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def parents_of(target: Path) -> Iterator[None]:
    """The folders above `target`; those that were made for it are gone again if it is not there in the end.

    Raises:
        RunFolderError: they cannot be made.
    """
    missing = [p for p in (target.parent, *target.parent.parents) if not p.exists()]
    make_folder(target.parent, parents=True)
    try:
        for parent in missing:
            sync(parent.parent)
        yield
    finally:
        for parent in missing:
            with suppress(OSError):  # holds a result by now
                parent.rmdir()


def finished_run(text: str) -> Path:
    """The folder of a finished run.

    Raises:
        RunFolderError: there is no such folder, or it lacks `DONE`.
    """
    path = named_folder(text)
    if path.name.endswith(UNFINISHED) or (not path.exists() and path.with_name(f"{path.name}{UNFINISHED}").is_dir()):
        again = typed("resume", text.removesuffix(UNFINISHED))
        raise RunFolderError(f"{text}: is not finished; go on with: {again}")
    if not path.is_dir():
        raise RunFolderError(f"{text}: no such run folder")
    if not (path / DONE).is_file():
        raise RunFolderError(f"{text}: not a finished run (no {DONE} in it){runs_inside(path, text)}")
    return path.absolute()


def is_finished(folder: Path) -> bool:
    """True for the folder of a run that was published."""
    return (folder / DONE).is_file()


def runs_inside(path: Path, text: str, *, ending: str = "", mark: str = DONE) -> str:
    """The newest runs in a folder that is none itself, for whoever named the folder above.

    Args:
        text: how the folder was named.
        ending: of the folders that are meant.
        mark: a file that they hold.
    """
    with suppress(OSError):
        there = (place.name for place in path.iterdir() if place.name.endswith(ending) and (place / mark).is_file())
        if names := sorted((name.removesuffix(ending) for name in there), reverse=True):
            more = f" and {len(names) - _RUNS_NAMED} more" if len(names) > _RUNS_NAMED else ""
            return f"; in it are {', '.join(str(Path(text) / name) for name in names[:_RUNS_NAMED])}{more}"
    return ""


def named_folder(text: str) -> Path:
    """The folder that somebody typed.

    Raises:
        RunFolderError: nothing can have such a name.
    """
    from .data import expanded

    try:
        return expanded(text)
    except ValueError as error:
        raise RunFolderError(f"{text}: {error}") from None


def replace_report(folder: Path, page: str) -> None:
    """Puts a new report into a finished run and brings manifest and `DONE` up to date.

    Raises:
        ValueError: the manifest is not JSON.
    """
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    _replace_text(folder / REPORT, page)
    _replace_text(folder / MANIFEST, json_text(manifest | {"outputs": list_files(folder)}))
    _replace_text(folder / DONE, done_text(folder))


def _replace_text(path: Path, text: str) -> None:
    """Replaces a file at once: readers see the old bytes or the new ones."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_bytes(aside, text.encode())
        aside.replace(path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def list_files(folder: Path) -> list[dict[str, Any]]:
    """Path, size in bytes and SHA-256 of every file of a run but the manifest and `DONE`, sorted by path.

    Hidden files, which a kill left while a report was replaced, and the lock of a sweep are no part of it.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name not in _OWN)
    return [
        {"path": p.relative_to(folder).as_posix(), "bytes": p.stat().st_size, "sha256": sha256_of(p)} for p in files
    ]


def done_text(folder: Path) -> str:
    """Content of `DONE`: the manifest's hash, in the form that `sha256sum --check` reads."""
    return f"{sha256_of(folder / MANIFEST)}  {MANIFEST}\n"


def json_text(data: Mapping[str, Any]) -> str:
    """JSON for people; NaN and infinities are refused."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def make_folder(path: Path, *, parents: bool = False) -> None:
    """Makes a folder; with `parents` those above it too, and it may be there.

    Raises:
        RunFolderError: it cannot be made.
        OSError: now; later it may be.
    """
    try:
        path.mkdir(parents=parents, exist_ok=parents)
    except OSError as error:
        if passes(error):
            raise
        raise RunFolderError(f"{path}: cannot be made ({error.strerror})") from error


def names_from(target: Path) -> Iterator[Path]:
    """A place for a run and, if it is taken, others beside it."""
    yield target
    for i in range(2, _ATTEMPTS + 2):
        yield target.with_name(f"{target.name}-{i}")


def rename_into(path: Path, place: Path) -> None:
    """Renames a folder; a place that is taken raises FileExistsError (an empty folder there is replaced)."""
    if place.is_symlink():
        raise FileExistsError(place)
    try:
        path.rename(place)
    except OSError as error:
        if place.exists():
            raise FileExistsError(place) from error
        raise


def _write_bytes(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync(path: Path) -> None:
    """Flushes a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
