"""Mean-reverting and lognormal series: short rate, power, credit spread, lease rates, sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._regression import regress

LEAST_MONTHS = 24


@dataclass(frozen=True)
class Reverting:
    """Ornstein-Uhlenbeck numbers a year (section 1.7 of docs/model.md) with errors.

    Attributes:
        kept, kept_error: the monthly autoregression coefficient.
        identified: False where the series cannot be told from a random walk within one standard error.
        residuals: float64[n-1].
    """

    kept: float
    kept_error: float
    mean: float
    mean_error: float
    reversion: float
    reversion_error: float
    volatility: float
    volatility_error: float
    identified: bool
    residuals: np.ndarray


def fit_reverting(values: np.ndarray) -> Reverting:
    """Exact monthly autoregression of a level [n] (of the logarithm, for prices).

    Its coefficient is too small by (1 + 3 b) / n on average, which is added back (Kendall 1954, Biometrika 41).
    """
    found = regress(values[1:], np.stack([np.ones(len(values) - 1), values[:-1]], axis=1), lags=0)
    sd, n, kept_error = found.residual_sd, len(found.residuals), float(found.errors[1])
    kept = float(found.coefficients[1]) + (1 + 3 * float(found.coefficients[1])) / n
    constant = float(np.mean(values[1:] - kept * values[:-1]))
    identified = bool(0 < kept < 1 - kept_error)
    safe = min(max(kept, 1e-6), 1 - 1e-9)
    reversion = -12 * float(np.log(safe))
    mean = constant / (1 - safe)
    slope = np.array([1 / (1 - safe), mean / (1 - safe)])
    factor = float(np.sqrt(2 * reversion / (1 - safe**2)))
    return Reverting(
        float(kept),
        float(kept_error),
        float(mean),
        float(np.sqrt(max(slope @ found.covariance @ slope, 0))),
        reversion,
        12 * float(kept_error) / safe,
        sd * factor,
        sd * factor * float(np.sqrt(np.var(found.residuals**2) / n)) / (2 * sd**2),
        identified,
        found.residuals,
    )


@dataclass(frozen=True)
class Drifting:
    """Drift of the logarithm and volatility a year, with the errors of independent changes."""

    drift: float
    drift_error: float
    volatility: float
    volatility_error: float


def fit_drifting(changes: np.ndarray) -> Drifting:
    """Mean and deviation of monthly log changes [n]; the volatility's error from the fourth moment."""
    n, sd = len(changes), float(np.std(changes, ddof=1))
    error = float(np.sqrt(np.var((changes - changes.mean()) ** 2) / n)) / (2 * sd)
    return Drifting(12 * float(changes.mean()), 12 * sd / n**0.5, 12**0.5 * sd, 12**0.5 * error)
