"""Writes a book as a tape that reads back as itself."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from .run_folder import RunFolderError

if TYPE_CHECKING:
    import polars as pl

    from .config import Settings

_ENDINGS = {".csv", ".parquet"}


def write_book(settings: Settings, out: str, *, force: bool = False) -> int:
    """Writes the configured book to `out`, checks that it reads back, and returns its number of facilities.

    Raises:
        RunFolderError: `out` has another ending, exists, or cannot be written.
        ConfigProblems, TapeProblems: as for a run.
    """
    from ._run import load_book
    from .data import read_tape

    path = Path(out).expanduser()
    _check(path, force=force)
    book, _ = load_book(settings)
    aside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        _write(book.drop("row", strict=False), aside)
        names = {"generations": tuple(settings.market.generations), "asic_classes": tuple(settings.market.asics)}
        read_tape(aside, as_of=settings.as_of, **names)
        if not force:
            _check(path, force=False)  # somebody else may have written it in the meantime
        aside.replace(path)
    except OSError as error:
        raise RunFolderError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        aside.unlink(missing_ok=True)
    return book.height


def _check(path: Path, *, force: bool) -> None:
    if path.suffix.lower() not in _ENDINGS:
        raise RunFolderError(f"{path}: must end in .csv or .parquet")
    if path.is_dir():
        raise RunFolderError(f"{path}: is a folder")
    if not path.parent.is_dir():
        raise RunFolderError(f"{path.parent}: no such folder")
    if path.exists() and not force:
        raise RunFolderError(f"{path}: exists; --force overwrites it")


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix.lower() == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
