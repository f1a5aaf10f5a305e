"""A finished run once more, from its folder alone, and whether the same comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .interruptible import ProgressReport
from .output import typed

if TYPE_CHECKING:
    import polars as pl

    from ._run import Plan, Run
    from .ledger import Unfinished

MEASURES = "tables/measures.parquet"
_OF_SHARDS = ("cpus", "devices", "flags")


@dataclass(frozen=True)
class Rerun:
    """A run and its repetition.

    Attributes:
        first: folder of the run that was repeated.
        again: the repetition.
        same: True if losses and tables have the same bytes.
        differs: what differs between then and now and can move numbers: versions, machine, device, input files.
        files: losses and tables whose bytes differ.
        measures: polars frame, the measures of both: `measure, level, scope, first, again, difference, std_error`
            (that of the repetition), USD.
    """

    first: Path
    again: Run
    same: bool
    differs: list[str]
    files: list[str]
    measures: pl.DataFrame

    def document(self) -> dict[str, Any]:
        """For the JSON document."""
        return {
            "run": str(self.first),
            "again": str(self.again.folder),
            "same_bytes": self.same,
            "differs": self.differs,
            "files": self.files,
            "results_sha256": self.again.manifest["results_sha256"],
            "measures": self.measures.to_dicts(),
        }


def plan_again(
    run: str | Path, overrides: Sequence[str] = (), *, out: str | None = None, engine: str | None = None
) -> tuple[Path, Mapping[str, Any], Plan, list[str]]:
    """The folder and the manifest of a finished run, the plan to repeat it, and what differs beforehand.

    Raises:
        rackrisk.rebuild.RunProblems: there is no finished run, or it was changed since.
        rackrisk.config.ConfigProblems: an override is wrong or changes more than the executor, or `out` is taken.
        rackrisk.kernels.engines.EngineMissing: the run's engine, or the one asked for, cannot run here.
    """
    from ._model import model_of
    from ._run import Plan
    from .config import ConfigProblem, ConfigProblems, check_out
    from .kernels.engines import ENGINES, choose
    from .rebuild import finished, recorded
    from .run_folder import LOSSES, target_folder

    if engine is not None and engine not in ENGINES:
        raise ConfigProblems([ConfigProblem("--engine", engine, f"unknown engine; choose one of {', '.join(ENGINES)}")])
    folder, manifest = finished(run)
    found = recorded(folder, manifest, LOSSES, MEASURES, computed=True)
    check_out(out)
    name, _ = choose(engine or manifest["engine"]["name"])
    executor = _executor(overrides, found.settings.executor)
    model = model_of(found.settings.model_copy(update={"executor": executor, "out": out}))
    now = datetime.now(UTC)
    label = found.settings.name or model.label(manifest["choices"])
    target = target_folder(out=out, label=label, config_hash=manifest["config_hash"], now=now)
    plan = Plan(model, manifest["choices"], found.book, list(manifest["inputs"]), target, now, {}, engine=name)
    return folder, manifest, plan, found.notes


def _executor(overrides: Sequence[str], usual: Any) -> Any:
    """Where the repetition is computed: as the run was, but an array's jobs are nobody's here, so this machine does it.

    Raises:
        rackrisk.config.ConfigProblems: an override is wrong, or others would have to compute it first.
    """
    from .config import ConfigProblem, ConfigProblems, load_executor, of_a_folder

    if usual.name == "shard" and not any(word.startswith("executor=") for word in overrides):
        overrides = ["executor=local", *overrides]
    rule = "is repeated as it was; only the executor, --engine NAME and --out DIR can be others"
    executor = load_executor(overrides, of_a_folder(usual), others=rule)
    if executor.name == "shard":
        rule = "would have others compute it, and a repetition is compared as soon as it is there: use local or ray"
        raise ConfigProblems([ConfigProblem("executor", "shard", rule)])
    return executor


def rerun(
    run: str | Path,
    *overrides: str,
    out: str | None = None,
    engine: str | None = None,
    progress: ProgressReport | None = None,
) -> Rerun:
    """Repeats a finished run from its folder alone: configuration, book and engine are those that it keeps.

    Args:
        run: its folder.
        overrides: keys of the executor.
        out: folder of the repetition; None: `runs/<utc>-<label>-<hash>`.
        engine: another engine than the run's, where that one cannot run here; numbers then differ by rounding.
        progress: as in `rackrisk.run`.

    Raises:
        As `plan_again`, and what `rackrisk.run` raises.
    """
    from ._run import finish

    folder, manifest, plan, differs = plan_again(run, overrides, out=out, engine=engine)
    with begun_again(folder, plan) as work:
        again = finish(plan, work, progress=progress)
    return compared(folder, manifest, again, differs)


@contextmanager
def begun_again(folder: Path, plan: Plan) -> Iterator[Unfinished]:
    """The repetition's unfinished run; stopped, it says how to go on with it, which is more than another run."""
    from ._run import begun

    try:
        with begun(plan) as work:
            yield work
    except BaseException as error:
        if getattr(error, "__notes__", None):
            out = plan.settings.out
            again = typed("rerun", folder, "--out", out)
            other = f"{typed('resume', plan.target)}, then {typed('compare', folder, plan.target)}"
            error.__notes__ = [f"what was computed is kept; go on with: {again if out else other}"]
        raise


def compared(folder: Path, manifest: Mapping[str, Any], again: Run, differs: Sequence[str]) -> Rerun:
    """A run and its repetition side by side."""
    files = _different_files(manifest, again.manifest)
    return Rerun(
        first=folder,
        again=again,
        same=not files,
        differs=[*differs, *_elsewhere(manifest, again.manifest)],
        files=files,
        measures=_measures(folder, again),
    )


def _different_files(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    from .manifest import computed_files

    before, after = computed_files(then["outputs"]), computed_files(now["outputs"])
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _elsewhere(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The machines, their settings and what computed on them, and what wrote the tables."""
    pairs = {f"machine.{key}": (then["machine"][key], now["machine"][key]) for key in ("cpu", "platform", "python")}
    pairs |= {f"engine.{key}": (then["engine"][key], now["engine"][key]) for key in now["engine"]}
    pairs |= {"polars": (then["packages"].get("polars"), now["packages"].get("polars"))}
    for section, names in (("environment", _names(then, now, "environment")), ("shards", _OF_SHARDS)):
        before, after = (manifest.get(section, {}) for manifest in (then, now))
        pairs |= {f"{section}.{name}": (_words(before.get(name)), _words(after.get(name))) for name in names}
    return [f"{name} was {before} and is {after} now" for name, (before, after) in pairs.items() if before != after]


def _names(then: Mapping[str, Any], now: Mapping[str, Any], section: str) -> list[str]:
    return sorted({*then.get(section, {}), *now.get(section, {})})


def _words(value: Any) -> str:
    found = value if isinstance(value, list) else [] if value is None else [value]
    return ", ".join(str(item) for item in found if item != "") or "not set"


def _measures(folder: Path, again: Run) -> pl.DataFrame:
    import polars as pl

    from .rebuild import read_frame

    keys = ["measure", "level", "scope"]
    first = read_frame(folder, MEASURES).select(*keys, first="value")
    both = first.join(again.measures.select(*keys, "std_error", again="value"), on=keys, nulls_equal=True, how="full")
    return both.select(*keys, "first", "again", difference=pl.col("again") - pl.col("first"), std_error="std_error")
