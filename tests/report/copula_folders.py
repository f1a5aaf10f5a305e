"""Run folders of the copula model for the report's tests: a small real run, and the same with hostile names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

import rackrisk

from .folders import HOSTILE

TABLES = ("names", "pd_term", "exact")
SEGMENTS = tuple(f"segment {place:02d}" for place in range(len(HOSTILE)))
COPULA = {"horizon_years": 3, "lgd": {"kind": "beta", "sd": 0.2}}


def copula_run(folder: Path, **values: Any) -> Path:
    """A run of 52 names in 13 segments on two factors over three years; `values` change its configuration."""
    count = 4 * len(SEGMENTS)
    names = pl.DataFrame({"obligor_id": [f"name {place:03d}" for place in range(count)]}).with_columns(
        segment=pl.Series([SEGMENTS[place % len(SEGMENTS)] for place in range(count)]),
        ead=pl.Series([1e6 * (1 + place % 9) for place in range(count)]),
        pd=pl.Series([0.01 * (1 + place % 5) for place in range(count)]),
        lgd=pl.lit(0.45),
        loading_x=pl.Series([0.3 + 0.1 * (place % 3) for place in range(count)]),
        loading_y=pl.lit(0.2),
    )
    tape = folder.with_name(f"{folder.name}.parquet")
    names.write_parquet(tape)
    usual = {"engine": "reference", "scenarios": 800, "out": str(folder), "copula": COPULA}
    run = rackrisk.run(model="copula", **{**usual, "portfolio": {"tape": str(tape)}, **values})
    return run.folder


def equal_run(folder: Path, **values: Any) -> Path:
    """A run of the shipped equal names, where everything is exact as well."""
    return copula_run(folder, portfolio={"count": 60}, copula={}, **values)


def hostile_copula_run(folder: Path) -> Path:
    """The run with hostile names of segments, names and methods, and hostile words in the manifest."""
    run = copula_run(folder)
    hostile = dict(zip(SEGMENTS, HOSTILE, strict=True))
    for name in ("measures", *TABLES):
        path = run / "tables" / f"{name}.parquet"
        frame = pl.read_parquet(path)
        columns = [column for column in ("scope", "segment") if column in frame.columns]
        frame = frame.with_columns(pl.col(column).replace(hostile) for column in columns)
        words = {"obligor_id": HOSTILE[0], "method": HOSTILE[1]}
        frame = frame.with_columns(pl.lit(words[c]).alias(c) for c in words if c in frame.columns)
        frame.write_parquet(path)
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    exposure = {hostile.get(name, name): value for name, value in manifest["exposure_usd"].items()}
    manifest |= {"exposure_usd": exposure, "warnings": list(HOSTILE), "horizon_years": HOSTILE[0]}
    manifest["config"]["copula"] |= {"dependence": HOSTILE[3], "lgd": {"kind": HOSTILE[4], "sd": HOSTILE[5]}}
    manifest["config"]["portfolio"]["tape"] = f"/secret/{HOSTILE[1].replace('/', '')}"
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return run
