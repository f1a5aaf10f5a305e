"""Reads a run folder into frames with known columns; anything else in the folder is left alone.

A folder may lack whole tables (another model has no early warning); then their part of the page is left out.
A table that is there must have its columns, so that no part of the page silently shows something else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rackrisk.data import ParquetRefused
from rackrisk.strange_folder import read_table

from ._shares import TOTAL

_F, _S, _I = pl.Float64, pl.String, pl.Int64

LOSS_COLUMNS: Mapping[str, Any] = {"loss": _F, "weight": _F}

Tables = Mapping[str, Mapping[str, Any]]

_MEASURES: Tables = {
    "measures": {
        "measure": _S, "level": _F, "value": _F, "std_error": _F, "ci_low": _F, "ci_high": _F, "unit": _S,
        "scope": _S, "n_scenarios": _I, "method": _S,
    },
}  # fmt: skip
_STRUCTURAL: Tables = {
    "facilities": {
        "facility_id": _S, "obligor_id": _S, "segment": _S, "balance_usd": _F, "pd": _F, "pd_std_error": _F,
        "el_usd": _F, "el_std_error_usd": _F, "lgd": _F, "ead_usd": _F, "pv_balance_usd": _F,
        "quoted_spread_annual": _F, "fair_el_spread_annual": _F,
    },
    "pd_term": {"month": _I, "scope": _S, "pd_count": _F, "pd_exposure": _F, "pd_count_std_error": _F},
    "early_warning": {
        "month": _I, "scope": _S, "active_share": _F, "dscr_below_1_2": _F, "dscr_below_1_0": _F,
        "ltv_above_covenant": _F, "book_ltv": _F, "clearing_ltv": _F,
        "n_scenarios": _I,
    },
    "fans": {
        "channel": _S, "unit": _S, "month": _I, "mean": _F, "p05": _F, "p25": _F, "p50": _F, "p75": _F, "p95": _F,
        "n_scenarios": _I,
    },
    "loss_given_default": {"scope": _S, "lgd": _F, "std_error": _F},
    "defaults_by_cause": {"scope": _S, "cause": _S, "probability": _F, "std_error": _F},
}  # fmt: skip
_TAIL: Tables = {
    "pricing": {
        "kind": _S, "name": _S, "segment": _S, "balance_usd": _F, "loss_spread_annual": _F,
        "loss_spread_std_error": _F, "capital_charge_annual": _F, "capital_charge_std_error": _F,
        "fair_spread_annual": _F, "fair_spread_std_error": _F, "fair_spread_ci_low": _F, "fair_spread_ci_high": _F,
        "quoted_spread_annual": _F, "mispricing_annual": _F, "mispricing_ci_low": _F, "mispricing_ci_high": _F,
        "verdict": _S, "rank": _I,
    },
    "contributions": {
        "dimension": _S, "name": _S, "measure": _S, "level": _F, "value_usd": _F, "std_error_usd": _F, "share": _F,
        "share_std_error": _F,
    },
    "concentration": {
        "dimension": _S, "measure": _S, "level": _F, "members": _I, "effective_members": _F,
    },
    "offtaker_defaults": {
        "name": _S, "debt_usd": _F, "pd": _F, "pd_std_error": _F, "cost_usd": _F, "cost_std_error_usd": _F,
        "n_replayed": _I,
    },
}  # fmt: skip
#: Columns of the tables that tell of the worst scenarios.
WORST_COLUMNS: Tables = {
    "worst_scenarios": {
        "rank": _I, "scenario": _I, "loss_usd": _F, "loss_share": _F, "months_calm": _I, "months_boom": _I,
        "months_stress": _I, "first_stress_month": _I, "defaults": _I, "defaults_payment": _I, "defaults_margin": _I,
        "defaults_refinancing": _I, "offtaker_defaults": _I, "guarantor_defaults": _I, "lowest_impact": _F,
        "lowest_impact_channel": _S,
    },
    "worst_moves": {
        "rank": _I, "kind": _S, "channel": _S, "unit": _S, "start": _F, "low": _F, "low_month": _I, "end": _F,
    },
    "worst_happenings": {"rank": _I, "month": _I, "kind": _S, "name": _S, "balance_usd": _F},
    "worst_losers": {
        "rank": _I, "obligor_id": _S, "default_month": _I, "cause": _S, "loss_usd": _F, "lgd": _F,
    },
}  # fmt: skip
_ATTRIBUTION: Tables = {
    "attribution": {
        "scope": _S, "measure": _S, "level": _F, "mechanism": _S, "value": _F, "std_error": _F, "ci_low": _F,
        "ci_high": _F, "unit": _S, "share": _F, "share_std_error": _F, "alone": _F, "removed": _F, "n_scenarios": _I,
        "method": _S,
    },
}  # fmt: skip
_COPULA: Tables = {
    "names": {
        "obligor_id": _S, "segment": _S, "ead": _F, "lgd": _F, "pd": _F, "pd_simulated": _F, "pd_std_error": _F,
        "el_usd": _F, "el_std_error_usd": _F, "expected_usd": _F,
    },
    "pd_term": {"year": _I, "scope": _S, "pd": _F, "std_error": _F, "expected": _F},
    "exact": {
        "scope": _S, "measure": _S, "level": _F, "value": _F, "method": _S, "resolution": _F,
    },
}  # fmt: skip

_SWEEP: Tables = {
    "sweep": {
        "point": _I, "run": _S, "measure": _S, "level": _F, "scope": _S, "value": _F, "std_error": _F, "ci_low": _F,
        "ci_high": _F, "unit": _S, "n_scenarios": _I, "method": _S, "difference": _F, "difference_std_error": _F,
        "difference_ci_low": _F, "difference_ci_high": _F, "relative": _F, "difference_method": _S,
    },
}  # fmt: skip

#: Columns that the page uses, by model and table; all but `measures` are optional as tables.
TABLES: Mapping[str, Tables] = {
    "structural": {**_MEASURES, **_STRUCTURAL, **_TAIL, **WORST_COLUMNS, **_ATTRIBUTION},
    "copula": {**_MEASURES, **_COPULA},
}
#: The schema of a folder that holds shares of the loss by mechanism and no losses.
ATTRIBUTION_SCHEMA = "rackrisk/attribution/1"
#: The schema of a folder that holds the points of a sweep.
SWEEP_SCHEMA = "rackrisk/sweep/1"


class ReportError(ValueError):
    """The folder does not hold a readable run; the message names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class RunData:
    """What a run folder says: its model, manifest and config as plain values, losses and tables as frames."""

    model: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    config_text: str
    losses: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]

    def table(self, name: str) -> pl.DataFrame | None:
        """A table, or None where this run has none or an empty one."""
        frame = self.tables.get(name)
        return None if frame is None or frame.is_empty() else frame


