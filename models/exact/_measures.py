"""Exact measures beside a simulated copula run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..measures._levels import exact
from ._array import Array
from ._factor_grid import NotResolvedError
from ._homogeneous import homogeneous_distribution
from ._lattice import Lattice, lattice_of
from ._loss_distribution import LossDistribution
from ._moments import correlation_root, portfolio_moments
from ._one_factor import pool_distribution
from ._pool import OneFactorPool, one_factor_pool

if TYPE_CHECKING:
    import polars as pl

    from ..copula import CopulaConfig

#: scope, measure, level, value, resolution, method
Row = tuple[str, str, float | None, float, float, str]


_PORTFOLIO = "portfolio"
_ONE_FACTOR_METHOD = "exact: one-factor distribution, conditional convolution over a refined factor grid"
_EQUAL_METHOD = "exact: binomial mixed over a refined factor grid"
_PAIRS_METHOD = "exact: joint default probabilities of pairs"
_SUM_METHOD = "exact: sum of ead x lgd x pd"
#: Loadings count as one factor if what is left of them is smaller.
_COLLINEAR = 1e-12
#: Beyond it LGD is nearly a function of the factor, which needs a finer grid than is kept.
_MAX_LGD_CORRELATION = 0.999
#: States that a distribution needs at least, and with Student t.
_FEWEST_STATES, _FEWEST_STATES_T = 130, 1_500
#: Equal names that a binomial is mixed for.
_MAX_EQUAL = 2_000_000
#: Most buckets of equal names whose pairs are worked out: Gaussian, Student t, wrong-way LGD.
_MAX_BUCKETS, _MAX_BUCKETS_T, _MAX_BUCKETS_WRONG_WAY = 4_000, 1_500, 800


class ExactMeasures(NamedTuple):
    """Result of `exact_measures`.

    Attributes:
        table: scope, measure (EL, SD, VaR, ES), level (null for EL and SD), value (USD), resolution (USD), method.
            `resolution` is about how far the lattice may move the value, no bound: 0 where every loss lies on it.
        notes: why rows are absent.
    """

    table: pl.DataFrame
    notes: list[str]


@dataclass(frozen=True)
class _Scope:
    """Names of one scope as arrays, all float64[n] but `loadings` [n, f] on independent factors."""

    name: str
    ead: Array
    lgd: Array
    lgd_sd: Array
    pd: Array
    loadings: Array


def exact_measures(
    names: pl.DataFrame, config: CopulaConfig, levels: Sequence[float], *, seconds: float = 30.0
) -> ExactMeasures:
    """EL, SD, VaR and ES of the loss over the whole horizon, of the portfolio and of each segment, where they can be
    had.

    One factor (or loadings of one direction, which a segment may have where the portfolio has not): everything.
    Several factors: EL and SD. What would take longer than `seconds` of a two-core machine, by a count of operations
    that is the same on every machine, is left out, portfolio first, then segments by name.

    Args:
        names: canonical frame of names: obligor_id, segment, ead (USD), lgd, pd_1y to pd_<H>y, loading_<factor>, and
            lgd_sd if the tape has it.
        config: the copula model.
        levels: confidence levels of VaR and ES, each in (0, 1).
        seconds: budget.

    Raises:
        ValueError: a level outside (0, 1), or names that the model refuses.
    """
    import polars as pl

    for level in levels:
        exact(level)
    rows: list[Row] = []
    notes: list[str] = []
    for scope in _scopes(names, config):
        solver = _Solver(scope, config, seconds)
        solved = [*solver.moments(), *solver.tail(levels)]
        rows += [row for row in solved if math.isfinite(row[3])]
        failed = [f"{row[1]}: the calculation has no finite result" for row in solved if not math.isfinite(row[3])]
        notes += [f"no exact {reason}, scope {scope.name}" for reason in (*solver.reasons, *failed)]
        seconds -= solver.spent
    text, number = pl.String(), pl.Float64()
    schema = {"scope": text, "measure": text, "level": number, "value": number, "resolution": number, "method": text}
    return ExactMeasures(pl.DataFrame(rows, schema=schema, orient="row"), notes)


def _scopes(names: pl.DataFrame, config: CopulaConfig) -> list[_Scope]:
    """The portfolio, then the segments by name."""
    columns = sorted(column for column in names.columns if column.startswith("loading_"))
    sd = names["lgd_sd"].fill_null(config.lgd.sd or 0.0) if "lgd_sd" in names.columns else None
    if columns:
        correlation = config.correlation([column.removeprefix("loading_") for column in columns])
        loadings = names.select(columns).to_numpy() @ correlation_root(correlation, len(columns))
    else:
        loadings = np.full((names.height, 1), math.sqrt(config.asset_correlation or 0.0))
    whole = _Scope(
        name=_PORTFOLIO,
        ead=names["ead"].to_numpy(),
        lgd=names["lgd"].to_numpy(),
        lgd_sd=np.full(names.height, config.lgd.sd or 0.0) if sd is None else sd.to_numpy(),
        pd=names[f"pd_{config.horizon_years}y"].to_numpy(),
        loadings=loadings,
    )
    segment = names["segment"].to_numpy()
    return [whole, *(_part(whole, name, segment == name) for name in sorted(set(segment.tolist())))]


def _part(whole: _Scope, name: str, here: NDArray[np.bool_]) -> _Scope:
    arrays = (whole.ead, whole.lgd, whole.lgd_sd, whole.pd, whole.loadings)
    return _Scope(name, *(array[here] for array in arrays))


class _Solver:
    """What can be solved for one scope, and the reasons for what cannot."""

    def __init__(self, scope: _Scope, config: CopulaConfig, seconds: float) -> None:
        self.scope, self.config, self.budget = scope, config, seconds
        self.spent = 0.0
        self.reasons: list[str] = []
        self.lgd_model: dict[str, Any] = {
            "lgd_kind": config.lgd.kind,
            "lgd_sd": scope.lgd_sd,
            "lgd_correlation": config.lgd.correlation,
        }

    def moments(self) -> list[Row]:
        """Rows of EL and SD; EL alone where there are too many pairs."""
        scope, wrong_way = self.scope, self.config.lgd.kind == "wrong_way"
        if self._too_near_one("EL and SD"):
            return []
        varying = [scope.pd, scope.loadings, *([scope.lgd, scope.lgd_sd] if wrong_way else [])]
        buckets = len(np.unique(np.column_stack(varying), axis=0))
        most = _MAX_BUCKETS_WRONG_WAY if wrong_way else _MAX_BUCKETS if self.config.dof is None else _MAX_BUCKETS_T
        if buckets > most:
            self.reasons.append(f"{'EL and SD' if wrong_way else 'SD'}: {buckets:,} different names, at most {most:,}")
            mean = float(scope.ead @ (scope.lgd * scope.pd))
            return [] if wrong_way else [(scope.name, "EL", None, mean, 0.0, _SUM_METHOD)]
        try:
            result = portfolio_moments(
                scope.ead, scope.lgd, scope.pd, scope.loadings, dof=self.config.dof, **self.lgd_model
            )
        except NotResolvedError as error:
            self.reasons.append(f"EL and SD: {error}")
            return []
        figures = (("EL", result.mean_usd), ("SD", result.standard_deviation_usd))
        return [(scope.name, measure, None, value, 0.0, _PAIRS_METHOD) for measure, value in figures]

    def tail(self, levels: Sequence[float]) -> list[Row]:
        """Rows of VaR and ES, none where there is no distribution."""
        loading = _one_loading(self.scope.loadings)
        if loading is None:
            self.reasons.append("VaR and ES: several factors")
            return []
        if self._too_near_one("VaR and ES"):
            return []
        try:
            distribution, method = self._distribution(loading)
        except NotResolvedError as error:
            self.reasons.append(f"VaR and ES: {error}")
            return []
        name, resolution = self.scope.name, distribution.resolution_usd
        return [
            *((name, "VaR", a, distribution.value_at_risk(a), resolution, method) for a in levels),
            *((name, "ES", a, distribution.expected_shortfall(a), resolution, method) for a in levels),
        ]

    def _too_near_one(self, what: str) -> bool:
        too_near = (self.config.lgd.correlation or 0.0) > _MAX_LGD_CORRELATION
        if too_near:
            self.reasons.append(f"{what}: lgd.correlation above {_MAX_LGD_CORRELATION}")
        return too_near

    def _distribution(self, loading: Array) -> tuple[LossDistribution, str]:
        scope = self.scope
        pool = one_factor_pool(scope.ead, scope.lgd, scope.pd, loading, dof=self.config.dof, **self.lgd_model)
        loss = float(pool.largest_loss_usd[0])
        if len(pool) == 1 and pool.lgd_sd[0] == 0.0 and loss > 0.0 and pool.count[0] <= _MAX_EQUAL:
            count, pd, rho = int(pool.count[0]), float(pool.pd[0]), float(pool.loading[0]) ** 2
            return homogeneous_distribution(count, pd, rho, dof=pool.dof, loss_usd=loss), _EQUAL_METHOD
        lattice = lattice_of(pool)
        per_state = _seconds_per_state(pool, lattice)
        fewest = _FEWEST_STATES if pool.dof is None else _FEWEST_STATES_T
        states = int(max(self.budget, 0.0) / per_state)
        if states < fewest:
            raise NotResolvedError(f"about {fewest * per_state:,.0f} s of work, {max(self.budget, 0.0):,.0f} s left")
        distribution = pool_distribution(pool, lattice, max_states=states)
        self.spent += distribution.states * per_state
        return distribution, _ONE_FACTOR_METHOD


def _one_loading(loadings: Array) -> Array | None:
    """float64[n]: loadings on one factor if all point in one direction, else None."""
    if loadings.shape[1] == 1:
        return loadings[:, 0]
    direction = np.linalg.svd(loadings, full_matrices=False)[2][0]
    loading = loadings @ direction
    if np.max(np.abs(loadings - np.multiply.outer(loading, direction))) > _COLLINEAR:
        return None
    return loading if loading.sum() >= 0.0 else -loading


def _seconds_per_state(pool: OneFactorPool, lattice: Lattice) -> float:
    """Rough time of one systematic state on two processors, from the lattice's points and the groups."""
    points = float(pool.count @ lattice.span)
    seconds = 1.5e-7 * points + 3e-6 * len(pool) + 2e-5
    return 2.0 * seconds if pool.lgd_kind == "wrong_way" else seconds
