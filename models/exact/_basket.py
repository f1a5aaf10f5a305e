"""Spreads of basket credit derivatives on equal names in the one-factor Gaussian or Student t copula.

J. Hull and A. White (2004), "Valuation of a CDO and an nth to default CDS without Monte Carlo simulation", Journal of
Derivatives 12 (2), 8-23. Default times come from one latent variable per name: default by t when it is below the
quantile of 1 - exp(-hazard t). Premiums are paid in arrears with accrual to the default, taken at the middle of its
period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._array import Array
from ._checks import fractions, not_negative, positive
from ._homogeneous import homogeneous_distribution
from ._loss_distribution import LossDistribution


@dataclass(frozen=True, kw_only=True)
class EqualNames:
    """A basket of equal names.

    Attributes:
        count: number of names.
        hazard_annual: flat default intensity, >= 0.
        recovery: fraction of the notional recovered at default, [0, 1).
        rate_annual: flat interest rate, continuously compounded.
        maturity_years: life of the contract, > 0.
        correlation: pairwise asset correlation in [0, 1]; the loading is its square root.
        payments_per_year: premium dates per year.
        dof: degrees of freedom of the Student t copula; None for Gaussian.
    """

    count: int
    hazard_annual: float
    recovery: float
    rate_annual: float
    maturity_years: float
    correlation: float
    payments_per_year: int = 4
    dof: float | None = None

    def __post_init__(self) -> None:
        not_negative("hazard_annual", self.hazard_annual)
        fractions("recovery", self.recovery)
        positive("maturity_years", self.maturity_years)
        positive("payments_per_year", self.payments_per_year)


def nth_to_default_spread(basket: EqualNames, rank: int) -> float:
    """Running spread per year of protection on the rank-th default, a decimal fraction of one name's notional.

    Args:
        basket: the names.
        rank: 1 for the first default.

    Raises:
        ValueError: a rank outside 1, ..., count.
    """
    if not 1 <= rank <= basket.count:
        raise ValueError(f"rank must lie between 1 and {basket.count}, got {rank!r}")
    occurred = _over_time(basket, lambda law: float(law.probabilities[rank:].sum()))
    return _spread(basket, lost=(1.0 - basket.recovery) * occurred, outstanding=1.0 - occurred)


def cdo_tranche_spread(basket: EqualNames, attach: float, detach: float) -> float:
    """Running spread per year of a tranche, a decimal fraction of its outstanding notional.

    Recoveries reduce the notional of the most senior tranche from the top, as in Hull and White; that is noticed only
    where `detach` is above 1 - (share recovered).

    Args:
        basket: the names.
        attach: lower end, a share of the pool's notional.
        detach: upper end.

    Raises:
        ValueError: not 0 <= attach < detach <= 1.
    """
    if not 0.0 <= attach < detach <= 1.0:
        raise ValueError(f"a tranche needs 0 <= attach < detach <= 1, got {attach!r} and {detach!r}")
    loss = (1.0 - basket.recovery) / basket.count
    recovered = basket.recovery / basket.count

    def lost(law: LossDistribution) -> float:
        return float(np.clip(loss * np.arange(basket.count + 1) - attach, 0.0, detach - attach) @ law.probabilities)

    def repaid(law: LossDistribution) -> float:
        top = recovered * np.arange(basket.count + 1) - (1.0 - detach)
        return float(np.clip(top, 0.0, detach - attach) @ law.probabilities)

    losses, amortised = _over_time(basket, lost), _over_time(basket, repaid)
    return _spread(basket, lost=losses, outstanding=detach - attach - losses - amortised)


def _over_time(basket: EqualNames, figure: Callable[[LossDistribution], float]) -> Array:
    """float64[dates + 1]: a figure of the number of defaults at time 0 and at each premium date."""
    pds = -np.expm1(-basket.hazard_annual * _dates(basket))
    return np.array(
        [figure(homogeneous_distribution(basket.count, pd, basket.correlation, dof=basket.dof)) for pd in pds.tolist()]
    )


def _dates(basket: EqualNames) -> Array:
    """Time 0 and the premium dates in years, counted back from maturity."""
    period = 1.0 / basket.payments_per_year
    periods = int(np.ceil(basket.maturity_years / period - 1e-9))
    return np.maximum(basket.maturity_years - period * np.arange(periods, -1, -1), 0.0)


def _spread(basket: EqualNames, *, lost: Array, outstanding: Array) -> float:
    """Discounted losses over the discounted premium of 1: half a period's premium accrues on what is lost in it."""
    dates = _dates(basket)
    paid = np.exp(-basket.rate_annual * dates[1:])
    middle = np.exp(-basket.rate_annual * 0.5 * (dates[1:] + dates[:-1]))
    periods, gone = np.diff(dates), -np.diff(outstanding)
    premium = periods @ (paid * outstanding[1:]) + 0.5 * periods @ (middle * gone)
    return float(middle @ np.diff(lost) / premium)
