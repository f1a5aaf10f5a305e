"""Conditional loss distributions of a pool, by merging ever larger parts of it.

Given the systematic state the names are independent. A few names at a time are multiplied as characteristic functions
on a Fourier grid just long enough for them (*leaves*); neighbouring parts are then convolved, shortest first, until one
is left. That takes about M log(M) log(n) operations a state, where M is the number of lattice points, instead of the n
M of a recursion.

Every array is cut at a support that the pool's loss exceeds, in each state of the batch, with probability below 1e-15
over the weight of the state (Chernoff's bound), so that calm states, where little can be lost, cost little. No part of
a loss exceeds the whole, so that nothing but that probability is lost.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from ._array import Array
from ._factor_grid import States
from ._lattice import Lattice, Memo
from ._pool import OneFactorPool

Spectrum = NDArray[np.complex128]

#: Lattice points of a leaf, unless one group needs more.
_LEAF_POINTS = 128
#: Probability of a state together with a loss beyond its support.
_CUT = 1e-15


@dataclass(frozen=True)
class Plan:
    """Order of work, the same for every state.

    Attributes:
        leaves: groups of each leaf.
        merges: pairs of parts; parts are the leaves, then the results of the merges in order. The last part is the
            pool.
        points: largest loss of every part in lattice units.
    """

    leaves: list[list[int]]
    merges: list[tuple[int, int]]
    points: list[int]


def plan_of(pool: OneFactorPool, lattice: Lattice) -> Plan:
    """Leaves of about `_LEAF_POINTS` points, merged shortest first."""
    points_of = pool.count * lattice.span
    leaves: list[list[int]] = []
    filled = _LEAF_POINTS + 1
    for group in np.argsort(points_of, kind="stable").tolist():
        if filled + points_of[group] > _LEAF_POINTS:
            leaves.append([])
            filled = 0
        leaves[-1].append(group)
        filled += int(points_of[group])
    points = [int(points_of[leaf].sum()) for leaf in leaves]
    return Plan(leaves, _merges(points), points)


def _merges(points: list[int]) -> list[tuple[int, int]]:
    """Pairs to merge; the lengths of their results are appended to `points`."""
    heap = [(length, part) for part, length in enumerate(points)]
    heapq.heapify(heap)
    merges = []
    while len(heap) > 1:
        (first_length, first), (second_length, second) = heapq.heappop(heap), heapq.heappop(heap)
        merges.append((first, second))
        points.append(first_length + second_length)
        heapq.heappush(heap, (points[-1], len(points) - 1))
    return merges


@dataclass(frozen=True)
class Batch:
    """States that share one support.

    Attributes:
        states: s states.
        pd: float64[s, g], conditional probabilities of default.
        support: largest loss kept, in lattice units.
        memo: what laws of losses given default have in common in these states.
    """

    states: States
    pd: Array
    support: int
    memo: Memo = field(default_factory=dict)


def batch_of(pool: OneFactorPool, lattice: Lattice, states: States) -> Batch:
    """Conditional PDs of the states, and the support that serves all of them."""
    pd = pool.conditional_pd(states)
    cut = min(_CUT / float(states.weight.max()), 1e-3)
    return Batch(states, pd, _support(pool.count, lattice.span, pd.max(axis=0), cut))


def _support(count: NDArray[np.int64], span: NDArray[np.int64], pd: Array, cut: float) -> int:
    """Loss exceeded with probability below `cut`: min over t of (K(t) - log cut) / t with K the cumulant function.

    Each loss given default is replaced by its maximum, which makes the bound larger.
    """
    total = int(count @ span)
    lossy = (span > 0) & (pd > 0.0)
    if not np.any(lossy):
        return 0
    count, span, pd = count[lossy], span[lossy], pd[lossy]
    tilts = np.geomspace(0.1 / total, 60.0 / float(np.median(span)), 48)
    with np.errstate(over="ignore"):
        cumulant = count @ np.log1p(pd[:, None] * np.expm1(np.multiply.outer(span.astype(np.float64), tilts)))
    return min(total, math.ceil(float(np.min((cumulant - math.log(cut)) / tilts))))


def fourier_length(points: int) -> int:
    """Smallest length of at least `points` that transforms fast."""
    length = next_fast_len(points, real=True)
    assert length is not None  # None stands for nothing but a type of the stubs
    return length


def leaf_spectra(pool: OneFactorPool, lattice: Lattice, groups: list[int], batch: Batch) -> tuple[Spectrum, int]:
    """Characteristic functions of single names of a leaf's groups given the state.

    Returns:
        complex128[len(groups), s, frequencies] and the length of the Fourier grid, on which the leaf's loss fits.
    """
    points = min(int(pool.count[groups] @ lattice.span[groups]), batch.support)
    length = fourier_length(points + 1)
    laws = [np.atleast_2d(lattice.severity_of(group, batch.states, batch.memo))[:, :length] for group in groups]
    spectra = np.empty((len(groups), len(batch.states), length // 2 + 1), dtype=np.complex128)
    for row, law in enumerate(laws):
        spectra[row] = np.fft.rfft(law, length)
        spectra[row, ...] -= law.sum(axis=1, keepdims=True)
    spectra *= batch.pd.T[groups][:, :, None]
    spectra += 1.0
    return spectra, length


def leaf_probabilities(pool: OneFactorPool, lattice: Lattice, groups: list[int], batch: Batch) -> Array:
    """float64[s, points + 1]: law of a leaf's loss."""
    spectra, length = leaf_spectra(pool, lattice, groups, batch)
    points = min(int(pool.count[groups] @ lattice.span[groups]), batch.support)
    return np.fft.irfft(np.prod(powers(spectra, pool.count[groups]), axis=0), length)[:, : points + 1]


def powers(spectra: Spectrum, exponents: NDArray[np.int64]) -> Spectrum:
    """Spectra of single names raised to the number of equal names."""
    if np.all(exponents == 1):
        return spectra
    return spectra ** exponents[:, None, None]


def convolve(first: Array, second: Array, support: int) -> Array:
    """Row by row law of the sum, cut at the support."""
    points = first.shape[1] + second.shape[1] - 1
    length = fourier_length(points)
    return np.fft.irfft(np.fft.rfft(first, length) * np.fft.rfft(second, length), length)[:, : min(points, support + 1)]


def weighted_probabilities(pool: OneFactorPool, lattice: Lattice, plan: Plan, batch: Batch) -> Array:
    """float64[support + 1 or fewer]: sum over the states of weight times law of the pool's loss."""
    parts: dict[int, Array] = {}
    for part, groups in enumerate(plan.leaves):
        parts[part] = leaf_probabilities(pool, lattice, groups, batch)
    for part, (first, second) in enumerate(plan.merges[:-1], start=len(plan.leaves)):
        parts[part] = convolve(parts.pop(first), parts.pop(second), batch.support)
    if not plan.merges:
        return batch.states.weight @ parts[0]
    first, second = plan.merges[-1]
    return _weighted_convolution(parts[first], parts[second], batch)


def _weighted_convolution(first: Array, second: Array, batch: Batch) -> Array:
    """The last merge: the weighted sum is taken in the spectrum, so that one inverse transform serves all states."""
    points = first.shape[1] + second.shape[1] - 1
    length = fourier_length(points)
    weighted = np.einsum("s,sk,sk->k", batch.states.weight, np.fft.rfft(first, length), np.fft.rfft(second, length))
    return np.fft.irfft(weighted, length)[: min(points, batch.support + 1)]
