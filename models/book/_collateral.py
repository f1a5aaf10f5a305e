"""What every obligor owns, how it would be sold, and what a new lender would offer on it."""

import numpy as np

from rackrisk.kernels import arrays
from rackrisk.kernels.tally import power_of_two_quantum
from rackrisk.models.market import MarketConfig
from rackrisk.models.recovery import RecoveryConfig

from ._exposure import Exposure
from ._rows import Rows

QUANTA_BITS = 23  # sums of sale quanta stay below 2^24, exact in float32


def assets(rows: Rows, exposure: Exposure, coin_channel: int) -> arrays.Assets:
    """Units owned, and the same in whole quanta for the inventory for sale, coins included."""
    units = rows.total(exposure.units)
    sold = units.copy()
    sold[coin_channel] = rows.total(rows.number("btc_pledged") + rows.number("btc_treasury"))
    quantum = np.array([power_of_two_quantum(total, QUANTA_BITS) if total > 0 else 1.0 for total in sold.sum(axis=1)])
    return arrays.Assets(
        units=units,
        pledged_units=rows.total(rows.number("pledged_share", 1.0) * exposure.units),
        sale_quanta=np.round(sold / quantum[:, None]),
        quantum=quantum,
    )


def liquidation(market: MarketConfig, recovery: RecoveryConfig, channels: list[int]) -> arrays.Liquidation:
    """Terms of sale of the value channels that the book uses."""
    gpus = [recovery.gpus.get(name, recovery.gpus["default"]) for name in market.generations]
    asics = [recovery.asics.get(name, recovery.asics["default"]) for name in market.asics]
    every = [*gpus, *asics, recovery.btc, recovery.site]
    sales = [every[channel] for channel in channels]
    return arrays.Liquidation(
        impact=np.array([sale.impact for sale in sales]),
        depth=np.array([sale.depth_units_month.values() for sale in sales]).T,
        floor=np.array([sale.floor for sale in sales]),
        absorption=np.array([sale.absorption_monthly for sale in sales]),
        lag_months=np.array([sale.lag_months for sale in sales], np.int32),
        kept_share=np.array([(1 - sale.haircut) * (1 - sale.cost) for sale in sales]),
        system_multiple=np.array(recovery.system_multiple),
    )


def refinancing(recovery: RecoveryConfig, units: np.ndarray) -> arrays.Refinancing:
    """Terms of a new loan; owners of powered sites without machines are offered the sites' longer tenor."""
    terms = recovery.refinancing
    machines, sites = units[:-1].sum(axis=0), units[-1]
    sites_alone = (sites > 0) & (machines == 0)
    return arrays.Refinancing(
        ltv=np.array(terms.ltv.values()),
        dscr=np.array(terms.dscr.values()),
        spread_annual=np.array(terms.spread_annual.values()),
        tenor_months=np.where(sites_alone, terms.site_tenor_months, terms.tenor_months).astype(np.float64),
    )
