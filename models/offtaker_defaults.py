"""What the default of one offtaker or guarantor costs the book.

For the names with most debt at risk, scenarios in which one defaults are run again with it alive: same world, same
random numbers, so the difference is the default and what follows from it. For all names there are two comparisons of
different scenarios, which cost nothing but are noisy; of these one weighs the survivors' worlds to be like the
defaulters'.

P. R. Rosenbaum and D. B. Rubin (1983), "The central role of the propensity score in observational studies for causal
effects", Biometrika 70, 41-55: here the probability of default is known in every scenario, and given the market the
default is a draw of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rackrisk.kernels.engines import Engine, replay_scenarios
from rackrisk.kernels.streams import key_words
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.market.survival import counterparty_survival
from rackrisk.models.measures import mean_estimate, proportion
from rackrisk.models.opened import Opened
from rackrisk.models.stages import StageReport, told, unheard

Array = NDArray[np.float64]
Deaths = NDArray[np.bool_]

CHUNK = 4096  # scenarios whose markets are made at a time
MIN_DEFAULTS = 10  # fewer scenarios in default are given no loss
MAX_NAMES = 500  # those behind most debt, where there are more
REPLAYED_NAMES, REPLAYED_SCENARIOS = 8, 64  # those with most debt at risk; of each so many
SCENARIOS_FOR_ONE = 64  # of the run for one of each name's, so that short runs grow by an eighth at most


def offtaker_defaults(
    opened: Opened,
    loss_quanta: NDArray[np.int64],
    *,
    seed: int,
    months: int,
    debt_usd: dict[str, float],
    report: StageReport = unheard,
) -> pl.DataFrame:
    """Loss of the book where a named counterparty defaults within the horizon, against where it does not.

    Args:
        loss_quanta: [n], loss of the book in scenarios 0, 1, ...
        months: horizon of the losses.
        debt_usd: by name, what rests on its contracts or guarantee.
        report: hears of how many names the defaults were taken back.

    Returns:
        One row a name: `name, debt_usd, n_defaults, pd, pd_std_error, loss_if_default_usd, loss_otherwise_usd,
        difference_usd, difference_std_error_usd`, `alike_difference_usd, alike_difference_std_error_usd` (against
        survivors in worlds alike) and `cost_usd, cost_std_error_usd, n_replayed` (against the same scenarios with the
        name alive). The costliest first, then those that were not replayed, by debt. Null below 10 scenarios.
    """
    names = list(opened.built.counterparty_pd_annual)
    kept = sorted(range(len(names)), key=lambda place: (-debt_usd.get(names[place], 0.0), names[place]))[:MAX_NAMES]
    places, quantum = np.array(kept, dtype=np.int64), float(opened.built.scale.loss_quantum_usd)
    sums, deaths = _moments(opened.arrays, loss_quanta.astype(np.float64) * quantum, places, seed=seed, months=months)
    debt = np.array([debt_usd.get(names[place], 0.0) for place in kept])
    columns = {
        "debt_usd": debt,
        **_compared(*sums, n=len(loss_quanta)),
        **_paired(opened, loss_quanta, deaths, places, most_at_risk(debt, deaths), report=report),
    }
    frame = pl.DataFrame({"name": pl.Series([names[place] for place in kept], dtype=pl.String)}).with_columns(
        **{name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()}
    )
    order = {"by": ["cost_usd", "debt_usd", "name"], "descending": [True, True, False], "nulls_last": True}
    return frame.with_columns(pl.col("n_defaults", "n_replayed").cast(pl.Int64)).sort(**order)


def _compared(dead: Weighted, alive: Weighted, alike: Weighted, *, n: int) -> dict[str, Array]:
    """Columns of the two comparisons of different scenarios."""
    pd, few = proportion(dead.weight, n), np.where(dead.weight >= MIN_DEFAULTS, 0.0, np.nan)
    return {
        "n_defaults": dead.weight,
        "pd": pd.value,
        "pd_std_error": pd.std_error,
        "loss_if_default_usd": dead.mean + few,
        "loss_otherwise_usd": alive.mean + few,
        "difference_usd": dead.mean - alive.mean + few,
        "difference_std_error_usd": np.hypot(dead.error, alive.error) + few,
        "alike_difference_usd": dead.mean - alike.mean + few,
        "alike_difference_std_error_usd": np.hypot(dead.error, alike.error) + few,
    }


def most_at_risk(debt_usd: Array, deaths: Deaths) -> NDArray[np.int64]:
    """The names with most debt behind them times the share of scenarios in which they default, by their columns."""
    return np.argsort(-debt_usd * deaths.sum(axis=0), kind="stable")[:REPLAYED_NAMES]


def _paired(
    opened: Opened,
    loss_quanta: NDArray[np.int64],
    deaths: Deaths,
    places: NDArray[np.int64],
    columns: NDArray[np.int64],
    *,
    report: StageReport,
) -> dict[str, Array]:
    """Cost of the defaults of the names in these columns, [K]: the scenarios of each run again with it alone alive."""
    cost, error, count = np.full((3, deaths.shape[1]), np.nan)
    most = min(REPLAYED_SCENARIOS, len(loss_quanta) // SCENARIOS_FOR_ONE)
    for column in told(report, "defaults of counterparties", columns, len(columns)):
        numbers = np.flatnonzero(deaths[:, column])[:most].astype(np.uint32)
        count[column] = len(numbers)
        if len(numbers) < MIN_DEFAULTS:
            continue
        alive = _losses(_without_defaults(opened, places[[column]] + 1), numbers)
        saved = (loss_quanta[numbers] - alive).astype(np.float64) * float(opened.built.scale.loss_quantum_usd)
        found = mean_estimate(saved, confidence=0.95)
        cost[column], error[column] = found.value or 0.0, found.std_error or 0.0
    return {"cost_usd": cost, "cost_std_error_usd": error, "n_replayed": count}


def _losses(engine: Engine, numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Of the book in these scenarios, quanta, [S]; by a replay, whose rows take less memory than the sums of a run."""
    return np.concatenate([rows.loss.sum(axis=1, dtype=np.int64) for rows in replay_scenarios(engine, numbers)])


