"""The coin's numbers in the market file: volatility by regime, jumps, expected return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rackrisk.data import Series
from rackrisk.models.market import REGIMES

from ._chain import variance_of_average
from ._coin import DAYS, Daily, Jumps, continuous_volatility, daily_returns, expected_return, is_daily, large_jumps
from ._correlations import Shock
from ._estimate import Estimate, Sample, month_start
from ._evidence import Evidence, Section, by_regime
from ._months import labels_of, month_ends
from ._panel import LEAST_LABELLED

DRIFT, VOLATILITY = "btc.drift_annual", "btc.volatility_annual"


@dataclass(frozen=True)
class Group:
    """Observations that share a regime: its name ("" for all months together), which ones, and the years they span."""

    name: str
    chosen: np.ndarray
    years: float


def coin_section(evidence: Evidence) -> Section:
    """Everything that the coin's price says."""
    series = evidence.one("btc")
    if series is None:
        return Section()
    daily = daily_returns(series) if is_daily(series) else _monthly_returns(series)
    sees_jumps = is_daily(series)
    jumps = large_jumps(daily) if sees_jumps else None
    groups = _groups(evidence, daily)
    estimates = [*_jump_estimates(evidence, series, daily, jumps), *_moves(evidence, series, daily, jumps, groups)]
    notes = [] if jumps is not None else [_no_jumps(sees_jumps)]
    estimates += evidence.level(series, "btc.price_usd", evidence.base.btc.price_usd)
    return Section(estimates, {"btc": _shock(evidence, series, daily, jumps)}, notes)


def _monthly_returns(series: Series) -> Daily:
    """Month-end returns in the same form; jumps cannot be told from volatility in them."""
    monthly = month_ends(series)
    returns, n = monthly.changes, len(monthly.changes)
    return Daily(returns, np.full(n, DAYS / 12), monthly.months[1:], np.full(n, np.inf), np.zeros(n, bool))


def _no_jumps(daily: bool) -> str:
    why = "too few large moves" if daily else "the coin's series is not daily, or shorter than two years"
    return f"btc jumps: {why}, so the base's are kept"


def _groups(evidence: Evidence, daily: Daily) -> list[Group]:
    years = daily.days / DAYS
    labels = labels_of(evidence.one("regime"), daily.months)
    groups = []
    if labels is not None:
        chosen = [labels == r for r in range(len(REGIMES))]
        groups = [
            Group(name, mask, float(years[mask].sum()))
            for name, mask in zip(REGIMES, chosen, strict=True)
            if len(np.unique(daily.months[mask])) >= LEAST_LABELLED
        ]
    return groups or [Group("", np.ones(len(years), bool), float(years.sum()))]


def _sample(series: Series, daily: Daily, n: int) -> Sample:
    return Sample((series.column,), n, month_start(daily.months[0]), month_start(daily.months[-1]))


def _jump_estimates(evidence: Evidence, series: Series, daily: Daily, jumps: Jumps | None) -> list[Estimate]:
    if jumps is None:
        return []
    base, about = evidence.base.btc, _sample(series, daily, jumps.seen)
    method = f"likelihood of moves beyond five local sigma; {jumps.seen} in {len(daily.returns):,} days"
    rows = (
        ("jumps_per_year", jumps.rate, jumps.rate_error, base.jumps_per_year),
        ("jump_mean", jumps.mean, jumps.mean_error, base.jump_mean),
        ("jump_sd", jumps.sd, jumps.sd_error, base.jump_sd),
    )
    return [
        Estimate(
            key=f"btc.{name}", value=value, std_error=error, base=level, method=method, writes={f"btc.{name}": value},
            columns=about.columns, n=about.n, first=about.first, last=about.last,
        )
        for name, value, error, level in rows
    ]  # fmt: skip


def _in_force(evidence: Evidence, jumps: Jumps | None) -> tuple[float, float, float]:
    """Rate, mean and deviation of the jumps that the market file will have."""
    base = evidence.base.btc
    return (jumps.rate, jumps.mean, jumps.sd) if jumps else (base.jumps_per_year, base.jump_mean, base.jump_sd)