def load(folder: Path) -> RunData:
    """Read a run folder.

    Raises:
        ReportError: a file is missing, unreadable, or lacks a column.
    """
    manifest = _json_object(folder / "manifest.json")
    if manifest.get("schema") == ATTRIBUTION_SCHEMA:
        return _attribution(folder, manifest)
    if manifest.get("schema") == SWEEP_SCHEMA:
        return _sweep(folder, manifest)
    model = at(manifest, "config", "model", "name") or at(manifest, "choices", "model") or "structural"
    if model not in TABLES:
        raise ReportError(f"{folder / 'manifest.json'}: a run of an unknown model")
    tables = {
        name: _frame(folder / "tables" / f"{name}.parquet", columns)
        for name, columns in TABLES[model].items()
        if name == "measures" or (folder / "tables" / f"{name}.parquet").exists()
    }
    losses = _frame(folder / "losses.parquet", LOSS_COLUMNS)
    return _data(folder, manifest, model=model, losses=losses, tables=tables)


def _attribution(folder: Path, manifest: Mapping[str, Any]) -> RunData:
    """A folder of `rackrisk attribute`; the totals of its table stand in for the measures of a run."""
    name, columns = next(iter(_ATTRIBUTION.items()))
    shares = _frame(folder / "tables" / f"{name}.parquet", columns)
    measures = shares.filter(mechanism=TOTAL).select(_MEASURES["measures"].keys())
    tables = {name: shares, "measures": measures}
    return _data(folder, manifest, model="attribution", losses=pl.DataFrame(schema=LOSS_COLUMNS), tables=tables)


def _sweep(folder: Path, manifest: Mapping[str, Any]) -> RunData:
    """A folder of `rackrisk sweep`; the measures of its first point stand in for those of a run."""
    name, columns = next(iter(_SWEEP.items()))
    keys = manifest.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise ReportError(f"{folder / 'manifest.json'}: does not say which keys were swept")
    table = _frame(folder / "tables" / f"{name}.parquet", {**dict.fromkeys(keys), **columns})
    measures = table.filter(pl.col("point") == 1).select(_MEASURES["measures"].keys())
    tables = {name: table, "measures": measures}
    return _data(folder, manifest, model="sweep", losses=pl.DataFrame(schema=LOSS_COLUMNS), tables=tables)


def _data(
    folder: Path, manifest: Mapping[str, Any], *, model: str, losses: pl.DataFrame, tables: Mapping[str, pl.DataFrame]
) -> RunData:
    config = manifest.get("config")
    return RunData(
        model=model,
        manifest=manifest,
        config=config if isinstance(config, dict) else {},
        config_text=_text(folder / "config.resolved.yaml"),
        losses=losses,
        tables=tables,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: cannot be read ({error})") from error


def _json_object(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ReportError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ReportError(f"{path}: not a JSON object")
    return value


def _frame(path: Path, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Some columns of a file as the types that they are to have; None leaves the type as it is."""
    if not path.exists():
        raise ReportError(f"{path}: no such file")
    try:
        return read_table(path, columns)
    except ParquetRefused as error:
        raise ReportError(f"{path}: not a Parquet file ({error})") from error
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: {error}") from error


def at(mapping: Mapping[str, Any], *keys: str) -> Any:
    """The value under a path of keys in nested mappings; None where there is none."""
    value: Any = mapping
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
