"""What a finished simulation is asked once more: who contributes to the tail, what spreads would be fair, whose default
costs most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rackrisk.kernels.filed import give_back, set_aside
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import Tally
from rackrisk.models.book import set_schedules_aside
from rackrisk.models.contributions import contribution_tables, dimensions, replay_tail
from rackrisk.models.counterparty_debt import debt_by_counterparty
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.offtaker_defaults import offtaker_defaults
from rackrisk.models.opened import Opened
from rackrisk.models.pricing import (
    PricedBook,
    PricingConfig,
    fair_facilities,
    fair_scopes,
    priced_scopes,
    pricing_table,
    scope_weights,
)
from rackrisk.models.stages import StageReport, unheard
from rackrisk.models.tables import mean_losses


@dataclass(frozen=True)
class TailQuestions:
    """What to look at after a simulation.

    Attributes:
        levels: of VaR and ES; the capital level is looked at besides.
        confidence: of every interval.
        pricing: what capital costs and how much of it there must be.
    """

    levels: tuple[float, ...]
    confidence: float
    pricing: PricingConfig


def tail_tables(
    opened: Opened,
    tally: Tally,
    *,
    months: int,
    seed: int,
    questions: TailQuestions,
    report: StageReport = unheard,
) -> dict[str, pl.DataFrame]:
    """The tables `pricing`, `contributions`, `concentration` and `offtaker_defaults` of a simulation.

    Args:
        report: hears how far the scenarios are that run again.

    Raises:
        rackrisk.models.contributions.ReplayMismatch: a replayed loss is not the run's.
    """
    tables = _priced(opened, tally, seed=seed, questions=questions, report=report)
    give_back()  # what that took
    debt_usd, loss = debt_by_counterparty(opened.built), tally.loss[:, 0]
    set_schedules_aside(opened.built)
    set_aside(tally.carried)
    defaults = offtaker_defaults(opened, loss, seed=seed, months=months, debt_usd=debt_usd, report=report)
    return {**tables, "offtaker_defaults": defaults}


def _priced(
    opened: Opened, tally: Tally, *, seed: int, questions: TailQuestions, report: StageReport
) -> dict[str, pl.DataFrame]:
    built = opened.built
    book = PricedBook(built, tally, questions.pricing)
    today = simulate_paths(np, opened.arrays, key_words(seed), np.zeros(1, np.uint32))
    parts, scopes = dimensions(built, opened.market, today), priced_scopes(built)
    weights = scope_weights(scopes, book)
    set_schedules_aside(built)  # which the present values of the balances have read
    set_aside(tally.carried)
    found = replay_tail(
        opened.engine,
        built.scale,
        tally,
        parts,
        levels=_levels(questions),
        confidence=questions.confidence,
        weights=weights,
        report=report,
    )
    own = fair_facilities(book, found.at(questions.pricing.capital_level))
    of_scopes = fair_scopes(scopes, book, found, own)
    el_error = mean_losses(built, tally, len(tally.loss))[1]
    contributions, concentration = contribution_tables(built, tally, found, el_error, questions.confidence)
    return {
        "pricing": pricing_table(book, own, scopes, of_scopes, confidence=questions.confidence),
        "contributions": contributions,
        "concentration": concentration,
    }


def _levels(questions: TailQuestions) -> Sequence[float]:
    return sorted({*questions.levels, questions.pricing.capital_level})
