"""Rents: from the series to drift, volatility, common share and regimes of the market file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rackrisk.data import Series
from rackrisk.models.market import REGIMES

from ._chain import count_moves, variance_of_average
from ._correlations import Shock
from ._estimate import Estimate, Sample, month_start
from ._evidence import LEVEL_DAYS, Evidence, Section, by_regime
from ._months import labels_of, month_ends, together
from ._panel import LEAST_LABELLED, RentFit, fit_labelled
from ._switching import LEAST_MONTHS, SwitchingFit, fit_switching

DRIFT, VOLATILITY, LOADING = "rent.drift_annual", "rent.volatility_annual", "rent.ai_demand_correlation"
CHAIN = "regimes.transition_monthly"
LEAST_MOVES = 12  # months seen in a regime before its row of the chain is written


@dataclass(frozen=True)
class Rents:
    """The panel: month numbers [T], log changes [T, G], and what it was read from."""

    months: np.ndarray
    changes: np.ndarray
    sample: Sample


def rent_section(evidence: Evidence, *, switching: bool) -> Section:
    """Everything that rents say.

    Args:
        switching: fit unlabelled regimes; the caller has checked that there are enough months.
    """
    series = evidence.of("rent")
    if not series:
        return Section()
    rents = panel_of(series)
    labels = labels_of(evidence.one("regime"), rents.months)
    if switching:
        estimates, fitted = _switched(evidence, rents)
    elif labels is not None and (labels >= 0).any():
        estimates, fitted = _labelled(evidence, rents, labels)
    else:
        estimates, fitted = _pooled(evidence, rents)
    estimates += _loading(evidence, rents, fitted)
    shock = _shock(rents, fitted, labels, evidence.base.rent.ai_demand_correlation)
    levels, notes = _levels(evidence, series)
    return Section([*estimates, *levels], {"ai_demand": shock}, notes)


def panel_of(series: Sequence[Series]) -> Rents:
    """Monthly changes of all rents side by side."""
    monthly = [month_ends(one) for one in series]
    months, changes = together(monthly)
    first, last = min(m.months[0] for m in monthly), max(m.months[-1] for m in monthly)
    count = int(np.isfinite(changes).sum())
    return Rents(
        months, changes, Sample(tuple(m.column for m in monthly), count, month_start(first), month_start(last))
    )


def enough_to_switch(series: Sequence[Series]) -> int:
    """Months of changes that a fit of unlabelled regimes lacks; 0 where there are enough."""
    return max(0, LEAST_MONTHS - (len(panel_of(series).months) if series else 0))


# ---- regimes unknown: one drift and volatility, the inherited differences between regimes ----


def _pooled(evidence: Evidence, rents: Rents) -> tuple[list[Estimate], RentFit]:
    base, about = evidence.base.rent, _about(rents.sample)
    labels = np.zeros(len(rents.months), np.int64)
    fitted = fit_labelled(rents.changes, labels, 1, base.ai_demand_correlation)
    drift, mixed = np.array(base.drift_annual.values()), Mixed.of(evidence, len(rents.months))
    value, centre = float(fitted.drift[0]), float(evidence.shares @ drift)
    mean = Estimate(
        key=DRIFT, what="mean over regimes", value=value, std_error=_with(fitted.drift_error[0], mixed.drift_variance),
        method="maximum likelihood, regimes pooled", base=centre, writes=by_regime(DRIFT, drift + value - centre),
        note="written as the base's three drifts, shifted", **about,
    )  # fmt: skip
    whole, error = float(fitted.volatility[0]), fitted.volatility_error[0]
    scale = float(np.sqrt(max(whole**2 - mixed.between, 0.01 * mixed.within) / mixed.within))
    expected = (mixed.within + mixed.between) ** 0.5
    spread = Estimate(
        key=VOLATILITY, what="of a month, regimes pooled", value=whole, base=expected, method="maximum likelihood",
        std_error=_with(error, mixed.variance_variance / (2 * whole) ** 2),
        writes=by_regime(VOLATILITY, scale * np.array(base.volatility_annual.values())),
        note=f"written as the base's three volatilities times {scale:.2f}", **about,
    )  # fmt: skip
    return [mean, spread], _without_regimes(fitted, mixed)


@dataclass(frozen=True)
class Mixed:
    """What the inherited regimes do to numbers of a sample that does not tell them apart; variances a year.

    Attributes:
        within: mean variance inside the regimes.
        between: what the differences of their drifts add to the variance about the sample's own mean.
        drift_variance, variance_variance, between_variance: sampling variances that come from having seen few regimes.
    """

    within: float
    between: float
    drift_variance: float
    variance_variance: float
    between_variance: float

    @classmethod
    def of(cls, evidence: Evidence, months: int) -> Mixed:
        """For a sample of some months."""
        base, share, chain = evidence.base.rent, evidence.shares, evidence.transition
        drift, squares = np.array(base.drift_annual.values()), np.array(base.volatility_annual.values()) ** 2
        off = (drift - share @ drift) ** 2 / 12
        unseen = variance_of_average(chain, drift, months)
        return cls(
            float(share @ squares),
            max(float(share @ off) - unseen / 12, 0.0),
            unseen,
            variance_of_average(chain, squares + off, months),
            variance_of_average(chain, off, months),
        )


def _with(error: float | None, variance: float) -> float | None:
    return None if error is None else float(np.sqrt(error**2 + variance))


def _without_regimes(fitted: RentFit, mixed: Mixed) -> RentFit:
    """The same fit with the loading inside a regime: a common drift makes rents of a mixed sample move together."""
    whole, c = float(fitted.volatility[0]) ** 2, fitted.loading**2
    inside = max(whole - mixed.between, 0.1 * whole)
    within = float(np.clip((c * whole - mixed.between) / inside, 0.0025, 1.0))
    if fitted.loading_error is None:
        return fitted
    own = 2 * fitted.loading * fitted.loading_error * whole / inside
    error = np.sqrt(own**2 + ((1 - c) * whole / inside**2) ** 2 * mixed.between_variance)
    return replace(fitted, loading=within**0.5, loading_error=float(error / (2 * within**0.5)))


# ---- regimes labelled ----


def _labelled(evidence: Evidence, rents: Rents, labels: np.ndarray) -> tuple[list[Estimate], RentFit]:
    seen = [r for r in range(len(REGIMES)) if int((labels == r).sum()) >= LEAST_LABELLED]
    if not seen:
        return _pooled(evidence, rents)
    known = np.isin(labels, seen)
    places = np.searchsorted(seen, labels[known])
    fitted = fit_labelled(rents.changes[known], places, len(seen), evidence.base.rent.ai_demand_correlation)
    counts = [int(np.isfinite(rents.changes[labels == r]).sum()) for r in seen]
    about = _about(rents.sample) | {"method": "maximum likelihood, labelled months"}
    names = [REGIMES[r] for r in seen]
    return [*_of_regimes(evidence, fitted, names, counts, about=about), *_counted_chain(evidence)], fitted


def _of_regimes(
    evidence: Evidence, fitted: RentFit, names: Sequence[str], counts: Sequence[int], *, about: dict[str, Any]
) -> list[Estimate]:
    base = evidence.base.rent
    found: list[Estimate] = []
    for key, values, errors, levels in (
        (DRIFT, fitted.drift, fitted.drift_error, base.drift_annual),
        (VOLATILITY, fitted.volatility, fitted.volatility_error, base.volatility_annual),
    ):
        for name, count, value, error in zip(names, counts, values.tolist(), errors, strict=True):
            where, level = f"{key}.{name}", getattr(levels, name)
            known: dict[str, Any] = about | {"n": count}
            found.append(Estimate(key=where, value=value, std_error=error, base=level, writes={where: value}, **known))
    return found


def _counted_chain(evidence: Evidence) -> list[Estimate]:
    """Rows of the transition matrix by counting moves between labelled months."""
    regime = evidence.one("regime")
    assert regime is not None
    months = np.unique(regime.months)
    labels = labels_of(regime, months)
    assert labels is not None
    moves = count_moves(labels, len(REGIMES)).astype(float)
    rows, matrix = moves.sum(axis=1), evidence.transition
    error = np.full(matrix.shape, np.nan)
    for r in np.flatnonzero(rows >= LEAST_MOVES):
        matrix[r] = moves[r] / rows[r]
        error[r] = np.sqrt(np.maximum(matrix[r] * (1 - matrix[r]), 1 / rows[r]) / rows[r])  # never seen: 1 / n
    sample = Sample((regime.column,), len(months), month_start(months[0]), month_start(months[-1]))
    about = _about(sample) | {"method": "counted moves"}
    return [*_chain_rows(evidence, matrix, error, rows, about=about), _last_regime(evidence, sample, int(labels[-1]))]


def _chain_rows(
    evidence: Evidence, matrix: np.ndarray, error: np.ndarray, counts: np.ndarray, *, about: dict[str, Any]
) -> list[Estimate]:
    written = {CHAIN: rounded_rows(matrix)}
    found: list[Estimate] = []
    for r, row in enumerate(REGIMES):
        for c, column in enumerate(REGIMES):
            if r == c or not np.isfinite(error[r, c]):
                continue
            known: dict[str, Any] = about | {"n": int(counts[r])}
            found.append(
                Estimate(
                    key=CHAIN, what=f"{row} to {column}", value=float(matrix[r, c]), std_error=float(error[r, c]),
                    base=float(evidence.transition[r, c]), writes=written, **known,
                )
            )  # fmt: skip
    return found


def rounded_rows(matrix: np.ndarray) -> list[list[float]]:
    """Rows of probabilities with four decimals that add up to 1."""
    rows = np.round(matrix, 4)
    for r in range(len(rows)):
        rows[r, r] = 0
        rows[r, r] = round(1 - float(rows[r].sum()), 4)
    return [[float(p) for p in row] for row in rows]


def _last_regime(evidence: Evidence, sample: Sample, regime: int) -> Estimate:
    """The regime of the last month: where the market starts, if that month is recent."""
    key, name = "regimes.initial", REGIMES[max(regime, 0)]
    recent = 0 <= (evidence.as_of - sample.last).days <= LEVEL_DAYS
    return Estimate(
        key=key, what=name, value=float(regime), std_error=None, method="regime of the last month",
        writes={key: name} if recent else {}, note="" if recent else "not written: too old", **_about(sample),
    )  # fmt: skip


# ---- regimes fitted ----


def _switched(evidence: Evidence, rents: Rents) -> tuple[list[Estimate], RentFit]:
    base = evidence.base.rent
    found: SwitchingFit = fit_switching(
        rents.changes,
        drift=np.array(base.drift_annual.values()),
        volatility=np.array(base.volatility_annual.values()),
        loading=base.ai_demand_correlation,
        transition=evidence.transition,
    )
    counts, rows = [rents.sample.n] * len(REGIMES), np.full(len(REGIMES), len(rents.months))
    about = _about(rents.sample) | {"method": "Markov-switching likelihood"}
    return [
        *_of_regimes(evidence, found.rents, REGIMES, counts, about=about),
        *_chain_rows(evidence, found.transition, found.transition_error, rows, about=about),
        _last_regime(evidence, rents.sample, found.last),
    ], found.rents


# ---- what holds in every regime ----


def _loading(evidence: Evidence, rents: Rents, fitted: RentFit) -> list[Estimate]:
    if fitted.loading_error is None or not (np.isfinite(rents.changes).sum(axis=1) > 1).any():
        return []
    value = fitted.loading
    return [
        Estimate(
            key=LOADING, what="loading: root of the correlation of two rents", value=value,
            std_error=fitted.loading_error, method="maximum likelihood", base=evidence.base.rent.ai_demand_correlation,
            writes={LOADING: value}, **_about(rents.sample),
        )
    ]  # fmt: skip


def _shock(rents: Rents, fitted: RentFit, labels: np.ndarray | None, loading: float) -> Shock:
    """Mean standardised change over generations: the AI demand factor, diluted by what each rent has of its own."""
    standard = np.full_like(rents.changes, np.nan)
    groups = np.zeros(len(rents.months), np.int64) if labels is None else labels
    for group in np.unique(groups):
        part = rents.changes[groups == group]
        spread = float(np.nanstd(part))
        standard[groups == group] = (part - np.nanmean(part)) / (spread if spread > 0 else 1.0)
    count = float(np.mean(np.isfinite(rents.changes).sum(axis=1)))
    share = fitted.loading**2 if fitted.loading_error is not None else loading**2
    purity = float(np.sqrt(share / (share + (1 - share) / count)))
    return Shock(rents.months, np.nanmean(standard, axis=1), max(purity, 0.1), rents.sample.columns)


def _levels(evidence: Evidence, series: Sequence[Series]) -> tuple[list[Estimate], list[str]]:
    known = evidence.base.generations
    strangers = [one.item for one in series if one.item not in known]
    found = [
        level
        for one in series
        if one.item in known
        for level in evidence.level(one, f"generations.{one.item}.rent_usd_gpu_hour", known[one.item].rent_usd_gpu_hour)
    ]
    words = f"{', '.join(strangers)}: not a generation of the market, so used for drift and volatility alone"
    return found, [words] if strangers else []


def _about(sample: Sample) -> dict[str, Any]:
    return {"columns": sample.columns, "n": sample.n, "first": sample.first, "last": sample.last}
