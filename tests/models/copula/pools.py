"""Pools of names for tests, and the copula model on them."""

from typing import Any

import numpy as np
import polars as pl

from rackrisk.models.copula import CopulaConfig, CopulaResult, simulate_copula

FIXED = {"asset_correlation": 0.2}
MODELS: dict[str, dict[str, Any]] = {
    "gaussian": FIXED,
    "t": FIXED | {"dependence": "t", "dof": 4.5, "horizon_years": 3},
    "beta": FIXED | {"lgd": {"kind": "beta", "sd": 0.2}},
    "wrong_way": FIXED | {"lgd": {"kind": "wrong_way", "sd": 0.2, "correlation": 0.4}, "horizon_years": 2},
    "factors": {"factor_correlation": {"a": {"b": 0.3}}, "dependence": "t", "dof": 8.0},
}


def names(pd: Any, *, years: int = 1, **columns: Any) -> pl.DataFrame:
    """A canonical frame: one-year PDs, and other columns if not the usual ones (exposure 1, LGD 1)."""
    one = np.asarray(pd, dtype=np.float64)
    usual = {
        "obligor_id": [f"name {place}" for place in range(one.size)],
        "segment": ["all"] * one.size,
        "ead": np.ones(one.size),
        "lgd": np.ones(one.size),
    }
    term = {f"pd_{year}y": 1 - (1 - one) ** year for year in range(1, years + 1)}
    return pl.DataFrame(usual | term | columns)


def mixed(count: int, years: int = 1, *, factors: tuple[str, ...] = (), seed: int = 5) -> pl.DataFrame:
    """A pool in which names differ in everything, some share a PD, and some never or always default."""
    random = np.random.default_rng(seed)
    pd = 10 ** random.uniform(-3, -0.7, count)
    pd[: count // 4] = 0.02
    pd[-2:] = 0, 1
    return names(
        pd,
        years=years,
        segment=[f"s{place % 3}" for place in range(count)],
        ead=random.lognormal(13, 1, count),
        lgd=random.uniform(0.2, 0.7, count),
        **{f"loading_{factor}": random.uniform(-0.2, 0.6, count) for factor in factors},
    )


def model_of(kind: str, count: int = 40) -> tuple[pl.DataFrame, CopulaConfig]:
    """A mixed pool and its configuration, by a name in `MODELS`."""
    config = CopulaConfig(**MODELS[kind])
    return mixed(count, config.horizon_years, factors=("a", "b") if kind == "factors" else ()), config


def simulate(
    pool: pl.DataFrame, scenarios: int, *, seed: int = 1, engine: str = "reference", **model: Any
) -> CopulaResult:
    """`simulate_copula` with a configuration from keywords."""
    return simulate_copula(pool, config=CopulaConfig(**model), scenarios=scenarios, seed=seed, engine=engine)


def within(simulated: float, exact: float, std_error: float, *, errors: float = 4.0) -> bool:
    """Whether an estimate is as near to the truth as its error lets one expect: 4 errors miss once in 16,000."""
    return abs(simulated - exact) <= errors * std_error
