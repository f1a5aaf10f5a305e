"""Which counterparties default within a horizon: the part of `paths` that decides it, without the rest."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rackrisk.kernels.normals import normal_pair, uniform
from rackrisk.kernels.streams import Purpose, words

from .arrays import AI_DEMAND, CREDIT, MarketArrays
from .paths import FACTOR_COUNT, MONTHS_PER_BLOCK, draw_fixed, hazards, next_regime


class Survival(NamedTuple):
    """Counterparties 1, 2, ... of some scenarios, without nobody.

    Given the market, a default is a draw of its own: its probability is known in every scenario.
    """

    dead: NDArray[np.bool_]  # [S, K] defaults within the horizon
    probability: NDArray[np.float64]  # [S, K] of that, given the scenario's regimes and factors


def counterparty_survival(
    market: MarketArrays, key: tuple[Any, Any], scenario: NDArray[np.uint32], months: int
) -> Survival:
    """Defaults of the counterparties of `simulate_paths` in months 1..months, on the same random numbers.

    Args:
        key: the seed's two words.
        scenario: uint32 [S], absolute scenario numbers.
        months: horizon, at most the market's.
    """
    threshold = draw_fixed(np, market, key, scenario).death_threshold[:, 1:]
    unit = market._replace(hazard=np.ones(1))
    regime = np.zeros(len(scenario), np.int32) + market.initial_regime
    states, total = np.zeros((len(scenario), 2)), np.zeros((len(scenario), 1))
    persistence = market.factor_persistence
    for t, normal, draw in islice(_months(market, key, scenario, months), months):
        regime = next_regime(np, market, regime, draw, t)
        shocks = np.einsum("sij,sj->si", market.cholesky[regime], normal)[:, [CREDIT, AI_DEMAND]]
        states = persistence * states + np.sqrt(1 - persistence * persistence) * shocks
        total = total + hazards(np, unit, regime, states, t)
    hazard = total * market.hazard[1:]
    return Survival(hazard > threshold, -np.expm1(-hazard))


def _months(market: MarketArrays, key: tuple[Any, Any], scenario: Any, months: int) -> Iterator[tuple[int, Any, Any]]:
    """Factor normals [S, 6] and regime uniforms [S] of months 1, 2, ..., in whole blocks."""
    factors, regime = market.normal_streams[:FACTOR_COUNT], market.uniform_streams[:1]
    for block in range(-(-months // MONTHS_PER_BLOCK)):
        w0, w1, w2, w3 = _words(key, scenario, factors, block=block, purpose=Purpose.MARKET_NORMAL)
        normals = [*normal_pair(np, w0, w1, np.float64), *normal_pair(np, w2, w3, np.float64)]
        uniforms = _words(key, scenario, regime, block=block, purpose=Purpose.MARKET_UNIFORM)
        for place, word in enumerate(uniforms):
            yield MONTHS_PER_BLOCK * block + place + 1, normals[place], uniform(np, word, np.float64)[:, 0]


def _words(key: tuple[Any, Any], scenario: Any, streams: Any, *, block: int, purpose: Purpose) -> Any:
    return words(np, key, scenario[:, None], (streams[:, 0], streams[:, 1]), purpose=purpose, block=np.uint32(block))
