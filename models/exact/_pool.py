"""A pool of names under one common factor, equal names gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rackrisk.models.beta import noticeable

from ._array import Array
from ._checks import degrees_of_freedom, fractions, not_negative
from ._conditional import conditional_pd, threshold
from ._factor_grid import NotResolvedError, States

LgdKind = Literal["fixed", "beta", "wrong_way"]

#: Above it the conditional PD is nearly a step in the factor, which no even grid resolves.
MAX_LOADING = 0.9999


@dataclass(frozen=True)
class OneFactorPool:
    """Groups of equal names.

    Attributes:
        count: int64[g], names in the group.
        ead_usd: float64[g], exposure of each name.
        lgd: float64[g], mean loss given default.
        lgd_sd: float64[g], its standard deviation; 0 where fixed.
        pd: float64[g], probability of default.
        loading: float64[g], loading on the factor, |w| < 1.
        thresholds: float64[g], quantile of the latent variable at the PD.
        group_of: int64[n], group of each name given.
        lgd_kind: `fixed`, `beta` or `wrong_way`.
        lgd_correlation: share q of the LGD's latent variance that the factor explains, [0, 1); 0 unless wrong_way.
        dof: degrees of freedom of Student t, None for Gaussian.
    """

    count: NDArray[np.int64]
    ead_usd: Array
    lgd: Array
    lgd_sd: Array
    pd: Array
    loading: Array
    thresholds: Array
    group_of: NDArray[np.int64]
    lgd_kind: LgdKind
    lgd_correlation: float
    dof: float | None

    def __len__(self) -> int:
        return len(self.count)

    @property
    def largest_loss_usd(self) -> Array:
        """float64[g]: most that one name can lose."""
        return np.where(self.lgd_sd > 0.0, self.ead_usd, self.ead_usd * self.lgd)

    def conditional_pd(self, states: States) -> Array:
        """float64[s, g]: P(default | state)."""
        return conditional_pd(self.thresholds, self.loading, states)


def one_factor_pool(
    ead_usd: ArrayLike,
    lgd: ArrayLike,
    pd: ArrayLike,
    loading: ArrayLike,
    *,
    dof: float | None = None,
    lgd_kind: LgdKind = "fixed",
    lgd_sd: ArrayLike | None = None,
    lgd_correlation: float | None = None,
) -> OneFactorPool:
    """The pool of n names; every array is float64[n] or one number for all. See `one_factor_distribution`."""
    arrays = [not_negative("ead_usd", ead_usd), fractions("lgd", lgd), fractions("pd", pd), np.asarray(loading, float)]
    arrays.append(noticeable(not_negative("lgd_sd", 0.0 if lgd_sd is None or lgd_kind == "fixed" else lgd_sd)))
    table = np.stack([np.atleast_1d(column) for column in np.broadcast_arrays(*arrays)])
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError("a pool needs one number per name, and at least one name")
    check_lgd(lgd_kind, table[1], table[4], given=lgd_sd is not None, correlation=lgd_correlation)
    _check_loading(table[3])
    groups, group_of, count = np.unique(table, axis=1, return_inverse=True, return_counts=True)
    return OneFactorPool(
        count=count.astype(np.int64),
        ead_usd=groups[0],
        lgd=groups[1],
        lgd_sd=groups[4],
        pd=groups[2],
        loading=groups[3],
        thresholds=threshold(groups[2], degrees_of_freedom(dof)),
        group_of=np.asarray(group_of, dtype=np.int64).ravel(),
        lgd_kind=lgd_kind,
        lgd_correlation=float(lgd_correlation or 0.0) if lgd_kind == "wrong_way" else 0.0,
        dof=dof,
    )


def check_lgd(kind: str, lgd: Array, sd: Array, *, given: bool, correlation: float | None) -> None:
    """Refuse an LGD model that does not exist.

    Args:
        kind: `fixed`, `beta` or `wrong_way`.
        lgd: mean LGDs.
        sd: their standard deviations.
        given: whether the caller gave standard deviations.
        correlation: q of `wrong_way`.

    Raises:
        ValueError: what is wrong.
    """
    if kind not in ("fixed", "beta", "wrong_way"):
        raise ValueError(f"lgd_kind is fixed, beta or wrong_way, got {kind!r}")
    if kind != "fixed" and not given:
        raise ValueError(f"lgd_kind {kind} needs lgd_sd")
    if kind == "wrong_way" and not 0.0 <= (-1.0 if correlation is None else correlation) < 1.0:
        raise ValueError("lgd_kind wrong_way needs lgd_correlation in [0, 1)")
    if not np.all((sd == 0.0) | (sd**2 < lgd * (1.0 - lgd))):
        raise ValueError("lgd_sd must be below sqrt(lgd (1 - lgd)): no beta distribution has more")


def _check_loading(loading: Array) -> None:
    if not np.all(np.abs(loading) <= 1.0):
        raise ValueError("a loading lies between -1 and 1")
    if np.any(np.abs(loading) > MAX_LOADING):
        raise NotResolvedError(f"loadings above {MAX_LOADING} make default a step in the factor")
