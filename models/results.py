"""What one simulation hands to measures, tables and the report.

Only plain Python values and Polars frames are held here, so that the readers of a result (run folder, report, terminal,
notebooks) need no engine. Money is USD, time is months from the as-of date, rates and spreads are decimals per year,
probabilities and LGD are fractions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

#: Column of `SimulationResult.losses` that holds one segment's loss is this prefix plus the segment's name.
SEGMENT_LOSS_PREFIX = "loss:"

#: Name of the scope that covers every facility.
PORTFOLIO_SCOPE = "portfolio"


@dataclass(frozen=True, kw_only=True)
class SimulationResult:
    """Losses, default statistics and market summaries of one simulation.

    Attributes:
        engine: engine that ran (`reference`, `jax`, `cuda`).
        device: the device in words.
        precision: `float32` or `float64`, the arithmetic of the paths.
        n_scenarios: number of scenarios.
        months: length of the monthly grid.
        seed: key of the random generator.
        exposure_usd: balance at the as-of date by scope.
        scopes: `portfolio`, then one scope per segment, sorted by name.
        losses: one row a scenario: `scenario` (integer), `loss` (Float64, USD, discounted), `weight` (Float64) and one
            Float64 column `loss:<segment>` per segment.
        facilities: one row a facility: `facility_id, obligor_id, segment, balance_usd, pd, pd_std_error, pd_1y ...
            pd_5y` (as many years as the grid holds), `el_usd, el_std_error_usd, lgd` (null without a default),
            `expected_exposure_usd` (discounted exposure at default, 0 without one, mean over scenarios; EL is LGD times
            it), `ead_usd` (mean at default), `pv_balance_usd` (USD-years), `quoted_spread_annual,
            fair_el_spread_annual`.
        pd_term: cumulative default rates: `month, scope, pd_count, pd_exposure, pd_count_std_error`.
        early_warning: `month, scope, active_share, dscr_below_1_2, dscr_below_1_0` (shares of the obligor-scenarios
            still performing that owe service and have income), `ltv_above_covenant` (of those performing),
            `debt_usd, book_value_usd, clearing_value_usd, book_ltv, clearing_ltv`, and `n_scenarios`, how many were
            watched for it.
        fans: quantiles of the market paths: `channel, unit, month, mean, p05, p25, p50, p75, p95, n_scenarios`.
        defaults_by_cause: `scope, cause` (`payment`, `margin`, `refinancing`), `probability, std_error`.
        loss_given_default: `scope, lgd, std_error`: discounted loss over discounted exposure at default; null without
            a default. `exposure_share, exposure_share_std_error`: that exposure over the balance at the as-of date, so
            that its product with LGD is the expected loss over the balance.
        worst: `worst_scenarios, worst_moves, worst_happenings, worst_losers`: the worst scenarios and what happened in
            them, see `rackrisk.models.explain.WorstScenarios`; empty where they were not asked for.
        pricing, contributions, concentration, offtaker_defaults: fair against quoted spreads and who the risk comes
            from, as `models.pricing`, `models.contributions` and `models.offtaker_defaults` describe; without columns
            where nobody asked for them.
        notes: sentences a reader of the result should see (warnings, counted near-ties, engine fallbacks).
        timings: seconds by phase.
    """

    engine: str
    device: str
    precision: str
    n_scenarios: int
    months: int
    seed: int
    exposure_usd: dict[str, float]
    scopes: list[str]
    losses: pl.DataFrame
    facilities: pl.DataFrame
    pd_term: pl.DataFrame
    early_warning: pl.DataFrame
    fans: pl.DataFrame
    defaults_by_cause: pl.DataFrame
    loss_given_default: pl.DataFrame
    worst: dict[str, pl.DataFrame] = field(default_factory=dict)
    pricing: pl.DataFrame = field(default_factory=pl.DataFrame)
    contributions: pl.DataFrame = field(default_factory=pl.DataFrame)
    concentration: pl.DataFrame = field(default_factory=pl.DataFrame)
    offtaker_defaults: pl.DataFrame = field(default_factory=pl.DataFrame)
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def segments(self) -> list[str]:
        """Scopes other than the portfolio, in their order."""
        return [scope for scope in self.scopes if scope != PORTFOLIO_SCOPE]

    def losses_of(self, scope: str) -> pl.Series:
        """Loss per scenario of one scope, Float64, USD, in the order of `losses`."""
        return self.losses["loss" if scope == PORTFOLIO_SCOPE else f"{SEGMENT_LOSS_PREFIX}{scope}"]
