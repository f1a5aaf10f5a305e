"""Pools of names under a copula: simulated by an engine, and worked out exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from ..copula import CopulaConfig, CopulaResult, simulate_copula
from ..measures import Measure, measure_losses
from ._bench import Bench
from ._case import Case
from ._check import Check, frequency, percent, sampled

#: An estimated standard error is trusted from so many scenarios on: in the tail for ES, in all for the SD of a loss.
MIN_TAIL_SCENARIOS, MIN_SCENARIOS_FOR_SD = 1000, 2**16


# ---- equal names ----


def check_pool(case: Case, bench: Bench) -> Iterator[Check]:
    """Expected loss, SD, tail probabilities at the exact quantiles and ES of a pool of equal names."""
    count, known = case.inputs["count"], case.expected
    result = simulate(equal_names(case), pool_config(case), case=case, bench=bench, count=count)
    losses, n = result.losses["loss"].to_numpy(), result.n_scenarios
    levels = [float(level) for level in known["es"]]
    rows = measure_losses(losses, levels=levels, confidence=0.95, scope="portfolio")
    found = {(row.measure, row.level): row for row in rows}
    el = {"ours": found["EL", None].value, "std_error": known["sd"] / math.sqrt(n)}
    yield sampled(case, "EL", **el, reference=known["mean"], engine=bench.engine)
    yield _estimated(case, "SD", found["SD", None], known["sd"], bench, judged=n >= MIN_SCENARIOS_FOR_SD)
    yield from tails(case, losses, bench)
    for level in levels:
        judged = n * (1.0 - level) >= MIN_TAIL_SCENARIOS
        quantity = f"ES {percent(level)}"
        yield _estimated(case, quantity, found["ES", level], known["es"][str(level)], bench, judged=judged)


def equal_names(case: Case) -> pl.DataFrame:
    """The pool as names with exposure 1 and LGD 1."""
    return names_frame([{"id": "name", "ead": 1.0, "lgd": 1.0, "pd": [case.inputs["pd"]], **_count_of(case)}])


def pool_config(case: Case) -> CopulaConfig:
    """One common factor, Gaussian or Student t."""
    dof = case.inputs.get("dof")
    dependence = {"dependence": "gaussian" if dof is None else "t", "dof": dof}
    return CopulaConfig.model_validate({**dependence, "asset_correlation": case.inputs["correlation"]})


def _count_of(case: Case) -> dict[str, int]:
    return {"count": case.inputs["count"]}


# ---- few names, all different ----


def check_names(case: Case, bench: Bench) -> Iterator[Check]:
    """Moments of the loss, tail probabilities, and PDs by year."""
    frame, config = names_frame(case.inputs["names"]), copula_config(case)
    result = simulate(frame, config, case=case, bench=bench, count=frame.height)
    losses, known = result.losses["loss"].to_numpy(), case.expected
    yield _mean(case, "EL", losses, known["mean"], bench)
    yield _mean(case, "mean of L²", losses**2, known["mean_square"], bench)
    yield from tails(case, losses, bench)
    whole = result.pd_term.filter(pl.col("scope") == "portfolio").sort("year")
    for year, pd in enumerate(known.get("pd_by_year", ()), start=1):
        row = whole.row(year - 1, named=True)
        figures = {"ours": row["pd"], "std_error": row["std_error"], "reference": pd}
        yield sampled(case, f"PD by year {year}", **figures, engine=bench.engine)


def copula_config(case: Case) -> CopulaConfig:
    """The model of a case of names."""
    return CopulaConfig.model_validate(case.inputs["copula"])


def names_frame(rows: list[Mapping[str, Any]]) -> pl.DataFrame:
    """Names as the model takes them; a row with a `count` stands for so many."""
    factors = sorted({factor for row in rows for factor in row.get("loadings", {})})
    return pl.DataFrame([name for row in rows for name in _names_of(row, factors)])


def _names_of(row: Mapping[str, Any], factors: list[str]) -> list[dict[str, Any]]:
    weights = {f"loading_{factor}": float(row["loadings"].get(factor, 0.0)) for factor in factors}
    pds = {f"pd_{year}y": float(pd) for year, pd in enumerate(row["pd"], start=1)}
    terms = {"segment": "all", "ead": float(row["ead"]), "lgd": float(row["lgd"]), **pds, **weights}
    if "count" not in row:
        return [{"obligor_id": row["id"], **terms}]
    return [{"obligor_id": f"{row['id']} {k}", **terms} for k in range(row["count"])]


# ---- shared ----


def simulate(frame: pl.DataFrame, config: CopulaConfig, *, case: Case, bench: Bench, count: int) -> CopulaResult:
    """The names of a case on the bench's engine."""
    scenarios = bench.copula_scenarios(count)
    return simulate_copula(frame, config=config, scenarios=scenarios, seed=bench.seed_of(case), engine=bench.engine)


def tails(case: Case, losses: np.ndarray, bench: Bench) -> Iterator[Check]:
    """Frequencies of losing more than each tabled amount."""
    for amount, probability in case.expected.get("more_than", {}).items():
        counts = {"hits": int((losses > float(amount)).sum()), "trials": len(losses), "reference": probability}
        yield frequency(case, f"P(L > {amount})", **counts, engine=bench.engine)


def _mean(case: Case, quantity: str, values: np.ndarray, reference: float, bench: Bench) -> Check:
    std_error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return sampled(
        case, quantity, ours=float(values.mean()), reference=reference, std_error=std_error, engine=bench.engine
    )


def _estimated(case: Case, quantity: str, row: Measure, reference: float, bench: Bench, *, judged: bool) -> Check:
    """A measure with its own standard error against the exact value."""
    figures = {"ours": row.value, "std_error": row.std_error or 0.0, "reference": reference}
    return sampled(case, quantity, **figures, engine=bench.engine, judged=judged)
