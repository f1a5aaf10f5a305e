"""One month of every obligor: the definition of the structural model.

Written once for NumPy and JAX (`xp`): the reference engine runs it in float64 month after month, the JAX engine
compiles it. `docs/model.md`, section 3, has the same equations in the same order. Values are [S, N] unless said.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from .accounts import TINY_USD, Accounts, MarginCall, answer_margin_call, distribute, draw
from .arrays import Book, MonthView, Paths, State
from .namespaces import is_traced
from .sums import count_by, dot

PAYMENT, MARGIN, REFINANCING = 1, 2, 3
TINY_RATE = 1e-9  # an annuity at no interest, without dividing by it


class Scene(NamedTuple):
    """The loans, the market and how a scenario's counterparties bind them."""

    book: Book
    paths: Paths
    paid_until: Any  # int32 [S, J, N], last month in which each contract pays
    guarantor_death: Any  # int32


class Reading(NamedTuple):
    """What the month brings before anybody acts."""

    performing: Any  # bool: owed debt at the start
    debt: Any
    due: Any
    shock: Any
    cfads: Any
    owned: Any  # at prices after last month's impact
    secured: Any
    coin_price: Any  # [S, 1]


class Settlement(NamedTuple):
    """Who paid what in the month, step after step."""

    drawn: Accounts  # after debt service
    unpaid: Any  # service
    breach: Any  # bool: of a covenant
    kept_usd: Any  # in the cash account after distribution and sweep
    swept_share: Any  # of the debt that was left
    prepaid: Any
    call: MarginCall
    placed: Accounts  # after the balloon
    gap: Any  # of the balloon, unpaid


class Outcome(NamedTuple):
    """Accounts after the month, and why the obligor defaulted, if it did."""

    accounts: Accounts
    pledged_coins: Any
    prepaid: Any
    cause: Any  # int32


def scene(xp: Any, book: Book, paths: Paths) -> Scene:
    """The book in a market."""
    bound = bound_by(xp, paths, book.cash.offtaker, book.cash.contract_end_month, book.terms.guarantor)
    return Scene(book, paths, *bound)


def bound_by(xp: Any, paths: Paths, offtaker: Any, contract_end_month: Any, guarantor: Any) -> tuple[Any, Any]:
    """Until when contracts pay, [S, J, N], that is until their end or the month before the offtaker defaults, and when
    guarantors default, [S, N].
    """
    alive_until = paths.death_month[:, offtaker] - 1
    return xp.minimum(alive_until, contract_end_month), paths.death_month[:, guarantor]


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
        paid_usd_months=zeros,
        default_month=none,
        cause=none,
        inventory=xp.zeros(channels, dtype),
        impact=xp.ones(channels, dtype),
    )


def month(xp: Any, scene: Scene, t: Any, state: State, normal: Any) -> tuple[State, MonthView]:
    """Take every obligor from the end of month t-1 to the end of month t (t = 1..T).

    `normal` holds the standard normals of the month's idiosyncratic shocks.
    """
    after, view = month_of_loans(xp, scene, t, state, normal)
    quanta = count_by(xp, view.defaulted, scene.book.assets.sale_quanta)
    inventory, impact = sell(xp, scene, t, state.inventory, quanta)
    return after._replace(inventory=inventory, impact=impact), view


def month_of_loans(xp: Any, scene: Scene, t: Any, state: State, normal: Any) -> tuple[State, MonthView]:
    """The month without its sales, of all obligors or of some: no one sees another's month before its end."""
    reading = once(xp, read(xp, scene, t, state, normal))
    outcome = once(xp, act(xp, scene, t, state, reading))
    return carry(xp, scene, t, state, reading, outcome=outcome), watch(xp, scene, t, state, reading, outcome=outcome)


