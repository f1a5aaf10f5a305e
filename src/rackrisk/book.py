"""Writes a book as a tape that reads back as itself."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from .run_folder import RunFolderError, named_folder

if TYPE_CHECKING:
    import polars as pl

    from .config import Settings

_FORMULA = (
    "would be run by a spreadsheet as a formula: write a .parquet file, or say --formulas escape for an apostrophe "
    "before it, which makes it another name, or --formulas keep"
)
_ENDINGS = {".csv", ".parquet"}


#: What becomes of names that a spreadsheet would run as formulas, in a CSV file.
FORMULAS = ("refuse", "escape", "keep")


def write_book(settings: Settings, out: str, *, force: bool = False, formulas: str = "refuse") -> str:
    """Writes the configured book to `out`, checks that it reads back, and says how many rows it has.

    Args:
        settings: the configuration.
        out: a name that ends in .csv or .parquet.
        force: overwrite the file.
        formulas: of `FORMULAS`. Names such as `=cmd()` in a CSV file are refused, get an apostrophe before them and are
            other names from then on, or are kept letter for letter. Parquet always keeps them.

    Raises:
        RunFolderError: `out` has another ending, exists, or cannot be written.
        TapeProblems: with every name that a spreadsheet would run.
        ConfigProblems, TapeProblems: as for a run.
    """
    from ._model import model_of
    from ._run import load_book

    path = named_folder(out)
    _check(path, force=force)
    model = model_of(settings)
    book, _ = load_book(model)
    frame, changed = _harmless(book.drop("row", strict=False), path, formulas)
    aside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        _write(frame, aside)
        model.read_tape(aside)
        if not force:
            _check(path, force=False)  # somebody else may have written it in the meantime
        aside.replace(path)
    except OSError as error:
        raise RunFolderError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        aside.unlink(missing_ok=True)
    said = f"; {changed:,} names begin with an apostrophe now and are other names" if changed else ""
    return f"{book.height:,} {model.rows}{said}"


def _harmless(frame: pl.DataFrame, path: Path, formulas: str) -> tuple[pl.DataFrame, int]:
    """The frame as it may be written, and how many of its texts were changed."""
    import polars as pl

    from .data import Problem, TapeProblems, inert, is_formula, printable

    if path.suffix.lower() != ".csv" or formulas == "keep":
        return frame, 0
    texts = frame.select(pl.col(pl.String)).to_dict(as_series=False)
    found = [
        Problem(printable(path), row, name, printable(text), _FORMULA)
        for name, cells in texts.items()
        for row, text in enumerate(cells, start=1)
        if text is not None and is_formula(text)
    ]
    if found and formulas == "refuse":
        raise TapeProblems(found)
    safe = [pl.Series(name, [t if t is None else inert(t) for t in cells], pl.String) for name, cells in texts.items()]
    return frame.with_columns(safe) if found else frame, len(found)


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