def _volatility(
    daily: Daily, chosen: np.ndarray, jumps: Jumps | None, force: tuple[float, float, float]
) -> tuple[float, float]:
    """Of the continuous part, with its error."""
    if np.isfinite(daily.local).all():
        return continuous_volatility(daily, chosen, jumps)
    returns, (rate, mean, sd) = daily.returns[chosen], force
    total = 12 * float(np.var(returns, ddof=1))
    inside = max(total - rate * (mean**2 + sd**2), 0.05 * total)
    error = 12 * float(np.sqrt(np.var((returns - returns.mean()) ** 2) / len(returns)))
    return inside**0.5, error / (2 * inside**0.5)


def _moves(
    evidence: Evidence, series: Series, daily: Daily, jumps: Jumps | None, groups: list[Group]
) -> list[Estimate]:
    """Volatility and expected return, of each labelled regime or of all months."""
    found: list[Estimate] = []
    rate, mean, sd = force = _in_force(evidence, jumps)
    for group in groups:
        volatility, error = _volatility(daily, group.chosen, jumps, force)
        log_drift = float(daily.returns[group.chosen].sum()) / group.years
        drift = expected_return(log_drift, volatility, rate=rate, mean=mean, sd=sd)
        whole = volatility**2 + rate * (mean**2 + sd**2)
        sample = _sample(series, daily, int(group.chosen.sum()))
        drift_error = float(np.sqrt(whole / group.years + (0.0 if group.name else _unseen(evidence, daily))))
        found.append(_one(evidence, DRIFT, group, (drift, drift_error), sample))
        found.append(_one(evidence, VOLATILITY, group, (volatility, error), sample))
    return found


def _unseen(evidence: Evidence, daily: Daily) -> float:
    levels = np.array(evidence.base.btc.drift_annual.values())
    return variance_of_average(evidence.transition, levels, len(np.unique(daily.months)))


def _one(evidence: Evidence, key: str, group: Group, found: tuple[float, float], sample: Sample) -> Estimate:
    """One number: a regime's own, or that of all months with the inherited differences between regimes."""
    value, error = found
    is_drift = key == DRIFT
    levels = np.array((evidence.base.btc.drift_annual if is_drift else evidence.base.btc.volatility_annual).values())
    about = {"columns": sample.columns, "n": sample.n, "first": sample.first, "last": sample.last}
    method = "mean log change, variance and jumps added back" if is_drift else "bipower variation"
    if group.name:
        where, base = f"{key}.{group.name}", float(levels[REGIMES.index(group.name)])
        return Estimate(
            key=where, value=value, std_error=error, base=base, method=method, writes={where: value}, **about
        )
    share = evidence.shares
    centre = float(share @ levels) if is_drift else float(np.sqrt(share @ levels**2))
    written = levels + value - centre if is_drift else levels * value / centre
    note = "written as the base's three numbers, " + ("shifted" if is_drift else f"times {value / centre:.2f}")
    what = "mean over regimes" if is_drift else "of the continuous part, regimes pooled"
    return Estimate(
        key=key, what=what, value=value, std_error=error, base=centre, method=method, note=note,
        writes=by_regime(key, written), **about,
    )  # fmt: skip


def _shock(evidence: Evidence, series: Series, daily: Daily, jumps: Jumps | None) -> Shock:
    """Monthly log change without the jumps that were seen; the rest of the jumps dilutes it."""
    rate, mean, sd = _in_force(evidence, jumps)
    clean = np.where(daily.jumped, 0.0, daily.returns)
    months, places = np.unique(daily.months, return_inverse=True)
    total = np.bincount(places, weights=clean)
    hidden = rate * (mean**2 + sd**2)
    if jumps is not None:
        hidden = max(hidden - float((daily.returns[daily.jumped] ** 2).sum()) / float(daily.days.sum() / DAYS), 0.0)
    spread = 12 * float(np.var(total, ddof=1))
    return Shock(months, total - total.mean(), float(np.sqrt(np.clip(1 - hidden / spread, 0.05, 1))), (series.column,))
