"""Exact integer sums of what a tile of scenarios showed.

Floating sums depend on their order; these do not, so a result is the same for any batch, worker or device count.
Money is rounded to a quantum (a power of two chosen from the book's total balance) per facility or obligor, and added
as integers; where a matrix product adds them, all sums stay below 2^53 and are exact in float64.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .accounts import TINY_USD
from .arrays import Book, MonthView, State
from .recovery import FacilityLoss
from .sums import count_by

LOSS_BITS = 36  # total balance in loss quanta: at most 2^36, so 2^26 scenarios fit 62 bits
VIEW_BITS = 30  # the same for monthly balances and values, summed over scenarios and obligors
SQUARE_BITS = 15  # loss as a share of the initial balance, for the squares of standard errors
DSCR_LEVELS = (1.2, 1.0)
CARRIED_BITS = 20  # shares of debt that paid interest; a tile of 1,024 scenarios fits 31 bits
WATCHED_SHARE, MAX_WATCHED = 8, 8  # early warning looks at part of a tile: its tables need less than a tail does


class Scale(NamedTuple):
    """Quanta and group membership a tally is made with."""

    loss_quantum_usd: Any  # []
    view_quantum_usd: Any  # []
    first_balance_usd: Any  # [F]
    most_paid_usd_months: Any  # [F] what `paid_usd_months` of the facility's obligor cannot exceed
    facility_in_group: Any  # [G, F] float64, one-hot
    obligor_in_group: Any  # [G, N] float64, one-hot


class MonthTally(NamedTuple):
    """One month, summed over the tile's watched scenarios, int64 [G]; defaults are of every scenario."""

    performing: Any
    serving: Any  # performing with something due this month and income to pay it from: those whose cover is looked at
    dscr_below_1_2: Any
    dscr_below_1_0: Any
    ltv_above_covenant: Any
    debt: Any  # view quanta, like the two values
    book_value: Any
    clearing_value: Any
    defaulted_debt: Any  # of every scenario
    defaults: Any  # [S, G] whole numbers, by scenario


class Tally(NamedTuple):
    """What a tile adds to a run; int64, but `carried` of up to 1,024 scenarios may be int32."""

    loss: Any  # [S, G] loss quanta of each scenario
    exposure: Any  # [S, G] discounted exposure at default, loss quanta
    paid: Any  # [S, G] discounted debt that paid interest, view quanta times months; obligors by their group
    months: MonthTally  # each with a leading month dimension; defaults summed, [T, G]
    watched: Any  # [] scenarios behind `months`
    default_squares: Any  # [T, G] sum over scenarios of squared cumulative defaults
    causes: Any  # [3, G] defaults by cause
    cause_squares: Any  # [3, G] sum over scenarios of squared defaults by cause
    facility_defaults: Any  # [Y, F] defaults within 1, 2, ... years
    facility_loss: Any  # [F] loss quanta
    facility_loss_squares: Any  # [F] in units of 4^-SQUARE_BITS of the squared initial balance
    facility_loss_paid: Any  # [F] products of loss and paid share, in units of 4^-SQUARE_BITS
    facility_paid_squares: Any  # [F] squared paid shares, in units of 4^-SQUARE_BITS
    facility_exposure: Any  # [F] undiscounted, loss quanta
    facility_exposure_pv: Any  # [F] loss quanta
    carried: Any  # [T, N] discounted shares of the scheduled debt that paid interest, in units of 2^-CARRIED_BITS


class FacilityRows(NamedTuple):
    """What single scenarios did to single facilities, [S, F]; only replays keep it."""

    loss: Any  # int64 loss quanta; over the facilities of a group they add up to the tally's loss
    paid_share: Any  # int32 debt of the obligor that paid interest over the most there can be, units of 2^-SQUARE_BITS


BY_SCENARIO = ("loss", "exposure", "paid")  # fields with a row a scenario; all others are sums over them


def map_fields(function: Callable[..., Any], *tallies: Tally) -> Tally:
    """Apply a function to the same field of all tallies, field by field."""
    months = MonthTally(*(function(*fields) for fields in zip(*(tally.months for tally in tallies), strict=True)))
    others = {
        name: function(*(getattr(tally, name) for tally in tallies)) for name in Tally._fields if name != "months"
    }
    return Tally(months=months, **others)


def power_of_two_quantum(total: float, bits: int) -> float:
    """Smallest power of two q with total / q <= 2^bits."""
    return float(2.0 ** np.ceil(np.log2(max(total, 1e-300)) - bits))


def tally_month(xp: Any, book: Book, scale: Scale, view: MonthView, valid: Any) -> MonthTally:
    """Count one month's early-warning signs; `valid` [S, 1] is false for scenarios that only fill the tile."""
    counted = view.performing & valid
    serving = counted & book.cash.earns & (view.due_usd > 0)
    low_cover, no_cover = (serving & (view.dscr < level) for level in DSCR_LEVELS)
    high_ltv = counted & (view.ltv > book.terms.covenant_ltv)
    defaulted = view.defaulted & valid
    amounts = (view.debt_usd, view.book_value_usd, view.clearing_value_usd)
    quanta = [xp.where(counted, usd / scale.view_quantum_usd, 0) for usd in amounts]
    defaulted_debt = xp.where(defaulted, xp.round(view.debt_usd / scale.view_quantum_usd), 0).astype(xp.float64)
    seen = (counted, serving, low_cover, no_cover, high_ltv, *quanta)
    rows = [xp.round(_over_watched(xp, values)) for values in seen]
    return MonthTally(
        *(_integer(xp, scale.obligor_in_group @ row) for row in (*rows, xp.sum(defaulted_debt, axis=0))),
        defaults=count_by(xp, defaulted, scale.obligor_in_group.astype(xp.float32)),
    )


