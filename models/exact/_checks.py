"""Refusals shared by the exact engines."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fractions(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """`values` as float64, refused unless all lie in [0, 1]."""
    array = np.asarray(values, dtype=np.float64)
    if not np.all((array >= 0.0) & (array <= 1.0)):  # NaN compares false
        raise ValueError(f"{name} must lie between 0 and 1")
    return array


def not_negative(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """`values` as float64, refused unless all are finite and not negative."""
    array = np.asarray(values, dtype=np.float64)
    if not np.all((array >= 0.0) & np.isfinite(array)):
        raise ValueError(f"{name} must be finite and not negative")
    return array


def positive(name: str, value: float) -> float:
    """`value`, refused unless finite and positive."""
    if not (value > 0.0 and np.isfinite(value)):
        raise ValueError(f"{name} must be finite and positive, got {value!r}")
    return value


def degrees_of_freedom(dof: float | None) -> float | None:
    """`dof`, refused unless None or finite and above 2, where the latent variable has a variance."""
    if dof is not None and not (dof > 2.0 and np.isfinite(dof)):
        raise ValueError(f"degrees of freedom must be finite and above 2, got {dof!r}")
    return dof
