"""An obligor's months as a table."""

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from rackrisk.kernels.arrays import Book
from rackrisk.kernels.replay import sales
from rackrisk.models.market import REGIMES

from ._life import Life, Month

OWING_USD = 1e-3  # less than this due, or held as collateral, gives no ratio worth showing


class Channels(NamedTuple):
    """Columns of the paths that matter to an obligor."""

    cash: list[int]
    value: list[int]


def channels_of(book: Book) -> Channels:
    """Cash channels that the book's one obligor earns from or pays, and value channels that it owns or may sell."""
    cash, assets, terms = book.cash, book.assets, book.terms
    earned = np.abs(cash.merchant).sum(axis=(0, 2)) + np.abs(cash.released).sum(axis=(0, 2))
    earned[book.power_channel] += np.abs(cash.contract_power_usd_month).sum()
    owned = assets.units.sum(axis=1)
    owned[book.coin_channel] += float(terms.coins[0] + terms.pledged_coins[0])
    return Channels(np.flatnonzero(earned).tolist(), np.flatnonzero(owned).tolist())


def ledger(life: Life) -> pl.DataFrame:
    """A row a month: money in USD, ratios as multiples, prices in the units of their channels.

    `debt_usd, ltv, dscr, due_usd, secured_usd` as the month finds them (collateral at prices after last month's sales);
    `cash_usd, coins, pledged_coins, prepaid_share, debt_after_usd` as it leaves them. In the month of a default nothing
    is paid, and cash is what the estate holds. `paid_by_*_usd` are what support, not income, paid of service and
    balloon.
    """
    told, channels = life.told, channels_of(life.scene.book)
    inventory, impact = sales(told.opened.built.book, told.paths, told.replay.default_month)
    rows = []
    for month in life.months:
        row = {"month": month.t, "date": _month_of(told.as_of, month.t), **_money(life, month)}
        row |= {told.cash_names[c]: float(told.paths.cash[0, month.t, c]) for c in channels.cash}
        for v in channels.value:
            name = told.value_names[v]
            row |= {name: float(told.paths.price[0, month.t, v]), f"for_sale_{name}": float(inventory[month.t, v])}
            row |= {f"impact_{name}": float(impact[month.t, v])}
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _money(life: Life, month: Month) -> dict[str, Any]:
    paths, now, done = life.scene.paths, month.reading, month.settled
    defaulted = month.t == life.default_month
    due, debt, secured = (float(x[0, 0]) for x in (now.due, now.debt, now.secured))
    cfads = float(now.cfads[0, 0])
    after = month.after
    return {
        "regime": REGIMES[int(paths.regime[0, month.t])],
        "short_rate": float(paths.short_rate[0, month.t]),
        "debt_usd": debt,
        "due_usd": due,
        "balloon_usd": float(((1 - done.prepaid) * life.scene.book.debt.balloon_usd[month.t])[0, 0]),
        "cfads_usd": cfads,
        "dscr": cfads / due if due > OWING_USD else None,
        "secured_usd": secured,
        "ltv": debt / secured if secured > OWING_USD else None,
        **(dict.fromkeys(SUPPORT, 0.0) if defaulted else support(life, month)),
        "lent_usd": 0.0 if defaulted else month.lent_usd,
        "swept_usd": 0.0 if defaulted else swept_usd(life, month),
        "distributed_usd": 0.0 if defaulted else distributed_usd(life, month),
        "cash_usd": float(after.cash_usd[0, 0]),
        "coins": float(after.coins[0, 0]),
        "pledged_coins": float(after.pledged_coins[0, 0]),
        "prepaid_share": float(after.prepaid[0, 0]),
        "debt_after_usd": debt if defaulted else month.debt_after_usd,
    }


SUPPORT = ("paid_by_cash_usd", "paid_by_coins_usd", "paid_by_sponsor_usd", "paid_by_guarantor_usd")


def support(life: Life, month: Month) -> dict[str, float]:
    """What accounts, sponsor and guarantor paid of service and balloon, USD."""
    service, balloon = service_support(life, month), balloon_support(month)
    return {name: service[name] + balloon[name] for name in SUPPORT}


def service_support(life: Life, month: Month) -> dict[str, float]:
    """What they paid of debt service."""
    before, drawn, price = month.before, month.settled.drawn, month.reading.coin_price
    backed = life.scene.guarantor_death > month.t
    paid = (
        before.cash_usd - drawn.cash,
        (before.coins - drawn.coins) * price,
        before.cure_usd - drawn.cure,
        np.where(backed, before.guarantee_usd - drawn.guarantee, 0.0),
    )
    return dict(zip(SUPPORT, (float(amount[0, 0]) for amount in paid), strict=True))


def balloon_support(month: Month) -> dict[str, float]:
    """What they paid of a balloon that no new lender took over."""
    done, placed, price = month.settled, month.settled.placed, month.reading.coin_price
    paid = (
        done.kept_usd - placed.cash,
        (done.call.free - placed.coins) * price,
        done.drawn.cure - placed.cure,
        done.drawn.guarantee - placed.guarantee,
    )
    return dict(zip(SUPPORT, (float(amount[0, 0]) for amount in paid), strict=True))


def swept_usd(life: Life, month: Month) -> float:
    """Excess cash that prepaid debt."""
    debt = life.scene.book.debt
    left = (1 - month.before.prepaid) * (debt.balance_usd[month.t] + debt.balloon_usd[month.t])
    return float((month.settled.swept_share * left)[0, 0])


def distributed_usd(life: Life, month: Month) -> float:
    """Excess cash that left to equity."""
    now, done = month.reading, month.settled
    cash = done.drawn.cash + np.maximum(now.cfads - now.due, 0)
    return max(float((cash - done.kept_usd)[0, 0]) - swept_usd(life, month), 0.0)


def _month_of(as_of: date, months: int) -> str:
    count = as_of.year * 12 + as_of.month - 1 + months
    return f"{count // 12}-{count % 12 + 1:02d}"
