"""A pool on a lattice of losses: the unit, and each group's loss given default in units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ._array import Array
from ._checks import positive
from ._factor_grid import States
from ._pool import OneFactorPool
from ._severity import beta_severity, fixed_severity, latent_lgd, latent_nodes, latent_step, latent_weights, split

Memo = dict[tuple[float, float], Array]
SeverityOf = Callable[[int, States, Memo], Array]

#: Points of the lattice where losses have no common unit: the unit is then this part of the largest possible loss.
#: With Student t there are some fifty times more states to go through.
LATTICE_POINTS, LATTICE_POINTS_T = 1 << 15, 1 << 14
#: Most points where losses have a common unit and nothing needs to be split.
_MAX_EXACT_POINTS = 1 << 17
#: A loss this close to a multiple of the unit lies on the lattice.
_ON_LATTICE = 1e-9


@dataclass(frozen=True)
class Lattice:
    """Loss given default of every group in lattice units.

    Attributes:
        unit_usd: the unit.
        span: int64[g], largest loss of one name of the group in units.
        severity_of: law of one group given s states, float64[s, span + 1] or float64[span + 1]; what groups share
            in these states is kept in the dictionary.
        split_variance: float64[g], variance that splitting adds to the loss of one default, in units squared.
    """

    unit_usd: float
    span: NDArray[np.int64]
    severity_of: SeverityOf
    split_variance: Array


def lattice_of(pool: OneFactorPool, unit_usd: float | None = None) -> Lattice:
    """The pool on a lattice: on the losses' common unit if there is one, else on 32,768 steps (16,384 for t).

    Args:
        pool: the names.
        unit_usd: unit to use instead.
    """
    unit = _unit(pool) if unit_usd is None else positive("unit_usd", unit_usd)
    losses = pool.largest_loss_usd / unit
    nearest = np.round(losses)
    losses = np.where(np.abs(losses - nearest) <= _ON_LATTICE * np.maximum(losses, 1.0), nearest, losses)
    return Lattice(unit, np.ceil(losses).astype(np.int64), _severities(pool, losses), _split_variance(pool, losses))


def _unit(pool: OneFactorPool) -> float:
    total = float(pool.count @ pool.largest_loss_usd)
    if total == 0.0:
        return 1.0
    common = None if np.any(pool.lgd_sd > 0.0) else _common_unit(pool.largest_loss_usd, total)
    return common or total / (LATTICE_POINTS if pool.dof is None else LATTICE_POINTS_T)


def _common_unit(losses: Array, total: float) -> float | None:
    """Largest unit of which all losses are multiples, by Euclid's algorithm; None if the lattice gets too long."""
    unit = 0.0
    for loss in losses[losses > 0.0]:
        unit = _common_divisor(float(loss), unit, floor=total / _MAX_EXACT_POINTS)
        if unit == 0.0:
            return None
    return unit


def _common_divisor(a: float, b: float, *, floor: float) -> float:
    """Greatest common divisor by Euclid's algorithm, 0 if it is below the floor.

    A remainder of a billionth of the floor is rounding: one of a billionth of `a` may be a whole small loss.
    """
    while b > _ON_LATTICE * floor:
        if b < floor * (1.0 - _ON_LATTICE):
            return 0.0
        a, b = b, abs(a - b * round(a / b))
    return a


def _split_variance(pool: OneFactorPool, losses: Array) -> Array:
    """f (1 - f) of the fractional part where the loss is fixed; at most 1/4, on average 1/6, where it is spread out."""
    part = losses - np.floor(losses)
    return np.where(pool.lgd_sd > 0.0, 1.0 / 6.0, part * (1.0 - part))


def _severities(pool: OneFactorPool, losses: Array) -> SeverityOf:
    if pool.lgd_kind == "wrong_way":
        return _WrongWay(pool, losses)
    laws = [
        fixed_severity(loss) if sd == 0.0 else beta_severity(loss, mean, sd)
        for loss, mean, sd in zip(losses.tolist(), pool.lgd.tolist(), pool.lgd_sd.tolist(), strict=True)
    ]
    return lambda group, states, memo: laws[group]


class _WrongWay:
    """Laws of wrong-way losses given default: LGD at the nodes of its latent normal, carried to the lattice."""

    def __init__(self, pool: OneFactorPool, losses: Array) -> None:
        self.correlation = pool.lgd_correlation
        self.direction = np.sign(pool.loading).tolist()
        self.steps = [latent_step(self.correlation, spread) for spread in (losses * pool.lgd_sd).tolist()]
        lgd_at = cache(lambda mean, sd, step: latent_lgd(mean, sd, latent_nodes(step)))
        self.to_lattice = [
            split(loss * lgd_at(mean, sd, step), math.ceil(loss) + 1) if sd > 0.0 else None
            for loss, mean, sd, step in zip(
                losses.tolist(), pool.lgd.tolist(), pool.lgd_sd.tolist(), self.steps, strict=True
            )
        ]
        self.fixed = [fixed_severity(loss) for loss in losses.tolist()]

    def __call__(self, group: int, states: States, memo: Memo) -> Array:
        to_lattice, key = self.to_lattice[group], (self.direction[group], self.steps[group])
        if to_lattice is None:
            return self.fixed[group]
        if key not in memo:
            memo[key] = latent_weights(key[0], states, latent_nodes(key[1]), self.correlation)
        return (to_lattice @ memo[key]).T


def splitting_deviation(lattice: Lattice, pool: OneFactorPool, loss_usd: float) -> float:
    """Standard deviation in USD that splitting adds to a loss of about `loss_usd`, made of typical defaults.

    It is 0 only where nothing is split: the mean loss stands in for a smaller one.
    """
    defaults = pool.count * pool.pd
    mean_loss = float(defaults @ (pool.ead_usd * pool.lgd))
    if mean_loss == 0.0:
        return 0.0
    variance = max(loss_usd / mean_loss, 1.0) * float(defaults @ lattice.split_variance)
    return lattice.unit_usd * math.sqrt(variance)
