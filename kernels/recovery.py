"""From defaults to losses: what the collateral fetches, who gets it, and what is lost.

Written once for NumPy and JAX (`xp`), like the month. Runs once per scenario, after its last month.
"""

from typing import Any, NamedTuple

from .accounts import TINY_USD
from .arrays import Book, Paths, State
from .balances import debt_at_default, facility_balances_at_default, rank_balances_at_default


class FacilityLoss(NamedTuple):
    """Outcome of each facility, [S, F]; zero where its obligor did not default."""

    default_month: Any  # int32, 0 without default
    exposure_usd: Any  # principal outstanding at default, not discounted
    loss_usd: Any  # discounted to the as-of date
    exposure_pv_usd: Any  # principal outstanding at default, discounted
    paid_usd_months: Any  # discounted debt that paid interest, added up over the months: of the whole obligor


def sale_prices(xp: Any, book: Book, paths: Paths, impact: Any) -> Any:
    """Discounted dollars from one unit of an asset whose owner defaults in month t: [S, T+1, V].

    The month's price impact, the market price and discount `lag` months later, the physical haircut and costs.

    Args:
        impact: [S, T+1, V] price impact factor at the end of each month.
    """
    months = impact.shape[1]
    later = xp.arange(months)[:, None] + book.liquidation.lag_months
    channels = xp.arange(book.liquidation.lag_months.shape[0])
    return impact * paths.price[:, later, channels] * paths.discount[:, later] * book.liquidation.kept_share


class Estate(NamedTuple):
    """What a defaulted obligor leaves, [S, N], in dollars of today."""

    secured: Any  # pledged assets and coins, cash account
    free: Any  # other assets and coins, what the guarantee still covers
    discount: Any  # value today of a dollar at default


def estate(xp: Any, book: Book, paths: Paths, impact: Any, end: State) -> Estate:
    """Sell the assets and gather the accounts as they were at default."""
    rows, at = xp.arange(end.default_month.shape[0])[:, None], xp.maximum(end.default_month, 1)
    price = sale_prices(xp, book, paths, impact)[rows, at]  # [S, N, V]
    discount = paths.discount[rows, at]
    coin = price[:, :, book.coin_channel]
    owned, pledged = (
        sum(price[:, :, v] * units[v] for v in range(price.shape[2]))
        for units in (book.assets.units, book.assets.pledged_units)
    )
    return Estate(
        secured=pledged + end.pledged_coins * coin + end.cash_usd * discount,
        free=owned - pledged + end.coins * coin + end.guarantee_usd * discount,
        discount=discount,
    )


class Waterfall(NamedTuple):
    """Who is paid from an estate, in dollars of today."""

    claims: list[Any]  # [S, N] of each rank
    unpaid: list[Any]  # [S, N] of each rank, after the secured part
    covered: Any  # [S, N] share of what is unpaid that the rest of the estate pays


def waterfall(xp: Any, book: Book, left: Estate, end: State) -> Waterfall:
    """Secured ranks take the secured part of the estate in turn; what is left of it and the free part go to all unpaid
    claims alike.
    """
    owed = (1 - end.prepaid) * left.discount
    debt = debt_at_default(xp, book, end)
    claims = [owed * balance for balance in rank_balances_at_default(xp, book.ranks, debt, end)]
    secured, unpaid = left.secured, []
    for claim in claims[:-1]:
        paid = xp.minimum(claim, secured)
        secured = secured - paid
        unpaid.append(claim - paid)
    unpaid.append(claims[-1])
    return Waterfall(claims, unpaid, xp.minimum((secured + left.free) / xp.maximum(sum(unpaid), TINY_USD), 1))


def lost_share(xp: Any, book: Book, left: Estate, end: State) -> Any:
    """Share of each rank's claim that is lost, in dollars of today per dollar owed at default: [3, S, N].

    The caller applies each facility's `unsecured_recovery` to it.
    """
    claims, unpaid, covered = waterfall(xp, book, left, end)
    lost = [
        (1 - covered) * left.discount * missing / xp.maximum(claim, TINY_USD)
        for claim, missing in zip(claims, unpaid, strict=True)
    ]
    return xp.where(end.default_month > 0, xp.stack(lost), 0)


def facility_losses(xp: Any, book: Book, paths: Paths, impact: Any, end: State) -> FacilityLoss:
    """Exposure and loss of every facility; a default of the obligor hits all its facilities."""
    facilities = book.facilities
    lost = lost_share(xp, book, estate(xp, book, paths, impact, end), end)
    default_month = end.default_month[:, facilities.obligor]
    balance = facility_balances_at_default(xp, facilities, debt_at_default(xp, book, end), end)
    exposure = xp.where(default_month > 0, (1 - end.prepaid)[:, facilities.obligor] * balance, 0)
    share = lost[facilities.rank, :, facilities.obligor].T * (1 - facilities.unsecured_recovery)
    rows = xp.arange(default_month.shape[0])[:, None]
    return FacilityLoss(
        default_month=default_month,
        exposure_usd=exposure,
        loss_usd=exposure * share,
        exposure_pv_usd=exposure * paths.discount[rows, default_month],
        paid_usd_months=end.paid_usd_months[:, facilities.obligor],
    )
