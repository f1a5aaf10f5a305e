"""The structural month in NumPy float32: whole arrays, in place, no temporaries, as a careful NumPy user writes it.

Rows are the scenarios of a small batch that stays in the cache, columns are obligors. What does not depend on this
month's defaults (normals, income) is made for four months at once, exposures go through the matrix library, refinancing
is worked out only in the columns with a balloon, sales and losses only for those who default. Losses are added in
float64. Early warning and tables by facility are left out, so this port does less than the engines.
"""

import numpy as np

from rackrisk.kernels.accounts import TINY_USD, Accounts, answer_margin_call, draw
from rackrisk.kernels.arrays import Book, Paths, Terms
from rackrisk.kernels.balances import facility_balances, rank_balances
from rackrisk.kernels.month import TINY_RATE

from .narrow import NO_LIMIT, Outcome, first_facilities, join, narrow, rows
from .numpy_normals import Normals

MONTHS_PER_BLOCK = 4
CELLS_PER_BATCH = 32768  # obligors x scenarios: best of 4,096 to 65,536, a balance of cache and cost of a call
ACCOUNTS = ("cash", "coins", "pledged", "prepaid", "cure", "guarantee")
FLOATS = ("scale", "debt", "due", "cfads", "owned", "secured", "need", "part", "other")
RANKS = 3


def simulate(book: Book, paths: Paths, key: tuple[int, int], scenario: np.ndarray) -> Outcome:
    """Simulate some scenarios in small batches, on one core.

    Threads do not help: a call on one batch takes microseconds, and the interpreter's lock eats what they gain.
    Two processes do; `bench.structural` runs them.

    Args:
        book: from `narrow_book`.
        paths: of these scenarios, any precision.
        scenario: uint32 [S], absolute numbers.
    """
    paths = narrow(paths)
    size = max(round(CELLS_PER_BATCH / book.stream.shape[0]), 1)
    outcomes, batch = [], None
    for first in range(0, scenario.shape[0], size):
        numbers = scenario[first : first + size]
        if batch is None or batch.scenarios != numbers.shape[0]:
            batch = Batch(book, numbers.shape[0])
        outcomes.append(batch.run(rows(paths, first, first + size), key, numbers))
    return join(outcomes)


