"""Which mechanism loses the money: Shapley shares of EL and ES over the switches that are on.

Every subset of the switches is simulated on the same random numbers. A mechanism's share is its mean contribution over
all orders in which the mechanisms can be switched on (L. S. Shapley 1953, A value for n-person games), so the shares
add up to what all of them together cause; the rest of the loss stays with every switch off.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import polars as pl

from rackrisk.kernels.engines import run_scenarios
from rackrisk.models.market import MarketConfig
from rackrisk.models.measures import mean_estimate, shortfall_terms
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.recovery import RecoveryConfig
from rackrisk.models.simulate import Opened, open_simulation

SWITCHES = tuple(Mechanisms.model_fields)
WITHOUT, TOTAL = "without them", "total"  # rows beside the mechanisms


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """What each mechanism adds to the loss.

    Attributes:
        engine, device: in words.
        n_scenarios: of each of the simulations.
        mechanisms: those that were on.
        exposure_usd: balance at the as-of date by scope.
        shares: `scope, measure` (EL, ES), `level` (null for EL), `mechanism`, `value, std_error, ci_low, ci_high` (USD,
            Shapley share), `share` (of the total), `alone, alone_std_error` (added to a world without any of them),
            `removed, removed_std_error` (taken away from the whole world when this one is switched off). After the
            mechanisms come the rows `without them` and `total`; the shares and `without them` add up to `total`.
        worlds: one row a simulation, scope and measure: a Boolean column a mechanism, `scope, measure, level, value,
            std_error`.
    """

    engine: str
    device: str
    n_scenarios: int
    mechanisms: tuple[str, ...]
    exposure_usd: dict[str, float]
    shares: pl.DataFrame
    worlds: pl.DataFrame


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
    players = tuple(name for name in SWITCHES if getattr(mechanisms, name))
    if not players:
        raise ValueError("every switch is off: there is nothing to attribute")
    subsets = list(all_subsets(players))
    lag_months = longest_lag(recovery)
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
            lag_months=lag_months,
        )
        losses.append(_losses(opened, scenarios, _shifted(progress, done, len(subsets))))
    assert opened is not None
    scopes = opened.built.scopes
    exposure = opened.built.scale.facility_in_group @ opened.built.scale.first_balance_usd
    shares, worlds = [], []
    for place, scope in enumerate(scopes):
        for measure, level, terms in _measures(np.stack([loss[:, place] for loss in losses]), levels):
            label = {"scope": scope, "measure": measure, "level": level}
            shares += [label | row for row in share_rows(players, subsets, terms, confidence)]
            worlds += [label | row for row in _world_rows(players, subsets, terms)]
    kinds = {"scope": pl.String, "measure": pl.String, "level": pl.Float64}
    return Attribution(
        engine=opened.engine.name,
        device=opened.engine.device,
        n_scenarios=scenarios,
        mechanisms=players,
        exposure_usd=dict(zip(scopes, exposure.tolist(), strict=True)),
        shares=pl.DataFrame(shares, schema_overrides=kinds, infer_schema_length=None),
        worlds=pl.DataFrame(worlds, schema_overrides=kinds, infer_schema_length=None),
    )


def all_subsets(players: Sequence[str]) -> Iterator[frozenset[str]]:
    """From none to all of them, smaller ones first."""
    for size in range(len(players) + 1):
        yield from map(frozenset, combinations(players, size))


def shapley_weights(players: Sequence[str], subsets: Sequence[frozenset[str]]) -> np.ndarray:
    """Weights [players, subsets] with which the subsets' values add up to the players' Shapley values."""
    count = len(players)
    whole = factorial(count)
    rows = [
        [
            factorial(len(subset) - 1) * factorial(count - len(subset)) / whole
            if player in subset
            else -factorial(len(subset)) * factorial(count - len(subset) - 1) / whole
            for subset in subsets
        ]
        for player in players
    ]
    return np.array(rows)


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
    total = float(every.mean())
    shapley = shapley_weights(players, subsets) @ terms
    rows = []
    for player, own in zip(players, shapley, strict=True):
        alone = mean_estimate(terms[place[frozenset({player})]] - none, confidence=confidence)
        removed = mean_estimate(every - terms[place[frozenset(players) - {player}]], confidence=confidence)
        beside = {
            "alone": alone.value,
            "alone_std_error": alone.std_error,
            "removed": removed.value,
            "removed_std_error": removed.std_error,
        }
        rows.append(_row(player, mean_estimate(own, confidence=confidence), total) | beside)
    rows.append(_row(WITHOUT, mean_estimate(none, confidence=confidence), total))
    return [*rows, _row(TOTAL, mean_estimate(every, confidence=confidence), total)]


def _row(mechanism: str, estimate: Any, total: float) -> dict[str, Any]:
    return {
        "mechanism": mechanism,
        "value": estimate.value,
        "std_error": estimate.std_error,
        "ci_low": estimate.ci_low,
        "ci_high": estimate.ci_high,
        "share": estimate.value / total if total else None,
        "alone": None,
        "alone_std_error": None,
        "removed": None,
        "removed_std_error": None,
    }


def _world_rows(
    players: Sequence[str], subsets: Sequence[frozenset[str]], terms: np.ndarray
) -> Iterator[dict[str, Any]]:
    for subset, values in zip(subsets, terms, strict=True):
        estimate = mean_estimate(values, confidence=0.95)
        on = {name: name in subset for name in players}
        yield on | {"value": estimate.value, "std_error": estimate.std_error}


def _measures(losses: np.ndarray, levels: Sequence[float]) -> Iterator[tuple[str, float | None, np.ndarray]]:
    """Terms [subsets, scenarios] whose means are EL and the ES at each level."""
    yield "EL", None, losses
    for level in levels:
        yield "ES", float(level), np.stack([shortfall_terms(loss, level=level) for loss in losses])


def longest_lag(recovery: RecoveryConfig) -> int:
    """Months of the slowest sale."""
    return max(
        sale.lag_months for sale in (*recovery.gpus.values(), *recovery.asics.values(), recovery.btc, recovery.site)
    )


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
