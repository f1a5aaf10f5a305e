"""Folders of made-up sweeps, as `rackrisk sweep` writes them, for the report's tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl

from .folders import HOSTILE

DRIFT = "market.rent.drift_annual.calm"
MEASURES = (("EL", None, 1.0), ("SD", None, 1.3), ("VaR", 0.99, 4.0), ("ES", 0.99, 5.0), ("ES", 0.999, 7.0))


def usual_sweep(folder: Path) -> Path:
    """A number and two books."""
    return write_sweep(folder, {DRIFT: [-0.3, -0.15, 0.0], "portfolio": ["neoclouds", "miners"]})


def named_sweep(folder: Path) -> Path:
    """Names only."""
    return write_sweep(folder, {"portfolio": ["neoclouds", "miners"], "mechanisms.vacuum": [True, False]})


def hostile_sweep(folder: Path) -> Path:
    """Numbers under a hostile key, hostile values, scopes and notes."""
    keys = {f"market.{HOSTILE[0]}": [1.0, 1e9], "portfolio.tape": list(HOSTILE)}
    return write_sweep(folder, keys, scopes=HOSTILE[:5], warnings=HOSTILE)


def hostile_names_sweep(folder: Path) -> Path:
    """Hostile values only."""
    return write_sweep(folder, {"portfolio.tape": list(HOSTILE)}, scopes=HOSTILE[5:9])


def write_sweep(
    folder: Path,
    keys: Mapping[str, Sequence[Any]],
    *,
    scopes: Sequence[str] = ("miners", "neoclouds"),
    warnings: Sequence[str] = (),
) -> Path:
    """All combinations of the keys' values with made-up measures."""
    (folder / "tables").mkdir(parents=True)
    points = [dict(zip(keys, values, strict=True)) for values in product(*keys.values())]
    rows = [row for number, values in enumerate(points, 1) for row in _rows(number, values, scopes)]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "tables/sweep.parquet")
    books = [{"portfolio": 1e9 * (1 + number % 2)} for number in range(len(points))]
    manifest = {
        "schema": "rackrisk/sweep/1",
        "product": {"name": "rackrisk", "version": "0.0.0"},
        "keys": list(keys),
        "points": [{"exposure_usd": book} for book in books],
        "exposure_usd": books[0],
        "config": {"measures": {"confidence": 0.95}, "model": {"name": "structural"}},
        "seed": 1,
        "warnings": list(warnings),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "config.resolved.yaml").write_text("seed: 1\n", encoding="utf-8")
    return folder


def _rows(number: int, values: Mapping[str, Any], scopes: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"point": number, **values, "run": f"points/{number:03d}"} | _measure(number, what, scope, share)
        for share, scope in zip([1.0, *([1.0 / len(scopes)] * len(scopes))], ["portfolio", *scopes], strict=True)
        for what in MEASURES
    ]


def _measure(number: int, what: tuple[str, float | None, float], scope: str, share: float) -> dict[str, Any]:
    name, level, size = what
    value, error = 1e7 * share * size * (1 + 0.3 * number), 4e5 * share * size
    unknown = name == "ES" and level == 0.999
    return {
        "measure": name,
        "level": level,
        "scope": scope,
        "value": value,
        "std_error": None if unknown else error,
        "ci_low": None if unknown else value - 2 * error,
        "ci_high": None if unknown else value + 2 * error,
        "unit": "USD",
        "n_scenarios": 1_000,
        "method": "made up",
        "difference": None if number == 1 else 3e6 * share * size * (number - 1),
        "difference_std_error": None if number == 1 or unknown else 0.3 * error,
        "difference_ci_low": None,
        "difference_ci_high": None,
        "relative": None if number == 1 else 0.3 / 1.3 * (number - 1),
        "difference_method": "made up",
    }
