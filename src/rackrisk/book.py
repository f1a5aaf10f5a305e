"""Writes a book as a tape that reads back as itself."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from .run_folder import RunFolderError, named_folder

if TYPE_CHECKING:
    import polars as pl

    from .config import Settings

_ENDINGS = {".csv", ".parquet"}


def write_book(settings: Settings, out: str, *, force: bool = False) -> str:
    """Writes the configured book to `out`, checks that it reads back, and says how many rows it has.

    Raises:
        RunFolderError: `out` has another ending, exists, or cannot be written.
        ConfigProblems, TapeProblems: as for a run.
    """
    from ._model import model_of
    from ._run import load_book

    path = named_folder(out)
    _check(path, force=force)
    model = model_of(settings)
    book, _ = load_book(model)
    aside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        _write(book.drop("row", strict=False), aside)
        model.read_tape(aside)
        if not force:
            _check(path, force=False)  # somebody else may have written it in the meantime
        aside.replace(path)
    except OSError as error:
        raise RunFolderError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        aside.unlink(missing_ok=True)
    return f"{book.height:,} {model.rows}"


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
