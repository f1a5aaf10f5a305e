"""A finished run from its folder again: everything that can differ from then is looked at before a number is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import polars as pl

    from .config import Settings, StructuralSettings
    from .data import Problem
    from .models.opened import Opened


_REPORT_STOPPED = ", or `rackrisk report` was stopped while it replaced the report: call it again"


class RunProblems(Exception):
    """A finished run that cannot be told about; `problems` lists everything in the way, at least one."""

    def __init__(self, run: str, problems: Sequence[Problem]) -> None:
        self.run, self.problems = run, list(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Rebuilt:
    """A finished structural run and what is needed to simulate it again.

    Attributes:
        losses: `losses.parquet`.
        notes: what differs from the machine and the versions of the run; numbers may then differ in their last bits.
    """

    folder: Path
    manifest: Mapping[str, Any]
    settings: StructuralSettings
    book: pl.DataFrame
    losses: pl.DataFrame
    notes: list[str]

    def open(self, engine: str | None = None) -> Opened:
        """The run's book and market with its engine, or another one.

        Raises:
            RunProblems: the engine cannot run on this machine, or the book is not the one of the run.
        """
        from .kernels.engines import EngineMissing
        from .models.tables import exposures

        settings = self.settings
        try:
            opened = self._opened(engine or self.manifest["engine"]["name"])
        except EngineMissing as error:
            rule = f"{error}; --engine reference replays a run of any engine, the same but for rounding"
            raise RunProblems(str(self.folder), [problem(self.folder, "engine", engine or "", rule)]) from None
        if exposures(opened.built) != self.manifest["exposure_usd"]:
            rule = "is not the book of the run: another version of rackrisk made it; use the one in manifest.json"
            raise RunProblems(str(self.folder), [problem(self.folder, "portfolio", settings.portfolio.name, rule)])
        return opened

    def _opened(self, engine: str) -> Opened:
        from ._structural import world_of
        from .models.opened import open_simulation

        settings = self.settings
        return open_simulation(
            self.book,
            **world_of(settings),
            engine=engine,
            precision="float64" if engine == "reference" else self.manifest["engine"]["precision"],
        )


def finished(text: str | Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a finished run and its manifest.

    Raises:
        RunProblems: there is no finished run of a version that this one can read, or its manifest was changed.
    """
    from .run_folder import MANIFEST, RunFolderError, finished_run
    from .strange_file import is_sealed
    from .strange_folder import folder_problems, read_manifest

    try:
        folder = finished_run(str(text))
        if not is_sealed(folder):
            raise RunProblems(str(text), [problem(folder, MANIFEST, "", f"was changed after the run{_REPORT_STOPPED}")])
        manifest = read_manifest(folder / MANIFEST)
    except RunFolderError as error:
        rule = str(error).partition(": ")[2] + _another(Path(text))
        raise RunProblems(str(text), [problem(Path(text), "RUN", str(text), rule)]) from None
    except (OSError, ValueError) as error:
        raise RunProblems(str(text), [problem(Path(text), MANIFEST, "", f"cannot be read ({error})")]) from error
    wrong = [problem(folder, name, "", rule) for name, rule in folder_problems(folder)]
    if wrong:
        raise RunProblems(str(text), wrong)
    return folder, manifest


@dataclass(frozen=True)
class Recorded:
    """What a finished run of any model was made from, as its folder keeps it.

    Attributes:
        notes: what differs now from then: versions, and files that the book was made from.
    """

    settings: Settings
    book: pl.DataFrame
    notes: list[str]


def recorded(folder: Path, manifest: Mapping[str, Any], *needed: str, computed: bool = False) -> Recorded:
    """Configuration and book of a finished run.

    Args:
        folder, manifest: of `finished`.
        needed: further files of the folder that must be as the run wrote them.
        computed: losses and all tables must be, too.

    Raises:
        RunProblems: with all that was changed since the run.
        rackrisk.data.TapeProblems: the book breaks a rule of tapes.
    """
    from ._model import model_of
    from .manifest import computed_files
    from .run_folder import BOOK, CONFIG
    from .strange_folder import manifest_problems

    problems = [problem(folder, key, "", rule) for key, rule in manifest_problems(manifest)]
    if not problems:
        more = sorted(computed_files(manifest["outputs"])) if computed else []
        names = list(dict.fromkeys([CONFIG, BOOK, *needed, *more]))
        problems = [*_foreign(folder, manifest), *changed(folder, manifest, names)]
    if problems:
        raise RunProblems(str(folder), problems)
    settings, book = _settings(folder, manifest), read_frame(folder, BOOK)
    model_of(settings).check_book(book, BOOK)
    return Recorded(settings, book, [*_differences(manifest), *moved(manifest["inputs"])])


