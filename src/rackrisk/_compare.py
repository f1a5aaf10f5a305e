"""Two finished runs side by side: what was configured differently, and what that did to the measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .configured import Change, changes, configured
from .run_folder import CONFIG, DONE, LOSSES, MANIFEST, TABLES, RunFolderError, finished_run, sha256_of
from .strange_file import is_sealed

if TYPE_CHECKING:
    import polars as pl

    from .models.measures import Sample

RUN_SCHEMA = "rackrisk/run/1"
MEASURES = f"{TABLES}/measures.parquet"
_NEEDED = ("config", "seed", "rng", "engine", "n_scenarios", "exposure_usd", "inputs", "packages", "choices", "outputs")
_SEGMENT = "loss:"
_MEASURE_COLUMNS = (
    *("measure", "level", "value", "std_error", "ci_low", "ci_high"),
    *("scope", "unit", "n_scenarios", "method"),
)
_TEXTS = ("measure", "scope", "unit", "method")


@dataclass(frozen=True)
class StoredRun:
    """What a comparison reads of a run folder."""

    folder: Path
    manifest: Mapping[str, Any]
    losses: pl.DataFrame
    measures: pl.DataFrame

    @property
    def model(self) -> str:
        """`structural` or `copula`."""
        return str(self.manifest["config"]["model"]["name"])


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        config: chosen options and keys of the configuration that differ.
        inputs: files that differ, by role, as SHA-256.
        versions: versions, engine and device that differ.
        common: both runs simulated the same random numbers, scenario by scenario.
        reason: why errors of differences are combined as they are, in words.
        measures: `scope, measure, level, unit, first, first_std_error, second, second_std_error, difference, std_error,
            ci_low, ci_high, relative` (of the first), `method`; null where one run has no such row.
    """

    first: StoredRun
    second: StoredRun
    config: list[Change]
    inputs: list[Change]
    versions: list[Change]
    common: bool
    reason: str
    measures: pl.DataFrame


def compare(first: str, second: str) -> Comparison:
    """Compares two run folders.

    Raises:
        RunFolderError: they cannot be compared; the message lists every reason.
    """
    stored, reasons = _read_both([first, second])
    if reasons:
        raise RunFolderError("\n  ".join(["these runs cannot be compared:", *reasons]))
    one, other = stored
    measures, common, reason = differences(one, other)
    return Comparison(
        first=one,
        second=other,
        config=changes(*(configured(run.manifest["config"], run.manifest["choices"]) for run in stored)),
        inputs=changes(_inputs(one.manifest), _inputs(other.manifest)),
        versions=changes(versions_of(one.manifest), versions_of(other.manifest)),
        common=common,
        reason=reason,
        measures=measures,
    )


def document(found: Comparison) -> dict[str, Any]:
    """The comparison as one JSON document."""
    from . import __version__

    def listed(rows: Sequence[Change]) -> list[dict[str, Any]]:
        return [{"key": row.key, "first": row.first, "second": row.second} for row in rows]

    return {
        "first": str(found.first.folder),
        "second": str(found.second.folder),
        "model": found.first.model,
        "config": listed(found.config),
        "inputs": listed(found.inputs),
        "versions": listed(found.versions),
        "common_random_numbers": found.common,
        "errors": found.reason,
        "measures": found.measures.to_dicts(),
        "version": __version__,
    }


def stored_run(folder: Path) -> StoredRun:
    """A finished run whose files are those that its manifest lists.

    Raises:
        RunFolderError: it is not; the message lists every reason.
    """
    found, wrong = _read(folder)
    if found is None or wrong:
        raise RunFolderError("\n  ".join([f"{folder}: is not a run to compare with:", *wrong]))
    return found


def differences(one: StoredRun, other: StoredRun) -> tuple[pl.DataFrame, bool, str]:
    """`measures`, `common` and `reason` of a `Comparison`."""
    common, reason = _common(one, other)
    return _measures(one, other, common=common), common, reason


# ---- reading ----


