"""Fair spreads of single facilities."""

from __future__ import annotations

import numpy as np

from rackrisk.kernels.tally import CARRIED_BITS, SQUARE_BITS, Tally
from rackrisk.models.book import BuiltBook
from rackrisk.models.contributions import LevelEstimate
from rackrisk.models.measures import Ratios, ratio_from_sums
from rackrisk.models.tables import FACILITIES_AT_A_TIME

from ._book import PricedBook
from ._fair import Array, FairSpreads, ceilings


def fair_facilities(book: PricedBook, estimate: LevelEstimate) -> FairSpreads:
    """Fair spread of every facility, [F].

    The loss component is a ratio of means over scenarios, its error that of a ratio estimator. The capital of a
    facility is its contribution to the ES, held in proportion to the balance that is still owed: hurdle x contribution
    / today's balance is paid on every dollar outstanding. Both move together in the tail, which the error knows.

    Args:
        estimate: at the capital level.
    """
    n, balance, pv = book.n_scenarios, book.balance_usd, book.pv_balance_usd_years
    rate, mean = book.config.hurdle_annual / balance, book.tally.facility_loss / n
    share, paid = loss_ratio(book.built, book.tally, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.where(pv > 0, book.mean_loss_usd / pv, np.nan)
        loss_error = np.where(mean > 0, loss * share.std_error / share.value, 0.0 if n > 1 else np.nan)
        residual = estimate.influence.with_residual(book.tally.facility_loss / paid) / n / max(n - 1, 1)
        together = np.where(mean > 0, loss / mean * rate * book.quantum_usd * residual, 0.0)
    capital, capital_error = estimate.es[: len(balance)], estimate.es_error[: len(balance)]
    charge_error = rate * capital_error
    return FairSpreads(
        loss=loss,
        loss_error=loss_error,
        capital_usd=capital,
        capital_error_usd=capital_error,
        charge=rate * capital,
        charge_error=charge_error,
        error=np.sqrt(np.maximum(loss_error**2 + charge_error**2 + 2 * together, 0.0)),
        **ceilings(balance, pv, n=n, level=estimate.level, hurdle=book.config.hurdle_annual),
    )


def _paid_months(balance_usd: Array, carried: Array) -> Array:
    """Balance times the share that paid interest, summed over months and scenarios, [N]."""
    found = np.empty(balance_usd.shape[1])
    for first in range(0, found.size, FACILITIES_AT_A_TIME):
        place = slice(first, first + FACILITIES_AT_A_TIME)
        found[place] = (balance_usd[:-1, place] * carried[:, place]).sum(axis=0)
    return found


def loss_ratio(built: BuiltBook, tally: Tally, n: int) -> tuple[Ratios, Array]:
    """Loss over the balance that paid interest, both as shares, with its error; and the sum of the second, [F].

    The balance is that of the whole obligor: if it has several facilities, theirs are taken to be a fixed part of it.
    """
    debt, scale, owner = built.book.debt, built.scale, built.book.facilities.obligor
    months = _paid_months(debt.balance_usd, tally.carried) * 2.0**-CARRIED_BITS
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = months[owner] / scale.most_paid_usd_months * 2.0**SQUARE_BITS
        lost = tally.facility_loss * float(scale.loss_quantum_usd) / scale.first_balance_usd * 2.0**SQUARE_BITS
        squares = {
            "sum_aa": tally.facility_loss_squares,
            "sum_ab": tally.facility_loss_paid,
            "sum_bb": tally.facility_paid_squares,
        }
        return ratio_from_sums(lost, paid, **squares, n=n), paid
