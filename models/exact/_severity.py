"""Loss given default of one name on the lattice: two points, a beta, or a beta that depends on the factor."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_array
from scipy.special import betainc, ndtr

from rackrisk.models.beta import beta_quantile, beta_shape

from ._array import Array
from ._factor_grid import States

#: Latent LGD beyond this has probability 2e-17.
_LATENT_LIMIT = 8.5
#: Steps of the latent grid per standard deviation of the idiosyncratic part: means are then exact to 1e-15.
_STEPS_PER_DEVIATION = 4.0
#: Steps of the latent grid per lattice step, so that the atoms of LGD at its nodes are not seen on the lattice.
_STEPS_PER_POINT = 4.0
_MAX_LATENT_NODES = 1 << 15


def split(points: Array, size: int) -> csr_array:
    """Where the mass of each point goes: size x k, two neighbours each, so that its mean is exact.

    Args:
        points: float64[k], losses in lattice units, 0 <= point <= size - 1.
        size: lattice points.
    """
    lower = np.clip(np.floor(points).astype(np.int64), 0, max(size - 2, 0))
    upper_share = points - lower
    columns = np.arange(len(points))
    if size == 1:
        return csr_array((np.ones(len(points)), (lower, columns)), shape=(1, len(points)))
    rows = np.concatenate([lower, lower + 1])
    shares = np.concatenate([1.0 - upper_share, upper_share])
    return csr_array((shares, (rows, np.tile(columns, 2))), shape=(size, len(points)))


def fixed_severity(loss: float) -> Array:
    """float64[ceil(loss) + 1]: a fixed loss in lattice units, split between its neighbours."""
    return split(np.array([loss]), math.ceil(loss) + 1).toarray()[:, 0]


def beta_severity(ead: float, mean: float, sd: float) -> Array:
    """float64[ceil(ead) + 1]: ead times a beta variable in lattice units, split so that the mean is exact.

    The mass at k is E[max(0, 1 - |X - k|)], a second difference of E[(k - X)+], which for X = ead B is
    k I_x(a, b) - ead mean I_x(a + 1, b) at x = k / ead.
    """
    a, b = beta_shape(mean, sd)
    size = math.ceil(ead) + 1
    at = np.arange(-1.0, size + 1.0)
    x = np.clip(at / ead, 0.0, 1.0)
    put = at * betainc(a, b, x) - ead * mean * betainc(a + 1.0, b, x)
    put[at <= 0.0] = 0.0
    return np.maximum(np.diff(put, 2), 0.0)


def latent_step(lgd_correlation: float, spread: float = 0.0) -> float:
    """Step of the even grid of the LGD's latent normal, a power of two.

    Args:
        lgd_correlation: share of its variance that the factor explains; what is left must be resolved.
        spread: standard deviation of the loss given default in lattice steps; the lattice must not see the grid.

    Raises:
        ValueError: a correlation too near 1 for any grid allowed.
    """
    needed = math.sqrt(1.0 - lgd_correlation) / _STEPS_PER_DEVIATION
    finest = 2.0 * _LATENT_LIMIT / _MAX_LATENT_NODES
    if needed < finest:
        raise ValueError(f"lgd_correlation {lgd_correlation!r} is too near 1 for the grid of the exact engine")
    wanted = max(1.0 / (_STEPS_PER_POINT * max(spread, 1.0)), finest)
    return 2.0 ** math.floor(math.log2(min(0.125, needed, wanted)))


def latent_nodes(step: float) -> Array:
    """Even grid of the LGD's latent normal."""
    most = math.ceil(_LATENT_LIMIT / step)
    return step * np.arange(-most, most + 1)


def latent_lgd(mean: float, sd: float, nodes: Array) -> Array:
    """LGD at the latent nodes: the beta quantile at Phi(node), which is the uniform's quantile."""
    return beta_quantile(*beta_shape(mean, sd), ndtr(nodes))


def latent_weights(loading: float, states: States, nodes: Array, lgd_correlation: float) -> Array:
    """float64[k, s]: P(latent node k | state) for latent = -sqrt(q) s + sqrt(1 - q) eps; columns sum to 1.

    Args:
        loading: of the name; s is its standardised systematic part sign(loading) Z, and q is 0 at loading 0.
        states: s systematic states.
        nodes: float64[k] from `latent_nodes`.
        lgd_correlation: q in [0, 1).
    """
    share = lgd_correlation if loading != 0.0 else 0.0
    centre = -math.copysign(math.sqrt(share), loading) * states.factor
    weights = np.exp(-0.5 * np.subtract.outer(nodes, centre) ** 2 / (1.0 - share))
    return weights / weights.sum(axis=0)
