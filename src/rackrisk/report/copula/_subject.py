"""What a copula run was about: the headline, the model in a few words, the book by segment."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from ...comparison import costliest
from .._facts import PORTFOLIO, Facts
from .._format import is_number, level_text, money_text, number, percent_text
from .._load import at
from .._model import Figure
from .._text import plain
from ..sections import Headline, composition, headline_of, leading_segment
from ._exact import both_of

_LGD = {
    "fixed": "fixed",
    "beta": "beta distributed, independent of defaults",
    "wrong_way": "beta distributed, higher when a name’s factors are bad",
}


def copula_headline(facts: Facts) -> Headline:
    """The top of the page."""
    return headline_of(
        facts, setting=_setting(facts), finders=(_agreement, _several_segments, _largest), exposed="of exposure"
    )


def copula_pairs(facts: Facts) -> list[tuple[str, str]]:
    """Name and value pairs that describe the book and the model; what is unknown is left out."""
    names = facts.run.table("names")
    exposure = facts.exposure.get(PORTFOLIO)
    pairs = [
        ("Portfolio", facts.book),
        ("Model", "copula"),
        ("Dependence", _dependence(facts)),
        ("Asset correlation", _correlation(facts)),
        ("Loss given default", _lgd(facts)),
        ("Horizon", _horizon(facts)),
        ("Exposure at default", None if exposure is None else money_text(exposure)),
        ("Names", None if names is None else number(names.height, 0)),
        ("Scenarios", number(facts.n_scenarios, 0)),
        ("Largest name", _largest_exposure(facts, names)),
    ]
    return [(name, value) for name, value in pairs if value is not None]


def copula_composition(facts: Facts) -> Figure | None:
    """Exposure by segment as bars; nothing for a book of one segment."""
    if len(facts.segments) < 2:
        return None
    return composition(facts, amount="Exposure at default", rows_are="Names")


def _setting(facts: Facts) -> str:
    kind, _, degrees = (_dependence(facts) or "").partition(", ")
    world = " ".join(word for word in ("a", kind, "copula", f"with {degrees}" if degrees else "") if word)
    scenarios, years = f"{number(facts.n_scenarios, 0)} scenarios of {world}", _horizon(facts)
    return f"Over {years}, in {scenarios}." if years else f"In {scenarios}."


def _horizon(facts: Facts) -> str | None:
    years = at(facts.run.manifest, "horizon_years")
    if not is_number(years):
        return None
    return f"{years:g} year{'s' if years > 1 else ''}"


def _dependence(facts: Facts) -> str | None:
    kind, dof = (at(facts.run.config, "copula", key) for key in ("dependence", "dof"))
    if kind == "t":
        return f"Student t, {dof:g} degrees of freedom" if is_number(dof) else "Student t"
    return "Gaussian" if kind == "gaussian" else None


def _correlation(facts: Facts) -> str | None:
    value = at(facts.run.manifest, "asset_correlation")
    if is_number(value):
        return f"{value:g} for every pair, a loading of {math.sqrt(value):.4g}"
    return "from the tape’s loadings"


def _lgd(facts: Facts) -> str | None:
    kind, sd, correlation = (at(facts.run.config, "copula", "lgd", key) for key in ("kind", "sd", "correlation"))
    if kind not in _LGD:
        return None
    parts = [_LGD[kind]]
    parts += [f"standard deviation {sd:g}"] if is_number(sd) else []
    parts += [f"correlation {correlation:g}"] if is_number(correlation) else []
    return ", ".join(parts)


def _largest_exposure(facts: Facts, names: pl.DataFrame | None) -> str | None:
    whole = facts.exposure.get(PORTFOLIO)
    largest = None if names is None else names["ead"].max()
    if not whole or not is_number(largest):
        return None
    return f"{money_text(largest)}, {percent_text(largest / whole)} of the book"


def _agreement(facts: Facts) -> Iterator[str]:
    """The exact twin of the highest VaR that has one, else of the expected loss."""
    rows = [row for row in both_of(facts) if row["scope"] == PORTFOLIO and is_number(row["z"])]
    tails = [row for row in rows if row["measure"] == "VaR"]
    for row in (tails or rows)[-1:]:
        name = f"{row['measure']} {level_text(row['level'])}".strip()
        side = "above" if row["z"] > 0 else "below"
        yield (
            f"Without simulation the {name} is {money_text(row['value'])}; "
            f"the simulated one lies {abs(row['z']):.1f} standard errors {side} it."
        )


def _several_segments(facts: Facts) -> Iterator[str]:
    if len(facts.segments) > 1:
        yield from leading_segment(facts)


def _largest(facts: Facts) -> Iterator[str]:
    names, whole = facts.run.table("names"), facts.measure("EL").value
    if names is None or not whole:
        return
    row = costliest(names).row(0, named=True)
    if names.height > 1 and is_number(row["el_usd"]) and row["el_usd"] > 2.0 * whole / names.height:
        share = percent_text(row["el_usd"] / whole)
        yield f"{plain(row['obligor_id'])[:44]} alone brings {share} of the expected loss."