def tally_carried(xp: Any, view: MonthView, valid: Any) -> Any:
    """One month's discounted shares of debt that paid interest, summed over scenarios: int32 [N]."""
    share = xp.where(valid, xp.round(view.carried * 2.0**CARRIED_BITS), 0)
    return xp.sum(share.astype(xp.int32), axis=0, dtype=xp.int32)


def watched(scenarios: int) -> int:
    """How many scenarios of a tile early warning looks at."""
    return min(max(scenarios // WATCHED_SHARE, 1), MAX_WATCHED)


def _over_watched(xp: Any, values: Any) -> Any:
    """Sum of the first scenarios, row after row: [S, N] to float64 [N]."""
    total = values[0].astype(xp.float64)
    for row in range(1, watched(values.shape[0])):
        total = total + values[row].astype(xp.float64)
    return total


def tally_tile(
    xp: Any, scale: Scale, months: MonthTally, losses: FacilityLoss, end: State, *, carried: Any, valid: Any
) -> Tally:
    """Sum a finished tile.

    Args:
        months: every field with a leading month dimension.
        end: the last state.
        carried: int32 [T, N] of `tally_carried`.
        valid: [S, 1].
    """

    def quanta(amount: Any) -> Any:
        return xp.where(valid, xp.round(amount.astype(xp.float64) / scale.loss_quantum_usd), 0)

    loss, exposure_pv = _loss_quanta(xp, scale, losses, valid), quanta(losses.exposure_pv_usd)
    share = xp.round(losses.loss_usd.astype(xp.float64) / scale.first_balance_usd * 2.0**SQUARE_BITS)
    paid_share = _paid_share(xp, scale, losses, valid)
    paid = xp.where(valid, xp.round(end.paid_usd_months.astype(xp.float64) / scale.view_quantum_usd), 0)
    cumulative = _integer(xp, xp.cumsum(months.defaults, axis=0))  # [T, S, G]
    causes = (xp.arange(1, 4, dtype=xp.int32)[:, None, None] == end.cause) & valid
    in_group = scale.obligor_in_group.astype(xp.float32)
    by_cause = _integer(xp, xp.stack([count_by(xp, cause, in_group) for cause in causes]))  # [3, S, G]
    exposure = quanta(losses.exposure_usd)
    return Tally(
        loss=_integer(xp, count_by(xp, loss, scale.facility_in_group)),
        exposure=_integer(xp, count_by(xp, exposure_pv, scale.facility_in_group)),
        paid=_integer(xp, count_by(xp, paid, scale.obligor_in_group)),
        months=months._replace(defaults=_integer(xp, xp.sum(months.defaults, axis=1))),
        watched=xp.sum(valid[: watched(valid.shape[0])], dtype=xp.int64),
        default_squares=xp.sum(cumulative * cumulative, axis=1),
        causes=xp.sum(by_cause, axis=1),
        cause_squares=xp.sum(by_cause * by_cause, axis=1),
        facility_defaults=_defaults_by_year(xp, losses.default_month, months.performing.shape[0], valid),
        facility_loss=_total(xp, loss),
        facility_loss_squares=_total(xp, xp.where(valid, share * share, 0)),
        facility_loss_paid=_total(xp, share * paid_share),
        facility_paid_squares=_total(xp, paid_share * paid_share),
        facility_exposure=_total(xp, exposure),
        facility_exposure_pv=_total(xp, exposure_pv),
        carried=carried,
    )


def facility_rows(xp: Any, scale: Scale, losses: FacilityLoss, valid: Any) -> FacilityRows:
    """The outcomes behind a tile's sums; `valid` [S, 1]."""
    loss, paid_share = _loss_quanta(xp, scale, losses, valid), _paid_share(xp, scale, losses, valid)
    return FacilityRows(_integer(xp, loss), paid_share.astype(xp.int32))


def _loss_quanta(xp: Any, scale: Scale, losses: FacilityLoss, valid: Any) -> Any:
    return xp.where(valid, xp.round(losses.loss_usd.astype(xp.float64) / scale.loss_quantum_usd), 0)


def _paid_share(xp: Any, scale: Scale, losses: FacilityLoss, valid: Any) -> Any:
    """Rounded, so that sums of its products are exact; zero for loans that are due before the first month."""
    most = xp.maximum(scale.most_paid_usd_months, TINY_USD)
    return xp.where(valid, xp.round(losses.paid_usd_months.astype(xp.float64) / most * 2.0**SQUARE_BITS), 0)


def _defaults_by_year(xp: Any, default_month: Any, months: int, valid: Any) -> Any:
    """Facility defaults within 12, 24, ... months, the last year cut at the horizon: int64 [Y, F]."""
    ends = xp.arange(12, months + 12, 12, dtype=xp.int32)[:, None, None]
    return xp.sum((default_month > 0) & (default_month <= ends) & valid, axis=1, dtype=xp.int64)


def _total(xp: Any, whole: Any) -> Any:
    return xp.sum(_integer(xp, whole), axis=0)


def _integer(xp: Any, whole: Any) -> Any:
    return whole.astype(xp.int64)
