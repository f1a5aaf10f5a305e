"""Beta distributions by mean and standard deviation, also where SciPy's quantile fails."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, betaln

#: Standard deviations of an LGD below this count as 0: SciPy's quantile is wrong at shapes this large, and no loss
#: could show the difference.
SMALLEST_SD = 1e-5

Floats = NDArray[np.float64]


def noticeable(sd: ArrayLike) -> Floats:
    """Standard deviations, float64, those too small to matter as 0."""
    sd = np.asarray(sd, dtype=np.float64)
    return np.where(sd < SMALLEST_SD, 0.0, sd)


def beta_shape(mean: ArrayLike, sd: ArrayLike) -> tuple[Floats, Floats]:
    """The two shape parameters for 0 < sd < sqrt(mean (1 - mean))."""
    mean, sd = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    concentration = mean * (1 - mean) / sd**2 - 1
    return mean * concentration, (1 - mean) * concentration


def beta_quantile(a: ArrayLike, b: ArrayLike, probability: ArrayLike) -> Floats:
    """Quantile of the beta distribution, never NaN.

    At some probabilities near 1e-17 SciPy gives NaN; there the first term of the series stands in,
    x^a = p a B(a, b) near 0 and (1 - x)^b = (1 - p) b B(a, b) near 1, which is exact to O(x).
    """
    a, b, p = (np.asarray(array, dtype=np.float64) for array in (a, b, probability))
    found = betaincinv(a, b, p)
    with np.errstate(all="ignore"):
        low = np.exp((np.log(p) + np.log(a) + betaln(a, b)) / a)
        high = -np.expm1((np.log1p(-p) + np.log(b) + betaln(a, b)) / b)
    return np.where(np.isnan(found), np.clip(np.where(p < 0.5, low, high), 0, 1), found)
