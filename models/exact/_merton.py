"""Debt due on one day against an asset that follows geometric Brownian motion.

R. C. Merton (1974), "On the pricing of corporate debt: the risk structure of interest rates", Journal of Finance 29,
449-470.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from ._array import Array


@dataclass(frozen=True)
class MertonDebt:
    """Default and loss of a zero-coupon debt, in the shape of the inputs.

    Attributes:
        pd: P(V_T < D) = N(-d2).
        expected_loss_usd: E[max(D - V_T, 0)] at the due date, not discounted.
        put_usd: the same, discounted at the drift: the Black-Scholes put where the drift is the risk-free rate.
        loss_given_default: expected loss / (pd D); NaN where the pd is 0.
    """

    pd: Array
    expected_loss_usd: Array
    put_usd: Array
    loss_given_default: Array


def merton_debt(
    value_usd: ArrayLike,
    debt_usd: ArrayLike,
    *,
    drift_annual: ArrayLike,
    volatility_annual: ArrayLike,
    years: ArrayLike,
) -> MertonDebt:
    """Debt D due at T against an asset V with dV = mu V dt + sigma V dB; loss max(D - V_T, 0).

    With d1,2 = (ln(V / D) + (mu +- sigma^2 / 2) T) / (sigma sqrt(T)): PD = N(-d2),
    expected loss = D N(-d2) - V exp(mu T) N(-d1). Arrays broadcast.

    Args:
        value_usd: asset value today, > 0.
        debt_usd: amount due, > 0.
        drift_annual: mu; the risk-free rate for a price.
        volatility_annual: sigma, > 0.
        years: T, > 0.

    Raises:
        ValueError: a value, debt, volatility or time that is not positive.

    >>> debt = merton_debt(100.0, 70.0, drift_annual=0.05, volatility_annual=0.2, years=1.0)
    >>> round(float(debt.pd), 7)
    0.026595
    """
    v, d, mu, sigma, t = (
        np.asarray(x, dtype=np.float64) for x in (value_usd, debt_usd, drift_annual, volatility_annual, years)
    )
    if not all(np.all((x > 0.0) & np.isfinite(x)) for x in (v, d, sigma, t)):
        raise ValueError("value_usd, debt_usd, volatility_annual and years must be positive and finite")
    deviation = sigma * np.sqrt(t)
    d1 = (np.log(v / d) + (mu + 0.5 * sigma**2) * t) / deviation
    pd = ndtr(deviation - d1)
    loss = np.maximum(d * pd - v * np.exp(mu * t) * ndtr(-d1), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        given = loss / (pd * d)
    return MertonDebt(pd, loss, loss * np.exp(-mu * t), given)
