"""First passage below a flat barrier that is looked at once a month only.

The survivors' density is carried from month to month by quadrature (Nystrom's method): composite Gauss-Legendre with
eight nodes on panels of 1.5 standard deviations of a month's move; twice as many nodes change nothing above 1e-12.
Formulas for a barrier watched continuously give 9 to 40 % more defaults within the first years, so they are no
reference for a monthly engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ._array import Array
from ._checks import positive

_MONTH = 1.0 / 12.0
_LIMIT = 8.2  # standard deviations
_PANEL = 1.5  # standard deviations of a month's move
_PANEL_NODES, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class BarrierName:
    """A name that defaults at the first month end with V <= barrier.

    Attributes:
        value_usd: V today, above the barrier.
        barrier_usd: flat barrier, > 0.
        drift_annual: mu of dV = mu V dt + sigma V dB.
        volatility_annual: sigma, > 0.
    """

    value_usd: float
    barrier_usd: float
    drift_annual: float
    volatility_annual: float

    def __post_init__(self) -> None:
        positive("barrier_usd", self.barrier_usd)
        positive("volatility_annual", self.volatility_annual)
        if not self.barrier_usd < self.value_usd < math.inf:
            raise ValueError("value_usd must be finite and above barrier_usd")

    @property
    def distance(self) -> float:
        """ln(V / barrier)."""
        return math.log(self.value_usd / self.barrier_usd)

    @property
    def log_drift_annual(self) -> float:
        """mu - sigma^2 / 2."""
        return self.drift_annual - 0.5 * self.volatility_annual**2

    @property
    def monthly_deviation(self) -> float:
        """sigma sqrt(1 / 12)."""
        return self.volatility_annual * math.sqrt(_MONTH)


def first_passage_monthly(name: BarrierName, months: int) -> Array:
    """P(default by month n) for n = 1, ..., months.

    Returns:
        float64[months], error below 1e-11.

    Raises:
        ValueError: months below 1.

    >>> name = BarrierName(100.0, 70.0, drift_annual=0.05, volatility_annual=0.2)
    >>> round(float(first_passage_monthly(name, 12)[-1]), 7)
    0.0396274
    """
    grid = _grid(name, months, _PANEL * name.monthly_deviation)
    deviation, shift = name.monthly_deviation, name.log_drift_annual * _MONTH
    step = _transition(grid, shift, deviation) * grid.weights
    density = _density((grid.nodes - name.distance - shift) / deviation) / deviation
    survival = np.empty(months)
    # Survival of a month from the density before it: exact for the first month, and no tail is cut.
    survival[0] = ndtr((name.distance + shift) / deviation)
    stays = grid.weights * ndtr((grid.nodes + shift) / deviation)
    for month in range(1, months):
        survival[month] = stays @ density
        density = step @ density
    return 1.0 - survival


def joint_first_passage_monthly(first: BarrierName, second: BarrierName, correlation: float, months: int) -> Array:
    """P(both have defaulted by month n) for n = 1, ..., months.

    The monthly shocks are sqrt(rho) M + sqrt(1 - rho) e with a common M per month, so that given M the step of the
    joint density is a product; M is integrated by the trapezoidal rule. P(both) = P(first) + P(second) - 1 +
    P(neither).

    Args:
        first: one name.
        second: the other.
        correlation: of the monthly shocks, in [0, 0.95].
        months: number of months, >= 1; the work of a month grows with the horizon to the power 1.5.

    Returns:
        float64[months], absolute error below 1e-10.

    Raises:
        ValueError: an argument out of range.
    """
    if not 0.0 <= correlation <= 0.95:
        raise ValueError(f"correlation must lie between 0 and 0.95, got {correlation!r}")
    marginal = first_passage_monthly(first, months) + first_passage_monthly(second, months) - 1.0
    return marginal + _neither(first, second, correlation, months)


@dataclass(frozen=True)
class _Grid:
    """Nodes float64[k] of the log distance above the barrier, with quadrature weights."""

    nodes: Array
    weights: Array


def _grid(name: BarrierName, months: int, panel: float) -> _Grid:
    years = months * _MONTH
    top = name.distance + max(name.log_drift_annual * years, 0.0) + _LIMIT * name.volatility_annual * math.sqrt(years)
    panels = math.ceil(top / panel)
    half = 0.5 * top / panels
    centres = half * (2.0 * np.arange(panels) + 1.0)
    nodes = np.add.outer(centres, half * _PANEL_NODES).ravel()
    return _Grid(nodes, np.tile(half * _PANEL_WEIGHTS, panels))


def _density(x: Array) -> Array:
    return np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)


def _transition(grid: _Grid, shift: float, deviation: float) -> Array:
    """float64[to, from]: density of one month's move between nodes."""
    return _density((np.subtract.outer(grid.nodes, grid.nodes) - shift) / deviation) / deviation


def _neither(first: BarrierName, second: BarrierName, correlation: float, months: int) -> Array:
    """P(neither has defaulted by month n)."""
    shocks, chances = _common_shocks(correlation)
    sides = [_Side(name, correlation, shocks, months) for name in (first, second)]
    result = np.empty(months)
    result[0] = chances @ (sides[0].first_stay * sides[1].first_stay)
    joint = (sides[0].start * chances) @ sides[1].start.T
    for month in range(1, months):
        result[month] = np.einsum("m,mi,ij,mj->", chances, sides[0].stays, joint, sides[1].stays, optimize=True)
        if month + 1 < months:
            joint = sum(
                chance * (a @ joint @ b.T) for chance, a, b in zip(chances, sides[0].steps, sides[1].steps, strict=True)
            )
    return result


def _common_shocks(correlation: float) -> tuple[Array, Array]:
    """Even nodes and weights of M, fine for the product of its density and two steps given it."""
    narrowest = 1.0 / math.sqrt(1.0 + 2.0 * correlation / (1.0 - correlation))
    step = narrowest / 1.25
    most = math.ceil(8.5 / step)
    nodes = step * np.arange(-most, most + 1)
    return nodes, step * _density(nodes)


class _Side:
    """One name of a pair, given each common shock m.

    Attributes:
        first_stay: float64[m], survival of the first month.
        start: float64[k, m], density after the first month.
        stays: float64[m, k], node weight times survival of a month from the node.
        steps: m arrays float64[k, k] of the density's step, quadrature weights included.
    """

    def __init__(self, name: BarrierName, correlation: float, shocks: Array, months: int) -> None:
        deviation = name.monthly_deviation * math.sqrt(1.0 - correlation)
        grid = _grid(name, months, _PANEL * deviation)
        shifts = name.log_drift_annual * _MONTH + name.monthly_deviation * math.sqrt(correlation) * shocks
        self.first_stay = ndtr((name.distance + shifts) / deviation)
        self.start = _density((np.subtract.outer(grid.nodes, shifts) - name.distance) / deviation) / deviation
        self.stays = ndtr(np.add.outer(shifts, grid.nodes) / deviation) * grid.weights
        self.steps = [_transition(grid, shift, deviation) * grid.weights for shift in shifts.tolist()]