def _without_defaults(opened: Opened, counterparties: NDArray[np.int64]) -> Engine:
    """The same engine in a market where these names never default; a compiled program is taken over."""
    hazard = opened.arrays.hazard.copy()
    hazard[counterparties] = 0.0
    return opened.engine.in_market(opened.arrays._replace(hazard=hazard))


@dataclass
class Weighted:
    """Weighted sums of losses over scenarios, by name [K]."""

    weight: Array
    weight_squares: Array
    loss: Array
    squares_loss: Array  # squared weights times loss
    squares_squares: Array  # squared weights times squared loss

    @classmethod
    def of(cls, weight: Array, loss: Array) -> Weighted:
        """From weights [S, K] and losses [S]."""
        squares, column = weight * weight, loss[:, None]
        terms = (weight, squares, weight * column, squares * column, squares * column * column)
        return cls(*(term.sum(axis=0) for term in terms))  # row after row: a library's product has no fixed order

    def plus(self, other: Weighted) -> Weighted:
        """The sums of both."""
        return Weighted(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def mean(self) -> Array:
        """Weighted mean loss; NaN without weight."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.loss / self.weight

    @property
    def error(self) -> Array:
        """Its standard error, that of a ratio of means."""
        mean = self.mean
        squares = self.squares_squares - 2 * mean * self.squares_loss + mean**2 * self.weight_squares
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(np.maximum(squares, 0.0)) / self.weight


def _moments(
    market: MarketArrays, loss_usd: Array, kept: NDArray[np.int64], *, seed: int, months: int
) -> tuple[tuple[Weighted, Weighted, Weighted], Deaths]:
    """Losses where the name defaults, where it does not, and where it does not in worlds like those where it does; and
    who defaults in which scenario, [n, K].

    A survivor's world counts p / (1 - p), p its probability of default: so the survivors' worlds get the weights that
    the defaulters' have.
    """
    total: list[Weighted] = []
    deaths: list[Deaths] = []
    for first in range(0, len(loss_usd), CHUNK):
        loss = loss_usd[first : first + CHUNK]
        numbers = np.arange(first, first + len(loss), dtype=np.uint32)
        found = counterparty_survival(market, key_words(seed), numbers, months)
        deaths.append(found.dead[:, kept])
        dead, probability = deaths[-1].astype(np.float64), found.probability[:, kept]
        odds = (1 - dead) * probability / np.maximum(1 - probability, 1e-12)
        parts = [Weighted.of(weight, loss) for weight in (dead, 1 - dead, odds)]
        total = [old.plus(new) for old, new in zip(total, parts, strict=True)] if total else parts
    return (total[0], total[1], total[2]), np.concatenate(deaths)
