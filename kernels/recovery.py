"""From defaults to losses: what the collateral fetches, who gets it, and what is lost.

Written once for NumPy and JAX (`xp`), like the month. Runs once per scenario, after its last month.
"""

from typing import Any, NamedTuple

from .arrays import Book, Paths, State

RANKS = 3  # senior secured, second lien, unsecured


class FacilityLoss(NamedTuple):
    """Outcome of each facility, [S, F]; zero where its obligor did not default."""

    default_month: Any  # int32, 0 without default
    exposure_usd: Any  # principal outstanding at default, not discounted
    loss_usd: Any  # discounted to the as-of date
    exposure_pv_usd: Any  # principal outstanding at default, discounted


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


def lost_share(xp: Any, book: Book, paths: Paths, impact: Any, end: State) -> Any:
    """Share of each rank's claim that is lost, in dollars of today per dollar owed at default: [3, S, N].

    Secured ranks take the pledged assets, the pledged coins and the cash account in turn; what is left of them, the
    free assets, the free coins and the guarantee go to all unpaid claims alike. The caller applies each facility's
    `unsecured_recovery` to the rest.
    """
    at = xp.maximum(end.default_month, 1)
    rows = xp.arange(at.shape[0])[:, None]
    price = sale_prices(xp, book, paths, impact)[rows, at]  # [S, N, V]
    discount = paths.discount[rows, at]
    owned = sum(price[:, :, v] * book.assets.units[v] for v in range(price.shape[2]))
    coin = price[:, :, book.coin_channel]
    secured = book.assets.pledged_share * owned + end.pledged_coins * coin + end.cash_usd * discount
    free = (1 - book.assets.pledged_share) * owned + end.coins * coin + end.guarantee_usd * discount

    columns = xp.arange(at.shape[1])
    scale = (1 - end.prepaid) * discount
    unpaid = []
    for rank in range(RANKS):
        claim = scale * book.rank_balance_usd[rank][at - 1, columns]
        paid = xp.minimum(claim, secured) if rank < RANKS - 1 else 0 * claim
        secured = secured - paid
        unpaid.append((claim, claim - paid))
    deficiency = sum(missing for _, missing in unpaid)
    spread = 1 - xp.minimum((secured + free) / xp.maximum(deficiency, 1e-9), 1)
    defaulted = end.default_month > 0
    return xp.stack(
        [xp.where(defaulted, discount * missing * spread / xp.maximum(claim, 1e-9), 0) for claim, missing in unpaid]
    )


def facility_losses(xp: Any, book: Book, paths: Paths, impact: Any, end: State) -> FacilityLoss:
    """Exposure and loss of every facility; a default of the obligor hits all its facilities."""
    facilities = book.facilities
    lost = lost_share(xp, book, paths, impact, end)
    default_month = end.default_month[:, facilities.obligor]
    at = xp.maximum(default_month - 1, 0)
    balance = facilities.balance_usd[at, xp.arange(facilities.obligor.shape[0])]
    exposure = xp.where(default_month > 0, (1 - end.prepaid)[:, facilities.obligor] * balance, 0)
    share = lost[facilities.rank, :, facilities.obligor].T * (1 - facilities.unsecured_recovery)
    rows = xp.arange(at.shape[0])[:, None]
    return FacilityLoss(default_month, exposure, exposure * share, exposure * paths.discount[rows, default_month])
