"""The answer first: what can be lost, how surely that is known, and what stands out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from .._facts import PORTFOLIO, Estimate, Facts, column, scope_name, total
from .._format import (
    NOT_AVAILABLE,
    Style,
    is_number,
    level_text,
    money_text,
    money_with_error,
    number,
    percent_text,
)
from .._load import at
from .._text import plain
from ._answer import (
    driver_sentences,
    loss_sentences,
    pricing_sentences,
    share_of_exposure,
    shortfall_sentences,
)

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


#: Finds something in a run and says it in sentences.
Find = Callable[[Facts], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure: name, value, standard error, interval and share of exposure as text, and why any of it is missing."""

    name: str
    value: str
    error: str = ""
    interval: str = ""
    share: str = ""
    reason: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """Title sentence, the paragraph below it, the figures, and short findings."""

    title: str
    lead: str
    tiles: Sequence[Sequence[Tile]]
    findings: Sequence[str]


def headline(facts: Facts) -> Headline:
    """The top of the page of a structural run."""
    return headline_of(
        facts,
        setting=_setting(facts),
        answers=(loss_sentences, shortfall_sentences, pricing_sentences, driver_sentences),
        finders=(leading_segment, _cause, _coverage, _priced),
    )


def totals_headline(facts: Facts) -> Headline:
    """The top of the page of an attribution, which knows totals and shares of them."""
    answers = (loss_sentences, shortfall_sentences, driver_sentences)
    setting = f"{_setting(facts)} Every combination of the mechanisms was simulated on the same scenarios."
    return headline_of(facts, setting=setting, answers=answers, finders=(leading_segment,))


def headline_of(
    facts: Facts,
    *,
    setting: str,
    finders: Sequence[Find],
    answers: Sequence[Find] = (loss_sentences,),
    exposed: str = "lent",
) -> Headline:
    """The top of a page.

    Args:
        facts: the run.
        setting: a sentence on what was simulated.
        answers: those who answer in the sentences after it.
        finders: those who find what stands out.
        exposed: what the exposure is.
    """
    return Headline(
        title=_title(facts, exposed),
        lead=" ".join([setting, *(sentence for answer in answers for sentence in answer(facts))]),
        tiles=_tiles(facts),
        findings=[sentence for find in finders for sentence in find(facts)],
    )


def as_of_text(facts: Facts) -> str:
    """The as-of date in words, as given where it is not a date, `month 0` where it is unknown."""
    value = at(facts.run.config, "as_of")
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        return "month 0" if value is None else plain(value)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _title(facts: Facts, exposed: str) -> str:
    loss = facts.measure("EL").value
    if loss is None:
        return "The expected loss of this book was not computed."
    if loss == 0.0:
        return "No scenario lost money."
    share, exposure = share_of_exposure(facts, loss), facts.exposure.get(PORTFOLIO)
    text = f"This book is expected to lose {money_text(loss)}"
    return (
        f"{text}, {percent_text(share)} of the {money_text(exposure)} {exposed}." if share is not None else f"{text}."
    )


def _setting(facts: Facts) -> str:
    months = "" if facts.months is None else f"Simulated over {facts.months} months from {as_of_text(facts)}, in"
    market = facts.group("market")
    world = "" if market is None else f" of the market “{market}”"
    return f"{months or 'In'} {number(facts.n_scenarios, 0)} scenarios{world}."


def _tiles(facts: Facts) -> list[list[Tile]]:
    """Pairs: expected loss and standard deviation, then VaR and ES at each level; without those never asked for."""
    asked = set(facts.run.tables["measures"]["measure"].to_list())
    wanted = [(("Expected loss", "EL", None), ("Standard deviation", "SD", None))]
    wanted += [(("VaR", "VaR", level), ("Expected shortfall", "ES", level)) for level in facts.levels]
    return [
        [_tile(facts, f"{name} {level_text(level)}".strip(), measure, level) for name, measure, level in pair
         if measure in asked or measure == "EL"]
        for pair in wanted
    ]  # fmt: skip


