"""The typed configuration that all models share: frozen, strict, closed to unknown keys; units are in conf/*.yaml."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from rackrisk.data import expanded
from rackrisk.kernels.engines import MAX_SCENARIOS, EngineMissing, choose
from rackrisk.models.stopping import Target, level_problem, limit_problem, most_scenarios, parse_target
from rackrisk.output import typed
from rackrisk.run_folder import UNFINISHED, real_place

from ._executor import ExecutorConfig
from ._section import ELSEWHERE, STORED, Count, Section, applies

MAX_SEED = 2**64 - 1
MAX_PATH = 1_000  # characters of `out`; systems take some 4,000 with what is written inside

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def _iso_date(value: Any) -> Any:
    """Text YYYY-MM-DD, letter by letter: `2026-8-31` and `20260831` are refused."""
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("must be a date written YYYY-MM-DD")
        return date.fromisoformat(value)
    return value


def _file_label(value: str) -> str:
    """A name that a run folder can be called by, without a way out of the folder that it is in."""
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, '-', '_' or '.', and begin with a letter or digit")
    return value


SHIPPED, SHIPPED_TAPES = "shipped:", ("rigs_2021.csv",)  # tapes of the package, by `portfolio.tape=shipped:NAME`

Seed = Annotated[Count, Field(ge=0, le=MAX_SEED)]
IsoDate = Annotated[date, BeforeValidator(_iso_date), Field(ge=date(2000, 1, 1), le=date(2100, 12, 31))]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Label = Annotated[str, Field(min_length=1, max_length=64)]
FileLabel = Annotated[str, AfterValidator(_file_label)]
Scenarios = Annotated[Count, Field(ge=1, le=MAX_SCENARIOS)]


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("must not repeat an entry")
    return values


Levels = Annotated[tuple[OpenShare, ...], Field(min_length=1, max_length=20), AfterValidator(_once)]


class PortfolioConfig(Section, frozen=True):
    """What every portfolio has: a name, a tape that replaces all else, and how many rows are made without one."""

    name: FileLabel
    tape: str | None
    count: Annotated[Count, Field(ge=0)]

    @field_validator("tape")
    @classmethod
    def _is_a_tape(cls, value: str | None, info: ValidationInfo) -> str | None:
        return value if value is None or applies(info, STORED) else check_tape_path(value)


class ModelConfig(Section, frozen=True):
    name: str


class EngineConfig(Section, frozen=True):
    name: Literal["auto", "jax", "cuda", "reference"]

    @field_validator("name")
    @classmethod
    def _is_there(cls, name: str, info: ValidationInfo) -> str:
        if applies(info, ELSEWHERE):
            return name
        try:
            choose(name)
        except EngineMissing as error:
            raise ValueError(str(error)) from None
        return name


class MeasuresConfig(Section, frozen=True):
    levels: Levels
    confidence: OpenShare
    segments: tuple[str, ...]

    @field_validator("segments")
    @classmethod
    def _names_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _once(values)


class Settings(Section, frozen=True):
    """What every run has. Field by field what conf/config.yaml says; each model adds its own."""

    model: ModelConfig
    portfolio: PortfolioConfig
    engine: EngineConfig
    executor: ExecutorConfig
    measures: MeasuresConfig
    scenarios: Scenarios
    seed: Seed
    name: FileLabel | None
    out: str | None
    # Configurations that were written before there were targets have neither.
    until: str | None = None
    max_scenarios: Scenarios | None = None

    @property
    def target(self) -> Target | None:
        """What `until` asks for."""
        return None if self.until is None else parse_target(self.until)

    @property
    def most(self) -> int:
        """The most scenarios that this run may have: `scenarios`, unless it runs until a target is met."""
        target = self.target
        return self.scenarios if target is None else _most(target, self.scenarios, self.max_scenarios)

    @property
    def scenarios_in_words(self) -> str:
        """`20,000 scenarios`, or `20,000 to 1,000,000 scenarios until EL:1%`."""
        many = f"{self.scenarios:,}" if self.until is None else f"{self.scenarios:,} to {self.most:,}"
        return f"{many} scenarios{'' if self.until is None else f' until {self.until}'}"

    @field_validator("out")
    @classmethod
    def _is_free(cls, value: str | None, info: ValidationInfo) -> str | None:
        return value if value is None or applies(info, STORED) else check_out_path(value)

    @field_validator("until")
    @classmethod
    def _is_a_target(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        target, measures = parse_target(value), info.data.get("measures")
        levels = None if measures is None else measures.levels
        rule = level_problem(target, levels=levels, possible=MAX_SCENARIOS)
        if rule is not None:
            raise ValueError(rule)
        return str(target)

    @field_validator("max_scenarios")
    @classmethod
    def _is_a_limit(cls, value: int | None, info: ValidationInfo) -> int | None:
        until, scenarios = info.data.get("until", ""), info.data.get("scenarios")
        if until is None and value is not None:
            raise ValueError("has no effect without `until`: leave it out, or say until what the run shall go on")
        if until and scenarios is not None:
            target = parse_target(until)
            rule = limit_problem(target, scenarios=scenarios, most=_most(target, scenarios, value))
            if rule is not None:
                raise ValueError(rule)
        return value


def _most(target: Target, scenarios: int, limit: int | None) -> int:
    return min(most_scenarios(target, scenarios=scenarios), MAX_SCENARIOS) if limit is None else limit


def check_tape_path(text: str) -> str:
    """The file that `text` names, `~` and `shipped:` written out, if it is a readable CSV or Parquet file.

    Raises:
        ValueError: with the rule that is broken.
    """
    path = _shipped_tape(text) if text.startswith(SHIPPED) else expanded(text)
    if path.suffix.lower() not in {".csv", ".parquet", ".pq"}:
        raise ValueError("must end in .csv or .parquet")
    try:
        if not path.is_file():
            raise ValueError("no such file" if not path.exists() else "is not a file")
        with path.open("rb"):
            return str(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None


def _shipped_tape(text: str) -> Path:
    """A tape that comes with the package."""
    if text.removeprefix(SHIPPED) not in SHIPPED_TAPES:
        known = ", ".join(f"{SHIPPED}{name}" for name in SHIPPED_TAPES)
        raise ValueError(f"no such tape in the package; there is {known}")
    return Path(str(resources.files("rackrisk.data"))) / text.removeprefix(SHIPPED)


def check_out_path(text: str) -> str:
    """`text`, if it names a folder that does not exist yet or is empty, and is no symbolic link.

    Raises:
        ValueError: with the rule that is broken.
    """
    path = expanded(text)
    if not text.isprintable():
        raise ValueError("must be of letters and signs that can be printed")
    if len(text) > MAX_PATH:
        raise ValueError(f"must have at most {MAX_PATH:,} characters")
    try:
        path = real_place(path)
        if path.name.endswith(UNFINISHED):
            raise ValueError(f"ends in {UNFINISHED}, as folders of runs that are not finished do: name another")
        if path.is_symlink():
            raise ValueError("is a symbolic link; name the folder itself")
        if path.exists() and not path.is_dir():
            raise ValueError("exists and is not a folder")
        if path.is_dir() and any(path.iterdir()):
            there, show = "exists and is not empty", ""
            if (path / "DONE").is_file():
                there, show = "holds a finished run", f" ({typed('report', text)} shows that one)"
            raise ValueError(f"{there}; results are never overwritten: name another folder{show}")
    except OSError as error:
        raise ValueError(f"cannot be used ({error.strerror})") from None
    return text
