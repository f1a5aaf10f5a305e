"""Default thresholds and probabilities of default given the systematic state."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtrit

from ._array import Array
from ._factor_grid import States


def threshold(pd: ArrayLike, dof: float | None = None) -> Array:
    """Quantile of the latent variable at `pd`: -inf at 0 and inf at 1; normal, or Student t with `dof`."""
    probability = np.asarray(pd, dtype=np.float64)
    if dof is None:
        return np.asarray(ndtri(probability))
    quantile = np.asarray(stdtrit(dof, probability))
    return np.where(probability == 0.0, -np.inf, np.where(probability == 1.0, np.inf, quantile))


def conditional_pd(thresholds: Array, loading: Array, states: States) -> Array:
    """P(default | state) = Phi((c sqrt(W / dof) - w Z) / sqrt(1 - w^2)).

    Args:
        thresholds: float64[n], quantiles c of the latent variable.
        loading: float64[n], w with |w| < 1.
        states: s systematic states.

    Returns:
        float64[s, n].
    """
    drift = np.multiply.outer(states.scale, thresholds) - np.multiply.outer(states.factor, loading)
    return ndtr(drift / np.sqrt((1.0 - loading) * (1.0 + loading)))
