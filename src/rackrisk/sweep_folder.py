"""Where a sweep works: `<folder>.unfinished` with the order and the points that are done, renamed when all are.

A sweep that was killed goes on from there: points whose `DONE` and configuration hash are right are taken as they are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .ledger import run_of, take_lock
from .output import typed
from .run_folder import (
    CONFIG,
    DONE,
    LOCK,
    MANIFEST,
    ORDER,
    REPORT,
    SWEEP_ORDER,
    TABLES,
    UNFINISHED,
    Draft,
    RunFolderError,
    list_files,
    make_folder,
    sync,
)
from .strange_file import is_sealed
from .strange_folder import folder_problems, read_manifest
from .sweep_points import FOLDER, Order, Point

POINTS, PICTURE = "points", "sweep.svg"
_OF_A_BEGINNING = {LOCK, POINTS, f".{SWEEP_ORDER}"}  # what a sweep has before its order
EXECUTOR = "executor"  # what a sweep's order leaves out: where it is computed is no part of it
ORDER_SCHEMA = "rackrisk/sweep-order/1"


@dataclass(frozen=True)
class Workplace:
    """A sweep's folder while it is being filled."""

    path: Path
    target: Path

    def point(self, point: Point) -> Path:
        """Where a point's run goes."""
        return self.path / POINTS / point.folder

    def is_there(self, point: Point) -> bool:
        """True for a point that was finished, whatever it is by now."""
        return (self.point(point) / DONE).is_file()

    def is_begun(self, point: Point) -> bool:
        """True for a point that is finished, or of which shards may be there."""
        return self.point(point).exists() or unfinished(self.point(point)).is_dir()

    def is_done(self, point: Point) -> bool:
        """True for a finished point of this very configuration.

        Raises:
            RunFolderError: its folder holds something else.
        """
        folder = self.point(point)
        if not folder.exists() and not folder.is_symlink():
            return False
        if folder.is_symlink() or folder_problems(folder):
            raise RunFolderError(f"{folder}: holds links, pipes or devices, or is one; move it away")
        manifest, again = manifest_of(folder), "move it away, and the sweep makes it again"
        if manifest is None or manifest.get("config_hash") != point.config_hash:
            raise RunFolderError(f"{folder}: is not the run of this point; {again}")
        if list_files(folder) != manifest.get("outputs"):
            raise RunFolderError(f"{folder}: was changed after the run, or is torn; {again}")
        return True

    def draft(self) -> Draft:
        """For the files beside the points; what interrupted attempts left is taken away."""
        for name in (TABLES, CONFIG, MANIFEST, REPORT, PICTURE, DONE):
            _remove(self.path / name)
        for leftover in (self.path / POINTS).iterdir():
            if not (leftover / DONE).is_file():
                _remove(leftover)
        return Draft(self.path, self.target)

    def publish(self) -> Path:
        """Writes `DONE` and gives the folder its name, while it is still locked."""
        folder = Draft(self.path, self.target).publish()
        (folder / LOCK).unlink(missing_ok=True)
        return folder


@contextmanager
def workplace(target: Path, order: Order) -> Iterator[Workplace]:
    """The folder to work in, new or of an earlier attempt; gone again if nothing worth keeping was made in it.

    Raises:
        RunFolderError: there is the work of another sweep, or the folder cannot be made.
        rackrisk.ledger.Busy: another process works in it.
    """
    path = unfinished(target)
    made = [parent for parent in path.parents if not parent.exists()]
    try:
        _make(path)
        with take_lock(path, make=True):
            try:
                if target.is_dir() and any(target.iterdir()):
                    raise RunFolderError(f"{target}: is taken by now; choose another out")
                _settle(path, order)
                yield Workplace(path, target)
            finally:
                if path.is_dir() and not any((path / POINTS).iterdir()):
                    shutil.rmtree(path, ignore_errors=True)
    finally:
        for parent in made:
            with suppress(OSError):  # holds something by now
                parent.rmdir()


def unfinished(target: Path) -> Path:
    """Where a sweep works before it is finished."""
    return target.with_name(target.name + UNFINISHED)


