"""Shapley values: what each player of a game adds, averaged over all orders in which the players can join.

L. S. Shapley (1953), A value for n-person games, in: Contributions to the Theory of Games II, 307-317.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import factorial

import numpy as np


def all_subsets(players: Sequence[str]) -> Iterator[frozenset[str]]:
    """From none to all of them, smaller ones first."""
    for size in range(len(players) + 1):
        yield from map(frozenset, combinations(players, size))


def shapley_weights(players: Sequence[str], subsets: Sequence[frozenset[str]]) -> np.ndarray:
    """Weights [players, subsets] with which the subsets' values add up to the players' Shapley values."""
    count = len(players)
    whole = factorial(count)
    rows = [
        [
            factorial(len(subset) - 1) * factorial(count - len(subset)) / whole
            if player in subset
            else -factorial(len(subset)) * factorial(count - len(subset) - 1) / whole
            for subset in subsets
        ]
        for player in players
    ]
    return np.array(rows)
