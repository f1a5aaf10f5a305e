"""A fair spread with its error, and what is left of a quoted one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rackrisk.models.measures import ratio_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FairSpreads:
    """Fair spreads of some facilities or groups, per year; errors and limits NaN where the sample has none.

    Attributes:
        loss, loss_error: expected loss over the present value of the balance.
        capital_usd, capital_error_usd: contribution to the ES.
        charge, charge_error: the hurdle on it.
        error: standard error of loss + charge.
        loss_ceiling, charge_ceiling: upper limits of the two parts where no loss was seen, at all or in the tail.
    """

    loss: Array
    loss_error: Array
    capital_usd: Array
    capital_error_usd: Array
    charge: Array
    charge_error: Array
    error: Array
    loss_ceiling: Array
    charge_ceiling: Array

    @property
    def fair(self) -> Array:
        """Loss component and capital charge."""
        return self.loss + self.charge

    def interval(self, confidence: float) -> tuple[Array, Array]:
        """Limits of the fair spread; what was not seen is from nothing to its ceiling."""
        in_tail, known = self.charge > 0, np.isfinite(self.error)
        error = np.where(in_tail | ~known, self.error, self.loss_error)
        low, high = ratio_interval(self.fair, error, confidence=confidence)
        nothing = known & (self.fair == 0)
        low, high = np.where(nothing, 0.0, low), np.where(nothing, self.loss_ceiling, high)
        return low, np.where(in_tail, high, high + self.charge_ceiling)


def ceilings(
    balance_usd: Array, pv_balance_usd_years: Array, *, n: int, level: float, hurdle: float
) -> dict[str, Array]:
    """Loss component and capital charge of a facility that lost nothing in n scenarios, at most, at 95 %.

    That is also what intervals of another confidence use. An event that was not seen has a probability of at most
    1 - 0.025^(1/n) (Clopper and Pearson 1934, both sides); it
    can cost no more than the balance, and its part of the tail is no more than its probability over 1 - level.
    """
    probability = -np.expm1(np.log(0.025) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.where(pv_balance_usd_years > 0, probability * balance_usd / pv_balance_usd_years, np.nan)
    return {
        "loss_ceiling": loss,
        "charge_ceiling": np.full_like(loss, hurdle * min(probability / (1 - level), 1.0)),
    }
