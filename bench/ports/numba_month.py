"""The structural month in numba: one scalar loop, an obligor after the other, scenarios in parallel.

What a scalar loop can do and whole arrays cannot, this port does: obligors that have repaid or defaulted leave the list
of the living, accounts are touched only in a shortfall, refinancing is worked out only where a balloon falls due,
losses only at default, and only an obligor's own channels are read (an exposure table has a few non-zero entries a
column). All arithmetic is float32 with `fastmath`, losses are added in float64. The month is a barrier inside each
scenario, since this month's sales move next month's prices. Early warning and tables by facility are left out.
"""

# pyright: reportMissingParameterType=false
# numba finds the types of its functions itself.

from typing import NamedTuple

import numpy as np
from numba import njit, prange, set_num_threads

from rackrisk.kernels.arrays import Book, Paths
from rackrisk.kernels.balances import facility_balances, rank_balances
from rackrisk.kernels.normals import SINE_OF_TURN, TWO_TO_MINUS_32
from rackrisk.kernels.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1
from rackrisk.kernels.streams import BLOCK_BITS, Purpose

from .narrow import Outcome, first_facilities, narrow

LABEL = int(Purpose.OBLIGOR_SHOCK) << BLOCK_BITS
M0, M1, HALF, LOW = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1), np.uint64(32), np.uint64(0xFFFFFFFF)
W0, W1 = np.uint64(WEYL_0), np.uint64(WEYL_1)
S0, S1, S2, S3, S4 = (np.float32(c) for c in SINE_OF_TURN)
SCALE = np.float32(TWO_TO_MINUS_32)
ONE, ZERO, QUARTER, TWELVE = np.float32(1), np.float32(0), np.float32(0.25), np.float32(12)
TINY_USD, TINY_RATE = np.float32(1e-3), np.float32(1e-9)


# Columns of `state` [N, 11] and `loan` [N, 18]: all about an obligor lies in few cache lines.
CASH, COINS, PLEDGED, PREPAID, CURE, GUARANTEE, SHOCK = range(7)
NORMAL = 7  # and the three after it: four months
FIXED_COST, INNOVATION_SD, COVENANT_DSCR, COVENANT_LTV, SWEEP, CALL_LTV, RESTORE_LTV = range(7)
REFI_LTV, REFI_DSCR, TENOR, RESERVE_MONTHS, RESERVE_FLOOR, FIRST = range(7, 13)  # FIRST: the six accounts
# Rows of `schedule` [T+1, N, 5] and columns of `contract` [J, N, 2], `contract_month` [J, N, 2] and `terms` [R, 3].
BEFORE, SERVICE, FLOATING, AFTER, BALLOON = range(5)
REVENUE, CONTRACT_POWER = range(2)
END, OFFTAKER = range(2)
MARKET_LTV, MARKET_DSCR, MARKET_SPREAD = range(3)


class Loans(NamedTuple):
    """The book, packed for a loop over obligors."""

    stream: np.ndarray  # uint32 [N, 2]
    loan: np.ndarray  # [N, 18]
    schedule: np.ndarray  # [T+1, N, 5]
    contract: np.ndarray  # [J, N, 2]
    contract_month: np.ndarray  # int32 [J, N, 2]
    guarantor: np.ndarray  # int32 [N]
    start: np.ndarray  # int64 [kinds + J + 2, N+1] where exposures lie: merchant, released, units, pledged units
    channel: np.ndarray  # int32
    exposure: np.ndarray
    numbers: np.ndarray  # int64 [6]: kinds, coin channel, power channel, months to relet, months, place of units
    persistence: np.ndarray  # [1]


class Estates(NamedTuple):
    """What is needed at default alone."""

    sale_quanta: np.ndarray  # [N, V]
    units: np.ndarray  # [N, V]
    pledged_units: np.ndarray  # [N, V]
    market: np.ndarray  # [V, 4] impact, floor, absorption, share kept
    unit: np.ndarray  # [V] units per quantum, for the sector
    lag: np.ndarray  # int32 [V]
    depth: np.ndarray  # [R, V]
    terms: np.ndarray  # [R, 3] of refinancing
    rank_balance: np.ndarray  # [3, T+1, N]
    balance: np.ndarray  # [T+1, F]
    unsecured_recovery: np.ndarray  # [F]
    rank: np.ndarray  # int32 [F]
    first_facility: np.ndarray  # int64 [N+1]