def _tile(facts: Facts, name: str, measure: str, level: float | None) -> Tile:
    estimate, kind = facts.measure(measure, level=level), measure.lower()
    if estimate.value is None:
        return Tile(name=name, value=NOT_AVAILABLE, reason="not computed", kind=kind)
    style = money_with_error(estimate.value, estimate.std_error)
    share = share_of_exposure(facts, estimate.value)
    return Tile(
        name=name,
        value=style.with_unit(estimate.value),
        error="" if estimate.std_error is None else f"± {style.with_unit(estimate.std_error)} standard error",
        interval=_interval(estimate, style, level_text(facts.confidence)),
        reason=estimate.missing() or ("no standard error" if estimate.std_error is None else ""),
        share="" if share is None else f"{percent_text(share)} of exposure",
        kind=kind,
    )


def _interval(estimate: Estimate, style: Style, coverage: str) -> str:
    low, high = estimate.low, estimate.high
    if low is not None and high is not None:
        return f"{coverage} interval {style(low)} to {style(high)}"
    if low is not None or high is not None:
        return f"{coverage} interval from {style(low)}" if high is None else f"{coverage} interval up to {style(high)}"
    return ""


def leading_segment(facts: Facts) -> Iterator[str]:
    """The segment that brings most of the expected loss."""
    losses = {s: facts.measure("EL", scope=s).value for s in facts.segments}
    known = {s: v for s, v in losses.items() if v is not None}
    whole = facts.measure("EL").value
    if not known or not whole:
        return
    worst = max(known, key=lambda s: (known[s], s))
    exposure = share = facts.exposure.get(worst)
    if exposure is not None and facts.exposure.get(PORTFOLIO):
        share = exposure / facts.exposure[PORTFOLIO]
    text = f"{percent_text(known[worst] / whole)} of the expected loss comes from {scope_name(worst)}"
    yield f"{text}, which is {percent_text(share)} of the book." if share is not None else f"{text}."


def _cause(facts: Facts) -> Iterator[str]:
    frame = facts.run.table("defaults_by_cause")
    rows = [] if frame is None else frame.filter(pl.col("scope") == PORTFOLIO).to_dicts()
    known = {str(r["cause"]): r["probability"] for r in rows if is_number(r["probability"])}
    if not known or sum(known.values()) <= 0.0:
        return
    worst = max(known, key=lambda c: (known[c], c))
    words = CAUSES.get(worst, plain(worst))
    share = percent_text(known[worst] / sum(known.values()))
    yield f"The most frequent first cause of default is {words}: {share} of defaults."


def _coverage(facts: Facts) -> Iterator[str]:
    rows = facts.scope_rows("early_warning", PORTFOLIO)
    if rows is None:
        return
    shares, months = column(rows, "dscr_below_1_0"), rows["month"].to_list()
    known = [(s, -m) for s, m in zip(shares, months, strict=True) if s is not None]
    if known:
        share, month = max(known)
        yield (
            f"At the worst point, month {-month}, {percent_text(share)} of the obligors with income "
            "and debt service due earn less than that service."
        )


def _priced(facts: Facts) -> Iterator[str]:
    if facts.facilities is None:
        return
    priced = facts.facilities.filter(
        pl.col("quoted_spread_annual").is_finite(), pl.col("fair_el_spread_annual").is_finite()
    )
    short = priced.filter(pl.col("quoted_spread_annual") < pl.col("fair_el_spread_annual"))
    if not priced.is_empty():
        yield (
            f"{number(short.height, 0)} of {number(priced.height, 0)} facilities with a quoted spread are paid less "
            f"than their expected loss costs; they are {money_text(total(short['balance_usd']))} of balance."
        )


#: Words for the causes of default, as the engine names them.
CAUSES = {
    "payment": "unpaid debt service",
    "margin": "a failed margin call",
    "refinancing": "a failed refinancing",
}