def target_of(text: str | Path) -> Path:
    """The folder that a sweep will have, by its own path or that of the unfinished one."""
    return run_of(str(text))


def is_sweep(path: str | Path) -> bool:
    """True for the folder of a sweep, finished or not, with or without `.unfinished`."""
    target = target_of(path)
    return any((folder / SWEEP_ORDER).is_file() for folder in (target, unfinished(target)))


def is_finished(path: str | Path) -> bool:
    """True for a sweep that was published."""
    return (target_of(path) / DONE).is_file()


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished run; None for anything else."""
    try:
        return read_manifest(folder / MANIFEST) if is_sealed(folder) else None
    except (OSError, ValueError):
        return None


def read_order_file(path: Path) -> Order:
    """The order that a sweep was begun with.

    Raises:
        RunFolderError: it cannot be read, or was written by another version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        data = read_manifest(path / SWEEP_ORDER)
        if data.pop("schema", None) != ORDER_SCHEMA:
            raise RunFolderError(f"{path / SWEEP_ORDER}: was written by another version of rackrisk")
        order = TypeAdapter(Order).validate_json(json.dumps(data), strict=True)
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise RunFolderError(f"{path / SWEEP_ORDER}: cannot be read ({type(error).__name__})") from error
    if rule := _not_an_order(order):
        raise RunFolderError(f"{path / SWEEP_ORDER}: {rule}")
    return order


def _not_an_order(order: Order) -> str:
    """What no sweep writes, or nothing."""
    from .config import MAX_POINTS, key_of

    points, folders = order.points, {point.folder for point in order.points}
    if not 0 < len(points) <= MAX_POINTS or len(folders) < len(points):
        return f"must have from 1 to {MAX_POINTS:,} points, each with a folder of its own"
    if not all(FOLDER.fullmatch(name) for name in folders):
        return "names folders that no sweep makes"
    if [point.number for point in points] != list(range(1, len(points) + 1)):
        return "numbers points as no sweep does"
    if not order.keys or any(set(point.values) != set(order.keys) for point in points):
        return "has points without a value of every swept key"
    arguments = [*order.fixed, *(word for point in points for word in point.arguments)]
    if any(key.partition(".")[0] == EXECUTOR for key in (*map(key_of, arguments), *order.keywords)):
        return "says where to compute, which is for whoever resumes it to say"
    return ""


def order_data(order: Order) -> Mapping[str, Any]:
    """The order as plain JSON values."""
    return {"schema": ORDER_SCHEMA, **asdict(order)}


def _settle(path: Path, order: Order) -> None:
    """Writes the order into a new folder; in an old one it must be there already."""
    if (path / SWEEP_ORDER).exists():
        if read_order_file(path) != order:
            raise RunFolderError(
                f"{path}: holds the work of another sweep; finish it, move it away, or take another out="
            )
        return
    if any((path / POINTS).iterdir()):
        raise RunFolderError(f"{path}: holds points and no {SWEEP_ORDER}; move it away, or take another out=")
    aside = Draft(path, path)
    _remove(path / f".{SWEEP_ORDER}")
    aside.write_json(f".{SWEEP_ORDER}", order_data(order))
    (path / f".{SWEEP_ORDER}").rename(path / SWEEP_ORDER)
    sync(path)


def _make(path: Path) -> None:
    """The folder and its points, where they are not there yet; links are never followed."""
    for name in (path, path / POINTS, path / SWEEP_ORDER):
        if name.is_symlink():
            raise RunFolderError(f"{name}: is a symbolic link")
    if (
        path.is_dir()
        and not (path / SWEEP_ORDER).exists()
        and any(place.name not in _OF_A_BEGINNING for place in path.iterdir())
    ):
        if (path / ORDER).is_file():
            again = typed("resume", path.with_name(path.name.removesuffix(UNFINISHED)))
            raise RunFolderError(f"{path}: holds an unfinished run; finish it with {again}, or take another out=")
        raise RunFolderError(f"{path}: holds no sweep but something else; move it away, or take another out=")
    make_folder(path / POINTS, parents=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