def if_any(xp: Any, sign: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
    """`yes()` if the sign is set, else `no()`; only one of them is computed."""
    if not is_traced(xp):
        return yes() if sign else no()
    from jax.lax import cond

    return cond(sign, yes, no)


def once(xp: Any, values: Any) -> Any:
    """Have the compiler compute these values once, not again for every use."""
    if not is_traced(xp):
        return values
    from jax.lax import optimization_barrier

    return optimization_barrier(values)


def read(xp: Any, scene: Scene, t: Any, state: State, normal: Any) -> Reading:
    """Debt, service, cash flow and collateral of the month."""
    book, paths, _, _ = scene
    seen = paths.price[:, t] * state.impact
    coin_price = column(seen[:, book.coin_channel])
    scale = 1 - state.prepaid
    debt = scale * book.debt.balance_usd[t - 1]
    floating = book.debt.floating_usd[t] * column(paths.short_rate[:, t - 1])
    shock = next_shock(xp, book, state.shock, normal)
    return Reading(
        performing=(state.default_month == 0) & (debt > 0),
        debt=debt,
        due=scale * (book.debt.service_usd[t] + floating),
        shock=shock,
        cfads=xp.maximum(1 + shock, 0) * operating_cash(xp, scene, t) - book.cash.fixed_cost_usd_month,
        owned=dot(seen, book.assets.units),
        secured=dot(seen, book.assets.pledged_units) + state.pledged_coins * coin_price,
        coin_price=coin_price,
    )


def next_shock(xp: Any, book: Book, shock: Any, normal: Any) -> Any:
    """Stationary AR(1): persistence times the last shock plus an innovation that keeps its variance."""
    persistence = book.cash.shock_persistence
    return persistence * shock + xp.sqrt(1 - persistence * persistence) * book.cash.shock_sd * normal


def operating_cash(xp: Any, scene: Scene, t: Any) -> Any:
    """Merchant and contracted income net of power; capacity that cannot earn its power is idled."""
    cash, channels = scene.book.cash, scene.paths.cash[:, t]
    power = column(channels[:, scene.book.power_channel])
    income = 0
    for kind in range(cash.merchant.shape[0]):
        income = income + xp.maximum(dot(channels, cash.merchant[kind]), 0)
    for slot in range(cash.revenue_usd_month.shape[0]):
        contracted = cash.revenue_usd_month[slot] - cash.contract_power_usd_month[slot] * power
        market = xp.maximum(dot(channels, cash.released[slot]), 0)
        last = scene.paid_until[:, slot]
        income = income + xp.where(t <= last, contracted, xp.where(t > last + cash.relet_months, market, 0))
    return income


def act(xp: Any, scene: Scene, t: Any, state: State, reading: Reading) -> Outcome:
    """Settle the month, and say why the obligor defaults, if it does."""
    done = settle(xp, scene, t, state, reading)
    cause = xp.where(
        done.unpaid > 0, PAYMENT, xp.where(done.call.failed, MARGIN, xp.where(done.gap > 0, REFINANCING, 0))
    )
    cause = xp.where(reading.performing, cause, 0).astype(xp.int32)
    return Outcome(done.placed, done.call.pledged, done.prepaid, cause)


def settle(xp: Any, scene: Scene, t: Any, state: State, reading: Reading) -> Settlement:
    """Pay service, test covenants, answer the margin call and refinance the balloon."""
    book, now, scale = scene.book, reading, 1 - state.prepaid
    guaranteed = xp.where(scene.guarantor_death > t, state.guarantee_usd, 0)
    accounts = Accounts(state.cash_usd, state.coins, state.cure_usd, guaranteed)
    shortfall = xp.maximum(now.due - now.cfads, 0)
    in_the_money = now.debt < now.owned + state.pledged_coins * now.coin_price
    drawn, unpaid = once(xp, draw(xp, accounts, shortfall, now.coin_price, in_the_money))

    cash = drawn.cash + xp.maximum(now.cfads - now.due, 0)
    breach = broken_covenant(xp, book, now)
    debt_left = scale * (book.debt.balance_usd[t] + book.debt.balloon_usd[t])
    cash, swept_share = distribute(
        xp,
        book.terms,
        cash,
        due=now.due,
        debt=debt_left,
        breach=breach,
        balloon_due=book.debt.balloon_usd[t] > 0,
    )
    prepaid = xp.where(swept_share == 1, 1, state.prepaid + scale * swept_share)

    call = answer_margin_call(
        xp,
        book.terms,
        drawn.coins,
        state.pledged_coins,
        debt=now.debt,
        secured=now.secured,
        coin_price=now.coin_price,
    )
    cash, prepaid, call = once(xp, (cash, prepaid, call))
    accounts = drawn._replace(cash=cash, coins=call.free)

    def place_balloons() -> tuple[Accounts, Any]:
        balloon = (1 - prepaid) * book.debt.balloon_usd[t]
        staying = (1 - prepaid) * book.debt.balance_usd[t]
        value = now.owned + call.pledged * now.coin_price
        gap = xp.maximum(balloon - xp.maximum(borrowable(xp, scene, t, value, now.cfads) - staying, 0), 0)
        return draw(xp, accounts, gap, now.coin_price, balloon + staying < value)

    due_now = (book.debt.balloon_usd[t] > 0).any()
    placed, gap = if_any(xp, due_now, place_balloons, lambda: (accounts, xp.zeros_like(cash)))
    return Settlement(drawn, unpaid, breach, cash, swept_share, prepaid, call, placed, gap)


def broken_covenant(xp: Any, book: Book, reading: Reading) -> Any:
    """DSCR below or LTV above its covenant."""
    dscr, ltv = ratios(xp, reading)
    tested = book.terms.covenant_dscr > 0
    return (tested & (dscr < book.terms.covenant_dscr)) | (ltv > book.terms.covenant_ltv)


def ratios(xp: Any, reading: Reading) -> tuple[Any, Any]:
    """DSCR and LTV."""
    return reading.cfads / xp.maximum(reading.due, TINY_USD), reading.debt / xp.maximum(reading.secured, TINY_USD)


def borrowable(xp: Any, scene: Scene, t: Any, value: Any, cfads: Any) -> Any:
    """What a new lender gives: the smaller of LTV times value and what CFADS carries at his DSCR over an annuity."""
    market, terms = scene.book.refinancing, scene.book.terms
    regime = scene.paths.regime[:, t]
    rate_month = xp.maximum(column(scene.paths.short_rate[:, t] + market.spread_annual[regime]) / 12, TINY_RATE)
    payment = rate_month / -xp.expm1(-market.tenor_months * xp.log1p(rate_month))
    max_ltv = xp.where(terms.refi_ltv < 0, column(market.ltv[regime]), terms.refi_ltv)
    min_dscr = xp.where(terms.refi_dscr < 0, column(market.dscr[regime]), terms.refi_dscr)
    carried = xp.maximum(cfads, 0) / xp.maximum(min_dscr * payment, TINY_RATE)
    return xp.where(min_dscr > 0, xp.minimum(max_ltv * value, carried), max_ltv * value)


def carry(xp: Any, scene: Scene, t: Any, state: State, reading: Reading, *, outcome: Outcome) -> State:
    """The state after the month: moved on where the loan performs, frozen at its start where it defaults."""
    defaulted = outcome.cause > 0
    goes_on = reading.performing & ~defaulted

    def keep(new: Any, old: Any) -> Any:
        return xp.where(goes_on, new, old)

    accounts = outcome.accounts
    estate = xp.where(defaulted, state.cash_usd + xp.maximum(reading.cfads, 0), state.cash_usd)
    dead_guarantor = defaulted & (scene.guarantor_death <= t)
    paid = reading.debt * column(scene.paths.discount[:, t])
    return state._replace(
        shock=reading.shock,
        cash_usd=keep(accounts.cash, estate),
        coins=keep(accounts.coins, state.coins),
        pledged_coins=keep(outcome.pledged_coins, state.pledged_coins),
        prepaid=keep(outcome.prepaid, state.prepaid),
        cure_usd=keep(accounts.cure, state.cure_usd),
        guarantee_usd=keep(accounts.guarantee, xp.where(dead_guarantor, 0, state.guarantee_usd)),
        paid_usd_months=keep(state.paid_usd_months + paid, state.paid_usd_months),
        default_month=xp.where(defaulted, xp.asarray(t, xp.int32), state.default_month),
        cause=xp.where(defaulted, outcome.cause, state.cause),
    )


def sell(xp: Any, scene: Scene, t: Any, inventory: Any, quanta: Any) -> tuple[Any, Any]:
    """Add the month's defaulted assets, in quanta, to the inventory for sale; returns it and the price impact, [S, V].

    Whole quanta below 2^24 in sum are exact in float32, whatever the order in which they are added.
    """
    assets, market = scene.book.assets, scene.book.liquidation
    sold = quanta * assets.quantum * market.system_multiple
    inventory = (1 - market.absorption) * inventory + sold
    depth = market.depth[scene.paths.regime[:, t]]
    return inventory, xp.maximum(xp.exp(-market.impact * inventory / depth), market.floor)


def watch(xp: Any, scene: Scene, t: Any, state: State, reading: Reading, *, outcome: Outcome) -> MonthView:
    """What early warning sees: ratios, and the collateral at market prices and at what a sale today would bring."""
    book, price = scene.book, scene.paths.price[:, t]

    def secured_at(prices: Any) -> Any:
        coins = state.pledged_coins * column(prices[:, book.coin_channel])
        return dot(prices, book.assets.pledged_units) + coins

    dscr, ltv = ratios(xp, reading)
    defaulted = outcome.cause > 0
    paid = (1 - state.prepaid) * column(scene.paths.discount[:, t])
    return MonthView(
        performing=reading.performing,
        cfads_usd=reading.cfads,
        due_usd=reading.due,
        dscr=dscr,
        ltv=ltv,
        debt_usd=reading.debt,
        defaulted=defaulted,
        carried=xp.where(reading.performing & ~defaulted, paid, 0),
        book_value_usd=secured_at(price),
        clearing_value_usd=secured_at(price * state.impact * book.liquidation.kept_share),
    )


def column(values: Any) -> Any:
    """[S] to [S, 1]."""
    return values[:, None]
