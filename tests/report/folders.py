"""Run folders for the report's tests: made-up results, as the command line would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rackrisk.models.measures import measures_table
from rackrisk.models.results import SimulationResult

from ..helpers.fake_result import FakeSimulation, FakeTally, fake_result
from .tail_tables import attribution, tail_tables

OF_RESULT = ("facilities", "pd_term", "early_warning", "fans", "defaults_by_cause", "loss_given_default")
TAIL = (
    "pricing", "contributions", "concentration", "offtaker_defaults", "attribution", "worst_scenarios", "worst_moves",
    "worst_happenings", "worst_losers",
)  # fmt: skip
TABLES = (*OF_RESULT, *TAIL)

#: Names that try to be markup, to leave their place, to run, to reverse the line or to push everything aside.
HOSTILE = (
    "<script>document.title='hit'</script>",
    "</svg><img src=x onerror=\"document.title='hit'\">",
    "javascript:document.title='hit'",
    "</style></title></details><h1>hit</h1>",
    "a\u202egnp.exe\u2066\u200b\u0000\u001b[31m",
    "X" * 300,
    "\U0001f600\U0001f469\u200d\U0001f469 emoji",
    "Z" + "\u0335\u0337\u0327\u0328" * 20 + "algo",
    "{{ 7 * 7 }}{% raw %}",
    "\"'><b onmouseover=\"document.title='hit'\">",
    "\u0634\u0631\u0643\u0629 \u0627\u0644\u062d\u0648\u0633\u0628\u0629",
    "\u6570\u636e\u4e2d\u5fc3\u6709\u9650\u516c\u53f8" * 12,
    "&amp;&#60;]]><!-- -->",
)


def write_run(
    folder: Path,
    result: SimulationResult,
    *,
    manifest: Mapping[str, Any] | None = None,
    config_text: str = "seed: 1\n",
    tail: Mapping[str, pl.DataFrame] | None = None,
) -> Path:
    """Write a run folder without `DONE`; entries of `manifest` replace the usual ones, `tail` the answers beside."""
    (folder / "tables").mkdir(parents=True)
    result.losses.write_parquet(folder / "losses.parquet")
    measures_table(result, (0.99, 0.999), 0.95).write_parquet(folder / "tables" / "measures.parquet")
    frames = {name: getattr(result, name) for name in OF_RESULT} | dict(tail_tables(result) if tail is None else tail)
    for name, frame in frames.items():
        frame.write_parquet(folder / "tables" / f"{name}.parquet")
    (folder / "config.resolved.yaml").write_text(config_text, encoding="utf-8")
    written = {**_manifest(result), **(manifest or {})}
    (folder / "manifest.json").write_text(json.dumps(written), encoding="utf-8")
    return folder


def small_run(folder: Path, **changes: Any) -> Path:
    """A run of the made-up book; `changes` replace frames or fields of its result."""
    return write_run(folder, replace(fake_result(n_scenarios=400, n_facilities=40), **changes))


def hostile_run(folder: Path) -> Path:
    """A run in which every name, note, label and version is hostile."""
    count = 4 * len(HOSTILE)
    tape = pl.DataFrame(
        {
            "facility_id": [f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(count)],
            "obligor_id": [f"{HOSTILE[i * 5 % len(HOSTILE)]}{i // 2}" for i in range(count)],
            "segment": [HOSTILE[i % 11] for i in range(count)],
            "balance_usd": [1e8 * (1 + i % 7) for i in range(count)],
            "quoted_spread_annual": [None if i % 3 == 0 else 0.03 + 0.001 * i for i in range(count)],
        }
    )
    result = FakeSimulation(tape, 60, 3, "jax").result(FakeTally(np.zeros((300, 1))))
    odd = pl.col("channel").is_in(["power", "btc"])
    fans = result.fans.with_columns(
        channel=pl.when(pl.col("channel") == "power").then(pl.lit(HOSTILE[1])).otherwise(pl.col("channel")),
        unit=pl.when(odd).then(pl.lit(HOSTILE[0])).otherwise(pl.col("unit")),
    )
    causes = result.defaults_by_cause.with_columns(
        cause=pl.when(pl.col("cause") == "margin").then(pl.lit(HOSTILE[3])).otherwise(pl.col("cause"))
    )
    spoilt = replace(result, fans=fans, defaults_by_cause=causes, notes=list(HOSTILE), device=HOSTILE[1])
    manifest = {
        "choices": {"portfolio": HOSTILE[1], "market": HOSTILE[4] + HOSTILE[0], "recovery": HOSTILE[5]},
        "packages": {name: name for name in HOSTILE},
        "inputs": [{"role": HOSTILE[0], "path": HOSTILE[3], "bytes": 1, "rows": 1, "sha256": HOSTILE[5]}],
        "config": {"as_of": HOSTILE[0], "mechanisms": {HOSTILE[0]: True, HOSTILE[5]: "on"}},
        "config_hash": HOSTILE[9],
    }
    config = f"name: kept out\nout: /kept/out\nnote: {HOSTILE[0]}\nother: </pre>{HOSTILE[1]}\n"
    tail = hostile_tail(spoilt)
    return write_run(folder, spoilt, manifest=manifest, config_text=config, tail=tail)


def hostile_tail(result: SimulationResult) -> dict[str, pl.DataFrame]:
    """Answers whose tenants, mechanisms, causes, units, channels and verdicts are hostile."""
    tail = tail_tables(result, tenants=HOSTILE)
    first = pl.int_range(pl.len()) % 9 == 0
    odd = {"worst_losers": ("cause", 3), "worst_moves": ("unit", 0), "pricing": ("verdict", 1)}
    for table, (name, place) in odd.items():
        word = pl.when(first).then(pl.lit(HOSTILE[place])).otherwise(pl.col(name))
        tail[table] = tail[table].with_columns(word.alias(name))
    return tail | {"attribution": attribution(result, HOSTILE[:6])}


def attribution_folder(folder: Path, *, hostile: bool = False) -> Path:
    """A folder of shares by mechanism alone, as `rackrisk attribute` writes it."""
    result = fake_result(n_scenarios=64, n_facilities=40)
    (folder / "tables").mkdir(parents=True)
    shares = attribution(result, HOSTILE[:6]) if hostile else attribution(result)
    shares.write_parquet(folder / "tables" / "attribution.parquet")
    (folder / "config.resolved.yaml").write_text("seed: 1\n", encoding="utf-8")
    written = {**_manifest(result), "schema": "rackrisk/attribution/1"}
    (folder / "manifest.json").write_text(json.dumps(written), encoding="utf-8")
    return folder


def _manifest(result: SimulationResult) -> dict[str, Any]:
    return {
        "schema": "rackrisk/run/1",
        "product": {"name": "rackrisk", "version": "0.1.0"},
        "started_utc": "2026-09-01T08:00:00Z",
        "config_hash": "ab" * 32,
        "choices": {"portfolio": "compute_credit", "market": "base", "recovery": "base", "model": "structural"},
        "config": {
            "as_of": "2026-08-31",
            "months": result.months,
            "measures": {"levels": [0.99, 0.999], "confidence": 0.95},
            "mechanisms": {"deflation": True, "duration": True, "offtake": False},
        },
        "seed": result.seed,
        "rng": "philox4x32-10/v1",
        "engine": {"name": result.engine, "device": result.device, "precision": result.precision},
        "exposure_usd": result.exposure_usd,
        "inputs": [{"role": "tape", "path": "/secret/place/book.csv", "bytes": 9, "rows": 40, "sha256": "cd" * 32}],
        "packages": {"rackrisk": "0.1.0", "numpy": "2.0"},
        "machine": {"python": "3.12.1", "platform": "Linux"},
        "timings_s": {"simulate": 1.5},
        "warnings": result.notes,
    }