def rebuild(folder: Path, manifest: Mapping[str, Any]) -> Rebuilt:
    """Everything of a finished structural run.

    Args:
        folder, manifest: of `finished`.

    Raises:
        RunProblems: with all that was changed since the run.
    """
    from .run_folder import LOSSES
    from .strange_folder import read_losses

    found = recorded(folder, manifest, LOSSES)
    settings = cast("StructuralSettings", found.settings)
    try:
        losses = read_losses(folder / LOSSES)
    except (OSError, ValueError) as error:
        raise RunProblems(str(folder), [problem(folder, LOSSES, "", str(error))]) from None
    return Rebuilt(folder, manifest, settings, found.book, losses, found.notes)


def read_frame(folder: Path, name: str, columns: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """A Parquet file of a run folder, whose hash was looked at before.

    Raises:
        RunProblems: it cannot be read or lacks one of `columns`.
    """
    from .strange_folder import read_table

    try:
        return read_table(folder / name, columns)
    except (OSError, ValueError) as error:
        raise RunProblems(str(folder), [problem(folder, name, "", f"cannot be read ({error})")]) from None


def problem(folder: Path, what: str, value: str, rule: str) -> Problem:
    """Something in the way of telling about a run."""
    from .data import Problem, printable

    return Problem(printable(folder), None, printable(what), printable(value), printable(rule, most=400))


def changed(folder: Path, manifest: Mapping[str, Any], names: Sequence[str]) -> list[Problem]:
    """Files of the folder that are not what the run wrote."""
    from .run_folder import sha256_of

    known = {item["path"]: item["sha256"] for item in manifest["outputs"]}
    found = []
    for name in names:
        if not (folder / name).is_file():
            found.append(problem(folder, name, "", "is missing"))
        elif name not in known or sha256_of(folder / name) != known[name]:
            found.append(problem(folder, name, "", "was changed after the run"))
    return found


def _foreign(folder: Path, manifest: Mapping[str, Any]) -> list[Problem]:
    """A manifest of another kind, or of other random numbers."""
    from .manifest import RNG_SCHEME, SCHEMA

    if str(manifest.get("schema", "")).startswith("rackrisk/sweep/"):
        rule = "holds a sweep, whose points are runs: name one of its folder points"
        return [problem(folder, "RUN", str(folder), rule)]
    known = {"schema": SCHEMA, "rng": RNG_SCHEME}
    rule = "is not what this version writes, so the run cannot be repeated; use the version in manifest.json"
    return [
        problem(folder, key, str(manifest.get(key)), rule) for key, value in known.items() if manifest.get(key) != value
    ]


def moved(inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Input files that are gone or have other bytes than then; the book that the folder keeps is used all the same."""
    from .strange_file import is_same

    notes = []
    for item in inputs:
        path, size = Path(item["path"]), item.get("bytes")
        if not path.is_file():
            notes.append(f"{item['role']} {path} is not there any more; the book is the one that the run kept")
        elif not isinstance(size, int) or not is_same(path, size=size, sha256=item["sha256"]):
            notes.append(f"{item['role']} {path} was changed after the run; the book is the one that the run kept")
    return notes


def _settings(folder: Path, manifest: Mapping[str, Any]) -> Settings:
    """The configuration of the run, complete and the one that its hash is of."""
    from .config import checked, plain_mapping
    from .manifest import config_hash
    from .run_folder import CONFIG

    data = plain_mapping(folder / CONFIG)
    if isinstance(data, str):
        raise RunProblems(str(folder), [problem(folder, CONFIG, "", data)])
    settings, problems = checked(data, manifest["config"]["model"]["name"])
    if settings is None or problems:
        theirs = f" (rackrisk {manifest['product']['version']} wrote this configuration, another build than this one)"
        rows = [problem(folder, item.key, item.value, item.rule + theirs) for item in problems]
        raise RunProblems(str(folder), rows)
    if config_hash(settings, manifest["inputs"]) != manifest["config_hash"]:
        rule = "does not have the hash that manifest.json gives: changed, or written by another version of rackrisk"
        raise RunProblems(str(folder), [problem(folder, CONFIG, "", rule)])
    return settings


def _differences(manifest: Mapping[str, Any]) -> list[str]:
    """What differs from then and can move the last bits of a number."""
    from .manifest import numeric_versions, version_differences

    return version_differences(manifest["packages"], numeric_versions())


def _another(path: Path) -> str:
    """A finished run beside a path that is none."""
    from .config import did_you_mean
    from .data import expanded
    from .run_folder import DONE

    try:
        beside = expanded(str(path)).absolute().parent
        names = [found.name for found in beside.iterdir() if (found / DONE).is_file()]
    except (OSError, ValueError):
        return ""
    return did_you_mean(path.name, names)
