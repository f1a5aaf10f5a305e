"""Least squares with errors that survive autocorrelation and changing variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LAGS = 6


@dataclass(frozen=True)
class Regression:
    """Coefficients float64[K], their covariance [K, K] (Newey and West 1987, Econometrica 55) and residuals [n]."""

    coefficients: np.ndarray
    covariance: np.ndarray
    residuals: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Standard errors, float64[K]."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))

    @property
    def residual_sd(self) -> float:
        """Standard deviation of the residuals, degrees of freedom counted."""
        n, k = len(self.residuals), len(self.coefficients)
        return float(np.sqrt(self.residuals @ self.residuals / max(n - k, 1)))


def regress(y: np.ndarray, x: np.ndarray, *, lags: int = LAGS) -> Regression:
    """Least squares of y [n] on x [n, K] with Bartlett weights over `lags`; 0 lags is White's estimator.

    Where columns of x depend on each other, the shortest of the solutions.
    """
    bread = np.linalg.pinv(x.T @ x)
    coefficients = bread @ (x.T @ y)
    residuals = y - x @ coefficients
    scores = x * residuals[:, None]
    meat = scores.T @ scores
    for lag in range(1, min(lags, len(y) - 1) + 1):
        cross = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.T)
    n, k = x.shape
    return Regression(coefficients, bread @ meat @ bread * n / max(n - k, 1), residuals)
