"""Rents of several generations: one drift and volatility a regime, and a common share of the shocks.

Monthly log changes x of the generations that a month has are normal with mean mu[r] / 12, variance sigma[r]^2 / 12 and
correlation c = loading^2 between any two, as in section 1.3 of docs/model.md without launches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._likelihood import Fit, fit

LEAST_LABELLED = 6  # months of a regime
_FAR, _MOST_COMMON = 30.0, 7.0  # logarithms and logits at which a search stops: no overflow, correlation up to 0.999


@dataclass(frozen=True)
class Panel:
    """Sums over the generations of each month, float64[T]: enough for the likelihood, gaps or not."""

    count: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, changes: np.ndarray) -> Panel:
        """Of monthly log changes [T, G], NaN where there is none."""
        return cls(
            np.isfinite(changes).sum(axis=1).astype(float), np.nansum(changes, axis=1), np.nansum(changes**2, axis=1)
        )

    def log_density(self, drift: np.ndarray, volatility: np.ndarray, common: np.ndarray) -> np.ndarray:
        """Log density of every month in every regime, [..., T, R].

        Args:
            drift: [..., R] per year.
            volatility: [..., R] per year.
            common: [...] correlation of two generations.
        """
        n, c = self.count[:, None], common[..., None, None]
        mean, variance = drift[..., None, :] / 12, volatility[..., None, :] ** 2 / 12
        sums = self.total[:, None] - n * mean
        squares = self.squares[:, None] - 2 * mean * self.total[:, None] + n * mean**2
        shared = 1 + (n - 1) * c
        quadratic = (squares - c * sums**2 / shared) / ((1 - c) * variance)
        volume = n * np.log(2 * np.pi * variance) + (n - 1) * np.log(1 - c) + np.log(shared)
        return -0.5 * (volume + quadratic)


@dataclass(frozen=True)
class RentFit:
    """Drift and volatility a year in each regime of the fit, and the loading of a rent shock on the common one."""

    drift: np.ndarray
    drift_error: list[float | None]
    volatility: np.ndarray
    volatility_error: list[float | None]
    loading: float
    loading_error: float | None


def unpack(x: np.ndarray, regimes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drifts [..., R], volatilities [..., R] and common correlation [...] of parameter vectors [..., 2R+1 or more]."""
    volatility = np.exp(np.clip(x[..., regimes : 2 * regimes], -_FAR, _FAR))
    return x[..., :regimes], volatility, 1 / (1 + np.exp(np.clip(-x[..., 2 * regimes], -_MOST_COMMON, _FAR)))


def pack(drift: np.ndarray, volatility: np.ndarray, loading: float) -> np.ndarray:
    """The inverse of `unpack`."""
    c = float(np.clip(loading**2, 0.01, 0.99))
    return np.concatenate([drift, np.log(volatility), [np.log(c / (1 - c))]])


def describe(found: Fit, regimes: int) -> RentFit:
    """Natural parameters of a fit with their errors."""
    drift, volatility, c = unpack(found.parameters, regimes)
    return RentFit(
        drift,
        [found.error_of(lambda x, r=r: float(x[r])) for r in range(regimes)],
        volatility,
        [found.error_of(lambda x, r=r: float(np.exp(x[regimes + r]))) for r in range(regimes)],
        float(np.sqrt(c)),
        found.error_of(lambda x: float(np.sqrt(unpack(x, regimes)[2]))),
    )


def fit_labelled(changes: np.ndarray, labels: np.ndarray, regimes: int, loading: float) -> RentFit:
    """Maximum likelihood where every month's regime is known.

    Args:
        changes: monthly log changes [T, G], NaN where there is none.
        labels: regime of each month, int64[T], 0..regimes-1; each occurs.
        regimes: their number; 1 pools all months.
        loading: where the search starts, and stays if no month has two generations.
    """
    panel = Panel.of(changes)
    several = bool((panel.count > 1).any())
    mask = labels[:, None] == np.arange(regimes)

    def minus(x: np.ndarray) -> np.ndarray:
        full = x if several else np.concatenate([x, np.zeros((len(x), 1))], axis=1)
        return -np.where(mask, panel.log_density(*unpack(full, regimes)), 0).sum(axis=(1, 2))

    pooled = [changes[labels == r] for r in range(regimes)]
    drift = np.array([12 * np.nanmean(x) for x in pooled])
    volatility = np.array([12**0.5 * max(float(np.nanstd(x)), 1e-6) for x in pooled])
    start = pack(drift, volatility, loading)
    found = fit(minus, start if several else start[:-1])
    if several:
        return describe(found, regimes)
    alone = describe(Fit(np.append(found.parameters, start[-1]), None, found.minus), regimes)
    errors = [found.error_of(lambda x, r=r: float(x[r])) for r in range(regimes)]
    spread = [found.error_of(lambda x, r=r: float(np.exp(x[regimes + r]))) for r in range(regimes)]
    return RentFit(alone.drift, errors, alone.volatility, spread, alone.loading, None)
