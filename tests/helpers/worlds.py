"""The same small worlds for every test that asks what a result may depend on, and results as hashes of their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from rackrisk.config import structural_settings
from rackrisk.data import check_tape, generate
from rackrisk.kernels.engines import Engine, open_engine
from rackrisk.models.book import BuiltBook, build_book
from rackrisk.models.copula import CopulaResult, simulate_copula
from rackrisk.models.market import compile_market
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.results import SimulationResult
from rackrisk.models.simulate import path_maker

from ..models.copula.pools import model_of
from .emulated import engine_at_hand
from .loans import AS_OF, ASICS, GENERATIONS, run_loans

Result = SimulationResult | CopulaResult
WORLD = ("market=hash_credit_crisis",)  # every cause of default, and contagion, within few scenarios
MONTHS, SCENARIOS = 26, 130
KEYS = ("facility_id", "obligor_id", "channel", "scenario", "month", "year", "scope", "cause")


@cache
def book(count: int = 40) -> pl.DataFrame:
    """A checked tape of generated facilities; a larger one begins with the same facilities."""
    return check_tape(generate(count, seed=11), file="test", as_of=AS_OF, generations=GENERATIONS, asic_classes=ASICS)


def crisis(tape: pl.DataFrame, **options: object) -> SimulationResult:
    """The structural model in the commentary's own world."""
    return run_loans(tape, *WORLD, **({"months": MONTHS, "scenarios": 60, "engine": "jax"} | options))


def structural(tape: pl.DataFrame | None = None, **options: Any) -> SimulationResult:
    """The structural model on the shared book, float32 as users run it."""
    engine = options.get("engine", "jax")
    usual = {"scenarios": SCENARIOS, "seed": 3, "precision": "float64" if engine == "reference" else "float32"}
    return crisis(book() if tape is None else tape, **(usual | options))


def copula(names: pl.DataFrame | None = None, *, kind: str = "wrong_way", **options: Any) -> CopulaResult:
    """The copula model on the shared pool."""
    pool, config = model_of(kind)
    usual: dict[str, Any] = {"scenarios": 10 * SCENARIOS, "seed": 3, "engine": "jax", "config": config}
    with engine_at_hand(options.get("engine", "jax")):
        return simulate_copula(pool if names is None else names, **(usual | options))


MODELS: dict[str, Callable[..., Result]] = {"structural": structural, "copula": copula}


@cache
def usual(model: str, engine: str = "jax") -> Result:
    """The run that others are held against."""
    return MODELS[model](engine=engine)


def built(tape: pl.DataFrame, months: int = MONTHS) -> tuple[BuiltBook, MarketArrays]:
    """The arrays of a tape in the shared world."""
    settings = structural_settings(*WORLD)
    ready = build_book(
        tape, market=settings.market, recovery=settings.recovery, as_of=AS_OF, months=months, segments=("segment",)
    )
    until, pds = months + ready.lag_months, ready.counterparty_pd_annual
    return ready, compile_market(settings.market, as_of=AS_OF, months=until, counterparty_pd_annual=pds)


def opened(engine: str, precision: str = "float32") -> Engine:
    """The shared book in an engine, to run more than once without compiling again."""
    ready, market = built(book())
    with engine_at_hand(engine):
        return open_engine(engine, ready.book, market, ready.scale, path_maker(ready), seed=3, precision=precision)


def tables(result: Result) -> dict[str, pl.DataFrame]:
    """Every table of a result, sorted by what its rows are about."""
    found = {field.name: getattr(result, field.name) for field in fields(result)}
    frames = {name: value for name, value in found.items() if isinstance(value, pl.DataFrame)}
    return {name: frame.sort([key for key in KEYS if key in frame.columns]) for name, frame in frames.items()}


def digests(result: Result, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """SHA-256 of the bytes of every table, to the last bit of every number."""
    return {name: digest(frame) for name, frame in tables(result).items() if name not in without}


def digest(frame: pl.DataFrame) -> str:
    """SHA-256 of names, types and values of the columns."""
    found = hashlib.sha256()
    for column in frame.get_columns():
        found.update(f"{column.name}, {column.dtype}, {len(column)}".encode())
        found.update(column.is_null().to_numpy().tobytes())
        if column.dtype == pl.String:
            found.update("\0".join(column.fill_null("").to_list()).encode())
        else:
            found.update(np.ascontiguousarray(column.fill_null(0).to_numpy()).tobytes())
    return found.hexdigest()
