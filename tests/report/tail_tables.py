"""Made-up answers about spreads, the tail, the worst worlds and mechanisms, as a run folder holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from rackrisk.models.results import SimulationResult

MECHANISMS = ("deflation", "duration", "leverage", "convergence", "vacuum", "offtake")
TENANTS = tuple(f"Tenant {place}" for place in range(14))
CHANNELS = ("rent_h100", "btc", "lease", "hashprice", "rent_b200")
IMPACTS = ("gpu_h100", "asic_s21", "site", "btc")
LEVEL, Z = 0.99, 1.959963984540054
WORST = 6

Frames = dict[str, pl.DataFrame]


def tail_tables(result: SimulationResult, *, tenants: Sequence[str] = TENANTS) -> Frames:
    """Every table beside those of the simulation; `tenants` name offtakers, collateral and what dies."""
    return {
        "pricing": pricing(result),
        "contributions": contributions(result, tenants),
        "concentration": concentration(),
        "offtaker_defaults": offtaker_defaults(tenants),
        "attribution": attribution(result),
        **worst(result, tenants),
    }


def pricing(result: SimulationResult) -> pl.DataFrame:
    """Fair spreads 120 bp above the loss, 8 bp of error, quoted as on the tape; scopes quoted at 300 bp."""
    scopes = sorted(result.exposure_usd)
    rows = [
        _priced(name, kind, 0.01, 0.03 if kind == "quoted" else None) for name in scopes for kind in ("all", "quoted")
    ]
    for row in result.facilities.iter_rows(named=True):
        loss = row["fair_el_spread_annual"] or 0.0
        priced = _priced(row["facility_id"], "facility", loss, row["quoted_spread_annual"])
        rows.append(priced | {"segment": row["segment"], "balance_usd": row["balance_usd"]})
    ranked = pl.col("mispricing_annual").rank("ordinal").over("kind")
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.with_columns(rank=pl.when(kind="facility").then(ranked).cast(pl.Int64))


def _priced(name: str, kind: str, loss: float, quoted: float | None) -> dict[str, Any]:
    fair, error = loss + 0.012, 0.0008
    left = None if quoted is None else quoted - fair
    low, high = (None, None) if left is None else (left - Z * error, left + Z * error)
    verdict = None if low is None or high is None else "pays" if low > 0 else "falls short" if high < 0 else "open"
    spreads = {"loss_spread": loss, "capital_charge": 0.012, "fair_spread": fair}
    return {
        "kind": kind, "name": name, "segment": None, "balance_usd": 1e9,
        **{f"{key}_annual": value for key, value in spreads.items()},
        **{f"{key}_std_error": error for key in spreads},
        "fair_spread_ci_low": fair - Z * error, "fair_spread_ci_high": fair + Z * error,
        "quoted_spread_annual": quoted, "mispricing_annual": left, "mispricing_ci_low": low,
        "mispricing_ci_high": high, "verdict": verdict,
    }  # fmt: skip


def contributions(result: SimulationResult, tenants: Sequence[str]) -> pl.DataFrame:
    """Members in every dimension, each with a smaller share than the one before."""
    dimensions = {
        "segment": [s for s in sorted(result.exposure_usd) if s != "portfolio"],
        "generation": ["(powered sites)", *tenants[:5]],
        "offtaker": list(tenants),
        "obligor": result.facilities["obligor_id"].unique(maintain_order=True).to_list(),
        "facility": result.facilities["facility_id"].to_list(),
    }
    rows: list[dict[str, Any]] = []
    for dimension, names in dimensions.items():
        weights = [1.0 / (1 + place) for place in range(len(names))]
        for measure, level in (("exposure", None), ("EL", None), ("VaR", LEVEL), ("ES", LEVEL), ("ES", 0.999)):
            for name, weight in zip(names, weights, strict=True):
                share = weight / sum(weights)
                error = 0.1 * share if measure == "ES" and level == LEVEL else None
                rows.append(
                    {
                        "dimension": dimension, "name": name, "measure": measure, "level": level,
                        "value_usd": 1e9 * share, "std_error_usd": None if error is None else 1e9 * error,
                        "share": share, "share_std_error": error,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def concentration() -> pl.DataFrame:
    """Equal parts in balance, EL and ES."""
    return pl.DataFrame(
        [
            {"dimension": d, "measure": m, "level": level, "members": 9, "effective_members": 4.25}
            for d in ("segment", "generation", "offtaker", "obligor", "facility")
            for m, level in (("exposure", None), ("EL", None), ("ES", LEVEL))
        ],
        infer_schema_length=None,
    )


def offtaker_defaults(tenants: Sequence[str]) -> pl.DataFrame:
    """Two that were costed and one that was not."""
    costs = ((49e6, 6e6), (-17e6, 10e6), (None, None))
    return pl.DataFrame(
        [
            {
                "name": name, "debt_usd": 1.5e9, "pd": 0.166, "pd_std_error": 0.01, "cost_usd": cost,
                "cost_std_error_usd": error, "n_replayed": 64,
            }
            for name, (cost, error) in zip(tenants, costs, strict=False)
        ]
    )  # fmt: skip


def attribution(result: SimulationResult, names: Sequence[str] = MECHANISMS) -> pl.DataFrame:
    """Shares of 5, 4, ... units, the last one below zero; a tenth of the total stays without any."""
    rows: list[dict[str, Any]] = []
    for scope, exposure in result.exposure_usd.items():
        for measure, level, whole in (("EL", None, 0.02), ("ES", 0.95, 0.05), ("ES", LEVEL, 0.1)):
            parts = {name: 5.0 - 1.2 * place for place, name in enumerate(names)}
            parts |= {"without them": 0.1 * sum(parts.values()), "total": 1.1 * sum(parts.values())}
            unit = whole * exposure / parts["total"]
            rows += [
                {
                    "scope": scope, "measure": measure, "level": level, "mechanism": name, "value": part * unit,
                    "std_error": 0.2 * unit, "ci_low": (part - 0.4) * unit, "ci_high": (part + 0.4) * unit,
                    "unit": "USD", "share": part / parts["total"], "share_std_error": 0.01, "alone": part * unit / 2,
                    "removed": 2 * part * unit, "n_scenarios": 256, "method": "mean",
                }
                for name, part in parts.items()
            ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def worst(result: SimulationResult, tenants: Sequence[str]) -> Frames:
    """Six worlds, of which the page shows five, with moves, deaths and losers."""
    ranks = range(1, WORST + 1)
    worlds = [
        {
            "rank": rank, "scenario": 100 + rank, "loss_usd": 3e9 / rank, "loss_share": 0.3 / rank, "months_calm": 20,
            "months_boom": 4, "months_stress": 36, "first_stress_month": 6 + rank, "defaults": 147,
            "defaults_payment": 83, "defaults_margin": 4, "defaults_refinancing": 60, "offtaker_defaults": 7,
            "guarantor_defaults": 2, "lowest_impact": 0.3, "lowest_impact_channel": "asic_s21",
        }
        for rank in ranks
    ]  # fmt: skip
    path = {"unit": "USD", "start": 4.0, "low": 1.0, "low_month": 58, "end": 2.0}
    sold = {**path, "unit": "factor", "start": 1.0, "low": 0.4, "end": 0.9}
    moves = [{"rank": r, "kind": "price", "channel": c, **path} for r in ranks for c in CHANNELS]
    moves += [{"rank": r, "kind": "impact", "channel": c, **sold} for r in ranks for c in IMPACTS]
    happenings = [
        {"rank": r, "month": 10 + i, "kind": "offtaker_default", "name": name, "balance_usd": 1e8 * (9 - i)}
        for r in ranks
        for i, name in enumerate(tenants[:6])
    ]
    losers = [
        {
            "rank": r, "obligor_id": row["obligor_id"], "default_month": 46, "cause": "refinancing",
            "loss_usd": row["balance_usd"] / 2, "lgd": 0.5,
        }
        for r in ranks
        for row in result.facilities.head(8).iter_rows(named=True)
    ]  # fmt: skip
    return {
        "worst_scenarios": pl.DataFrame(worlds),
        "worst_moves": pl.DataFrame(moves),
        "worst_happenings": pl.DataFrame(happenings),
        "worst_losers": pl.DataFrame(losers),
    }
