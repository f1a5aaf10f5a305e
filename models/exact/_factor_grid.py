"""Integrals over the systematic state: the common factor and, for Student t, the common chi-square.

Gauss-Hermite is not safe here: given the factor, the loss of n names is known up to about 1/sqrt(n), so that the
integrand is as narrow as that and falls between the nodes. The trapezoidal rule converges geometrically for these
analytic integrands as soon as its step resolves them (L. N. Trefethen and J. A. C. Weideman, 2014, "The exponentially
convergent trapezoidal rule", SIAM Review 56, 385-458), and halving the step keeps every value computed so far. So the
step is halved until the result stands still; what is left then is about the square of the last change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._array import Array

#: The factor beyond this has probability 2e-17.
FACTOR_LIMIT = 8.5
#: Stop when halving the step changes the result by less: the error left is about the square, at most some 1e-9.
TOLERANCE = 2e-5
#: The same where it costs little and probabilities as small as 1e-10 are asked for.
TIGHT = 1e-7
_FIRST_STEP = 0.5
_NEGLIGIBLE = 1e-16


class NotResolvedError(ArithmeticError):
    """The integrand is too narrow for the finest grid allowed (correlation near 1 in a large pool)."""


@dataclass(frozen=True)
class States:
    """Systematic states with their probability weights.

    Attributes:
        factor: float64[s], standard normal Z.
        scale: float64[s], sqrt(W / dof) with W chi-square; 1 for the Gaussian copula.
        weight: float64[s], summing to 1 over all states of an integral.
    """

    factor: Array
    scale: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.weight)

    def batches(self, size: int) -> list[States]:
        """Consecutive pieces of at most `size` states."""
        starts = range(0, len(self), size)
        return [States(self.factor[i : i + size], self.scale[i : i + size], self.weight[i : i + size]) for i in starts]


@dataclass(frozen=True)
class Integral:
    """A vector of integrals, the change at the last refinement in the caller's distance, and the states evaluated."""

    values: Array
    change: float
    states: int


def integrate(
    total_of: Callable[[States], Array],
    *,
    dof: float | None,
    distance: Callable[[Array], float],
    tolerance: float = TOLERANCE,
    max_states: int = 1 << 16,
) -> Integral:
    """E[f(Z, sqrt(W / dof))] for a vector-valued f, refined until it stands still.

    Args:
        total_of: sum over the given states of weight times f, float64[m].
        dof: degrees of freedom of the Student t copula; None for Gaussian.
        distance: size of a difference of two results.
        tolerance: the steps are halved until that is below this.
        max_states: most states that may be evaluated.

    Raises:
        NotResolvedError: more states would be needed.
    """
    scales, weights = (np.ones(1), np.ones(1)) if dof is None else _scale_nodes(dof, _scale_step(dof), offset=0.0)
    budget = _Budget(max_states)

    def settled(difference: Array) -> tuple[bool, float]:
        change = distance(difference)
        return change < tolerance, change

    values, step, change = _over_factor(total_of, (scales, weights), settled, budget)
    if dof is None:
        return Integral(values, change, max_states - budget.left)
    scale_step = _scale_step(dof)
    while True:
        new = _scale_nodes(dof, scale_step, offset=0.5)
        fine = 0.5 * (values + budget.spend(total_of, _product(_factor_nodes(step, offset=0.0), new)))
        (done, scale_change), values, scale_step = settled(fine - values), fine, 0.5 * scale_step
        if done:
            return Integral(values, max(change, scale_change), max_states - budget.left)


def integrate_scale(
    total_of: Callable[[States], Array], *, dof: float | None, distance: Callable[[Array], float]
) -> Array:
    """E[f(sqrt(W / dof))] alone; the states' factors are 0. With `dof` None it is f(1)."""
    if dof is None:
        return total_of(States(np.zeros(1), np.ones(1), np.ones(1)))
    step = _scale_step(dof)
    values = total_of(_of_scales(*_scale_nodes(dof, step, offset=0.0)))
    while True:
        fine = 0.5 * (values + total_of(_of_scales(*_scale_nodes(dof, step, offset=0.5))))
        change, values, step = distance(fine - values), fine, 0.5 * step
        if change < TIGHT:
            return values


