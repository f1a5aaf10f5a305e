"""Series to a market: every section's estimates, the correlations between them, and the numbers that are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from rackrisk.data import Series
from rackrisk.models.market import FACTORS, REGIMES, MarketConfig

from ._coins import coin_section
from ._correlations import TOLD_APART, Pair, Shock, correlations, merged
from ._estimate import Estimate, Value, month_start
from ._evidence import Evidence, Section
from ._months import labels_of
from ._network import network_section
from ._others import other_sections
from ._rents import rent_section

CORRELATION = "factors.correlation_calm"
MOST_DRIFT_ERROR = 0.15  # a year; beyond it a drift is written with a warning


@dataclass(frozen=True)
class Calibration:
    """What the series say.

    Attributes:
        estimates: in the order of the market file.
        writes: numbers of the market file by dotted key; what is not here is inherited.
        notes: what was not used or not identified, and why.
    """

    estimates: tuple[Estimate, ...]
    writes: Mapping[str, Value]
    notes: tuple[str, ...]


def calibrate(
    series: Sequence[Series],
    *,
    base: MarketConfig,
    as_of: date,
    switching: bool = False,
    keep: Iterable[str] = (),
) -> Calibration:
    """Estimates what the series can tell of the market.

    Args:
        series: checked ones, as `rackrisk.data.read_series` gives them.
        base: the market that is inherited and compared with.
        as_of: date of the levels.
        switching: fit unlabelled regimes to the rents.
        keep: dotted keys, or sections, whose inherited numbers stay whatever was estimated.

    Returns:
        Estimates with errors, and the numbers to write.
    """
    evidence = Evidence(base, as_of, series)
    found = [
        rent_section(evidence, switching=switching),
        coin_section(evidence),
        network_section(evidence),
        other_sections(evidence),
    ]
    found.append(_correlation_section(evidence, {k: v for section in found for k, v in section.shocks.items()}))
    kept = tuple(keep)
    estimates = [_kept(one, kept) for section in found for one in section.estimates]
    writes = {key: value for one in estimates for key, value in one.writes.items()}
    notes = [note for section in found for note in section.notes] + _faint(estimates)
    return Calibration(tuple(estimates), writes, tuple(notes))


def with_writes(base: MarketConfig, writes: Mapping[str, Value]) -> MarketConfig:
    """The base with the written numbers in it, checked as any market is.

    Raises:
        pydantic.ValidationError: the numbers do not make a market.
    """
    data: dict[str, Any] = base.model_dump(mode="python")
    for key, value in writes.items():
        *parents, leaf = key.split(".")
        inside = data
        for part in parents:
            inside = inside[part]
        inside[leaf] = value
    return MarketConfig.model_validate(data)


def _faint(estimates: Iterable[Estimate]) -> list[str]:
    """Drifts that are written although little is known of them: they decide losses more than anything else."""
    return [
        f"{one.key}: known within {one.std_error:.2f} a year only; --keep {one.key} keeps the base's"
        for one in estimates
        if ".drift_annual" in one.key and one.writes and one.std_error is not None and one.std_error > MOST_DRIFT_ERROR
    ]


def _kept(one: Estimate, keep: Sequence[str]) -> Estimate:
    """The same estimate, not written where the user keeps the base's number."""
    stays = {key for key in one.writes if any(key == k or key.startswith(f"{k}.") for k in keep)}
    if not stays:
        return one
    rest = {key: value for key, value in one.writes.items() if key not in stays}
    return replace(one, writes=rest, note="not written: kept as asked")


def _correlation_section(evidence: Evidence, shocks: Mapping[str, Shock]) -> Section:
    ordered = {name: shocks[name] for name in FACTORS if name in shocks}
    chosen = _calm_months(evidence, ordered)
    pairs = correlations(ordered, chosen)
    if not pairs:
        return Section(notes=["correlations: no two factors have two years in common"] if len(ordered) > 1 else [])
    base = np.array(evidence.base.factors.correlation_calm)
    matrix, weight = merged(base, pairs, FACTORS)
    written: dict[str, Value] = {CORRELATION: [[float(x) for x in row] for row in matrix]}
    notes = [] if chosen is not None else ["correlations: no labelled regimes, so months of stress count as calm"]
    if weight < 1:
        notes.append(f"correlations: together no correlation matrix; written {weight:.0%} of the way from the base")
    return Section([_of_pair(pair, base, written) for pair in pairs], {}, notes)


def _calm_months(evidence: Evidence, shocks: Mapping[str, Shock]) -> np.ndarray | None:
    """Labelled months outside stress; None without labels."""
    regime = evidence.one("regime")
    if regime is None or not shocks:
        return None
    months = np.unique(np.concatenate([shock.months for shock in shocks.values()]))
    labels = labels_of(regime, months)
    assert labels is not None
    return months[(labels >= 0) & (labels != REGIMES.index("stress"))]


def _of_pair(pair: Pair, base: np.ndarray, written: Mapping[str, Value]) -> Estimate:
    i, j = FACTORS.index(pair.first), FACTORS.index(pair.second)
    note = "" if pair.told_apart else f"written as 0: within {TOLD_APART} errors of it"
    return Estimate(
        key=CORRELATION, what=f"{pair.first}, {pair.second}", value=pair.value, std_error=pair.std_error,
        base=float(base[i, j]), n=len(pair.months), first=month_start(pair.months[0]), columns=pair.columns,
        last=month_start(pair.months[-1]), method="correlation of residuals", writes=written, note=note,
    )  # fmt: skip
