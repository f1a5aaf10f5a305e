"""Which mechanism loses the money: Shapley shares of EL and ES over the switches that are on.

Every subset of the switches is simulated on the same random numbers. A mechanism's share is its mean contribution over
all orders in which the mechanisms can be switched on (`rackrisk.models.shapley`), so the shares add up to what all of
them together cause; the rest of the loss stays with every switch off.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from rackrisk.kernels.engines import run_scenarios
from rackrisk.models import tables
from rackrisk.models.market import MarketConfig
from rackrisk.models.measures import Estimate, mean_estimate, shortfall_has_error, shortfall_terms
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.recovery import RecoveryConfig
from rackrisk.models.shapley import all_subsets, shapley_weights
from rackrisk.models.simulate import Opened, open_simulation

SWITCHES = tuple(Mechanisms.model_fields)
ROUNDING = 1e-13  # of the largest loss: what is left where a mechanism does nothing
WITHOUT, TOTAL = "without them", "total"  # rows beside the mechanisms
UNIT = "USD"
NO_ERROR = "no standard error or interval: too few scenarios beyond the level"

_LABELS = {"scope": pl.String(), "measure": pl.String(), "level": pl.Float64()}
_SHARES = {
    **_LABELS,
    "mechanism": pl.String(),
    **dict.fromkeys(("value", "std_error", "ci_low", "ci_high"), pl.Float64()),
    "unit": pl.String(),
    **dict.fromkeys(("share", "share_std_error"), pl.Float64()),
    **dict.fromkeys(("alone", "alone_std_error", "removed", "removed_std_error"), pl.Float64()),
    "n_scenarios": pl.Int64(),
    "method": pl.String(),
}


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """What each mechanism adds to the loss.

    Attributes:
        engine, device, precision: in words.
        n_scenarios: of each of the simulations.
        months, seed: horizon and key of the random generator.
        mechanisms: those that were on.
        scopes: `portfolio`, then the segments.
        exposure_usd: balance at the as-of date by scope.
        shares: `scope, measure` (EL, ES), `level` (null for EL), `mechanism`, `value, std_error, ci_low, ci_high` (in
            `unit`, the Shapley share), `share, share_std_error` (fraction of the total; null where the total is 0),
            `alone, alone_std_error` (added to a world without any of them), `removed, removed_std_error` (taken away
            from the whole world when this one is switched off), `n_scenarios`, `method`. After the mechanisms come the
            rows `without them` and `total`; the shares and `without them` add up to `total`. Errors of an ES are null
            where a measure's own would be.
        worlds: one row a simulation, scope and measure: a Boolean column a mechanism, `scope, measure, level, value,
            std_error, unit, n_scenarios`.
        notes: sentences that a reader should see.
        timings: seconds by phase.
    """

    engine: str
    device: str
    precision: str
    n_scenarios: int
    months: int
    seed: int
    mechanisms: tuple[str, ...]
    scopes: list[str]
    exposure_usd: dict[str, float]
    shares: pl.DataFrame
    worlds: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def segments(self) -> list[str]:
        """Scopes other than the portfolio, in their order."""
        return self.scopes[1:]


def attribute(
    tape: pl.DataFrame,
    *,
    market: MarketConfig,
    recovery: RecoveryConfig,
    mechanisms: Mechanisms,
    months: int,
    scenarios: int,
    seed: int,
    as_of: date,
    levels: Sequence[float],
    confidence: float = 0.95,
    engine: str = "auto",
    precision: str = "float32",
    segments: tuple[str, ...] = ("segment",),
    progress: Callable[[int, int], None] | None = None,
) -> Attribution:
    """Simulate every subset of the switches that are on, and share out EL and ES.

    Args:
        mechanisms: switches; those that are off stay off and get no share.
        scenarios: of each simulation; there are 2 to the number of switches that are on.
        levels: of ES.
        progress: called with (scenarios done, scenarios in all), over all simulations.
        tape, market, recovery, months, seed, as_of, engine, precision, segments: as in `simulate`.

    Raises:
        ValueError: no switch is on.
        rackrisk.kernels.engines.EngineMissing: the engine cannot run on this machine.
    """
    players = switched_on(mechanisms)
    if not players:
        raise ValueError("every switch is off: there is nothing to attribute")
    subsets = list(all_subsets(players))
    started = time.perf_counter()
    losses, opened = [], None
    for done, subset in enumerate(subsets):
        opened = open_simulation(
            tape,
            market=market,
            recovery=recovery,
            mechanisms=Mechanisms(**{name: name in subset for name in SWITCHES}),
            months=months,
            seed=seed,
            as_of=as_of,
            engine=engine,
            precision=precision,
            segments=segments,
            lag_months=longest_lag(recovery),
        )
        losses.append(_losses(opened, scenarios, _shifted(progress, done, len(subsets))))
    assert opened is not None
    simulated = time.perf_counter()
    shares, worlds = _tables(opened.built.scopes, players, np.stack(losses), levels=levels, confidence=confidence)
    return Attribution(
        engine=opened.engine.name,
        device=opened.engine.device,
        precision=opened.engine.precision,
        n_scenarios=scenarios,
        months=months,
        seed=seed,
        mechanisms=players,
        scopes=opened.built.scopes,
        exposure_usd=tables.exposures(opened.built),
        shares=shares,
        worlds=worlds,
        notes=[opened.note] if opened.note else [],
        timings={"worlds": simulated - started, "shares": time.perf_counter() - simulated},
    )


def switched_on(mechanisms: Mechanisms) -> tuple[str, ...]:
    """Names of the switches that are on, in their order."""
    return tuple(name for name in SWITCHES if getattr(mechanisms, name))


def longest_lag(recovery: RecoveryConfig) -> int:
    """Months of the slowest sale."""
    return max(
        sale.lag_months for sale in (*recovery.gpus.values(), *recovery.asics.values(), recovery.btc, recovery.site)
    )


def share_rows(
    players: Sequence[str], subsets: Sequence[frozenset[str]], terms: np.ndarray, confidence: float
) -> list[dict[str, Any]]:
    """One row a mechanism, then what stays without them and the total.

    Args:
        terms: [subsets, scenarios], means over scenarios are the values of the subsets. Differences are taken scenario
            by scenario, so their errors know that the random numbers were the same.
    """
    none, every = terms[0], terms[-1]
    place = {subset: number for number, subset in enumerate(subsets)}
    rows = []
    noise = ROUNDING * float(np.abs(terms).max(initial=0.0))
    for player, exact in zip(players, shapley_weights(players, subsets) @ terms, strict=True):
        own = np.where(np.abs(exact) <= noise, 0.0, exact)  # weights of floating sums do not cancel to the last bit
        alone = mean_estimate(terms[place[frozenset({player})]] - none, confidence=confidence)
        removed = mean_estimate(every - terms[place[frozenset(players) - {player}]], confidence=confidence)
        beside = {
            "alone": alone.value,
            "alone_std_error": alone.std_error,
            "removed": removed.value,
            "removed_std_error": removed.std_error,
        }
        rows.append(_row(player, own, every, confidence) | beside)
    return [*rows, _row(WITHOUT, none, every, confidence), _row(TOTAL, every, every, confidence)]


def _row(mechanism: str, own: np.ndarray, every: np.ndarray, confidence: float) -> dict[str, Any]:
    """A share with its error, and as a fraction of the total with that of a ratio (delta method)."""
    estimate, total = mean_estimate(own, confidence=confidence), float(every.mean())
    fraction: Estimate | None = None
    if total and estimate.value is not None:
        fraction = mean_estimate((own - estimate.value / total * every) / total, confidence=confidence)
    return {
        "mechanism": mechanism,
        "value": estimate.value,
        "std_error": estimate.std_error,
        "ci_low": estimate.ci_low,
        "ci_high": estimate.ci_high,
        "share": None if fraction is None or estimate.value is None else estimate.value / total,
        "share_std_error": None if fraction is None else fraction.std_error,
        "alone": None,
        "alone_std_error": None,
        "removed": None,
        "removed_std_error": None,
        "method": f"Shapley value; {estimate.method}" if mechanism not in (WITHOUT, TOTAL) else estimate.method,
    }


def _tables(
    scopes: Sequence[str], players: Sequence[str], losses: np.ndarray, *, levels: Sequence[float], confidence: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Shares and worlds from losses [subsets, scenarios, scopes]."""
    subsets, count = list(all_subsets(players)), losses.shape[1]
    shares: list[dict[str, Any]] = []
    worlds: list[dict[str, Any]] = []
    for place, scope in enumerate(scopes):
        for measure, level, terms in _measures(losses[:, :, place], levels):
            label = {"scope": scope, "measure": measure, "level": level, "unit": UNIT, "n_scenarios": count}
            known = level is None or shortfall_has_error(count, level=level)
            rows = [*share_rows(players, subsets, terms, confidence), *_world_rows(players, subsets, terms)]
            rows = [label | (row if known else _without_errors(row)) for row in rows]
            shares += rows[: len(players) + 2]
            worlds += rows[len(players) + 2 :]
    on = dict.fromkeys(players, pl.Boolean())
    numbers = {"value": pl.Float64(), "std_error": pl.Float64(), "unit": pl.String(), "n_scenarios": pl.Int64()}
    return pl.DataFrame(shares, schema=_SHARES), pl.DataFrame(worlds, schema={**on, **_LABELS, **numbers})