def _of_scales(scales: Array, weights: Array) -> States:
    return States(np.zeros_like(scales), scales, weights)


def _over_factor(
    total_of: Callable[[States], Array],
    scales: tuple[Array, Array],
    settled: Callable[[Array], tuple[bool, float]],
    budget: _Budget,
) -> tuple[Array, float, float]:
    """Integral over the factor at fixed nodes of the scale, with its final step and last change."""
    step = _FIRST_STEP
    values = budget.spend(total_of, _product(_factor_nodes(step, offset=0.0), scales))
    while True:
        fine = 0.5 * (values + budget.spend(total_of, _product(_factor_nodes(step, offset=0.5), scales)))
        (done, change), values, step = settled(fine - values), fine, 0.5 * step
        if done:
            return values, step, change


@dataclass
class _Budget:
    """Counts states, so that an unresolvable integral ends instead of running for ever."""

    left: int

    def spend(self, total_of: Callable[[States], Array], states: States) -> Array:
        self.left -= len(states)
        if self.left < 0:
            raise NotResolvedError("the loss distribution needs a finer factor grid than is allowed")
        return total_of(states)


def _factor_nodes(step: float, *, offset: float) -> tuple[Array, Array]:
    """Nodes (k + offset) step within the limit and weights step times the normal density."""
    most = math.floor(FACTOR_LIMIT / step)
    nodes = step * (np.arange(-most, most + 1) + offset)
    return nodes, step * np.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)


def _scale_step(dof: float) -> float:
    """First step in t: the standard deviation of log W, which is about sqrt(2 / dof), at most 1/2."""
    return min(0.5, math.sqrt(2.0 / dof))


def _scale_nodes(dof: float, step: float, *, offset: float) -> tuple[Array, Array]:
    """Nodes sqrt(W / dof) and weights of the chi-square W = dof exp(t - exp(-t) / dof) on an even grid of t.

    The double exponential map (H. Takahasi and M. Mori, 1974, Publications RIMS 9, 721-741) makes the lower tail, a
    mere power of W, fall as fast as the upper one. The density of log W is formed around W = dof, where nothing
    cancels.
    """
    low, high = -5.0 - math.log(dof), math.log1p(20.0 * math.sqrt(2.0 / dof) + 100.0 / dof)
    t = step * (np.arange(math.floor(low / step), math.ceil(high / step) + 1) + offset)
    log_ratio = t - np.exp(-t) / dof
    log_density = 0.5 * dof * (log_ratio - np.expm1(log_ratio)) + _log_height(0.5 * dof)
    weight = step * np.exp(log_density) * (1.0 + np.exp(-t) / dof)
    keep = weight > _NEGLIGIBLE
    return np.exp(0.5 * log_ratio[keep]), weight[keep]


def _log_height(a: float) -> float:
    """a log(a) - a - log(Gamma(a)), from Stirling's series where the difference would cancel."""
    if a < 50.0:
        return a * math.log(a) - a - math.lgamma(a)
    return 0.5 * math.log(a / (2.0 * math.pi)) - 1.0 / (12.0 * a) + 1.0 / (360.0 * a**3) - 1.0 / (1260.0 * a**5)


def _product(factor: tuple[Array, Array], scale: tuple[Array, Array]) -> States:
    """All pairs of nodes, ordered by factor, without those of negligible weight."""
    weight = np.multiply.outer(factor[1], scale[1]).ravel()
    keep = weight > _NEGLIGIBLE
    nodes, scales = (grid.ravel()[keep] for grid in np.meshgrid(factor[0], scale[0], indexing="ij"))
    return States(nodes, scales, weight[keep])
