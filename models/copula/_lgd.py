"""Loss given default: tables of beta distributions."""

import numpy as np
from scipy.special import betaln

from rackrisk.kernels.copula.arrays import LGD_BITS, MAX_CELLS
from rackrisk.models.beta import beta_quantile, beta_shape

MIN_CELLS = 16
MAX_TABLE = 2**22  # cells of all distributions together
UNDERFLOW = 1e-290


def lgd_tables(lgd: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean LGD in equiprobable cells of each distinct beta distribution.

    The mean over the cells is the distribution's own; what is lost is the variance inside cells, 1.5e-5 of it for a
    uniform distribution in 256 cells (see `lost_variance`). A pool of very many distinct distributions gets fewer.

    Args:
        lgd, sd: float64 [N], mean and standard deviation; sd 0 is a fixed LGD.

    Returns:
        The table, int32 [D, C] in 2^-LGD_BITS, and the row of each name, int32 [N].
    """
    pairs, row = np.unique(np.stack([lgd, sd], axis=1), axis=0, return_inverse=True)
    cells = min(max(1 << (MAX_TABLE // len(pairs)).bit_length() - 1, MIN_CELLS), MAX_CELLS)
    means = cell_means(pairs[:, 0], pairs[:, 1], cells)
    return np.rint(means * 2.0**LGD_BITS).astype(np.int32), row.reshape(-1).astype(np.int32)


def cell_means(lgd: np.ndarray, sd: np.ndarray, cells: int) -> np.ndarray:
    """Means of a beta variable between its quantiles at k / cells and (k + 1) / cells: float64 [D, cells].

    E[X; X < x] = mean I(x; a + 1, b), and I(x; a + 1, b) = I(x; a, b) - x^a (1 - x)^b / (a B(a, b)): Abramowitz and
    Stegun, Handbook of Mathematical Functions, 26.5.16.
    """
    means = np.repeat(lgd[:, None], cells, axis=1)
    spread = sd > 0
    a, b = (shape[:, None] for shape in beta_shape(lgd[spread], sd[spread]))
    probability = np.arange(cells + 1) / cells
    below = probability - _boundary_term(a, b, probability)
    means[spread] = lgd[spread, None] * np.diff(below, axis=1) * cells
    return np.clip(means, 0, 1)


def _boundary_term(a: np.ndarray, b: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """x^a y^b / (a B(a, b)) at quantiles x = 1 - y. Each of x and y is found from its own side, because a distribution
    with much weight at an end has quantiles that round to it; where even the distance from the end underflows, its
    power follows from the probability beyond, y^b = b B(a, b) P(X > x)."""
    x, y = beta_quantile(a, b, probability), beta_quantile(b, a, 1 - probability)
    with np.errstate(divide="ignore"):
        term = np.exp(a * np.log(x) + b * np.log(y) - np.log(a) - betaln(a, b))
    term = np.where(y < UNDERFLOW, (1 - probability) * b / a, term)
    return np.where(x < UNDERFLOW, probability, term)


def lost_variance(table: np.ndarray, lgd: float, sd: float) -> float:
    """Share of the variance of one distribution that its row of the table does not have."""
    return 1 - float(np.mean((table * 2.0**-LGD_BITS - lgd) ** 2)) / sd**2
