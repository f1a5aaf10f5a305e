"""One month of every obligor: the definition of the structural model.

Written once for NumPy and JAX (`xp`): the reference engine runs it in float64 month after month, the JAX engine
compiles it. `docs/model.md` has the same equations in the same order. Values are [S, N] unless said.
"""

from typing import Any, NamedTuple

import numpy as np

from .arrays import Book, MonthView, Paths, State

PAYMENT, MARGIN, REFINANCING = 1, 2, 3
TINY_RATE = 1e-9  # an annuity at no interest, without dividing by it
TINY_USD = 1e-3  # keeps ratios finite where nothing is owed or owned


class Links(NamedTuple):
    """How a scenario's counterparties bind an obligor."""

    paid_until: Any  # int32 [S, J, N], last month in which each contract pays
    guarantor_death: Any  # int32 [S, N]


class Accounts(NamedTuple):
    """Everything that can pay; coins in coins, the rest in USD."""

    cash: Any
    coins: Any
    cure: Any
    guarantee: Any


def start(xp: Any, book: Book, scenarios: int) -> State:
    """The state at the as-of date."""
    terms = book.terms
    shape = (scenarios, terms.cash_usd.shape[0])
    dtype = terms.cash_usd.dtype
    zeros, none = xp.zeros(shape, dtype), xp.zeros(shape, xp.int32)
    channels = (scenarios, book.assets.quantum.shape[0])
    return State(
        shock=zeros,
        cash_usd=xp.broadcast_to(terms.cash_usd, shape),
        coins=xp.broadcast_to(terms.coins, shape),
        pledged_coins=xp.broadcast_to(terms.pledged_coins, shape),
        prepaid=zeros,
        cure_usd=xp.broadcast_to(terms.cure_usd, shape),
        guarantee_usd=xp.broadcast_to(terms.guarantee_usd, shape),
        default_month=none,
        cause=none,
        pv_balance=zeros,
        inventory=xp.zeros(channels, dtype),
        impact=xp.ones(channels, dtype),
    )


def link(xp: Any, book: Book, paths: Paths) -> Links:
    """A contract pays until its end or until the month before its offtaker defaults."""
    alive_until = paths.death_month[:, book.cash.offtaker] - 1
    return Links(
        paid_until=xp.minimum(alive_until, book.cash.contract_end_month),
        guarantor_death=paths.death_month[:, book.terms.guarantor],
    )


def month(xp: Any, book: Book, paths: Paths, links: Links, t: Any, state: State, normal: Any) -> tuple[State, MonthView]:
    """Take every obligor from the end of month t-1 to the end of month t (t = 1..T).

    `normal` holds the standard normals of the month's idiosyncratic shocks.
    """
    coin_price = _column(paths.price[:, t, book.coin_channel] * state.impact[:, book.coin_channel])
    scale = 1 - state.prepaid
    debt = scale * book.debt.balance_usd[t - 1]
    due = scale * (book.debt.service_usd[t] + book.debt.floating_usd[t] * _column(paths.short_rate[:, t - 1]))
    performing = (state.default_month == 0) & (debt > 0)

    shock = next_shock(xp, book, state.shock, normal)
    operating = operating_cash(xp, book, paths.cash[:, t], links, t)
    cfads = xp.maximum(1 + shock, 0) * operating - book.cash.fixed_cost_usd_month

    owned = dot(paths.price[:, t] * state.impact, book.assets.units)
    secured = book.assets.pledged_share * owned + state.pledged_coins * coin_price
    ltv = debt / xp.maximum(secured, TINY_USD)
    dscr = cfads / xp.maximum(due, TINY_USD)

    debt, due, shock, cfads, owned, secured, ltv, dscr = once(xp, debt, due, shock, cfads, owned, secured, ltv, dscr)
    guaranteed = xp.where(links.guarantor_death > t, state.guarantee_usd, 0)
    accounts = Accounts(state.cash_usd, state.coins, state.cure_usd, guaranteed)
    accounts, surplus, unpaid = pay_service(xp, book, accounts, due, cfads, coin_price, sponsor_stays=debt < secured)

    accounts, surplus, unpaid = once(xp, accounts, surplus, unpaid)
    breach = (dscr < book.terms.covenant_dscr) | (ltv > book.terms.covenant_ltv)
    debt_left = scale * (book.debt.balance_usd[t] + book.debt.balloon_usd[t])
    cash, swept = distribute(xp, book, accounts.cash + surplus, due, debt_left, breach)
    prepaid = state.prepaid + scale * swept / xp.maximum(debt_left, TINY_USD)

    cash, prepaid = once(xp, cash, prepaid)
    coins, pledged, uncovered = answer_margin_call(xp, book, debt, secured, accounts.coins, state.pledged_coins, coin_price)

    accounts = accounts._replace(cash=cash, coins=coins)
    value = owned + pledged * coin_price
    accounts, gap = refinance(xp, book, paths, t, (1 - prepaid), value, cfads, accounts, coin_price)

    coins, pledged, uncovered, accounts, gap = once(xp, coins, pledged, uncovered, accounts, gap)
    cause = xp.where(unpaid > 0, PAYMENT, xp.where(uncovered, MARGIN, xp.where(gap > 0, REFINANCING, 0)))
    cause = xp.where(performing, cause, 0).astype(xp.int32)
    cause, = once(xp, cause)
    defaulted = cause > 0
    goes_on = performing & ~defaulted

    def keep(new: Any, old: Any) -> Any:
        return xp.where(goes_on, new, old)

    inventory, impact = sell(xp, book, paths, t, state.inventory, defaulted)
    estate_cash = xp.where(defaulted, state.cash_usd + xp.maximum(cfads, 0), state.cash_usd)
    after = State(
        shock=shock,
        cash_usd=keep(accounts.cash, estate_cash),
        coins=keep(accounts.coins, state.coins),
        pledged_coins=keep(pledged, state.pledged_coins),
        prepaid=keep(prepaid, state.prepaid),
        cure_usd=keep(accounts.cure, state.cure_usd),
        guarantee_usd=keep(accounts.guarantee, xp.where(defaulted, guaranteed, state.guarantee_usd)),
        default_month=xp.where(defaulted, xp.asarray(t, xp.int32), state.default_month),
        cause=xp.where(defaulted, cause, state.cause),
        pv_balance=state.pv_balance + xp.where(performing, debt * _column(paths.discount[:, t]) / 12, 0),
        inventory=inventory,
        impact=impact,
    )
    return after, MonthView(performing, cfads, due, dscr, ltv, debt, defaulted, *watched_values(book, paths.price[:, t], state))


