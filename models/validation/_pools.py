"""Exact engines for pools that are written down name by name: CreditRisk+, spreads of baskets, few unequal names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import exact as solved
from ._case import Case
from ._check import Check, exact, percent
from ._copula import copula_config, names_frame


def solve_pool(case: Case) -> Iterator[Check]:
    """Equal names: moments, tails, VaR and ES."""
    inputs, known = case.inputs, case.expected
    law = solved.homogeneous_distribution(inputs["count"], inputs["pd"], inputs["correlation"], dof=inputs.get("dof"))
    yield exact(case, "EL", ours=law.mean(), reference=known["mean"])
    yield exact(case, "SD", ours=law.standard_deviation(), reference=known["sd"])
    yield from _tails(case, law)
    for level, value in known["var"].items():
        yield exact(case, f"VaR {percent(level)}", ours=law.value_at_risk(float(level)), reference=value)
    for level, value in known["es"].items():
        yield exact(case, f"ES {percent(level)}", ours=law.expected_shortfall(float(level)), reference=value)


def solve_names(case: Case) -> Iterator[Check]:
    """Unequal names: both moments, and tails where one factor drives them all."""
    terms = _model_of(case)
    factors = terms.pop("loadings")
    moments = solved.portfolio_moments(**terms, loadings=factors, factor_correlation=_factor_correlation(case))
    square = moments.standard_deviation_usd**2 + moments.mean_usd**2
    yield exact(case, "EL", ours=moments.mean_usd, reference=case.expected["mean"])
    yield exact(case, "mean of L²", ours=square, reference=case.expected["mean_square"])
    if factors.shape[1] == 1:
        law = solved.one_factor_distribution(**terms, loading=factors[:, 0])
        yield from _tails(case, law)


def solve_creditrisk_plus(case: Case) -> Iterator[Check]:
    """Expected loss, SD, quantiles and contributions of the manual's obligors."""
    known = case.expected
    model = _creditrisk_plus(case.inputs)
    yield exact(case, "EL", ours=model.expected_loss_usd, reference=known["el"])
    if "sd" in known:
        yield exact(case, "SD", ours=model.distribution.standard_deviation(), reference=known["sd"])
    for level, value in known["quantiles"].items():
        yield exact(case, f"quantile {percent(level)}", ours=model.interpolated_quantile(float(level)), reference=value)
    contributions = model.risk_contributions(0.99)
    for place, value in enumerate(known.get("contributions_to_var_99", ()), start=1):
        yield exact(case, f"contribution {place}", ours=float(contributions[place - 1]), reference=value)


def _creditrisk_plus(inputs: Mapping[str, Any]) -> Any:
    first, years = inputs["obligors"], inputs["years"]
    exposure, pd = (np.array(inputs[name])[:years, :first].ravel() for name in ("exposure", "pd"))
    owed = exposure > 0.0
    weights, specific = _sectors(inputs)
    weights = None if weights is None else np.tile(weights[:first], (years, 1))[owed]
    return solved.creditrisk_plus(exposure[owed], pd[owed], pd[owed] / 2, weights, specific_sectors=specific)


def _sectors(inputs: Mapping[str, Any]) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """Weights of the obligors in the sectors, and which of those are specific."""
    if inputs["sectors"] == "one":
        return None, ()
    if inputs["sectors"] == "weights":
        return np.array(inputs["weights"]), (inputs["weights_of"].index("specific"),)
    countries = np.array(inputs["country"])
    return (countries[:, None] == np.unique(countries)).astype(np.float64), ()


def solve_hull_white(case: Case) -> Iterator[Check]:
    """Spreads of nth-to-default baskets and of CDO tranches."""
    inputs = dict(case.inputs)
    product, tranches = inputs.pop("product"), inputs.pop("tranches", [])
    basket = solved.EqualNames(**inputs)
    if product == "nth_to_default":
        found = [solved.nth_to_default_spread(basket, rank) for rank in range(1, basket.count + 1)]
        labels = [f"default {rank}, bp" for rank in range(1, basket.count + 1)]
    else:
        found = [solved.cdo_tranche_spread(basket, *tranche) for tranche in tranches]
        labels = [f"{100 * low:g} to {100 * high:g} %, bp" for low, high in tranches]
    for label, spread, value in zip(labels, found, case.expected["spread_bp"], strict=True):
        yield exact(case, label, ours=1e4 * spread, reference=value)


# ---- shared ----


def _model_of(case: Case) -> dict[str, Any]:
    """Arguments of the exact engines for the names of a case, by its horizon."""
    frame, config = names_frame(case.inputs["names"]), copula_config(case)
    loadings = [column for column in frame.columns if column.startswith("loading_")]
    common = np.full((frame.height, 1), math.sqrt(config.asset_correlation or 0.0))
    lgd = {"lgd_kind": config.lgd.kind, "lgd_sd": config.lgd.sd, "lgd_correlation": config.lgd.correlation}
    return {
        "ead_usd": frame["ead"].to_numpy(),
        "lgd": frame["lgd"].to_numpy(),
        "pd": frame[f"pd_{config.horizon_years}y"].to_numpy(),
        "loadings": frame.select(loadings).to_numpy() if loadings else common,
        "dof": config.dof,
        **lgd,
    }


def _factor_correlation(case: Case) -> np.ndarray | None:
    config = copula_config(case)
    return None if config.factor_correlation is None else config.correlation(config.named_factors())


def _tails(case: Case, law: Any) -> Iterator[Check]:
    """P(L > amount), summed from the far end so that small ones keep their digits."""
    for amount, probability in case.expected.get("more_than", {}).items():
        above = law.probabilities[math.floor(float(amount) / law.unit_usd + 1e-9) + 1 :]
        yield exact(case, f"P(L > {amount})", ours=float(above[::-1].sum()), reference=probability)
