"""Correlation matrices: what is one, and a root of it. NumPy alone."""

import numpy as np

PSD_TOLERANCE = 1e-10  # of the smallest eigenvalue, for matrices written with few digits


def check_correlation(matrix: np.ndarray, name: str) -> None:
    """Refuse what is not a correlation matrix; nothing is repaired.

    Raises:
        ValueError: not symmetric, no unit diagonal, or a negative eigenvalue.
    """
    if not np.allclose(matrix, matrix.T, rtol=0, atol=1e-12):
        raise ValueError(f"{name} is not symmetric")
    if not np.allclose(np.diag(matrix), 1, rtol=0, atol=1e-12):
        raise ValueError(f"{name} must have ones on its diagonal")
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest < -PSD_TOLERANCE:
        raise ValueError(f"{name} is not positive semidefinite: its smallest eigenvalue is {smallest:.3g}")


def lower_root(matrix: np.ndarray) -> np.ndarray:
    """Lower triangular L with L L' = C of a positive semidefinite C, by QR of its symmetric root."""
    values, vectors = np.linalg.eigh(matrix)
    half = vectors * np.sqrt(np.maximum(values, 0))
    lower = np.linalg.qr(half.T).R.T
    return lower * np.where(np.diag(lower) < 0, -1.0, 1.0)
