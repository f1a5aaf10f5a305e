"""CreditRisk+: Poisson defaults with gamma sector intensities, losses banded.

Credit Suisse First Boston (1997), "CreditRisk+: A Credit Risk Management Framework", appendix A (A4, A5, A8 to A13) and
the spreadsheet that came with it, whose conventions decide every printed figure:

- unit L = ceil(largest exposure / 100); band v = ceil(E / L); the PD is scaled by (E / L) / v, so that p E is kept;
- a sector's mean is mu = sum of w p (E / L) / v, its standard deviation sum of w s (E / L) / v with s that of the PD;
- a sector without volatility is Poisson (the *specific* sector);
- a quantile is interpolated linearly between lattice points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..measures._levels import exact
from ._array import Array
from ._checks import fractions, not_negative, positive
from ._loss_distribution import LossDistribution

#: Probability beyond the lattice.
_CUT = 1e-11
_FIRST_POINTS, _MAX_POINTS = 512, 1 << 17


@dataclass(frozen=True)
class CreditRiskPlus:
    """Result of `creditrisk_plus`.

    Attributes:
        distribution: the losses on multiples of the unit, up to where less than 1e-11 of probability is left.
        expected_loss_usd: sum of p E.
        expected_losses_usd: float64[n], p E of each obligor.
        contribution_weights: float64[n], share of each obligor in what VaR adds to the expected loss; they sum to 1.
    """

    distribution: LossDistribution
    expected_loss_usd: float
    expected_losses_usd: Array
    contribution_weights: Array

    def interpolated_quantile(self, level: float) -> float:
        """Loss in USD with cdf = level, linear between lattice points: L (i - 1 + (level - C[i-1]) / (C[i] - C[i-1])).

        i is the first index with C[i] >= level; at i = 0 the quantile is 0.
        """
        exact(level)
        cumulative = self.distribution.cumulative
        i = int(np.searchsorted(cumulative, level))
        if i == 0:
            return 0.0
        part = (level - cumulative[i - 1]) / (cumulative[i] - cumulative[i - 1])
        return self.distribution.unit_usd * (i - 1 + float(part))

    def risk_contributions(self, level: float) -> Array:
        """float64[n] in USD, summing to the interpolated quantile: EL_i + (VaR - EL) u_i (manual, A13)."""
        excess = self.interpolated_quantile(level) - self.expected_loss_usd
        return self.expected_losses_usd + excess * self.contribution_weights


def creditrisk_plus(
    exposure_usd: ArrayLike,
    pd: ArrayLike,
    pd_sd: ArrayLike,
    sector_weights: ArrayLike | None = None,
    *,
    unit_usd: float | None = None,
    specific_sectors: tuple[int, ...] = (),
) -> CreditRiskPlus:
    """Loss distribution of n obligors over independent gamma sectors.

    A loan with several years of exposure is one virtual obligor a year (manual, A6).

    Args:
        exposure_usd: float64[n], net of recovery, > 0.
        pd: float64[n] in [0, 1].
        pd_sd: float64[n], standard deviation of the PD over the sectors' states, >= 0.
        sector_weights: float64[n, k], rows summing to 1; None is one sector for all.
        unit_usd: lattice unit; None is ceil(largest exposure / 100).
        specific_sectors: columns whose intensity is fixed, whatever pd_sd says.

    Raises:
        ValueError: an argument out of range, or weights of a row that do not sum to 1.
    """
    exposure, p, sd, weights = _checked(exposure_usd, pd, pd_sd, sector_weights)
    unit = float(math.ceil(exposure.max() / 100.0)) if unit_usd is None else positive("unit_usd", unit_usd)
    band = np.maximum(np.ceil(exposure / unit - 1e-12), 1.0).astype(np.int64)
    scale = exposure / unit / band
    means, deviations = weights.T @ (p * scale), weights.T @ (sd * scale)
    deviations[list(specific_sectors)] = 0.0
    severities = [_severity(band, column * p * scale) for column in weights.T]
    probabilities = _sum_of_sectors(means, deviations, severities)
    return CreditRiskPlus(
        LossDistribution(unit, probabilities),
        float(p @ exposure),
        p * exposure,
        _contribution_weights(band, p, weights, p * exposure / unit, _squared_variation(means, deviations)),
    )


def _checked(
    exposure_usd: ArrayLike, pd: ArrayLike, pd_sd: ArrayLike, sector_weights: ArrayLike | None
) -> tuple[Array, Array, Array, Array]:
    columns = (not_negative("exposure_usd", exposure_usd), fractions("pd", pd), not_negative("pd_sd", pd_sd))
    exposure, p, sd = (np.atleast_1d(column) for column in np.broadcast_arrays(*columns))
    weights = np.ones((len(exposure), 1)) if sector_weights is None else fractions("sector_weights", sector_weights)
    if not np.all(exposure > 0.0):
        raise ValueError("exposures must be positive")
    if (
        weights.ndim != 2
        or len(weights) != len(exposure)
        or not np.allclose(weights.sum(axis=1), 1.0, rtol=0, atol=1e-9)
    ):
        raise ValueError("sector_weights need one row per obligor, each summing to 1")
    return exposure, p, sd, weights


def _severity(band: NDArray[np.int64], intensity: Array) -> Array:
    """float64[largest band + 1]: expected number of losses of each size in a sector."""
    return np.bincount(band, weights=intensity, minlength=int(band.max()) + 1)


def _squared_variation(means: Array, deviations: Array) -> Array:
    """(sigma / mu)^2 of each sector, 0 for an empty one."""
    return np.divide(deviations, means, out=np.zeros_like(means), where=means > 0.0) ** 2


def _contribution_weights(
    band: NDArray[np.int64], p: Array, weights: Array, expected: Array, variation: Array
) -> Array:
    """u_i / sum u, u_i = v_i p_i (v_i + sum over sectors of w_ik (sigma_k / mu_k)^2 sum_j w_jk eps_j)."""
    u = band * p * (band + weights @ (variation * (weights.T @ expected)))
    return u / u.sum() if u.sum() > 0.0 else np.full(len(u), 1.0 / len(u))


def _sum_of_sectors(means: Array, deviations: Array, severities: list[Array]) -> Array:
    """Law of the total loss, on a lattice doubled until it holds all but `_CUT`."""
    points = _FIRST_POINTS
    while True:
        total = np.zeros(points)
        total[0] = 1.0
        for mean, deviation, severity in zip(means, deviations, severities, strict=True):
            if mean > 0.0:
                total = np.convolve(total, _panjer(mean, deviation, severity, points))[:points]
        if 1.0 - total.sum() < _CUT or points >= _MAX_POINTS:
            return total
        points *= 2


def _panjer(mean: float, deviation: float, severity: Array, points: int) -> Array:
    """Compound negative binomial (Poisson at deviation 0) by recursion; its terms are positive, so that it is stable.

    H. H. Panjer (1981), "Recursive evaluation of a family of compound distributions", ASTIN Bulletin 12, 22-26:
    f[n] = sum over k of (a + b k / n) q[k] f[n - k], with a = d, b = (alpha - 1) d, d = beta / (1 + beta),
    alpha = mu^2 / sigma^2, beta = sigma^2 / mu for the negative binomial, and a = 0, b = mu for Poisson.
    """
    sizes, share = np.arange(1, len(severity)), severity[1:] / mean
    if deviation == 0.0:
        start, a, b = math.exp(-mean), 0.0, mean
    else:
        alpha, beta = (mean / deviation) ** 2, deviation**2 / mean
        start, a = (1.0 + beta) ** -alpha, beta / (1.0 + beta)
        b = (alpha - 1.0) * a
    law = np.zeros(points + len(sizes))  # padded by zeros in front
    law[len(sizes)] = start
    constant, linear = (a * share)[::-1], (b * sizes * share)[::-1]
    for n in range(1, points):
        law[len(sizes) + n] = (constant + linear / n) @ law[n : n + len(sizes)]
    return law[len(sizes) :]