def _world_rows(
    players: Sequence[str], subsets: Sequence[frozenset[str]], terms: np.ndarray
) -> Iterator[dict[str, Any]]:
    for subset, values in zip(subsets, terms, strict=True):
        estimate = mean_estimate(values, confidence=0.95)
        on = {name: name in subset for name in players}
        yield on | {"value": estimate.value, "std_error": estimate.std_error}


def _without_errors(row: dict[str, Any]) -> dict[str, Any]:
    """A row of an ES whose tail is too thin for errors."""
    empty = {name: None for name in row if name.endswith("std_error") or name in ("ci_low", "ci_high")}
    return row | empty | ({"method": NO_ERROR} if "method" in row else {})


def _measures(losses: np.ndarray, levels: Sequence[float]) -> Iterator[tuple[str, float | None, np.ndarray]]:
    """Terms [subsets, scenarios] whose means are EL and the ES at each level."""
    yield "EL", None, losses
    for level in levels:
        yield "ES", float(level), np.stack([shortfall_terms(loss, level=level) for loss in losses])


def _losses(opened: Opened, scenarios: int, progress: Callable[[int, int], None] | None) -> np.ndarray:
    """Losses [scenarios, scopes], USD."""
    tally = run_scenarios(opened.engine, scenarios, progress)
    return tally.loss * float(opened.built.scale.loss_quantum_usd)


def _shifted(
    progress: Callable[[int, int], None] | None, done: int, simulations: int
) -> Callable[[int, int], None] | None:
    """Progress of one simulation as that of all."""
    if progress is None:
        return None
    return lambda now, scenarios: progress(done * scenarios + now, simulations * scenarios)
