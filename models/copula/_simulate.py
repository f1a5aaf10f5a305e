"""One copula simulation: names and parameters in, losses and tables out."""

import time
from collections.abc import Callable

import polars as pl

from rackrisk.data import TapeProblems
from rackrisk.kernels.copula.engines import PRECISION, open_engine, run_scenarios
from rackrisk.kernels.engines import choose
from rackrisk.models.results import PORTFOLIO_SCOPE

from . import _tables as tables
from ._check import check_names
from ._config import CopulaConfig
from ._pool import BuiltPool, build_pool
from ._result import CopulaResult


def simulate_copula(
    names: pl.DataFrame,
    *,
    config: CopulaConfig,
    scenarios: int,
    seed: int,
    engine: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> CopulaResult:
    """Simulate defaults and losses of a pool of names in many scenarios.

    Args:
        names: canonical frame: `obligor_id, segment, ead, lgd, pd_1y ... pd_<H>y`, maybe `loading_<factor>` and
            `lgd_sd`.
        config: of the model.
        scenarios: how many, numbered from 0; at most 2^26.
        seed: key of the random generator, below 2^64.
        engine: auto, jax, cuda or reference.
        progress: called with (scenarios done, scenarios in all).

    Raises:
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
        rackrisk.data.TapeProblems: names and configuration do not fit; `check_names` has all problems.
    """
    started = time.perf_counter()
    name, note = choose(engine)
    problems = check_names(names, config)
    if problems:
        raise TapeProblems(problems)
    built = build_pool(names, config)
    opened = open_engine(name, built.pool, seed=seed)
    prepared = time.perf_counter()
    tally = run_scenarios(opened, scenarios, progress)
    simulated = time.perf_counter()
    result = CopulaResult(
        engine=opened.name,
        device=opened.device,
        precision=PRECISION,
        n_scenarios=scenarios,
        seed=seed,
        horizon_years=config.horizon_years,
        scopes=[PORTFOLIO_SCOPE, *built.segments],
        exposure_usd=tables.exposures(names, built),
        losses=tables.losses(built, tally),
        names=tables.by_name(names, built, config, tally),
        pd_term=tables.pd_term(names, built, config, tally),
        quantum_usd=built.quantum_usd,
        notes=[*([note] if note else []), *_notes(built, config)],
        timings={"prepare": prepared - started, "names": simulated - prepared, "tables": 0.0},
    )
    result.timings["tables"] = time.perf_counter() - simulated
    return result


def _notes(built: BuiltPool, config: CopulaConfig) -> list[str]:
    cells = built.pool.lgd_table.shape[1]
    if config.lgd.kind == "fixed":
        return []
    return [f"random LGDs are drawn from {cells} equiprobable cells of their beta distribution, by their means"]
