"""The configuration of a structural run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from rackrisk.models.market import MarketConfig
from rackrisk.models.pricing import PricingConfig
from rackrisk.models.recovery import RecoveryConfig

from ._settings import (
    Count,
    EngineConfig,
    IsoDate,
    Label,
    Levels,
    MeasuresConfig,
    ModelConfig,
    PortfolioConfig,
    Scenarios,
    Section,
    Seed,
    Settings,
)

MAX_MONTHS = 600
MAX_GENERATED = 1_000_000
MIN_SYNTHETIC = 100

#: Columns of the tape that results can be reported by.
SegmentColumn = Literal["segment", "seniority", "rate_type", "amortisation", "offtaker", "guarantor"]


class StructuralModel(ModelConfig, frozen=True):
    name: Literal["structural"]


class FacilitiesPortfolio(PortfolioConfig, frozen=True):
    """Which facilities: a tape, or the public table and `count` generated ones, kept to `segments`."""

    kind: Literal["facilities"]
    public: bool
    count: Annotated[Count, Field(ge=0, le=MAX_GENERATED)]
    seed: Seed
    segments: tuple[Label, ...]

    @field_validator("count")
    @classmethod
    def _has_facilities(cls, count: int, info: ValidationInfo) -> int:
        known = info.data  # the fields above, as far as they are valid
        if known.get("name") == "synthetic" and count < MIN_SYNTHETIC:
            raise ValueError(f"must be at least {MIN_SYNTHETIC} in a synthetic portfolio")
        if count == 0 and known.get("public") is False and known.get("tape", "") is None:
            raise ValueError("must be positive: without it, public facilities or a tape, the book is empty")
        return count


class StructuralEngine(EngineConfig, frozen=True):
    precision: Literal["float32", "float64"]

    @field_validator("precision")
    @classmethod
    def _reference_is_double(cls, precision: str, info: ValidationInfo) -> str:
        if info.data.get("name") == "reference" and precision != "float64":
            raise ValueError("must be float64: the reference engine computes in nothing else")
        return precision


class StructuralMeasures(MeasuresConfig, frozen=True):
    segments: Annotated[tuple[SegmentColumn, ...], Field(min_length=1, max_length=4)]


class MechanismsConfig(Section, frozen=True):
    deflation: bool
    duration: bool
    leverage: bool
    convergence: bool
    vacuum: bool
    offtake: bool


class AttributionConfig(Section, frozen=True):
    """What `rackrisk attribute` takes for `scenarios` and `measures.levels`."""

    scenarios: Scenarios
    levels: Levels


class StructuralSettings(Settings, frozen=True):
    """One structural run: conf/config.yaml and conf/model/structural.yaml."""

    model: StructuralModel
    portfolio: FacilitiesPortfolio
    market: MarketConfig
    recovery: RecoveryConfig
    engine: StructuralEngine
    measures: StructuralMeasures
    mechanisms: MechanismsConfig
    attribution: AttributionConfig
    pricing: PricingConfig
    months: Annotated[Count, Field(ge=1, le=MAX_MONTHS)]
    as_of: IsoDate
