"""`rackrisk calibrate FILES`: series in, a market file out."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .run_folder import RunFolderError, named_folder, sha256_of

if TYPE_CHECKING:
    from .data import Series
    from .models.calibration import Calibration, Estimate
    from .models.market import MarketConfig

DEFAULT_OUT = "calibrated.yaml"
_ENDINGS = {".yaml", ".yml"}


@dataclass(frozen=True)
class Calibrated:
    """A finished calibration.

    Attributes:
        path: the market file that was written.
        base: name of the shipped market that it inherits.
        as_of: date of the levels.
        found: estimates, what was written, and notes.
    """

    path: Path
    base: str
    as_of: date
    found: Calibration


def calibrate_files(
    files: Sequence[str],
    *,
    out: str = DEFAULT_OUT,
    base: str = "base",
    as_of: date | None = None,
    switching: bool = False,
    keep: Sequence[str] = (),
    force: bool = False,
) -> Calibrated:
    """Reads series, estimates the market and writes its file.

    Args:
        files: CSV or Parquet files, as docs/calibration.md describes.
        out: the file to write; its name ends in .yaml.
        base: the shipped market that is inherited and compared with.
        as_of: date of the levels; None for the configuration's.
        switching: find regimes that nobody labelled.
        keep: keys or sections of the market that stay the base's.
        force: overwrite `out`.

    Raises:
        ConfigProblems: an unknown base or key to keep, or too few rents to find regimes.
        SeriesProblems: everything that is wrong with the files. Nothing is written.
        RunFolderError: `out` has another ending, exists, or cannot be written.
    """
    from .config import structural_settings
    from .data import read_series
    from .models.calibration import calibrate, market_text, with_writes

    settings = structural_settings(f"market={base}")
    target = _free(out, force=force)
    _check_keys(settings.market, keep)
    series = read_series(files)
    if switching:
        _check_months(series)
    day = settings.as_of if as_of is None else as_of
    found = calibrate(series, base=settings.market, as_of=day, switching=switching, keep=keep)
    with_writes(settings.market, found.writes)
    digests = [(Path(name).name, sha256_of(Path(name))) for name in files]
    _write(target, market_text(found, base=base, as_of=day, files=digests))
    return Calibrated(target, base, day, found)


def document(done: Calibrated) -> dict[str, Any]:
    """The calibration as plain JSON values."""
    return {
        "market": str(done.path),
        "base": done.base,
        "as_of": done.as_of.isoformat(),
        "parameters": [_row(one) for one in done.found.estimates],
        "written": dict(done.found.writes),
        "notes": list(done.found.notes),
    }


def _row(one: Estimate) -> dict[str, Any]:
    return {
        "key": one.key,
        "what": one.what,
        "value": one.value,
        "std_error": one.std_error,
        "n": one.n,
        "first": f"{one.first:%Y-%m}",
        "last": f"{one.last:%Y-%m}",
        "columns": list(one.columns),
        "method": one.method,
        "base": one.base,
        "z": one.z,
        "written": dict(one.writes),
        "note": one.note,
    }


def _free(out: str, *, force: bool) -> Path:
    path = named_folder(out)
    if path.suffix.lower() not in _ENDINGS:
        raise RunFolderError(f"{out}: the name of a market file ends in .yaml")
    if path.is_dir() or (path.exists() and not force):
        raise RunFolderError(f"{out}: exists; --force overwrites a file")
    if not path.absolute().parent.is_dir():
        raise RunFolderError(f"{out}: its folder does not exist")
    return path


def _check_keys(market: MarketConfig, keep: Sequence[str]) -> None:
    from .config import ConfigProblem, ConfigProblems
    from .config._compose import dotted_keys
    from .config._suggest import did_you_mean

    known = dotted_keys(market.model_dump(mode="json"))
    wrong: list[ConfigProblem] = [
        ConfigProblem("keep", key, f"is no key of the market{did_you_mean(key, known)}")
        for key in keep
        if key not in known
    ]
    if wrong:
        raise ConfigProblems(wrong)


def _check_months(series: Sequence[Series]) -> None:
    from .config import ConfigProblem, ConfigProblems
    from .models.calibration import enough_to_switch

    lacking = enough_to_switch([one for one in series if one.kind == "rent"])
    if lacking:
        rule = f"{lacking} more months of rents are needed to find regimes; label them in a column `regime` instead"
        raise ConfigProblems([ConfigProblem("find-regimes", "", rule)])


def _write(path: Path, text: str) -> None:
    """Writes aside and renames: a reader sees the old file or the new one."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        aside.unlink(missing_ok=True)
