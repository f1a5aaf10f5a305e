"""The typed configuration: frozen, strict, and closed to unknown keys. Units are in the names or in conf/*.yaml."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from rackrisk.kernels.engines import MAX_SCENARIOS
from rackrisk.models.market import MarketConfig
from rackrisk.models.recovery import RecoveryConfig

MAX_MONTHS = 600
MAX_GENERATED = 1_000_000
MIN_SYNTHETIC = 100
MAX_SEED = 2**64 - 1

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def _whole(value: Any) -> Any:
    """`1e5` is written as a float but means a count."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _iso_date(value: Any) -> Any:
    """Text YYYY-MM-DD, letter by letter: `2026-8-31` and `20260831` are refused."""
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("must be a date written YYYY-MM-DD")
        return date.fromisoformat(value)
    return value


Count = Annotated[int, BeforeValidator(_whole)]
Seed = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=MAX_SEED)]
IsoDate = Annotated[date, BeforeValidator(_iso_date), Field(ge=date(2000, 1, 1), le=date(2100, 12, 31))]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
#: Columns of the tape that results can be reported by.
SegmentColumn = Literal["segment", "seniority", "rate_type", "amortisation", "offtaker", "guarantor"]
Label = Annotated[str, Field(min_length=1, max_length=64)]


class Section(BaseModel):
    """Base of every part: no unknown keys, no NaN, no silent conversion (`NO` is not a boolean), immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class ModelConfig(Section):
    name: Literal["structural"]


class PortfolioConfig(Section):
    """Which facilities: a tape, or the public table and `count` generated ones, kept to `segments`."""

    name: Label
    tape: str | None
    public: bool
    count: Annotated[Count, Field(ge=0, le=MAX_GENERATED)]
    seed: Seed
    segments: tuple[Label, ...]

    @field_validator("tape")
    @classmethod
    def _is_a_tape(cls, value: str | None) -> str | None:
        return value if value is None else check_tape_path(value)

    @field_validator("count")
    @classmethod
    def _has_facilities(cls, count: int, info: ValidationInfo) -> int:
        known = info.data  # the fields above, as far as they are valid
        if known.get("name") == "synthetic" and count < MIN_SYNTHETIC:
            raise ValueError(f"must be at least {MIN_SYNTHETIC} in a synthetic portfolio")
        if count == 0 and known.get("public") is False and known.get("tape", "") is None:
            raise ValueError("must be positive: without it, public facilities or a tape, the book is empty")
        return count


class EngineConfig(Section):
    name: Literal["auto", "jax", "cuda", "reference"]
    precision: Literal["float32", "float64"]

    @field_validator("precision")
    @classmethod
    def _reference_is_double(cls, precision: str, info: ValidationInfo) -> str:
        if info.data.get("name") == "reference" and precision != "float64":
            raise ValueError("must be float64: the reference engine computes in nothing else")
        return precision


class MeasuresConfig(Section):
    levels: Annotated[tuple[OpenShare, ...], Field(min_length=1, max_length=20)]
    confidence: OpenShare
    segments: Annotated[tuple[SegmentColumn, ...], Field(min_length=1, max_length=4)]

    @field_validator("levels", "segments")
    @classmethod
    def _once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) != len(values):
            raise ValueError("must not repeat an entry")
        return values


class MechanismsConfig(Section):
    deflation: bool
    duration: bool
    leverage: bool
    convergence: bool
    vacuum: bool
    offtake: bool


class Settings(Section):
    """One run. Field by field what conf/config.yaml says."""

    model: ModelConfig
    portfolio: PortfolioConfig
    market: MarketConfig
    recovery: RecoveryConfig
    engine: EngineConfig
    measures: MeasuresConfig
    mechanisms: MechanismsConfig
    scenarios: Annotated[Count, Field(ge=1, le=MAX_SCENARIOS)]
    months: Annotated[Count, Field(ge=1, le=MAX_MONTHS)]
    seed: Seed
    as_of: IsoDate
    name: str | None
    out: str | None

    @field_validator("name")
    @classmethod
    def _is_a_label(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("must be 1 to 64 letters, digits, '-', '_' or '.', and begin with a letter or digit")
        return value

    @field_validator("out")
    @classmethod
    def _is_free(cls, value: str | None) -> str | None:
        return value if value is None else check_out_path(value)


def check_tape_path(text: str) -> str:
    """The file that `text` names, `~` written out, if it is a readable CSV or Parquet file.

    Raises:
        ValueError: with the rule that is broken.
    """
    path = Path(text).expanduser()
    if path.suffix.lower() not in {".csv", ".parquet", ".pq"}:
        raise ValueError("must end in .csv or .parquet")
    try:
        if not path.is_file():
            raise ValueError("no such file" if not path.exists() else "is not a file")
        with path.open("rb"):
            return str(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None


def check_out_path(text: str) -> str:
    """`text`, if it names a folder that does not exist yet or is empty, and is no symbolic link.

    Raises:
        ValueError: with the rule that is broken.
    """
    path = Path(text).expanduser()
    try:
        if not text or "\0" in text:
            raise ValueError("must name a folder")
        if path.is_symlink():
            raise ValueError("is a symbolic link; name the folder itself")
        if path.exists() and not path.is_dir():
            raise ValueError("exists and is not a folder")
        if path.is_dir() and any(path.iterdir()):
            raise ValueError("exists and is not empty; results are never overwritten")
    except OSError as error:
        raise ValueError(f"cannot be used ({error.strerror})") from None
    return text
