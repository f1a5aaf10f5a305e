"""Rents: from the series to drift, volatility, common share and regimes of the market file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rackrisk.data import Series
from rackrisk.models.market import REGIMES

from ._chain import count_moves, variance_of_average
from ._correlations import Shock
from ._estimate import Estimate, Sample, month_start
from ._evidence import Evidence, Section, by_regime
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
    base = evidence.base.rent
    labels = np.zeros(len(rents.months), np.int64)
    fitted = fit_labelled(rents.changes, labels, 1, base.ai_demand_correlation)
    drift, share = np.array(base.drift_annual.values()), evidence.shares
    centre = float(share @ drift)
    unseen = variance_of_average(evidence.transition, drift, len(rents.months))
    value, own = float(fitted.drift[0]), fitted.drift_error[0]
    error = None if own is None else float(np.sqrt(own**2 + unseen))
    mean = Estimate(
        key=DRIFT, what="mean over regimes", value=value, std_error=error, method="maximum likelihood, regimes pooled",
        base=centre, writes=by_regime(DRIFT, drift + value - centre), **_about(rents.sample),
        note="written as the base's three drifts, shifted",
    )  # fmt: skip
    return [mean, _pooled_volatility(evidence, rents, fitted)], fitted


def _pooled_volatility(evidence: Evidence, rents: Rents, fitted: RentFit) -> Estimate:
    """All-in volatility of a month; what the drifts of the regimes add to it is taken off before it is written."""
    base, share = evidence.base.rent, evidence.shares
    drift, volatility = np.array(base.drift_annual.values()), np.array(base.volatility_annual.values())
    between = float(share @ (drift - share @ drift) ** 2) / 12
    within = float(share @ volatility**2)
    value, error = float(fitted.volatility[0]), fitted.volatility_error[0]
    scale = float(np.sqrt(max(value**2 - between, 0.01 * within) / within))
    return Estimate(
        key=VOLATILITY, what="of a month, regimes pooled", value=value, std_error=error, method="maximum likelihood",
        base=float(np.sqrt(within + between)), writes=by_regime(VOLATILITY, scale * volatility), **_about(rents.sample),
        note=f"written as the base's three volatilities times {scale:.2f}",
    )  # fmt: skip


# ---- regimes labelled ----


def _labelled(evidence: Evidence, rents: Rents, labels: np.ndarray) -> tuple[list[Estimate], RentFit]:
    seen = [r for r in range(len(REGIMES)) if int((labels == r).sum()) >= LEAST_LABELLED]
    if not seen:
        return _pooled(evidence, rents)
    known = np.isin(labels, seen)
    places = np.searchsorted(seen, labels[known])
    fitted = fit_labelled(rents.changes[known], places, len(seen), evidence.base.rent.ai_demand_correlation)
    counts = [int(np.isfinite(rents.changes[labels == r]).sum()) for r in seen]
    method = "maximum likelihood, labelled months"
    return [
        *_of_regimes(evidence, fitted, [REGIMES[r] for r in seen], counts, rents.sample, method),
        *_counted_chain(evidence),
    ], fitted


def _of_regimes(
    evidence: Evidence, fitted: RentFit, names: Sequence[str], counts: Sequence[int], sample: Sample, method: str
) -> list[Estimate]:
    base = evidence.base.rent
    found: list[Estimate] = []
    for place, (name, count) in enumerate(zip(names, counts, strict=True)):
        about = {**_about(sample), "n": count, "method": method}
        for key, value, error, level in (
            (DRIFT, fitted.drift[place], fitted.drift_error[place], getattr(base.drift_annual, name)),
            (
                VOLATILITY,
                fitted.volatility[place],
                fitted.volatility_error[place],
                getattr(base.volatility_annual, name),
            ),
        ):
            where = f"{key}.{name}"
            found.append(
                Estimate(
                    key=where, value=float(value), std_error=error, base=level, writes={where: float(value)}, **about
                )
            )
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
        error[r] = np.sqrt(matrix[r] * (1 - matrix[r]) / rows[r])
    sample = Sample((regime.column,), 0, month_start(months[0]), month_start(months[-1]))
    return [
        *_chain_rows(evidence, matrix, error, rows, sample, "counted moves"),
        _last_regime(sample, int(labels[-1]), len(months)),
    ]


def _chain_rows(
    evidence: Evidence, matrix: np.ndarray, error: np.ndarray, counts: np.ndarray, sample: Sample, method: str
) -> list[Estimate]:
    written = {CHAIN: rounded_rows(matrix)}
    found: list[Estimate] = []
    for r, row in enumerate(REGIMES):
        for c, column in enumerate(REGIMES):
            if r == c or not np.isfinite(error[r, c]):
                continue
            found.append(
                Estimate(
                    key=CHAIN, what=f"{row} to {column}", value=float(matrix[r, c]), std_error=float(error[r, c]),
                    base=float(evidence.transition[r, c]), method=method, writes=written,
                    **{**_about(sample), "n": int(counts[r])},
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


def _last_regime(sample: Sample, regime: int, months: int) -> Estimate:
    name = REGIMES[max(regime, 0)]
    return Estimate(
        key="regimes.initial", what=name, value=float(regime), std_error=None, method="regime of the last month",
        writes={"regimes.initial": name}, **{**_about(sample), "n": months},
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
    counts, method = [rents.sample.n] * len(REGIMES), "Markov-switching likelihood"
    rows = np.full(len(REGIMES), len(rents.months))
    sample, initial = rents.sample, _last_regime(rents.sample, found.last, len(rents.months))
    return [
        *_of_regimes(evidence, found.rents, REGIMES, counts, sample, method),
        *_chain_rows(evidence, found.transition, found.transition_error, rows, sample, method),
        initial,
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


def _about(sample: Sample) -> dict:
    return {"columns": sample.columns, "n": sample.n, "first": sample.first, "last": sample.last}
