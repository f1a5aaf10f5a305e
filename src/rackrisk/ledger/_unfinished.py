"""The folder of an unfinished run: its order, its book and the shards that are there.

`NAME.unfinished/` stands beside the place of the run folder NAME. Whoever drives the run holds its lock; whoever
computes a shard needs none, because a shard of the same order has the same bytes whoever computes it.
"""

from __future__ import annotations

import glob
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from rackrisk.configured import changes, configured, named
from rackrisk.output import typed
from rackrisk.passing import passes
from rackrisk.run_folder import (
    BOOK,
    DONE,
    ORDER,
    SWEEP_ORDER,
    UNFINISHED,
    Draft,
    RunFolderError,
    all_taken,
    draft_in,
    make_folder,
    named_folder,
    names_from,
    parents_of,
    real_place,
    rename_into,
    runs_inside,
    sha256_of,
    sync,
)
from rackrisk.strange_file import small_bytes

from ._lock import Busy, make_lock, take_lock
from ._order import Order, read_order
from ._shard_file import DamagedShard, Shard, read_shard, write_shard

if TYPE_CHECKING:
    import polars as pl

SHARDS = "shards"
MAX_ORDER_BYTES = 10_000_000
DAMAGED, CONFLICT = ".damaged", ".conflict"


class ShardConflict(RunFolderError):
    """The same shard was computed twice with different results."""


