"""A made-up `SimulationResult` with plausible numbers, for tests that need a result but no engine.

Losses come from a one-factor model over the facilities, so that shares, quantiles and segments hang together; the
market paths are made of smooth curves. Nothing here is calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from rackrisk._structural import Structural
from rackrisk.kernels.shards import add_up
from rackrisk.models.results import SimulationResult

SEGMENTS: dict[str, dict[str, float]] = {
    # pd_5y, lgd, share of facilities, mean balance in USD, quoted spread
    "btc_loan": {"pd": 0.22, "lgd": 0.12, "share": 0.15, "balance": 150e6, "spread": 0.055},
    "data_centre": {"pd": 0.06, "lgd": 0.30, "share": 0.25, "balance": 2_400e6, "spread": 0.026},
    "miner": {"pd": 0.35, "lgd": 0.55, "share": 0.25, "balance": 320e6, "spread": 0.070},
    "neocloud": {"pd": 0.28, "lgd": 0.42, "share": 0.35, "balance": 1_500e6, "spread": 0.048},
}
FANS: dict[str, tuple[str, float, float, float]] = {
    # unit, level at the as-of date, drift per year, volatility per year
    "rent_a100": ("USD per GPU-hour", 2.0, -0.25, 0.30),
    "rent_h100": ("USD per GPU-hour", 3.25, -0.18, 0.30),
    "rent_gb200": ("USD per GPU-hour", 8.0, -0.15, 0.28),
    "hashprice": ("USD per PH-day", 38.0, -0.10, 0.55),
    "lease": ("USD per kW-month", 160.0, 0.01, 0.08),
    "power": ("index", 1.0, 0.02, 0.12),
    "gpu_h100": ("USD per GPU", 20_000.0, -0.35, 0.35),
    "asic_s21": ("USD per PH", 15_000.0, -0.40, 0.60),
    "btc": ("USD per BTC", 76_000.0, 0.05, 0.60),
    "site": ("USD per MW", 9_000_000.0, 0.00, 0.15),
}
CAUSES = {"payment": 0.55, "margin": 0.15, "refinancing": 0.30}
YEARS = (1, 2, 3, 4, 5)


def fake_result(
    *, n_scenarios: int = 2_000, months: int = 60, n_facilities: int = 40, seed: int = 1, engine: str = "jax"
) -> SimulationResult:
    """A result of a made-up book; the same arguments give the same numbers."""
    rng = np.random.default_rng(seed)
    names, shares = list(SEGMENTS), [SEGMENTS[name]["share"] for name in SEGMENTS]
    segment = np.array(names)[rng.choice(len(names), size=n_facilities, p=shares)]
    segment[: len(names)] = names[:n_facilities]  # every segment is present, as far as there are facilities
    balance = np.array([SEGMENTS[s]["balance"] for s in segment]) * rng.lognormal(-0.3, 0.8, n_facilities)
    book = {
        "facility_id": [f"F{i:04d}" for i in range(n_facilities)],
        "obligor_id": [f"Obligor {i // 2:03d}" for i in range(n_facilities)],
        "segment": segment,
        "balance": balance.round(0),
        "quoted": [
            None if i % 5 == 4 else round(SEGMENTS[s]["spread"] * rng.uniform(0.7, 1.4), 4)
            for i, s in enumerate(segment)
        ],
    }
    return _result(book, n_scenarios=n_scenarios, months=months, seed=seed, engine=engine)


class FakeTally(NamedTuple):
    """How many scenarios were asked for."""

    loss: np.ndarray


@dataclass(frozen=True)
class FakeSimulation:
    """Stands in for `rackrisk.models.simulate.StructuralSimulation`: made-up numbers for the facilities of a tape."""

    tape: pl.DataFrame
    months: int
    seed: int
    engine: str

    @property
    def computer(self) -> dict[str, str]:
        return {"engine": self.engine, "device": "made up", "precision": "float32"}

    def tally(self, numbers: range, progress: Callable[[int, int], None] | None = None) -> FakeTally:
        for done in (0, len(numbers) // 2, len(numbers)):
            if progress is not None:
                progress(done, len(numbers))
        return FakeTally(np.zeros((len(numbers), 1), np.int64))

    def merged(self, parts: Iterable[Mapping[str, np.ndarray]]) -> FakeTally:
        return FakeTally(add_up(parts, ("loss",))["loss"])

    def losses_usd(self, tally: FakeTally) -> np.ndarray:
        return self.result(tally).losses["loss"].to_numpy()

    def result(self, tally: FakeTally, **unused: Any) -> SimulationResult:
        del unused
        tape = self.tape
        quoted = (
            tape["quoted_spread_annual"].to_list() if "quoted_spread_annual" in tape.columns else [None] * tape.height
        )
        book = {
            "facility_id": tape["facility_id"].to_list(),
            "obligor_id": tape["obligor_id"].to_list(),
            "segment": tape["segment"].to_numpy(),
            "balance": tape["balance_usd"].to_numpy().astype(float),
            "quoted": quoted,
        }
        return _result(book, n_scenarios=len(tally.loss), months=self.months, seed=self.seed, engine=self.engine)


def fake_open(model: Structural, book: pl.DataFrame, engine: str) -> FakeSimulation:
    """Stands in for `rackrisk._structural.Structural.open`."""
    return FakeSimulation(book, model.settings.months, model.settings.seed, engine)


def _result(book: dict[str, Any], *, n_scenarios: int, months: int, seed: int, engine: str) -> SimulationResult:
    rng = np.random.default_rng([seed, 1])
    segment, balance = np.asarray(book["segment"]), np.asarray(book["balance"], dtype=float)
    segments = sorted(set(segment.tolist()))
    scopes = ["portfolio", *segments]
    figures = [SEGMENTS.get(s, SEGMENTS["neocloud"]) for s in segment]
    horizon_pd = np.clip([f["pd"] for f in figures] * rng.uniform(0.4, 1.6, len(segment)), 0.0, 0.95)
    horizon_pd = 1.0 - (1.0 - horizon_pd) ** (months / 60.0)
    lgd = np.clip([f["lgd"] for f in figures] * rng.uniform(0.6, 1.4, len(segment)), 0.02, 0.98)
    losses_by_segment = {
        s: _losses(rng, n_scenarios, horizon_pd[segment == s], (balance * lgd * 0.7)[segment == s]) for s in segments
    }
    exposure = {s: float(balance[segment == s].sum()) for s in segments}
    losses = pl.DataFrame(
        {
            "scenario": np.arange(n_scenarios, dtype=np.uint32),
            "loss": np.sum(list(losses_by_segment.values()), axis=0),
            "weight": np.ones(n_scenarios),
            **{f"loss:{s}": losses_by_segment[s] for s in segments},
        }
    )
    weight_of = {s: float(horizon_pd[segment == s].mean()) for s in segments}
    return SimulationResult(
        engine=engine,
        device="2 CPU cores (made up)",
        precision="float32",
        n_scenarios=n_scenarios,
        months=months,
        seed=seed,
        exposure_usd={"portfolio": float(balance.sum()), **exposure},
        scopes=scopes,
        losses=losses,
        facilities=_facilities(book, pd_horizon=horizon_pd, lgd=lgd, months=months, n_scenarios=n_scenarios),
        pd_term=_pd_term({"portfolio": float(horizon_pd.mean()), **weight_of}, months, n_scenarios),
        early_warning=_early_warning({"portfolio": float(balance.sum()), **exposure}, months),
        fans=_fans(months, min(n_scenarios, 4_096)),
        defaults_by_cause=_causes({"portfolio": float(horizon_pd.mean()), **weight_of}, n_scenarios),
        loss_given_default=_lgd(book, pd_horizon=horizon_pd, lgd=lgd),
        notes=["These numbers are made up."],
        timings={"book": 0.05, "market": 0.2, "engine": 1.25},
    )


def _losses(rng: np.random.Generator, n: int, pd: np.ndarray, severity: np.ndarray) -> np.ndarray:
    """One-factor losses in whole dollars, USD: default when 0.5 z + sqrt(0.75) e falls below a logistic threshold."""
    factor, total = rng.standard_normal(n), np.zeros(n)
    for p, amount in zip(pd, severity, strict=True):
        threshold = math.log(p / (1.0 - p)) / 1.702  # logistic approximation of the normal quantile
        default = 0.5 * factor + math.sqrt(0.75) * rng.standard_normal(n) < threshold
        total += default * amount * rng.uniform(0.6, 1.4, n)
    return np.round(total)


def _facilities(
    book: dict[str, Any], *, pd_horizon: np.ndarray, lgd: np.ndarray, months: int, n_scenarios: int
) -> pl.DataFrame:
    balance, pd = np.asarray(book["balance"], dtype=float), pd_horizon
    years = [y for y in YEARS if 12 * y <= months]
    seen = np.round(pd * n_scenarios) > 0
    ead, pv = 0.7 * balance, balance * 0.55 * months / 12.0
    el = pd * lgd * ead
    return pl.DataFrame(
        {
            "facility_id": book["facility_id"],
            "obligor_id": book["obligor_id"],
            "segment": list(book["segment"]),
            "balance_usd": balance,
            "pd": pd,
            "pd_std_error": np.sqrt(pd * (1 - pd) / n_scenarios),
            **{f"pd_{y}y": pd * (12.0 * y / months) ** 1.2 for y in years},
            "el_usd": el,
            "el_std_error_usd": lgd * ead * np.sqrt(pd * (1 - pd) / n_scenarios),
            "lgd": pl.Series([float(v) if s else None for v, s in zip(lgd, seen, strict=True)], dtype=pl.Float64),
            "ead_usd": pl.Series([float(v) if s else None for v, s in zip(ead, seen, strict=True)], dtype=pl.Float64),
            "pv_balance_usd": pv,
            "quoted_spread_annual": pl.Series(book["quoted"], dtype=pl.Float64),
            "fair_el_spread_annual": el / pv,
        }
    )


def _pd_term(pd_of: dict[str, float], months: int, n_scenarios: int) -> pl.DataFrame:
    rows = [
        {
            "month": month,
            "scope": scope,
            "pd_count": (p := pd * (month / months) ** 1.2),
            "pd_exposure": 0.8 * p,
            "pd_count_std_error": math.sqrt(p * (1 - p) / n_scenarios),
        }
        for scope, pd in pd_of.items()
        for month in range(1, months + 1)
    ]
    return pl.DataFrame(rows)


def _early_warning(exposure: dict[str, float], months: int) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for scope, balance in exposure.items():
        for month in range(1, months + 1):
            t = month / months
            debt = balance * (1.0 - 0.7 * t)
            book_value = balance / 0.65 * math.exp(-1.1 * t)
            clearing = book_value * (0.93 - 0.12 * math.sin(math.pi * t))
            rows.append(
                {
                    "month": month,
                    "scope": scope,
                    "active_share": 1.0 - 0.25 * t,
                    "dscr_below_1_2": 0.08 + 0.30 * t,
                    "dscr_below_1_0": 0.03 + 0.18 * t,
                    "ltv_above_covenant": 0.02 + 0.25 * math.sin(math.pi * t) ** 2,
                    "debt_usd": debt,
                    "book_value_usd": book_value,
                    "clearing_value_usd": clearing,
                    "book_ltv": debt / book_value,
                    "clearing_ltv": debt / clearing,
                    "n_scenarios": 500,
                }
            )
    return pl.DataFrame(rows)


def _fans(months: int, n_scenarios: int) -> pl.DataFrame:
    scores = {"p05": -1.645, "p25": -0.674, "p50": 0.0, "p75": 0.674, "p95": 1.645}
    rows: list[dict[str, Any]] = []
    for channel, (unit, level, drift, volatility) in FANS.items():
        for month in range(months + 1):
            t = month / 12.0
            row: dict[str, Any] = {
                "channel": channel,
                "unit": unit,
                "month": month,
                "mean": level * math.exp(drift * t),
            }
            centre = math.log(level) + (drift - 0.5 * volatility**2) * t
            row |= {name: math.exp(centre + z * volatility * math.sqrt(t)) for name, z in scores.items()}
            rows.append(row | {"n_scenarios": n_scenarios})
    return pl.DataFrame(rows)


def _lgd(book: dict[str, Any], *, pd_horizon: np.ndarray, lgd: np.ndarray) -> pl.DataFrame:
    segment = np.asarray(book["segment"])
    weight = pd_horizon * np.asarray(book["balance"], dtype=float)
    scopes = ["portfolio", *sorted(set(segment.tolist()))]
    inside = {scope: (segment == scope) | (scope == "portfolio") for scope in scopes}
    values = [float(np.average(lgd[inside[scope]], weights=weight[inside[scope]])) for scope in scopes]
    balance = np.asarray(book["balance"], dtype=float)
    shares = [0.7 * float(np.average(pd_horizon[inside[s]], weights=balance[inside[s]])) for s in scopes]
    return pl.DataFrame(
        {
            "scope": scopes,
            "lgd": values,
            "std_error": [0.01 * value for value in values],
            "exposure_share": shares,
            "exposure_share_std_error": [0.01 * share for share in shares],
        }
    )


def _causes(pd_of: dict[str, float], n_scenarios: int) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "scope": scope,
                "cause": cause,
                "probability": (p := pd * share),
                "std_error": math.sqrt(p * (1 - p) / n_scenarios),
            }
            for scope, pd in pd_of.items()
            for cause, share in CAUSES.items()
        ]
    )