def watched_values(book: Book, price: Any, state: State) -> tuple[Any, Any]:
    """The secured collateral at market prices, and at what a sale of it today would bring."""
    sale = price * state.impact * book.liquidation.kept_share
    return tuple(
        book.assets.pledged_share * dot(prices, book.assets.units) + state.pledged_coins * _column(prices[:, book.coin_channel])
        for prices in (price, sale)
    )


def once(xp: Any, *values: Any) -> Any:
    """Have a compiler compute these values once, not again for every use."""
    if xp is np:
        return values
    from jax.lax import optimization_barrier

    return optimization_barrier(values)


def next_shock(xp: Any, book: Book, shock: Any, normal: Any) -> Any:
    """Stationary AR(1): persistence times the last shock plus an innovation that keeps its variance."""
    persistence = book.cash.shock_persistence
    return persistence * shock + xp.sqrt(1 - persistence * persistence) * book.cash.shock_sd * normal


def operating_cash(xp: Any, book: Book, channels: Any, links: Links, t: Any) -> Any:
    """Merchant and contracted income net of power; capacity that cannot earn its power is idled."""
    cash = book.cash
    power = _column(channels[:, book.power_channel])
    income = 0
    for kind in range(cash.merchant.shape[0]):
        income = income + xp.maximum(dot(channels, cash.merchant[kind]), 0)
    for slot in range(cash.revenue_usd_month.shape[0]):
        contracted = cash.revenue_usd_month[slot] - cash.contract_power_usd_month[slot] * power
        market = xp.maximum(dot(channels, cash.released[slot]), 0)
        last = links.paid_until[:, slot]
        income = income + xp.where(t <= last, contracted, xp.where(t > last + cash.relet_months, market, 0))
    return income


def pay_service(
    xp: Any, book: Book, accounts: Accounts, due: Any, cfads: Any, coin_price: Any, *, sponsor_stays: Any
) -> tuple[Accounts, Any, Any]:
    """Pay what is due from CFADS, cash, coins, the sponsor's cure and the guarantor, in this order.

    The sponsor cures only while the collateral is worth more than the debt.

    Returns:
        The accounts, the surplus of CFADS over what was due, and what nobody paid.
    """
    surplus = xp.maximum(cfads - due, 0)
    accounts, unpaid = draw(xp, accounts, xp.maximum(due - cfads, 0), coin_price, sponsor_stays)
    return accounts, surplus, unpaid