def _read_both(folders: Sequence[str]) -> tuple[list[StoredRun], list[str]]:
    """The runs, or everything that speaks against them."""
    stored: list[StoredRun] = []
    reasons: list[str] = []
    for text in folders:
        try:
            found, wrong = _read(finished_run(text))
        except RunFolderError as error:
            found, wrong = None, [str(error).removeprefix(f"{text}: ")]
        except (KeyError, TypeError, AttributeError) as error:
            found, wrong = None, [f"{MANIFEST} does not say what that of a run says ({error})"]
        reasons += [f"{text}: {reason}" for reason in wrong]
        stored += [found] if found is not None else []
    if len(stored) == 2 and len({run.model for run in stored}) == 2:
        reasons.append(f"{folders[0]} is a run of model={stored[0].model} and {folders[1]} of model={stored[1].model}")
    return stored, reasons


def _read(folder: Path) -> tuple[StoredRun | None, list[str]]:
    """A finished run whose files are those that its manifest lists."""
    manifest, wrong = _manifest(folder)
    if manifest is None:
        return None, wrong
    losses, more = _frame(folder, LOSSES, manifest)
    measures, yet_more = _frame(folder, MEASURES, manifest)
    wrong = [*wrong, *more, *yet_more, *_mismatch(folder, CONFIG, manifest)]
    if losses is None or measures is None or wrong:
        return None, wrong
    run = StoredRun(folder.absolute(), manifest, losses, measures)
    return run, _unfit(run)


def _unfit(run: StoredRun) -> list[str]:
    """What is wrong with files that can be read."""
    numbers = run.losses["scenario"].sort().to_list()
    wrong = (
        [] if numbers == list(range(run.manifest["n_scenarios"])) else [f"{LOSSES} does not hold every scenario once"]
    )
    if not (run.losses["weight"] == 1.0).all():
        wrong.append(f"{LOSSES} has weighted scenarios, whose differences have no error here")
    if run.model not in ("structural", "copula"):
        wrong.append(f"is a run of an unknown model, {run.model!r}")
    return wrong


