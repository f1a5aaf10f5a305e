"""Regimes that nobody labelled: a Markov-switching fit to the rents (Hamilton 1989, Econometrica 57, 357-384)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._chain import stationary
from ._likelihood import Fit, fit
from ._panel import Panel, RentFit, describe, pack, unpack

REGIMES = 3
LEAST_MONTHS = 120
PRIOR_MONTHS = 12.0  # of each row of the base's transition matrix, so that a move nobody made has a probability


@dataclass(frozen=True)
class SwitchingFit:
    """Rents in each regime (calm, boom, stress) and the chain, with errors [R, R] (NaN where there is none)."""

    rents: RentFit
    transition: np.ndarray
    transition_error: np.ndarray
    last: int


def fit_switching(
    changes: np.ndarray, *, drift: np.ndarray, volatility: np.ndarray, loading: float, transition: np.ndarray
) -> SwitchingFit:
    """Maximum of likelihood times a weak Dirichlet prior of the base's chain.

    Args:
        changes: monthly log changes [T, G], NaN where there is none.
        drift, volatility, loading, transition: the inherited market's, where the search starts; regimes in the order
            calm, boom, stress. The regimes found are ordered alike: boom has the highest drift, stress the lowest.

    Returns:
        The best of three searches.
    """
    panel = Panel.of(changes)
    begin = stationary(transition)

    def minus(x: np.ndarray) -> np.ndarray:
        chain = _chain(x[:, 2 * REGIMES + 1 :])
        density = panel.log_density(*unpack(x, REGIMES))
        prior = PRIOR_MONTHS * (transition * np.log(np.maximum(chain, 1e-300))).sum(axis=(1, 2))
        return -_filter(density, chain, begin)[0] - prior

    scale = float(np.nanstd(changes)) * 12**0.5 / float(volatility.mean())
    searches = [
        fit(minus, np.concatenate([pack(centre + spread * drift, volatility * scale, loading), _logits(transition)]))
        for centre, spread in ((0.0, 1.0), (12 * float(np.nanmean(changes)), 1.0), (0.0, 0.6))
    ]
    best = _ordered(min(searches, key=lambda found: found.minus))
    return _describe(best, panel, begin)


def _chain(logits: np.ndarray) -> np.ndarray:
    """Transition matrices [P, R, R] from logits against staying [P, R x (R-1)]."""
    rows = logits.reshape(-1, REGIMES, REGIMES - 1)
    full = np.zeros((len(rows), REGIMES, REGIMES))
    for r in range(REGIMES):
        full[:, r, [c for c in range(REGIMES) if c != r]] = rows[:, r]
    full = np.exp(full - full.max(axis=2, keepdims=True))
    return full / full.sum(axis=2, keepdims=True)


def _logits(transition: np.ndarray) -> np.ndarray:
    kept = np.log(np.maximum(transition, 1e-4))
    return np.array([kept[r, c] - kept[r, r] for r in range(REGIMES) for c in range(REGIMES) if c != r])


def _filter(density: np.ndarray, chain: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood [P] and filtered probabilities of the last month [P, R] (Hamilton's filter)."""
    highest = density.max(axis=2)
    relative = np.exp(density - highest[:, :, None])
    now = np.broadcast_to(begin, (len(chain), REGIMES))
    total = highest.sum(axis=1)
    for t in range(density.shape[1]):
        now = np.einsum("pi,pij->pj", now, chain) * relative[:, t]
        sums = now.sum(axis=1)
        total = total + np.log(sums)
        now = now / sums[:, None]
    return total, now


def _ordered(found: Fit) -> Fit:
    """The same fit with its regimes in the order calm, boom, stress."""
    drift = found.parameters[:REGIMES]
    low, middle, high = np.argsort(drift)
    order = np.array([middle, high, low])
    slots = {(r, c): k for k, (r, c) in enumerate((r, c) for r in range(REGIMES) for c in range(REGIMES) if c != r)}
    start = 2 * REGIMES + 1
    moves = [start + slots[order[r], order[c]] for r in range(REGIMES) for c in range(REGIMES) if c != r]
    places = np.array([*order, *(REGIMES + order), 2 * REGIMES, *moves])
    covariance = None if found.covariance is None else found.covariance[np.ix_(places, places)]
    return Fit(found.parameters[places], covariance, found.minus)


def _describe(found: Fit, panel: Panel, begin: np.ndarray) -> SwitchingFit:
    start = 2 * REGIMES + 1
    chain = _chain(found.parameters[None, start:])
    errors = np.full((REGIMES, REGIMES), np.nan)
    for r, c in np.ndindex(REGIMES, REGIMES):
        error = found.error_of(lambda x, r=r, c=c: float(_chain(x[None, start:])[0, r, c]))
        errors[r, c] = np.nan if error is None else error
    density = panel.log_density(*unpack(found.parameters[None], REGIMES))
    last = int(np.argmax(_filter(density, chain, begin)[1][0]))
    return SwitchingFit(describe(found, REGIMES), chain[0], errors, last)