@dataclass(frozen=True)
class Unfinished:
    """An unfinished run."""

    path: Path
    order: Order

    @property
    def target(self) -> Path:
        """Where its run folder will be."""
        return target_of(self.path)

    @property
    def kept(self) -> bool:
        """True if a shard of it is there."""
        return any((self.path / SHARDS).glob("*.npz"))

    @property
    def scenarios(self) -> int:
        """How many scenarios the shards that are there are of, by their names."""
        files = (self.path / SHARDS).glob("*.npz")
        names = (re.fullmatch(r"([0-9]{8,18})-([0-9]{8,18})", path.stem) for path in files)
        return sum(max(0, int(name[2]) - int(name[1])) for name in names if name)

    def book(self) -> pl.DataFrame:
        """The checked book.

        Raises:
            RunFolderError: it is not the one that the run was begun with.
        """
        from rackrisk.data import ParquetRefused, read_parquet

        path = self.check_book()
        try:
            return read_parquet(path)
        except ParquetRefused as error:
            raise RunFolderError(f"{path}: {error}") from None

    def check_book(self) -> Path:
        """The file of the book.

        Raises:
            RunFolderError: it is not the one that the run was begun with.
        """
        path = self.path / BOOK
        if path.is_symlink() or not path.is_file() or sha256_of(path) != self.order.book_sha256:
            raise RunFolderError(
                f"{path}: is not the book that the run was begun with; delete the folder to begin anew"
            )
        return path

    def missing(self, ranges: Sequence[range]) -> list[range]:
        """Those of these ranges whose shards are not there."""
        return [numbers for numbers in ranges if not self._file(numbers).is_file()]

    def store(self, numbers: range, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Keeps a shard; if it is there already, looks whether it is the same.

        Raises:
            ShardConflict: it is there with other numbers.
        """
        path, facts = self._file(numbers), {**facts, **self._identity(numbers)}
        if write_shard(path, arrays, facts):
            return
        if not self.whole(numbers):
            self.store(numbers, arrays, facts)
        elif not _same(self.load(numbers).arrays, arrays):
            write_shard(path.with_suffix(CONFLICT), arrays, facts)
            raise self._conflict(path)

    def load(self, numbers: range) -> Shard:
        """A shard that is there.

        Raises:
            DamagedShard: it is not whole, or not of this run.
            ShardConflict: it was computed twice with different results.
        """
        path = self._file(numbers)
        if path.with_suffix(CONFLICT).exists():
            raise self._conflict(path)
        shard = read_shard(path)
        if any(shard.facts.get(key) != value for key, value in self._identity(numbers).items()):
            raise DamagedShard(f"{path.name}: is of another run")
        return shard

    def whole(self, numbers: range) -> bool:
        """True if a shard is there; one that is damaged is set aside."""
        try:
            self.load(numbers)
        except FileNotFoundError:
            return False
        except DamagedShard:
            self.set_aside(numbers)
            return False
        return True

    def set_aside(self, numbers: range) -> None:
        """Gives a damaged shard another name, so that it is computed again and can still be looked at."""
        path = self._file(numbers)
        with suppress(FileNotFoundError):  # somebody else was faster
            path.replace(path.with_suffix(f"{DAMAGED}-{secrets.token_hex(4)}"))

    @property
    def damaged(self) -> int:
        """How many damaged shards were set aside."""
        return sum(1 for _ in (self.path / SHARDS).glob(f"*{DAMAGED}-*"))

    def check_conflicts(self) -> None:
        """Looks whether somebody computed a shard again, and otherwise, since it was added up.

        Raises:
            ShardConflict: it is so.
        """
        for conflict in sorted((self.path / SHARDS).glob(f"*{CONFLICT}")):
            raise self._conflict(conflict.with_suffix(".npz"))

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """The results being written; the unfinished folder goes once they are published, unless it holds a conflict."""
        for leftover in self.path.glob(f".{glob.escape(self.target.name[:100])}.partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # of attempts that were killed
        with draft_in(self.path, self.target) as folder:
            try:
                yield folder
            finally:
                if not folder.path.exists() and not any((self.path / SHARDS).glob(f"*{CONFLICT}")):
                    _remove(self.path)

    def _file(self, numbers: range) -> Path:
        return self.path / SHARDS / f"{numbers.start:08d}-{numbers.stop:08d}.npz"

    def _identity(self, numbers: range) -> dict[str, Any]:
        return {"identity": self.order.identity, "first": numbers.start, "last": numbers.stop}

    def _conflict(self, path: Path) -> ShardConflict:
        both = f"{path} and {path.with_suffix(CONFLICT).name}"
        rule = "the same scenarios were computed twice with different results; the machines do not compute alike"
        return ShardConflict(f"{both}: {rule}. Keep the right one, or begin the run anew on machines of one kind")


def target_of(path: Path) -> Path:
    """The run folder that an unfinished folder stands beside."""
    return path.with_name(path.name.removesuffix(UNFINISHED))


def run_of(text: str) -> Path:
    """The run folder, there or not yet, that somebody means by its path or that of its unfinished folder.

    Raises:
        RunFolderError: nothing can have such a name.
    """
    path = real_place(named_folder(text))
    if not path.name.removesuffix(UNFINISHED):
        raise RunFolderError(f"{text}: is not the folder of a run")
    return target_of(path)


def unfinished_folder(text: str) -> Path:
    """The unfinished folder of a run, by its own path or the run's.

    Raises:
        RunFolderError: there is none.
    """
    target = run_of(text)
    beside = target.with_name(f"{target.name}{UNFINISHED}")
    if beside.is_symlink():
        raise RunFolderError(f"{beside}: is a symbolic link; name the folder itself")
    if (target / DONE).is_file():
        raise RunFolderError(f"{text}: is finished; there is nothing left to do")
    if (beside / ORDER).is_file():
        if target.is_dir() and any(target.iterdir()):
            raise RunFolderError(f"{target}: is where the result belongs, and holds something else: move it away first")
        return beside
    inside = runs_inside(target, text, ending=UNFINISHED, mark=ORDER)
    raise RunFolderError(f"{text}: no unfinished run here{inside}")


def remove_leftover(target: Path, config_hash: str, engine: str) -> None:
    """Removes what a kill left of a finished run's unfinished folder; another run there, or one in use, stays."""
    beside = target.with_name(f"{target.name}{UNFINISHED}")
    with suppress(Busy, RunFolderError), take_lock(beside):
        work = look_at(beside)
        if (work.order.config_hash, work.order.engine) == (config_hash, engine):
            work.check_conflicts()
            _remove(beside)
    _tidy(target)


def _remove(path: Path) -> None:
    """Removes a folder: at once for others, who never see a part of it."""
    gone = path.with_name(f".{path.name[:100]}.gone-{secrets.token_hex(4)}")
    with suppress(OSError):
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _tidy(target: Path) -> None:
    """Removes what processes that were killed left of runs of this name: folders on their way in or out."""
    name = glob.escape(target.name[:100])
    for gone in target.parent.glob(f".{glob.escape(f'{target.name}{UNFINISHED}'[:100])}.gone-*"):
        shutil.rmtree(gone, ignore_errors=True)
    for begun in target.parent.glob(f".{name}.begun-*"):
        with suppress(Busy, RunFolderError, OSError), take_lock(begun):  # nobody makes it any more
            shutil.rmtree(begun, ignore_errors=True)


@contextmanager
def begin(order: Order, book: pl.DataFrame, target: Path, *, chosen: bool, keep: bool = False) -> Iterator[Unfinished]:
    """An unfinished run at a place, locked; gone again without a trace if the body fails before a shard is there.

    Args:
        chosen: the user named the place: an unfinished run of the same order there is continued.
        keep: it stays even without a shard, for others to work on.

    Raises:
        RunFolderError: the folder cannot be made, or holds another run.
        Busy: somebody else works on it.
    """
    with parents_of(target):
        _tidy(target)
        path, lock, made = _new_or_there(order, book, target, chosen=chosen)
        try:
            with lock:
                work = look_at(path)
                try:
                    _check_place(work.target)
                    yield work
                finally:
                    if made and not keep and path.is_dir() and not work.kept:
                        _remove(path)
        finally:
            _tidy(target)  # a file server may keep a folder whose lock was open


@contextmanager
def reopen(path: Path) -> Iterator[Unfinished]:
    """An unfinished run that is there, locked; it stays until it is finished.

    Raises:
        RunFolderError: this version cannot finish it.
        Busy: somebody else works on it.
    """
    try:
        with take_lock(path):
            yield look_at(path)
    finally:
        _tidy(target_of(path))


def look_at(path: Path) -> Unfinished:
    """An unfinished run without its lock, to compute shards of it.

    Raises:
        RunFolderError: this version or these packages cannot finish it.
    """
    for name in (ORDER, BOOK, SHARDS):
        if (path / name).is_symlink():
            raise RunFolderError(f"{path / name}: is a symbolic link")
    try:
        order = read_order(small_bytes(path / ORDER, MAX_ORDER_BYTES).decode("utf-8"), str(path / ORDER))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and passes(error):
            raise
        if isinstance(error, FileNotFoundError):
            what = f"no run (no {ORDER} in it)"
            if (path / SWEEP_ORDER).is_file():
                what = f"an unfinished sweep ({typed('resume', target_of(path))} finishes it)"
            raise RunFolderError(f"{path}: holds {what}; choose another out") from None
        raise RunFolderError(f"{path / ORDER}: cannot be read ({error})") from None
    if differences := order.strangers():
        rule = "finish it with the versions that it was begun with, or begin it anew"
        raise RunFolderError(f"{path}: {'; '.join(differences)}; {rule}")
    return Unfinished(path, order)


def _new_or_there(order: Order, book: pl.DataFrame, target: Path, *, chosen: bool) -> tuple[Path, IO[bytes], bool]:
    """The folder, its held lock, and whether it was made now."""
    aside = target.parent / f".{target.name[:100]}.begun-{secrets.token_hex(4)}"
    try:
        lock = _fill(aside, order, book)
        for place in [target] if chosen else names_from(target):
            path = place.with_name(f"{place.name}{UNFINISHED}")
            if place.exists() and not chosen:
                continue
            with suppress(FileExistsError):
                rename_into(aside, path)
                sync(path.parent)
                return path, lock, True
            if chosen:
                lock.close()
                return path, _continued(path, order, book), False
        raise all_taken(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(path: Path, order: Order, book: pl.DataFrame) -> IO[bytes]:
    make_folder(path)
    lock = make_lock(path)
    make_folder(path / SHARDS)
    draft = Draft(path, path)
    draft.write_frame(BOOK, book)
    draft.write_text(ORDER, order.model_copy(update={"book_sha256": sha256_of(path / BOOK)}).text())
    sync(path)
    return lock


def _continued(path: Path, order: Order, book: pl.DataFrame) -> IO[bytes]:
    lock = take_lock(path)
    try:
        if another := _another(look_at(path), order, book):
            rule = "finish it with `rackrisk resume`, delete it, or choose another out"
            raise RunFolderError(f"{path}: holds an unfinished run {another}; {rule}")
    except BaseException:
        lock.close()
        raise
    return lock


def _another(there: Unfinished, order: Order, book: pl.DataFrame) -> str:
    """In what an unfinished run is not the one that was ordered, or nothing."""
    if there.order.config_hash != order.config_hash:
        keys = named(changes(_configured(there.order), _configured(order)))
        return f"of another configuration ({keys})" if keys else "of another configuration"
    if there.order.engine != order.engine:
        return f"of the engine {there.order.engine}"
    if order.shards_as_asked and there.order.shard_scenarios != order.shard_scenarios:
        return f"with shards of {there.order.shard_scenarios:,} scenarios"
    return "" if there.book().equals(book) else "of another book"


def _configured(order: Order) -> dict[str, Any]:
    """What it was configured with; a tape counts by its content, not its name."""
    tapes = [item["sha256"] for item in order.inputs if item["role"] == "tape"]
    return {**configured(order.config, order.choices), "portfolio.tape": tapes}


def _check_place(target: Path) -> None:
    """Nobody filled the place of the results since it was looked at last.

    Raises:
        RunFolderError: somebody did.
    """
    if target.is_dir() and any(target.iterdir()):
        what = "a finished run" if (target / DONE).is_file() else "something else"
        raise RunFolderError(f"{target}: holds {what} by now; choose another out")


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
