"""A loss distribution on a lattice and its measures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..measures._levels import exact

#: Rounding of a cumulated probability; a cdf this close below a level has reached it.
CDF_ROUNDING = 1e-12


@dataclass(frozen=True)
class LossDistribution:
    """P(L = k unit) = probabilities[k] for k = 0, ..., M.

    Attributes:
        unit_usd: distance of two lattice points in USD (or in the unit of the exposures that it was made from), > 0.
        probabilities: float64[M + 1]; they sum to 1 up to rounding.
        lattice_error_usd: 0 where every possible loss is a multiple of the unit. Otherwise each loss was split between
            its two neighbours so that its mean is exact, and this is the standard deviation in USD that the splitting
            adds to a loss at the 99.9 % quantile. EL is exact, SD and ES are never below the true ones.
        integration_change: largest change of the cdf when the factor grid was last refined; 0 where nothing was
            integrated. The trapezoidal rule converges geometrically, so that the error left is about its square.
        states: systematic states that were mixed.
    """

    unit_usd: float
    probabilities: NDArray[np.float64]
    lattice_error_usd: float = 0.0
    integration_change: float = 0.0
    states: int = 1

    @cached_property
    def losses_usd(self) -> NDArray[np.float64]:
        """float64[M + 1]: the lattice points in USD."""
        return self.unit_usd * np.arange(len(self.probabilities), dtype=np.float64)

    @cached_property
    def cumulative(self) -> NDArray[np.float64]:
        """float64[M + 1]: P(L <= k unit)."""
        return np.cumsum(self.probabilities)

    @property
    def resolution_usd(self) -> float:
        """About how far a quantile may be off because of the lattice, in USD: 0 where every loss lies on it.

        No bound: a pool whose losses are small against the unit may be further off.
        """
        return self.unit_usd + self.lattice_error_usd if self.lattice_error_usd else 0.0

    def mean(self) -> float:
        """Expected loss in USD."""
        return float(self.losses_usd @ self.probabilities)

    def standard_deviation(self) -> float:
        """Standard deviation in USD."""
        return math.sqrt(float((self.losses_usd - self.mean()) ** 2 @ self.probabilities))

    def cdf(self, loss_usd: float) -> float:
        """P(L <= loss_usd)."""
        steps = math.floor(loss_usd / self.unit_usd * (1.0 + 1e-14))
        return 0.0 if steps < 0 else float(self.cumulative[min(steps, len(self.cumulative) - 1)])

    def value_at_risk(self, level: float) -> float:
        """Smallest lattice point with cdf >= level, in USD.

        Raises:
            ValueError: `level` is not strictly between 0 and 1.
        """
        exact(level)
        return self.unit_usd * self._quantile_index(level)

    def expected_shortfall(self, level: float) -> float:
        """Mean of the worst 1 - level of the probability in USD, the atom at the VaR counted in part.

        VaR + E[(L - VaR)+] / (1 - level): R. T. Rockafellar and S. Uryasev (2002), "Conditional value-at-risk for
        general loss distributions", Journal of Banking and Finance 26, 1443-1471, proposition 8.
        """
        beyond = float(1 - exact(level))
        index = self._quantile_index(level)
        excess = self.unit_usd * np.arange(len(self.probabilities) - index)
        return self.unit_usd * index + float(excess @ self.probabilities[index:]) / beyond

    def tranche_expected_loss(self, attach_usd: float, detach_usd: float) -> float:
        """E[min(max(L - attach, 0), detach - attach)] / (detach - attach), a fraction of the tranche.

        Raises:
            ValueError: not 0 <= attach < detach.
        """
        if not 0.0 <= attach_usd < detach_usd:
            raise ValueError(f"a tranche needs 0 <= attach < detach, got {attach_usd!r} and {detach_usd!r}")
        width = detach_usd - attach_usd
        return float(np.clip(self.losses_usd - attach_usd, 0.0, width) @ self.probabilities) / width

    def tail_weights(self, level: float) -> NDArray[np.float64]:
        """float64[M + 1]: g with ES = sum over x of x g(x) P(L = x): 1 / (1 - level) beyond the VaR, less at it."""
        beyond, index = float(1 - exact(level)), self._quantile_index(level)
        weights = np.zeros(len(self.probabilities))
        weights[index + 1 :] = 1.0 / beyond
        rest = beyond - float(self.probabilities[index + 1 :].sum())
        weights[index] = rest / beyond / self.probabilities[index]
        return weights

    def _quantile_index(self, level: float) -> int:
        reached = np.searchsorted(self.cumulative, level - CDF_ROUNDING)
        return int(min(reached, len(self.probabilities) - 1))
