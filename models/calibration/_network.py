"""Mining in the market file: hash rate, hash price and machines."""

from __future__ import annotations

import numpy as np

from rackrisk.data import Series

from ._correlations import Shock
from ._estimate import Estimate, Sample, month_start
from ._evidence import Evidence, Section, by_regime
from ._mining import LEAST_MONTHS, MOST_GAIN_ERROR, MiningFit, fit_machine, fit_mining
from ._months import month_ends


def network_section(evidence: Evidence) -> Section:
    """Everything that hash rate (or difficulty), hash price and prices of machines say."""
    price = evidence.one("hashprice")
    rate = evidence.one("hashrate") or evidence.one("difficulty")
    estimates: list[Estimate] = []
    notes: list[str] = []
    shocks: dict[str, Shock] = {}
    if price is not None:
        estimates += evidence.level(price, "mining.hashprice_usd_ph_day", evidence.base.mining.hashprice_usd_ph_day)
        estimates += _machines(evidence, price, notes)
    if price is not None and rate is not None:
        estimates += _hash_rate(evidence, rate, price, shocks, notes)
    elif price is not None or rate is not None:
        notes.append("mining: the growth of hash rate needs hash price and either hash rate or difficulty")
    if evidence.of("hashrate") and evidence.of("difficulty"):
        notes.append("hashrate_eh_s is used for growth; difficulty, given too, is not")
    return Section(estimates, shocks, notes)


def _hash_rate(
    evidence: Evidence, rate: Series, price: Series, shocks: dict[str, Shock], notes: list[str]
) -> list[Estimate]:
    mining = evidence.base.mining
    found = fit_mining(
        month_ends(rate),
        month_ends(price),
        reference=mining.hashprice_usd_ph_day,
        shutdown=max(mining.shutdown_usd_ph_day, 1e-9),
        gain=mining.efficiency_gain_annual,
        as_of=evidence.month,
    )
    if found is None:
        notes.append(f"mining: fewer than {LEAST_MONTHS} months with hash rate and hash price above the shutdown line")
        return []
    shocks["hashrate"] = Shock(found.months, found.residuals, 1.0, (rate.column, price.column))
    first, last = month_start(found.months[0]), month_start(found.months[-1])
    return _as_estimates(evidence, found, Sample((rate.column, price.column), len(found.months), first, last))


def _as_estimates(evidence: Evidence, found: MiningFit, sample: Sample) -> list[Estimate]:
    mining, share = evidence.base.mining, evidence.shares
    about = {"columns": sample.columns, "n": sample.n, "first": sample.first, "last": sample.last}
    growth = np.array(mining.growth_annual.values())
    centre = float(share @ growth)
    held = "" if found.gain_error is not None else f"; efficiency gain held at {found.gain:.2f}"
    method = f"regression on hash price and time, Newey-West{held}"
    response = max(found.response, 0.0)
    kept = "" if found.response >= 0 else "written as 0: a response cannot be negative"
    key = "mining.growth_annual"
    rows = [
        Estimate(
            key=key, what="at today's hash price", value=found.growth, std_error=found.growth_error, base=centre,
            method=method, writes=by_regime(key, growth + found.growth - centre), **about,
            note="written for every regime, as nothing tells them apart",
        ),
        Estimate(
            key="mining.response_annual", value=found.response, std_error=found.response_error, method=method,
            base=mining.response_annual, writes={"mining.response_annual": response}, note=kept, **about,
        ),
        Estimate(
            key="mining.volatility_annual", value=found.volatility, std_error=found.volatility_error, method=method,
            base=mining.volatility_annual, writes={"mining.volatility_annual": found.volatility}, **about,
        ),
    ]  # fmt: skip
    if found.gain_error is None:
        return rows
    key = "mining.efficiency_gain_annual"
    gain = Estimate(
        key=key, value=found.gain, std_error=found.gain_error, base=mining.efficiency_gain_annual, method=method,
        writes={key: found.gain}, note=f"written, as its error is below {MOST_GAIN_ERROR}", **about,
    )  # fmt: skip
    return [*rows, gain]


def _machines(evidence: Evidence, price: Series, notes: list[str]) -> list[Estimate]:
    found: list[Estimate] = []
    for series in evidence.of("asic"):
        if series.item not in evidence.base.asics:
            notes.append(f"{series.column}: not a machine class of the market, so not used")
            continue
        base, place = evidence.base.asics[series.item], f"asics.{series.item}"
        found += evidence.level(series, f"{place}.usd_per_th", base.usd_per_th)
        machine = month_ends(series)
        fitted = fit_machine(machine, month_ends(price), scrap=base.scrap_usd_per_th)
        if fitted is None:
            notes.append(f"{series.column}: fewer than 12 months in common with hash price")
            continue
        about = {
            "columns": (series.column, price.column),
            "n": fitted.n,
            "first": month_start(machine.months[0]),
            "last": month_start(machine.months[-1]),
            "method": "regression on the change of hash price, Newey-West",
        }
        for name, value, error, level in (
            ("hashprice_elasticity", fitted.elasticity, fitted.elasticity_error, base.hashprice_elasticity),
            ("ageing_annual", fitted.ageing, fitted.ageing_error, base.ageing_annual),
        ):
            key = f"{place}.{name}"
            found.append(
                Estimate(
                    key=key, value=value, std_error=error, base=level, writes={key: max(value, 0.0)},
                    note="" if value >= 0 else "written as 0: it cannot be negative", **about,
                )
            )  # fmt: skip
    return found
