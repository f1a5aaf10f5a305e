"""Short rate, power, credit spread, lease rates and sites in the market file."""

from __future__ import annotations

import numpy as np

from rackrisk.data import Series
from rackrisk.models.market import REGIMES

from ._chain import variance_of_average
from ._correlations import Shock
from ._estimate import Estimate
from ._evidence import Evidence, Section, by_regime
from ._months import Monthly, labels_of, month_ends
from ._panel import LEAST_LABELLED
from ._processes import LEAST_MONTHS, Drifting, Reverting, fit_drifting, fit_reverting


def other_sections(evidence: Evidence) -> Section:
    """The series that have no section of their own."""
    estimates: list[Estimate] = []
    shocks: dict[str, Shock] = {}
    notes: list[str] = []
    for kind, read in (("rates", _rates), ("power", _power), ("credit", _credit)):
        series = evidence.one(kind)
        if series is None:
            continue
        monthly = month_ends(series)
        if len(monthly.values) <= LEAST_MONTHS:
            notes.append(f"{series.column}: {LEAST_MONTHS} months are needed for its reversion, so it is not used")
            continue
        estimates += read(evidence, series, monthly, shocks, notes)
    for kind, key in (("lease", "lease_usd_kw_month"), ("site", "site_usd_mw")):
        series = evidence.one(kind)
        if series is not None:
            estimates += _property(evidence, series, key)
    return Section(estimates, shocks, notes)


def _reverting(key: str, fitted: Reverting, monthly: Monthly, base: tuple[float, float, float]) -> list[Estimate]:
    """Mean, reversion and volatility; a random walk has no mean, and its reversion is not written."""
    sample = monthly.sample()
    about = {"columns": sample.columns, "n": sample.n, "first": sample.first, "last": sample.last}
    hidden = "" if fitted.identified else "not written: cannot be told from a random walk"
    rows = (
        ("mean", fitted.mean, fitted.mean_error, base[0], hidden),
        ("reversion_annual", fitted.reversion, fitted.reversion_error, base[1], hidden),
        ("volatility_annual", fitted.volatility, fitted.volatility_error, base[2], ""),
    )
    return [
        Estimate(
            key=f"{key}.{name}", value=value, std_error=error, base=level, method="monthly autoregression", note=note,
            writes={} if note or (name == "reversion_annual" and value > 12) else {f"{key}.{name}": value}, **about,
        )
        for name, value, error, level, note in rows
        if not (note and name == "mean")
    ]  # fmt: skip


def _rates(
    evidence: Evidence, series: Series, monthly: Monthly, shocks: dict[str, Shock], notes: list[str]
) -> list[Estimate]:
    del notes
    base, fitted = evidence.base.rates, fit_reverting(monthly.values)
    shocks["rates"] = Shock(monthly.months[1:], fitted.residuals, 1.0, (series.column,))
    known = (base.mean, base.reversion_annual, base.volatility_annual)
    return [*_reverting("rates", fitted, monthly, known), *evidence.level(series, "rates.start", base.start)]


def _power(
    evidence: Evidence, series: Series, monthly: Monthly, shocks: dict[str, Shock], notes: list[str]
) -> list[Estimate]:
    """The model's index is relative to today, so level and mean say nothing; reversion and volatility do."""
    base, fitted = evidence.base.power, fit_reverting(np.log(monthly.values))
    shocks["power"] = Shock(monthly.months[1:], fitted.residuals, 1.0, (series.column,))
    notes.append(f"{series.column}: reversion and volatility are used, its level is not (the index is 1 today)")
    rows = _reverting("power", fitted, monthly, (base.mean, base.reversion_annual, base.volatility_annual))
    return [row for row in rows if row.key != "power.mean"]


def _credit(
    evidence: Evidence, series: Series, monthly: Monthly, shocks: dict[str, Shock], notes: list[str]
) -> list[Estimate]:
    """Minus the change of the log spread is the credit factor's shock; the spread's persistence is the factors'."""
    del notes
    fitted = fit_reverting(np.log(monthly.values))
    change = -monthly.changes
    shocks["credit"] = Shock(monthly.months[1:], change - change.mean(), 1.0, (series.column,))
    sample, key = monthly.sample(), "factors.persistence_monthly"
    writes = {key: fitted.kept} if fitted.identified else {}
    return [
        Estimate(
            key=key, value=fitted.kept, std_error=fitted.kept_error, method="monthly autoregression of the log spread",
            base=evidence.base.factors.persistence_monthly, writes=writes, columns=sample.columns, n=sample.n,
            first=sample.first, last=sample.last,
            note="" if writes else "not written: cannot be told from a random walk",
        )
    ]  # fmt: skip


def _property(evidence: Evidence, series: Series, key: str) -> list[Estimate]:
    """Drift by labelled regime or over all, and volatility, of a lease rate or site value."""
    base = evidence.base.lease_usd_kw_month if key.startswith("lease") else evidence.base.site_usd_mw
    monthly = month_ends(series)
    sample, changes = monthly.sample(), monthly.changes
    about = {"columns": sample.columns, "first": sample.first, "last": sample.last, "method": "mean of log changes"}
    levels = np.array(base.drift_annual.values())
    drift_key, found = f"{key}.drift_annual", evidence.level(series, f"{key}.start", base.start)
    labels = labels_of(evidence.one("regime"), monthly.months[1:])
    centred = changes - changes.mean()
    for r, name in enumerate(REGIMES):
        mask = labels == r if labels is not None else np.zeros(len(changes), bool)
        if mask.sum() < LEAST_LABELLED:
            continue
        part, where = fit_drifting(changes[mask]), f"{drift_key}.{name}"
        centred[mask] = changes[mask] - changes[mask].mean()
        found.append(
            Estimate(
                key=where, value=part.drift, std_error=part.drift_error, base=float(levels[r]), n=int(mask.sum()),
                writes={where: part.drift}, **about,
            )
        )  # fmt: skip
    whole = fit_drifting(changes)
    if not any(one.key.startswith(drift_key) for one in found):
        found.append(_pooled_drift(evidence, drift_key, levels, whole, about | {"n": len(changes)}))
    spread = fit_drifting(centred)
    found.append(
        Estimate(
            key=f"{key}.volatility_annual", value=spread.volatility, std_error=spread.volatility_error, n=len(changes),
            base=base.volatility_annual, writes={f"{key}.volatility_annual": spread.volatility}, **about,
        )
    )  # fmt: skip
    return found


def _pooled_drift(evidence: Evidence, key: str, levels: np.ndarray, found: Drifting, about: dict) -> Estimate:
    centre, value = float(evidence.shares @ levels), found.drift
    unseen = variance_of_average(evidence.transition, levels, about["n"])
    return Estimate(
        key=key, what="mean over regimes", value=value, std_error=float(np.sqrt(found.drift_error**2 + unseen)),
        base=centre, writes=by_regime(key, levels + value - centre), **about,
        note="written as the base's three drifts, shifted",
    )  # fmt: skip
