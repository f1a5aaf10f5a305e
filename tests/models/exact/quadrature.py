"""Dense rules for expectations of a normal and of a chi-square, of another kind than the package's own."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import chi2

Array = NDArray[np.float64]


def normal_rule(panels: int = 30, limit: float = 9.0) -> tuple[Array, Array]:
    """Nodes of a standard normal and their probabilities: Gauss-Legendre with 20 nodes on each panel."""
    node, weight = np.polynomial.legendre.leggauss(20)
    half = limit / panels
    centre = half * (2 * np.arange(panels) + 1) - limit
    z = np.add.outer(centre, half * node).ravel()
    return z, np.tile(half * weight, panels) * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


def scale_rule(dof: float, panels: int = 5) -> tuple[Array, Array]:
    """Nodes of sqrt(chi-square / dof) and their probabilities, through the normal with the same quantile."""
    y, weight = normal_rule(panels, 8.3)
    w = np.where(y < 0, chi2.ppf(ndtr(np.minimum(y, 0)), dof), chi2.isf(ndtr(-np.maximum(y, 0)), dof))
    return np.sqrt(w / dof), weight