class Batch:
    """Buffers for a fixed number of scenarios, and the months over them; [S, N] unless said."""

    def __init__(self, book: Book, scenarios: int) -> None:
        self.book, self.scenarios = book, scenarios
        shape = (scenarios, book.stream.shape[0])
        self.months = book.debt.balance_usd.shape[0] - 1
        self.normals = Normals(book.stream, scenarios)
        self.work = {name: np.empty(shape, np.float32) for name in FLOATS}
        self.flag, self.breach, self.failing, self.alive = (np.empty(shape, np.bool_) for _ in range(4))
        self.now, self.next = ({name: np.empty(shape, np.float32) for name in ACCOUNTS} for _ in range(2))
        self.shock = np.empty(shape, np.float32)
        kinds, slots = book.cash.merchant.shape[0], book.cash.released.shape[0]
        self.earned = np.empty((kinds + slots, MONTHS_PER_BLOCK, *shape), np.float32)
        persistence = book.cash.shock_persistence
        self.innovation_sd = np.sqrt(1 - persistence * persistence) * book.cash.shock_sd
        self.balloons = [np.flatnonzero(month) for month in book.debt.balloon_usd]
        self.margined = np.flatnonzero(book.terms.margin_call_ltv < np.float32(NO_LIMIT))
        self.margin_terms = Terms(*(field[self.margined] for field in book.terms))
        self.facilities = first_facilities(book)
        self.facility_balance, self.rank_balance = facility_balances(book), rank_balances(book)

    def run(self, paths: Paths, key: tuple[int, int], scenario: np.ndarray) -> Outcome:
        """All months of the batch's scenarios."""
        self._start(paths)
        for t in range(1, self.months + 1):
            block, place = divmod(t - 1, MONTHS_PER_BLOCK)
            if place == 0:
                self.normals.draw(key, scenario, block)
                self._earn(t)
            self._read(t, self.normals.values[place], self._income(t, place))
            self._pay(t)
            self._watch_covenants(t)
            self._answer_margin_calls()
            self._refinance(t)
            self._default(t)
            self.now, self.next = self.next, self.now
        return Outcome(self.loss, np.count_nonzero(~self.alive, axis=1))

    def _start(self, paths: Paths) -> None:
        terms, now = self.book.terms, self.now
        self.paths = paths
        alive_until = paths.death_month[:, self.book.cash.offtaker] - 1
        self.paid_until = np.minimum(alive_until, self.book.cash.contract_end_month)
        self.guarantor_death = paths.death_month[:, terms.guarantor]
        now["cash"][...], now["coins"][...], now["pledged"][...] = terms.cash_usd, terms.coins, terms.pledged_coins
        now["prepaid"][...], now["cure"][...], now["guarantee"][...] = 0, terms.cure_usd, terms.guarantee_usd
        self.shock[...], self.alive[...] = 0, True
        self.loss = np.zeros(self.shock.shape[0])
        self.inventory = np.zeros((self.shock.shape[0], self.book.assets.quantum.shape[0]), np.float32)
        self.impact = np.ones_like(self.inventory)

    def _earn(self, t: int) -> None:
        """Market income of merchant and released capacity in months t to t+3."""
        cash = self.book.cash
        channels = np.ascontiguousarray(
            np.moveaxis(self.paths.cash[:, t : min(t + MONTHS_PER_BLOCK, self.months + 1)], 1, 0)
        )
        count = channels.shape[0]
        for place, exposure in enumerate([*cash.merchant, *cash.released]):
            np.matmul(channels, exposure, out=self.earned[place, :count])
            np.maximum(self.earned[place], 0, out=self.earned[place])
        for kind in range(1, cash.merchant.shape[0]):
            self.earned[0] += self.earned[kind]

    def _income(self, t: int, place: int) -> np.ndarray:
        """Merchant income, and of each contract what it pays or what its capacity earns after it."""
        cash, part, flag = self.book.cash, self.work["part"], self.flag
        income = self.earned[0, place]
        power = self.paths.cash[:, t, self.book.power_channel, None]
        for slot, revenue in enumerate(cash.revenue_usd_month):
            np.multiply(cash.contract_power_usd_month[slot], power, out=part)
            np.subtract(revenue, part, out=part)
            np.greater_equal(self.paid_until[:, slot], t, out=flag)
            part *= flag
            income += part
            np.less(self.paid_until[:, slot], t - cash.relet_months, out=flag)
            market = self.earned[cash.merchant.shape[0] + slot, place]
            market *= flag
            income += market
        return income

    def _read(self, t: int, normal: np.ndarray, income: np.ndarray) -> None:
        """Debt, service, cash flow and collateral."""
        book, debt, work, part = self.book, self.book.debt, self.work, self.work["part"]
        np.subtract(1, self.now["prepaid"], out=work["scale"])
        np.multiply(work["scale"], debt.balance_usd[t - 1], out=work["debt"])
        np.multiply(debt.floating_usd[t], self.paths.short_rate[:, t - 1, None], out=work["due"])
        work["due"] += debt.service_usd[t]
        work["due"] *= work["scale"]
        self.shock *= book.cash.shock_persistence
        np.multiply(normal, self.innovation_sd, out=part)
        self.shock += part
        np.add(self.shock, 1, out=work["cfads"])
        np.maximum(work["cfads"], 0, out=work["cfads"])
        work["cfads"] *= income
        work["cfads"] -= book.cash.fixed_cost_usd_month
        seen = self.paths.price[:, t] * self.impact
        self.coin_price = seen[:, book.coin_channel, None]
        np.matmul(seen, book.assets.units, out=work["owned"])
        np.matmul(seen, book.assets.pledged_units, out=work["secured"])
        np.multiply(self.now["pledged"], self.coin_price, out=part)
        work["secured"] += part

    def _pay(self, t: int) -> None:
        """Draw the shortfall from the accounts in turn; what stays in `need` is unpaid."""
        work, now, after = self.work, self.now, self.next
        need, part, other = work["need"], work["part"], work["other"]
        np.subtract(work["due"], work["cfads"], out=need)
        np.negative(need, out=other)
        np.maximum(need, 0, out=need)
        np.minimum(need, now["cash"], out=part)
        need -= part
        np.subtract(now["cash"], part, out=after["cash"])
        np.maximum(other, 0, out=other)
        after["cash"] += other
        np.multiply(now["coins"], self.coin_price, out=part)
        np.minimum(need, part, out=part)
        need -= part
        part *= 1 / np.maximum(self.coin_price, TINY_USD)
        np.subtract(now["coins"], part, out=after["coins"])
        np.maximum(after["coins"], 0, out=after["coins"])
        np.multiply(now["pledged"], self.coin_price, out=part)
        part += work["owned"]
        np.less(work["debt"], part, out=self.flag)
        np.multiply(now["cure"], self.flag, out=part)
        np.minimum(need, part, out=part)
        need -= part
        np.subtract(now["cure"], part, out=after["cure"])
        np.greater(self.guarantor_death, t, out=self.flag)
        now["guarantee"] *= self.flag
        np.minimum(need, now["guarantee"], out=part)
        need -= part
        np.subtract(now["guarantee"], part, out=after["guarantee"])
        np.greater(need, 0, out=self.failing)

    def _watch_covenants(self, t: int) -> None:
        """Refill the reserve; trap and sweep the rest under a broken covenant, pay it out otherwise."""
        terms, work, cash = self.book.terms, self.work, self.next["cash"]
        left, excess, part = work["need"], work["other"], work["part"]
        np.maximum(work["due"], TINY_USD, out=part)
        part *= terms.covenant_dscr
        np.less(work["cfads"], part, out=self.breach)
        self.breach &= terms.covenant_dscr > 0
        np.maximum(work["secured"], TINY_USD, out=part)
        part *= terms.covenant_ltv
        np.greater(work["debt"], part, out=self.flag)
        self.breach |= self.flag
        np.multiply(work["due"], terms.reserve_months, out=part)
        np.maximum(part, terms.reserve_floor_usd, out=part)
        np.subtract(cash, part, out=excess)
        np.maximum(excess, 0, out=excess)
        cash -= excess
        np.logical_or(self.breach, self.book.debt.balloon_usd[t] > 0, out=self.flag)
        np.multiply(excess, self.flag, out=part)
        cash += part
        excess *= self.breach
        np.add(self.book.debt.balance_usd[t], self.book.debt.balloon_usd[t], out=left[0])
        np.multiply(work["scale"], left[0].copy(), out=left)
        excess *= terms.sweep_share
        np.minimum(excess, left, out=excess)
        cash -= excess
        np.greater_equal(excess, left, out=self.flag)
        np.maximum(left, TINY_USD, out=left)
        excess /= left
        excess *= work["scale"]
        np.add(self.now["prepaid"], excess, out=self.next["prepaid"])
        np.copyto(self.next["prepaid"], 1, where=self.flag)

    def _answer_margin_calls(self) -> None:
        """Pledge coins where a margin is called; only columns that have one."""
        np.copyto(self.next["pledged"], self.now["pledged"])
        columns, work = self.margined, self.work
        call = answer_margin_call(
            np,
            self.margin_terms,
            self.next["coins"][:, columns],
            self.now["pledged"][:, columns],
            debt=work["debt"][:, columns],
            secured=work["secured"][:, columns],
            coin_price=self.coin_price,
        )
        self.next["coins"][:, columns] = call.free
        self.next["pledged"][:, columns] = call.pledged
        self.failing[:, columns] |= call.failed

    def _refinance(self, t: int) -> None:
        """Place the month's balloons with new lenders or pay the gap; only columns with a balloon."""
        columns, after, debt = self.balloons[t], self.next, self.book.debt
        if not columns.size:
            return
        left = 1 - after["prepaid"][:, columns]
        balloon, staying = left * debt.balloon_usd[t, columns], left * debt.balance_usd[t, columns]
        value = self.work["owned"][:, columns] + after["pledged"][:, columns] * self.coin_price
        lent = np.maximum(self._borrowable(t, columns, value) - staying, 0)
        accounts = Accounts(*(after[name][:, columns] for name in Accounts._fields))
        accounts, gap = draw(np, accounts, np.maximum(balloon - lent, 0), self.coin_price, balloon + staying < value)
        for name, amount in zip(Accounts._fields, accounts, strict=True):
            after[name][:, columns] = amount
        self.failing[:, columns] |= gap > 0

    def _borrowable(self, t: int, columns: np.ndarray, value: np.ndarray) -> np.ndarray:
        """What a new lender gives on LTV and on cover."""
        market, terms, regime = self.book.refinancing, self.book.terms, self.paths.regime[:, t]
        rate = np.maximum((self.paths.short_rate[:, t] + market.spread_annual[regime]) / 12, np.float32(TINY_RATE))[
            :, None
        ]
        payment = rate / -np.expm1(-market.tenor_months[columns] * np.log1p(rate))
        max_ltv, min_dscr = terms.refi_ltv[columns], terms.refi_dscr[columns]
        max_ltv = np.where(max_ltv < 0, market.ltv[regime][:, None], max_ltv)
        min_dscr = np.where(min_dscr < 0, market.dscr[regime][:, None], min_dscr)
        carried = np.maximum(self.work["cfads"][:, columns], 0) / np.maximum(min_dscr * payment, np.float32(TINY_RATE))
        return np.where(min_dscr > 0, np.minimum(max_ltv * value, carried), max_ltv * value)

    def _default(self, t: int) -> None:
        """Sell what the month's defaulters own and book their losses."""
        assets, market = self.book.assets, self.book.liquidation
        np.greater(self.work["debt"], 0, out=self.flag)
        self.failing &= self.flag
        self.failing &= self.alive
        scenario, obligor = np.nonzero(self.failing)
        self.inventory *= 1 - market.absorption
        if scenario.size:
            sold = np.zeros_like(self.inventory)
            np.add.at(sold, scenario, assets.sale_quanta[:, obligor].T)
            self.inventory += sold * assets.quantum * market.system_multiple
            self.alive[scenario, obligor] = False
        depth = market.depth[self.paths.regime[:, t]]
        self.impact = np.maximum(np.exp(-market.impact * self.inventory / depth), market.floor)
        if scenario.size:
            self.loss += self._losses(t, scenario, obligor)

    def _losses(self, t: int, scenario: np.ndarray, obligor: np.ndarray) -> np.ndarray:
        """Discounted loss of each scenario [S] from these defaults."""
        facilities, start = self.book.facilities, self.facilities
        prepaid = self.now["prepaid"][scenario, obligor]
        lost = self._lost_shares(t, scenario, obligor, prepaid)
        count = start[obligor + 1] - start[obligor]
        owner = np.repeat(np.arange(obligor.size), count)
        facility = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count) + start[obligor][owner]
        exposure = (1 - prepaid[owner]) * self.facility_balance[t - 1, facility]
        loss = exposure * lost[facilities.rank[facility], owner] * (1 - facilities.unsecured_recovery[facility])
        return np.bincount(scenario[owner], weights=loss, minlength=self.loss.size)

    def _lost_shares(self, t: int, scenario: np.ndarray, obligor: np.ndarray, prepaid: np.ndarray) -> np.ndarray:
        """Share of each rank's claim lost by these defaults, [3, D], discounted."""
        book, market, paths, now = self.book, self.book.liquidation, self.paths, self.now
        later = t + market.lag_months
        price = (
            self.impact * paths.price[:, later, np.arange(later.size)] * paths.discount[:, later] * market.kept_share
        )
        price, discount = price[scenario], paths.discount[scenario, t]
        owned, pledged = (
            np.einsum("dv,vd->d", price, units[:, obligor]) for units in (book.assets.units, book.assets.pledged_units)
        )
        coin = price[:, book.coin_channel]
        estate = now["cash"][scenario, obligor] + np.maximum(self.work["cfads"][scenario, obligor], 0)
        secured = pledged + now["pledged"][scenario, obligor] * coin + estate * discount
        free = owned - pledged + now["coins"][scenario, obligor] * coin
        free += now["guarantee"][scenario, obligor] * discount
        claims = (1 - prepaid) * discount * self.rank_balance[:, t - 1, obligor]
        unpaid = claims.copy()
        for rank in range(RANKS - 1):
            paid = np.minimum(claims[rank], secured)
            secured = secured - paid
            unpaid[rank] -= paid
        spread = 1 - np.minimum((secured + free) / np.maximum(unpaid.sum(axis=0), np.float32(TINY_USD)), 1)
        return discount * unpaid * spread / np.maximum(claims, np.float32(TINY_USD))
