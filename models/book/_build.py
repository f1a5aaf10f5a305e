"""From a checked tape to the arrays of an engine.

What several rows of one obligor bring (capacity, contracts, debt) is added up; what they must agree on is taken from
the first. Channels that no loan of the book touches are left out.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rackrisk.kernels import arrays
from rackrisk.kernels.filed import set_aside
from rackrisk.kernels.streams import streams
from rackrisk.kernels.tally import Scale
from rackrisk.models.market import MarketConfig, cash_channels, value_channels
from rackrisk.models.recovery import RecoveryConfig

from ._cash import cash, counterparty_pds
from ._collateral import assets, liquidation, refinancing
from ._debt import owed
from ._exposure import exposures
from ._reporting import reporting
from ._rows import Rows
from ._terms import terms


@dataclass(frozen=True)
class BuiltBook:
    """An engine's book and what its rows and columns are called."""

    book: arrays.Book
    scale: Scale
    facilities: pl.DataFrame  # the tape in the book's order
    scopes: list[str]  # the portfolio and its reporting groups, in the order of the tally's columns
    counterparty_pd_annual: dict[str, float]  # in the order of counterparties 1, 2, ...
    cash_channels: list[int]  # columns of the market's cash paths that the book uses
    value_channels: list[int]
    lag_months: int  # longest resale lag


def build_book(
    tape: pl.DataFrame,
    *,
    market: MarketConfig,
    recovery: RecoveryConfig,
    as_of: date,
    months: int,
    segments: tuple[str, ...] = ("segment",),
) -> BuiltBook:
    """Arrays for a checked tape (see `rackrisk.data.read_tape`).

    Args:
        months: horizon T.
        segments: tape columns to report by.
    """
    rows = Rows.of(tape, as_of)
    pds = counterparty_pds(rows.tape, market.counterparties.default_pd_annual)
    exposure = exposures(rows.tape, market)
    coin, power = value_channels(market).index("btc"), cash_channels(market).index("power")
    owned = assets(rows, exposure, coin)
    used_cash = _used(np.concatenate([*exposure.merchant, exposure.released], axis=1), power)
    used_value = _used(owned.units + owned.sale_quanta, coin)
    sales = liquidation(market, recovery, used_value)
    due = owed(rows, market, exposure, months, unsecured_recovery=recovery.unsecured_recovery)
    scopes, scale = reporting(rows, segments, due.debt.balance_usd)
    book = arrays.Book(
        stream=streams(rows.obligors),
        cash=cash(rows, exposure, market, counterparties=list(pds), channels=used_cash),
        debt=due.debt,
        terms=terms(rows, list(pds)),
        assets=owned._replace(
            units=owned.units[used_value],
            pledged_units=owned.pledged_units[used_value],
            sale_quanta=owned.sale_quanta[used_value],
            quantum=owned.quantum[used_value],
        ),
        liquidation=sales,
        refinancing=refinancing(recovery, owned.units),
        facilities=due.facilities,
        ranks=due.ranks,
        coin_channel=used_value.index(coin),
        power_channel=used_cash.index(power),
    )
    lag = int(sales.lag_months.max(initial=0))
    return BuiltBook(book, scale, rows.tape, scopes, pds, used_cash, used_value, lag)


def set_schedules_aside(built: BuiltBook) -> None:
    """Let the schedules of a large book leave memory; they can be read as before."""
    for schedule in built.book.debt:
        set_aside(schedule)


def _used(table: np.ndarray, always: int) -> list[int]:
    """Rows with any exposure, and the one that is always kept."""
    return np.union1d(np.flatnonzero(table.any(axis=1)), [always]).tolist()