def pack(book: Book) -> tuple[Loans, Estates]:
    """What `simulate` needs, from `narrow_book`."""
    cash, debt, terms, assets, market, lender = book[1:7]
    before = np.concatenate([debt.balance_usd[:1], debt.balance_usd[:-1]])
    innovation_sd = np.sqrt(1 - cash.shock_persistence**2) * cash.shock_sd
    loan = [cash.fixed_cost_usd_month, innovation_sd, terms.covenant_dscr, terms.covenant_ltv]
    loan += [terms.sweep_share, terms.margin_call_ltv, terms.margin_restore_ltv, terms.refi_ltv, terms.refi_dscr]
    loan += [lender.tenor_months, terms.reserve_months, terms.reserve_floor_usd, terms.cash_usd, terms.coins]
    loan += [terms.pledged_coins, np.zeros_like(terms.coins), terms.cure_usd, terms.guarantee_usd]
    schedule = [before, debt.service_usd, debt.floating_usd, debt.balance_usd, debt.balloon_usd]
    kinds, slots = len(cash.merchant), len(cash.released)
    numbers = [kinds, book.coin_channel, book.power_channel, cash.relet_months, len(before) - 1, kinds + slots]
    loans = Loans(
        book.stream,
        np.stack(loan, axis=-1),
        np.stack(schedule, axis=-1),
        np.stack([cash.revenue_usd_month, cash.contract_power_usd_month], axis=-1),
        np.stack([cash.contract_end_month, cash.offtaker], axis=-1),
        terms.guarantor,
        *_sparse([*cash.merchant, *cash.released, assets.units, assets.pledged_units]),
        np.array(numbers),
        cash.shock_persistence.reshape(1),
    )
    estates = Estates(
        np.ascontiguousarray(assets.sale_quanta.T),
        np.ascontiguousarray(assets.units.T),
        np.ascontiguousarray(assets.pledged_units.T),
        np.stack([market.impact, market.floor, market.absorption, market.kept_share], axis=-1),
        assets.quantum * market.system_multiple,
        market.lag_months,
        market.depth,
        np.stack([lender.ltv, lender.dscr, lender.spread_annual], axis=-1),
        rank_balances(book),
        facility_balances(book),
        book.facilities.unsecured_recovery,
        book.facilities.rank,
        first_facilities(book),
    )
    return loans, estates