def _manifest(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    from .strange_folder import folder_problems, manifest_problems, read_manifest

    try:
        manifest = read_manifest(folder / MANIFEST)
        sealed = is_sealed(folder)
    except (OSError, ValueError) as error:
        return None, [f"{MANIFEST} cannot be read ({error})"]
    if manifest.get("schema") != RUN_SCHEMA:
        schemas = {"rackrisk/attribution/": "an attribution", "rackrisk/sweep/": "a sweep, whose points are runs"}
        what = next((it for name, it in schemas.items() if str(manifest.get("schema")).startswith(name)), "no run")
        return None, [f"holds {what}, not a run of `rackrisk run` (schema {manifest.get('schema')!r})"]
    missing = [name for name in _NEEDED if name not in manifest]
    if missing:
        return None, [f"{MANIFEST} lacks {', '.join(missing)}"]
    if strange := [*manifest_problems(manifest), *folder_problems(folder)]:
        return None, [f"{MANIFEST if name in manifest else ''} {name} {rule}".strip() for name, rule in strange]
    return manifest, [] if sealed else [f"{DONE} does not hold the hash of {MANIFEST}: one of them was changed"]


def _frame(folder: Path, name: str, manifest: Mapping[str, Any]) -> tuple[pl.DataFrame | None, list[str]]:
    import polars as pl

    from .strange_folder import read_losses, read_table

    wrong = _mismatch(folder, name, manifest)
    if wrong:
        return None, wrong
    try:
        if name == LOSSES:
            return read_losses(folder / name), []
        kinds = {column: pl.String if column in _TEXTS else pl.Float64 for column in _MEASURE_COLUMNS}
        return read_table(folder / name, {**kinds, "n_scenarios": pl.Int64}), []
    except (OSError, ValueError) as error:
        return None, [f"{name} {error}"]


def _mismatch(folder: Path, name: str, manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with a file by the manifest's list of outputs."""
    listed = {item["path"]: item["sha256"] for item in manifest["outputs"]}
    if not (folder / name).is_file():
        return [f"{name} is missing"]
    if name not in listed:
        return [f"{name} is not among the outputs that {MANIFEST} lists"]
    changed = sha256_of(folder / name) != listed[name]
    return [f"{name} is not the file that {MANIFEST} lists: its hash differs"] if changed else []


# ---- differences ----


def _inputs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{item['role']} sha256": item["sha256"] for item in manifest["inputs"]}


def versions_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Versions, engine and device of a run by name."""
    engine = {f"engine {name}": value for name, value in manifest["engine"].items()}
    python = {"python": manifest.get("machine", {}).get("python"), "random numbers": manifest["rng"]}
    return {**manifest["packages"], **python, **engine}


def _common(one: StoredRun, other: StoredRun) -> tuple[bool, str]:
    """Whether scenario i of both is one scenario of the same random numbers, and how errors are combined for it."""
    seeds, counts = ([run.manifest[name] for run in (one, other)] for name in ("seed", "n_scenarios"))
    if seeds[0] != seeds[1]:
        return False, f"seeds {seeds[0]} and {seeds[1]} differ: independent runs, squares of their errors add up"
    if one.manifest["rng"] != other.manifest["rng"]:
        return False, "the schemes of random numbers differ: independent runs, squares of their errors add up"
    if counts[0] == counts[1]:
        return True, f"same seed {seeds[0]} and scenarios: errors of differences are of paired scenarios"
    shared = min(counts)
    return True, f"same seed {seeds[0]}, {shared:,} shared scenarios: their covariance is taken off the errors"


def _measures(one: StoredRun, other: StoredRun, *, common: bool) -> pl.DataFrame:
    import polars as pl

    key = ["scope", "measure", "level", "unit"]
    values = [
        run.measures.select(*key, pl.col("value").alias(name), pl.col("std_error").alias(f"{name}_std_error"))
        for run, name in ((one, "first"), (other, "second"))
    ]
    joined = values[0].join(values[1], on=key, how="full", nulls_equal=True, coalesce=True, maintain_order="left_right")
    confidence = float(one.manifest["config"]["measures"]["confidence"])
    samples = _samples(one, other, confidence)
    rows = [row | _difference(row, samples.get(row["scope"]), confidence, common) for row in joined.to_dicts()]
    numbers = dict.fromkeys(("difference", "std_error", "ci_low", "ci_high", "relative"), pl.Float64())
    return pl.DataFrame(rows, schema={**joined.schema, **numbers, "method": pl.String()})


def _samples(one: StoredRun, other: StoredRun, confidence: float) -> dict[str, tuple[Sample, Sample]]:
    """Losses of both runs by scope that both have."""
    from .models.measures import Sample
    from .models.results import PORTFOLIO_SCOPE

    columns = [name for name in one.losses.columns if name == "loss" or name.startswith(_SEGMENT)]
    levels = [set(run.measures["level"].drop_nulls().to_list()) for run in (one, other)]
    shared = tuple(sorted(levels[0] & levels[1]))

    def sample(run: StoredRun, column: str) -> Sample:
        losses = run.losses.sort("scenario")[column].to_numpy()
        return Sample.of(losses, levels=shared, confidence=confidence)

    return {
        PORTFOLIO_SCOPE if name == "loss" else name.removeprefix(_SEGMENT): (sample(one, name), sample(other, name))
        for name in columns
        if name in other.losses.columns
    }


def _difference(
    row: Mapping[str, Any], pair: tuple[Sample, Sample] | None, confidence: float, common: bool
) -> dict[str, Any]:
    """What a row says beside the two values."""
    from .models.measures import difference

    empty = dict.fromkeys(("difference", "std_error", "ci_low", "ci_high", "relative"))
    if pair is None or row["first"] is None or row["second"] is None:
        return empty | {"method": "only one of the runs has it"}
    found = difference(*pair, measure=row["measure"], level=row["level"], confidence=confidence, common=common)
    relative = found.value / row["first"] if found.value is not None and row["first"] else None
    return {
        "difference": found.value,
        "std_error": found.std_error,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "relative": relative,
        "method": found.method,
    }
