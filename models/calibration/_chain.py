"""The Markov chain of the regimes: its stationary shares, counts of observed moves, and what a short sample hides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def stationary(transition: np.ndarray) -> np.ndarray:
    """Shares of time of a chain with one closed class, float64[R].

    Args:
        transition: [R, R], rows add up to 1.
    """
    size = len(transition)
    system = np.vstack([transition.T - np.eye(size), np.ones(size)])
    solution = np.linalg.lstsq(system, np.append(np.zeros(size), 1), rcond=None)[0]
    return np.clip(solution, 0, 1) / np.clip(solution, 0, 1).sum()


def variance_of_average(transition: np.ndarray, level: np.ndarray, months: int) -> float:
    """Variance of the average of level[r(t)] over some months of the stationary chain.

    What a sample mean misses because it saw few regimes, however precisely it knows the months it saw.
    """
    share = stationary(transition)
    off = level - share @ level
    carried, total = off.copy(), float(share @ off**2) * months
    for lag in range(1, months):
        carried = transition @ carried
        total += 2 * (months - lag) * float(share @ (off * carried))
    return max(total, 0.0) / months**2


def count_moves(labels: np.ndarray, regimes: int) -> np.ndarray:
    """Moves from row to column between neighbouring months, int64[R, R]; -1 is no label."""
    moves = np.zeros((regimes, regimes), np.int64)
    for before, after in pairwise(labels):
        if before >= 0 and after >= 0:
            moves[before, after] += 1
    return moves