def _sparse(tables: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Non-zero entries of tables [C, N] in one list: start[k, i] to start[k, i+1] are those of column i of table k."""
    columns = tables[0].shape[1]
    starts, channels, exposures, offset = [], [], [], 0
    for table in tables:
        column, channel = np.nonzero(table.T)
        starts.append(offset + np.searchsorted(column, np.arange(columns + 1)))
        channels.append(channel)
        exposures.append(table[channel, column])
        offset += column.size
    return np.stack(starts), np.concatenate(channels).astype(np.int32), np.concatenate(exposures)


def simulate(
    packed: tuple[Loans, Estates], paths: Paths, key: tuple[int, int], scenario: np.ndarray, *, threads: int = 1
) -> Outcome:
    """Simulate some scenarios, one a thread at a time.

    Args:
        packed: from `pack`.
        paths: of these scenarios, any precision.
        scenario: uint32 [S], absolute numbers.
    """
    set_num_threads(threads)
    words = np.empty((scenario.shape[0], 3), np.uint64)
    words[:, 0], words[:, 1:] = scenario, key
    lost = np.zeros((scenario.shape[0], 2))
    _scenarios(*packed, narrow(paths), words, lost)
    return Outcome(lost[:, 0], lost[:, 1].astype(np.int64))


@njit(parallel=True, fastmath=True)
def _scenarios(loans, estates, paths, words, lost):
    for s in prange(words.shape[0]):
        lost[s, 0], lost[s, 1] = _scenario(loans, estates, paths, words, s)


@njit(fastmath=True)
def _scenario(loans, estates, paths, words, s):
    """All months of one scenario: total loss and number of defaults.

    Functions called for every loan-month are inlined: handing on a tuple of arrays costs more than a month does.
    """
    units, numbers, schedule = estates.units, loans.numbers, loans.schedule
    price = paths.price[s]
    market = (paths.short_rate[s], paths.regime[s], paths.death_month[s])
    obligors, channels = units.shape
    state = _begin(loans.loan)
    living = np.arange(obligors)
    seen, sold = np.empty(channels, np.float32), np.empty(channels, np.float32)
    inventory, impact = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    fallen, estate = np.empty(obligors, np.int64), np.empty(obligors, np.float32)
    loss, defaults, alive = 0.0, 0, obligors
    for t in range(1, numbers[4] + 1):
        earning = paths.cash[s, t]
        for v in range(channels):
            seen[v] = price[t, v] * impact[v]
            sold[v] = ZERO
        kept, fell = 0, 0
        for place in range(alive):
            i = living[place]
            debt = (ONE - state[i, PREPAID]) * schedule[t, i, BEFORE]
            if debt <= ZERO:
                continue
            if (t - 1) % 4 == 0:
                _draw_normals(loans.stream, words[s], (t - 1) // 4, state, i)
            income = _income(loans, earning, market[2], t, i)
            assets = (_dot(loans, numbers[5], seen, i), _dot(loans, numbers[5] + 1, seen, i), seen[numbers[1]])
            failed, cfads = _month((loans, estates.terms, market), state, (debt, income, assets), t, i)
            if failed:
                fallen[fell], estate[fell] = i, max(cfads, ZERO)
                fell += 1
                for v in range(channels):
                    sold[v] += estates.sale_quanta[i, v]
            else:
                living[kept] = i
                kept += 1
        alive = kept
        defaults += fell
        _sell(estates, paths.regime[s, t], inventory, impact, sold)
        for place in range(fell):
            i = fallen[place]
            state[i, CASH] += estate[place]
            loss += _loss(estates, (price, paths.discount[s], impact, numbers[1]), state[i], t, i)
    return loss, defaults


@njit(fastmath=True)
def _begin(loan):
    """The state at the as-of date."""
    state = np.zeros((loan.shape[0], NORMAL + 4), np.float32)
    for i in range(loan.shape[0]):
        for account in range(SHOCK):
            state[i, account] = loan[i, FIRST + account]
    return state


@njit(fastmath=True, inline="always")
def _draw_normals(stream, words, block, state, i):
    """Four months of an obligor's normals: one Philox block and two Box-Muller pairs."""
    number, k0, k1 = words[0], words[1], words[2]
    c0, c1 = number, np.uint64(LABEL | block)
    c2, c3 = np.uint64(stream[i, 0]), np.uint64(stream[i, 1])
    for _ in range(ROUNDS):
        p0, p1 = c0 * M0, c2 * M1
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    state[i, NORMAL], state[i, NORMAL + 1] = _box_muller(c0, c1)
    state[i, NORMAL + 2], state[i, NORMAL + 3] = _box_muller(c2, c3)


@njit(fastmath=True)
def _box_muller(first, second):
    radius = np.sqrt(np.float32(-2) * np.log((np.float32(first) + np.float32(0.5)) * SCALE))
    turn = np.float32(np.int32(np.uint32(second))) * SCALE
    from_quarter = QUARTER - abs(turn)
    sine = radius * _sine_near_zero(QUARTER - abs(from_quarter))
    return radius * _sine_near_zero(from_quarter), -sine if turn < ZERO else sine


@njit(fastmath=True)
def _sine_near_zero(turn):
    square = turn * turn
    return ((((S4 * square + S3) * square + S2) * square + S1) * square + S0) * turn


@njit(fastmath=True, inline="always")
def _dot(loans, table, values, i):
    """Column i of a sparse table times the channels."""
    total = ZERO
    for place in range(loans.start[table, i], loans.start[table, i + 1]):
        total += loans.exposure[place] * values[loans.channel[place]]
    return total


@njit(fastmath=True, inline="always")
def _income(loans, earning, death, t, i):
    """Merchant income, and of each contract what it pays or what its capacity earns after it."""
    income = ZERO
    contract, ends, numbers = loans.contract, loans.contract_month, loans.numbers
    for kind in range(numbers[0]):
        income += max(_dot(loans, kind, earning, i), ZERO)
    for slot in range(contract.shape[0]):
        last = min(death[ends[slot, i, OFFTAKER]] - 1, ends[slot, i, END])
        if t <= last:
            income += contract[slot, i, REVENUE] - contract[slot, i, CONTRACT_POWER] * earning[numbers[2]]
        elif t > last + numbers[3]:
            income += max(_dot(loans, numbers[0] + slot, earning, i), ZERO)
    return income


@njit(fastmath=True, inline="always")
def _month(world, state, now, t, i):
    """One obligor's month: whether it defaulted, and its CFADS. The accounts of a defaulter stay as they were."""
    loans, terms, (short, regime, death) = world
    debt, income, (owned, secured, coin_price) = now
    loan, schedule = loans.loan, loans.schedule
    shock = loan[i, INNOVATION_SD] * state[i, NORMAL + (t - 1) % 4]
    state[i, SHOCK] = loans.persistence[0] * state[i, SHOCK] + shock
    scale = ONE - state[i, PREPAID]
    due = scale * (schedule[t, i, SERVICE] + schedule[t, i, FLOATING] * short[t - 1])
    cfads = max(ONE + state[i, SHOCK], ZERO) * income - loan[i, FIXED_COST]
    secured += state[i, PLEDGED] * coin_price
    if death[loans.guarantor[i]] <= t:
        state[i, GUARANTEE] = ZERO
    accounts = (state[i, CASH], state[i, COINS], state[i, CURE], state[i, GUARANTEE])
    failed = False
    if due > cfads:
        accounts, unpaid = _draw(accounts, due - cfads, coin_price, debt < owned + state[i, PLEDGED] * coin_price)
        failed = unpaid > ZERO
    cash, coins, cure, guarantee = accounts
    balance, balloon = schedule[t, i, AFTER], schedule[t, i, BALLOON]
    low_cover = loan[i, COVENANT_DSCR] > 0 and cfads < loan[i, COVENANT_DSCR] * max(due, TINY_USD)
    breach = low_cover or debt > loan[i, COVENANT_LTV] * max(secured, TINY_USD)
    target = max(loan[i, RESERVE_MONTHS] * due, loan[i, RESERVE_FLOOR])
    left = scale * (balance + balloon)
    cash += max(cfads - due, ZERO)
    cash, share = _distribute(cash, target, loan[i, SWEEP], left, (breach, balloon > ZERO))
    prepaid = ONE if share == ONE else state[i, PREPAID] + scale * share
    posted = ZERO
    if debt > loan[i, CALL_LTV] * max(secured, TINY_USD):
        missing = (debt / loan[i, RESTORE_LTV] - secured) / max(coin_price, TINY_USD)
        failed |= missing > coins
        posted = min(max(missing, ZERO), coins)
    accounts = (cash, coins - posted, cure, guarantee)
    if balloon > ZERO and not failed:
        value = owned + (state[i, PLEDGED] + posted) * coin_price
        balloon, staying = (ONE - prepaid) * balloon, (ONE - prepaid) * balance
        lent = _borrowable(loan, (terms, regime[t], short[t]), value, cfads, i)
        gap = balloon - max(lent - staying, ZERO)
        if gap > ZERO:
            accounts, gap = _draw(accounts, gap, coin_price, balloon + staying < value)
            failed = gap > ZERO
    if not failed:
        state[i, CASH], state[i, COINS], state[i, CURE], state[i, GUARANTEE] = accounts
        state[i, PLEDGED] += posted
        state[i, PREPAID] = prepaid
    return failed, cfads


@njit(fastmath=True)
def _draw(accounts, need, coin_price, sponsor_stays):
    """Take `need` from the accounts in their order; returns them and what is still missing."""
    cash, coins, cure, guarantee = accounts
    part = min(need, cash)
    cash, need = cash - part, need - part
    part = min(need, coins * coin_price)
    coins, need = max(coins - part / max(coin_price, TINY_USD), ZERO), need - part
    part = min(need, cure if sponsor_stays else ZERO)
    cure, need = cure - part, need - part
    part = min(need, guarantee)
    return (cash, coins, cure, guarantee - part), need - part


@njit(fastmath=True)
def _distribute(cash, target, sweep_share, left, states):
    """Cash left in the account, and the share of the debt that is prepaid."""
    breach, balloon_due = states
    excess = max(cash - target, ZERO)
    if not breach:
        return cash if balloon_due else cash - excess, ZERO
    swept = sweep_share * excess
    if swept >= left:
        return cash - left, ONE
    return cash - swept, swept / max(left, TINY_USD)


@njit(fastmath=True, inline="always")
def _borrowable(loan, lender, value, cfads, i):
    """What a new lender gives on LTV and on cover."""
    terms, regime, short = lender
    rate = max((short + terms[regime, MARKET_SPREAD]) / TWELVE, TINY_RATE)
    payment = rate / -np.expm1(-loan[i, TENOR] * np.log1p(rate))
    max_ltv, min_dscr = loan[i, REFI_LTV], loan[i, REFI_DSCR]
    if max_ltv < ZERO:
        max_ltv = terms[regime, MARKET_LTV]
    if min_dscr < ZERO:
        min_dscr = terms[regime, MARKET_DSCR]
    offer = max_ltv * value
    if min_dscr > ZERO:
        offer = min(offer, max(cfads, ZERO) / max(min_dscr * payment, TINY_RATE))
    return offer


@njit(fastmath=True)
def _sell(estates, regime, inventory, impact, sold):
    """The month's sales move next month's prices."""
    sale = estates.market
    for v in range(inventory.shape[0]):
        inventory[v] = (ONE - sale[v, 2]) * inventory[v] + sold[v] * estates.unit[v]
        impact[v] = max(np.exp(-sale[v, 0] * inventory[v] / estates.depth[regime, v]), sale[v, 1])


@njit(fastmath=True)
def _loss(estates, market, own, t, i):
    """Discounted loss of all facilities of an obligor that defaulted in month t with these accounts."""
    price, discount, impact, coin_channel = market
    owned, pledged, coin, now = ZERO, ZERO, ZERO, discount[t]
    for v in range(impact.shape[0]):
        later = t + estates.lag[v]
        fetched = impact[v] * price[later, v] * discount[later] * estates.market[v, 3]
        owned += fetched * estates.units[i, v]
        pledged += fetched * estates.pledged_units[i, v]
        if v == coin_channel:
            coin = fetched
    secured = pledged + own[PLEDGED] * coin + own[CASH] * now
    free = owned - pledged + own[COINS] * coin + own[GUARANTEE] * now
    scale, rank_balance = (ONE - own[PREPAID]) * now, estates.rank_balance
    senior, second = scale * rank_balance[0, t - 1, i], scale * rank_balance[1, t - 1, i]
    junior = scale * rank_balance[2, t - 1, i]
    senior_lost = max(senior - secured, ZERO)
    secured = max(secured - senior, ZERO)
    second_lost = max(second - secured, ZERO)
    secured = max(secured - second, ZERO)
    spread = ONE - min((secured + free) / max(senior_lost + second_lost + junior, TINY_USD), ONE)
    lost = (
        senior_lost / max(senior, TINY_USD),
        second_lost / max(second, TINY_USD),
        junior / max(junior, TINY_USD),
    )
    loss = 0.0
    for f in range(estates.first_facility[i], estates.first_facility[i + 1]):
        exposure = scale * estates.balance[t - 1, f]
        kept = ONE - estates.unsecured_recovery[f]
        loss += np.float64(exposure * spread * lost[estates.rank[f]] * kept)
    return loss