def draw(xp: Any, accounts: Accounts, need: Any, coin_price: Any, sponsor_stays: Any) -> tuple[Accounts, Any]:
    """Take `need` USD from the accounts in their order; returns them and what is still missing."""
    cash = xp.minimum(need, accounts.cash)
    need = need - cash
    coins = xp.minimum(need, accounts.coins * coin_price)
    need = need - coins
    cure = xp.minimum(need, xp.where(sponsor_stays, accounts.cure, 0))
    need = need - cure
    guarantee = xp.minimum(need, accounts.guarantee)
    left = Accounts(
        cash=accounts.cash - cash,
        coins=xp.maximum(accounts.coins - coins / xp.maximum(coin_price, TINY_USD), 0),
        cure=accounts.cure - cure,
        guarantee=accounts.guarantee - guarantee,
    )
    return left, need - guarantee


def distribute(xp: Any, book: Book, cash: Any, due: Any, debt: Any, breach: Any) -> tuple[Any, Any]:
    """Refill the reserve; the excess leaves to equity, or is trapped and swept while a covenant is breached.

    Returns:
        Cash left in the account and the prepayment.
    """
    target = xp.maximum(book.terms.reserve_months * due, book.terms.reserve_floor_usd)
    excess = xp.maximum(cash - target, 0)
    trapped = xp.where(breach, excess, 0)
    swept = xp.minimum(book.terms.sweep_share * trapped, debt)
    return cash - excess + trapped - swept, swept


def answer_margin_call(
    xp: Any, book: Book, debt: Any, secured: Any, coins: Any, pledged: Any, coin_price: Any
) -> tuple[Any, Any, Any]:
    """Pledge free coins until the LTV is restored; a call that they cannot meet is a default."""
    called = debt > book.terms.margin_call_ltv * secured
    missing = (debt / book.terms.margin_restore_ltv - secured) / xp.maximum(coin_price, TINY_USD)
    posted = xp.where(called, xp.minimum(xp.maximum(missing, 0), coins), 0)
    return coins - posted, pledged + posted, called & (missing > coins)


def refinance(
    xp: Any, book: Book, paths: Paths, t: Any, scale: Any, value: Any, cfads: Any, accounts: Accounts, coin_price: Any
) -> tuple[Accounts, Any]:
    """Repay the month's balloon from a new loan and, for the gap, from the accounts.

    The new lender gives the smaller of its LTV times the value and what CFADS carries at its DSCR over an annuity at
    the short rate plus its spread, less the debt that stays.

    Returns:
        The accounts and the gap that nobody closed.
    """
    market, terms = book.refinancing, book.terms
    regime = paths.regime[:, t]
    rate_month = xp.maximum(_column(paths.short_rate[:, t] + market.spread_annual[regime]) / 12, TINY_RATE)
    payment = rate_month / -xp.expm1(-market.tenor_months * xp.log1p(rate_month))
    max_ltv = xp.where(terms.refi_ltv < 0, _column(market.ltv[regime]), terms.refi_ltv)
    min_dscr = xp.where(terms.refi_dscr < 0, _column(market.dscr[regime]), terms.refi_dscr)
    by_value = max_ltv * value
    carried = xp.maximum(cfads, 0) / xp.maximum(min_dscr * payment, 1e-9)
    capacity = xp.where(min_dscr > 0, xp.minimum(by_value, carried), by_value)
    balloon = scale * book.debt.balloon_usd[t]
    staying = scale * book.debt.balance_usd[t]
    new_loan = xp.maximum(capacity - staying, 0)
    return draw(xp, accounts, xp.maximum(balloon - new_loan, 0), coin_price, balloon + staying < value)


def sell(xp: Any, book: Book, paths: Paths, t: Any, inventory: Any, defaulted: Any) -> tuple[Any, Any]:
    """Add the month's defaulted assets to the inventory for sale; returns it and the price impact, [S, V].

    Sums of integers below 2^24 are exact in float32, whatever their order.
    """
    market = book.liquidation
    quanta = defaulted.astype(book.assets.sale_quanta.dtype) @ book.assets.sale_quanta.T
    sold = quanta * book.assets.quantum * market.system_multiple
    inventory = (1 - market.absorption) * inventory + sold
    depth = market.depth[paths.regime[:, t]]
    return inventory, xp.maximum(xp.exp(-market.impact * inventory / depth), market.floor)


def dot(values: Any, exposures: Any) -> Any:
    """Values [S, C] times exposures [C, N], added channel by channel in a fixed order: [S, N].

    A library's matrix product may add in another order for another shape, and results would then depend on the batch.
    """
    total = _column(values[:, 0]) * exposures[0]
    for channel in range(1, exposures.shape[0]):
        total = total + _column(values[:, channel]) * exposures[channel]
    return total


def _column(values: Any) -> Any:
    """[S] to [S, 1]."""
    return values[:, None]
