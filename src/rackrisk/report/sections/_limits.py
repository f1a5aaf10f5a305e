"""What the figures do not say."""

from __future__ import annotations

from .._facts import Facts
from .._load import at
from .._text import plain

LIMITS = (
    "The figures are those of a model. Standard errors and intervals measure sampling error only: how far another set "
    "of scenarios would move the figure. They say nothing about wrong parameters or a wrong model, which matter more.",
    "Markets for used GPUs and for compute contracts are young and thin. Resale depth, forced-sale discounts and "
    "recovery rates rest on few observations, and the correlation between bitcoin and GPU rents in stress is an "
    "assumption, not a measurement.",
    "Public facilities are rebuilt from what was disclosed; what was not disclosed is assumed. Generated facilities "
    "are not loans of anybody.",
    "Expected-loss spreads leave out capital, funding, liquidity, servicing and profit. A quoted spread above them is "
    "not a recommendation to lend.",
    "Balance and exposure are those at the as-of date: no new lending, no voluntary prepayment.",
    "Not investment advice, not a rating, and not validated for regulatory use.",
)

MOST_NOTES = 20


def notes(facts: Facts) -> list[str]:
    """What the run itself warned of."""
    stated = at(facts.run.manifest, "warnings")
    words = [plain(note) for note in stated] if isinstance(stated, list) else []
    more = [f"{len(words) - MOST_NOTES} more notes are in manifest.json."] if len(words) > MOST_NOTES else []
    return words[:MOST_NOTES] + more
