"""Maximum likelihood with errors from the curvature, for likelihoods that take many parameter vectors at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

Minus = Callable[[np.ndarray], np.ndarray]  # minus the log likelihood: [P, K] parameters to [P]

_STEP, _CURVATURE_STEP = 1e-5, 1e-3


@dataclass(frozen=True)
class Fit:
    """The maximum.

    Attributes:
        parameters: float64[K].
        covariance: float64[K, K], inverse of the observed information; None where that is not positive definite.
        minus: minus the log likelihood there.
    """

    parameters: np.ndarray
    covariance: np.ndarray | None
    minus: float

    def error_of(self, function: Callable[[np.ndarray], float]) -> float | None:
        """Standard error of a smooth function of the parameters (delta method)."""
        if self.covariance is None:
            return None
        steps = _STEP * np.eye(len(self.parameters))
        slope = np.array([function(self.parameters + s) - function(self.parameters - s) for s in steps]) / (2 * _STEP)
        return float(np.sqrt(max(slope @ self.covariance @ slope, 0)))


def fit(minus: Minus, start: np.ndarray) -> Fit:
    """Minimises from one start by BFGS with central differences.

    Args:
        minus: minus the log likelihood of many parameter vectors at once.
        start: float64[K].
    """
    steps = _STEP * np.eye(len(start))

    def gradient(x: np.ndarray) -> np.ndarray:
        values = minus(np.concatenate([x + steps, x - steps]))
        return (values[: len(x)] - values[len(x) :]) / (2 * _STEP)

    found = minimize(lambda x: float(minus(x[None])[0]), start, jac=gradient, method="BFGS", options={"gtol": 1e-3})
    return Fit(found.x, _covariance(minus, found.x), float(found.fun))


def _covariance(minus: Minus, x: np.ndarray) -> np.ndarray | None:
    count = len(x)
    steps = _CURVATURE_STEP * np.eye(count)
    pairs = [(i, j) for i in range(count) for j in range(i, count)]
    points = [x + a * steps[i] + b * steps[j] for i, j in pairs for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    values = minus(np.array(points)).reshape(-1, 4)
    second = (values[:, 0] - values[:, 1] - values[:, 2] + values[:, 3]) / (4 * _CURVATURE_STEP**2)
    information = np.zeros((count, count))
    for (i, j), value in zip(pairs, second, strict=True):
        information[i, j] = information[j, i] = value
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information)[0] <= 0:
        return None
    return np.linalg.inv(information)
