"""What one copula simulation hands to measures, tables and the report."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from rackrisk.models.results import PORTFOLIO_SCOPE, SEGMENT_LOSS_PREFIX


@dataclass(frozen=True, kw_only=True)
class CopulaResult:
    """Losses and default statistics of one simulation; plain values and Polars frames only. Money is USD.

    Attributes:
        engine: engine that ran (`reference`, `jax`, `cuda`).
        device: the device in words.
        precision: of the arithmetic, in words.
        n_scenarios: number of scenarios.
        seed: key of the random generator.
        horizon_years: defaults by the end of this year count.
        scopes: `portfolio`, then one scope per segment, sorted by name.
        exposure_usd: exposure at default by scope.
        losses: one row a scenario: `scenario` (UInt32), `loss` (Float64, undiscounted, over the whole horizon),
            `weight` (Float64, 1) and one Float64 column `loss:<segment>` per segment. Whole multiples of
            `quantum_usd`: segments add up to the portfolio exactly.
        names: one row a name, in the tape's order: `obligor_id, segment, ead, lgd, pd` (by the horizon),
            `pd_simulated, pd_std_error, el_usd, el_std_error_usd, expected_usd` (exact expected loss; null where it
            was not worked out).
        pd_term: cumulative default rates by count: `year, scope, pd, std_error` (null with one scenario), `expected`.
        quantum_usd: money is counted in whole multiples of this power of two.
        notes: sentences a reader of the result should see.
        timings: seconds by phase.
    """

    engine: str
    device: str
    precision: str
    n_scenarios: int
    seed: int
    horizon_years: int
    scopes: list[str]
    exposure_usd: dict[str, float]
    losses: pl.DataFrame
    names: pl.DataFrame
    pd_term: pl.DataFrame
    quantum_usd: float
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def segments(self) -> list[str]:
        """Scopes other than the portfolio, in their order."""
        return self.scopes[1:]

    def losses_of(self, scope: str) -> pl.Series:
        """Loss per scenario of one scope, Float64, USD, in the order of `losses`."""
        return self.losses["loss" if scope == PORTFOLIO_SCOPE else f"{SEGMENT_LOSS_PREFIX}{scope}"]
