"""A simulated book as pricing sees it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rackrisk.kernels.tally import Tally
from rackrisk.models.book import BuiltBook
from rackrisk.models.measures import mean_estimate
from rackrisk.models.tables import pv_balance

from ._config import PricingConfig
from ._fair import Array


@dataclass(frozen=True)
class PricedBook:
    """A book, what a run counted of it, and the terms it is priced on."""

    built: BuiltBook
    tally: Tally
    config: PricingConfig

    @property
    def n_scenarios(self) -> int:
        """Scenarios of the run."""
        return len(self.tally.loss)

    @property
    def quantum_usd(self) -> float:
        """One quantum of loss."""
        return float(self.built.scale.loss_quantum_usd)

    @property
    def balance_usd(self) -> Array:
        """At the as-of date, [F]."""
        return self.built.scale.first_balance_usd

    @cached_property
    def pv_balance_usd_years(self) -> Array:
        """Mean discounted balance that pays interest, [F]."""
        return pv_balance(self.built, self.tally, self.n_scenarios)

    @cached_property
    def mean_loss_usd(self) -> Array:
        """Expected loss, [F]."""
        return self.tally.facility_loss * self.quantum_usd / self.n_scenarios

    def loss_spread(self, group: int) -> float:
        """Expected loss of a scope over its present value of the balance; NaN without such a balance."""
        inside = self.built.scale.facility_in_group[group] > 0
        pv = float(self.pv_balance_usd_years[inside].sum())
        return float(self.mean_loss_usd[inside].sum()) / pv if pv > 0 else np.nan

    def relative_loss(self, group: int) -> Array:
        """Influence of every scenario on the logarithm of a scope's loss spread, [n]: loss over its mean, less paid
        balance over its mean. Zero where nothing is lost.
        """
        loss, paid = (field[:, group].astype(np.float64) for field in (self.tally.loss, self.tally.paid))
        if not loss.any():
            return np.zeros(len(loss))
        return loss / loss.mean() - (paid / paid.mean() if paid.any() else 1.0)


def standard_error(influence: Array) -> float:
    """Of the mean of an influence function; NaN for a single scenario."""
    error = mean_estimate(influence, confidence=0.95).std_error
    return np.nan if error is None else error
