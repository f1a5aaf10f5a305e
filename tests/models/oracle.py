"""A second reading of the structural model: docs/model.md sections 3 and 4 in plain Python floats.

One scenario, one borrower and one month at a time, without arrays, so that it can be read beside the document line by
line. The market and the normals are given. It shares no code with the engines but the names of their arrays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from math import exp, sqrt
from typing import Any

from rackrisk.kernels.arrays import Book, Paths

PAYMENT, MARGIN, REFINANCING = 1, 2, 3
CAUSES = {PAYMENT: "payment", MARGIN: "margin", REFINANCING: "refinancing"}
SENIOR, SECOND, UNSECURED = 0, 1, 2


@dataclass(frozen=True)
class Contract:
    """Capacity let to one offtaker until one date."""

    revenue_usd_month: float
    power_usd_month: float
    end_month: int
    offtaker: int
    released: list[float]


@dataclass(frozen=True)
class Loan:
    """One facility."""

    place: int
    rank: int
    balance: list[float]
    unsecured_recovery: float


@dataclass(frozen=True)
class Account:
    """What a borrower carries from month to month."""

    cash: float
    coins: float
    pledged: float
    cure: float
    guarantee: float
    shock: float = 0.0
    prepaid: float = 0.0


@dataclass(frozen=True)
class Borrower:
    """One obligor: plain numbers, months counted from 0."""

    merchant: list[list[float]]  # by kind of capacity
    contracts: list[Contract]
    loans: list[Loan]
    debt: dict[str, list[float]]  # by field of the debt arrays
    terms: dict[str, float]  # by field of the terms and of the rest of the cash arrays
    guarantor: int
    units: list[float]
    pledged_share: float
    units_for_sale: list[float]  # coins included, in whole quanta


@dataclass(frozen=True)
class World:
    """One scenario of the market, rows are months, and the terms of sale and of new lenders."""

    regime: list[int]
    cash: list[list[float]]
    price: list[list[float]]
    short: list[float]
    discount: list[float]
    death: list[int]
    power: int
    coin: int
    relet_months: int
    persistence: float
    sale: dict[str, Any]
    lender: dict[str, Any]

    def alive(self, counterparty: int, month: int) -> bool:
        """Whether it still pays at the end of the month; nobody (0) never dies."""
        return counterparty == 0 or month < self.death[counterparty]


@dataclass
class Life:
    """What became of one borrower in one scenario."""

    account: Account
    default_month: int = 0
    cause: int = 0
    trail: list[Account] = field(default_factory=list)  # after month 0, 1, ...


@dataclass
class Story:
    """One scenario: every borrower's life, the price impact by month, losses and exposures by facility."""

    lives: list[Life]
    impact: list[list[float]]
    loss: list[float]
    exposure: list[float]
    pv_balance: list[float]  # of each borrower
    events: Counter[str]


def dot(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


# --- arrays to plain numbers ----------------------------------------------------------------------------------


def borrowers(book: Book) -> list[Borrower]:
    """The book as one object a borrower."""
    cash, debt, terms, assets, facilities = book.cash, book.debt, book.terms, book.assets, book.facilities
    named = {name: getattr(terms, name) for name in terms._fields if name != "guarantor"}
    named |= {"fixed_cost_usd_month": cash.fixed_cost_usd_month, "shock_sd": cash.shock_sd}
    named |= {"tenor_months": book.refinancing.tenor_months}
    return [
        Borrower(
            merchant=cash.merchant[:, :, i].tolist(),
            contracts=[_contract(cash, j, i) for j in range(cash.revenue_usd_month.shape[0])],
            loans=[_loan(facilities, f) for f in range(len(facilities.obligor)) if facilities.obligor[f] == i],
            debt={name: getattr(debt, name)[:, i].tolist() for name in debt._fields},
            terms={name: float(values[i]) for name, values in named.items()},
            guarantor=int(terms.guarantor[i]),
            units=assets.units[:, i].tolist(),
            pledged_share=float(assets.pledged_share[i]),
            units_for_sale=(assets.sale_quanta[:, i] * assets.quantum).tolist(),
        )
        for i in range(len(book.stream))
    ]


def _contract(cash: Any, j: int, i: int) -> Contract:
    return Contract(
        revenue_usd_month=float(cash.revenue_usd_month[j, i]),
        power_usd_month=float(cash.contract_power_usd_month[j, i]),
        end_month=int(cash.contract_end_month[j, i]),
        offtaker=int(cash.offtaker[j, i]),
        released=cash.released[j, :, i].tolist(),
    )


def _loan(facilities: Any, f: int) -> Loan:
    return Loan(f, int(facilities.rank[f]), facilities.balance_usd[:, f].tolist(), float(facilities.unsecured_recovery[f]))


def world_of(book: Book, paths: Paths, s: int) -> World:
    """Scenario `s` of the paths."""
    return World(
        regime=paths.regime[s].tolist(),
        cash=paths.cash[s].tolist(),
        price=paths.price[s].tolist(),
        short=paths.short_rate[s].tolist(),
        discount=paths.discount[s].tolist(),
        death=paths.death_month[s].tolist(),
        power=book.power_channel,
        coin=book.coin_channel,
        relet_months=int(book.cash.relet_months),
        persistence=float(book.cash.shock_persistence),
        sale={name: getattr(book.liquidation, name).tolist() for name in book.liquidation._fields},
        lender={name: getattr(book.refinancing, name).tolist() for name in book.refinancing._fields},
    )


# --- section 3: one month of one borrower ---------------------------------------------------------------------


def cash_flow(who: Borrower, world: World, t: int, shock: float, events: Counter[str]) -> float:
    """CFADS of 3.2."""
    channels = world.cash[t]
    earned = [dot(kind, channels) for kind in who.merchant]
    events["idle"] += min(earned) < 0
    operating = sum(max(0.0, amount) for amount in earned)
    for contract in who.contracts:
        paid = contract.end_month if world.alive(contract.offtaker, contract.end_month) else world.death[contract.offtaker] - 1
        if t <= paid:
            operating += contract.revenue_usd_month - contract.power_usd_month * channels[world.power]
        elif t > paid + world.relet_months:
            events["relet"] += dot(contract.released, channels) > 0
            operating += max(0.0, dot(contract.released, channels))
        else:
            events["empty"] += any(contract.released)
        events["offtaker defaulted"] += paid < min(t, contract.end_month)
    return max(0.0, 1 + shock) * operating - who.terms["fixed_cost_usd_month"]


def draw(account: Account, need: float, coin: float, *, sponsor: bool, guarantor: bool) -> tuple[Account, float]:
    """Pay `need` from the accounts in the order of 3.4; what they leave unpaid."""
    cash = min(need, account.cash)
    need -= cash
    coins = min(need, account.coins * coin)
    need -= coins
    cure = min(need, account.cure) if sponsor else 0.0
    need -= cure
    guarantee = min(need, account.guarantee) if guarantor else 0.0
    need -= guarantee
    sold = coins / coin if coins > 0 else 0.0
    after = replace(
        account,
        cash=account.cash - cash,
        coins=account.coins - sold,
        cure=account.cure - cure,
        guarantee=account.guarantee - guarantee,
    )
    return after, need


def count_sources(before: Account, after: Account, events: Counter[str]) -> None:
    for name in ("cash", "coins", "cure", "guarantee"):
        events[f"drew {name}"] += getattr(after, name) < getattr(before, name)


def month(
    who: Borrower, world: World, t: int, phi: list[float], start: Account, *, normal: float, events: Counter[str]
) -> tuple[Account, int]:
    """Month t of a borrower: the accounts after it, and the cause of default or 0.

    Args:
        phi: price impact at the end of month t-1, by value channel.
    """
    a = world.persistence
    start = replace(start, shock=a * start.shock + sqrt(1 - a * a) * who.terms["shock_sd"] * normal)
    keep, terms = 1 - start.prepaid, who.terms
    debt = keep * who.debt["balance_usd"][t - 1]
    if debt <= 0:
        return start, 0
    due = keep * (who.debt["service_usd"][t] + who.debt["floating_usd"][t] * world.short[t - 1])
    cfads = cash_flow(who, world, t, start.shock, events)
    coin = world.price[t][world.coin] * phi[world.coin]
    owned = sum(u * p * f for u, p, f in zip(who.units, world.price[t], phi, strict=True))
    secured = who.pledged_share * owned + start.pledged * coin
    support = {"sponsor": debt < secured, "guarantor": world.alive(who.guarantor, t)}
    failed = replace(start, cash=start.cash + max(0.0, cfads))

    now, unpaid = draw(start, max(0.0, due - cfads), coin, **support)
    count_sources(start, now, events)
    if unpaid > 0:
        return failed, PAYMENT
    breach = cfads < terms["covenant_dscr"] * due or debt > terms["covenant_ltv"] * secured
    now = distribute(who, t, now, max(0.0, cfads - due), due=due, breach=breach, events=events)
    if debt > terms["margin_call_ltv"] * secured:
        wanted = (debt / terms["margin_restore_ltv"] - secured) / coin
        if wanted > now.coins:
            return failed, MARGIN
        events["top-up"] += 1
        now = replace(now, coins=now.coins - wanted, pledged=now.pledged + wanted)
    if who.debt["balloon_usd"][t] > 0:
        scale = 1 - now.prepaid
        offer = new_loan(who, world, t, owned + now.pledged * coin, cfads)
        offer = max(0.0, offer - scale * who.debt["balance_usd"][t])
        gap = max(0.0, scale * who.debt["balloon_usd"][t] - offer)
        after, unpaid = draw(now, gap, coin, **support)
        if unpaid > 0:
            return failed, REFINANCING
        events["refinanced"] += 1
        events["balloon paid from accounts"] += gap > 0
        now = after
    return now, 0


def distribute(
    who: Borrower, t: int, now: Account, surplus: float, *, due: float, breach: bool, events: Counter[str]
) -> Account:
    """3.5: fill the reserve; the excess is trapped and swept in a breach, or leaves."""
    terms = who.terms
    target = max(terms["reserve_months"] * due, terms["reserve_floor_usd"])
    cash = now.cash + surplus
    excess = max(0.0, cash - target)
    if not breach:
        events["distributed"] += excess > 0
        return replace(now, cash=cash - excess)
    left = (1 - now.prepaid) * (who.debt["balance_usd"][t] + who.debt["balloon_usd"][t])
    swept = min(terms["sweep_share"] * excess, left)
    events["trap"] += excess > swept
    events["sweep"] += swept > 0
    events["repaid by sweep"] += 0 < left <= swept
    prepaid = 1 - (1 - now.prepaid) * (1 - swept / left) if left > 0 else now.prepaid
    return replace(now, cash=cash - swept, prepaid=prepaid)


def new_loan(who: Borrower, world: World, t: int, value: float, cfads: float) -> float:
    """3.7: the most that a new lender gives."""
    regime = world.regime[t]
    ltv = who.terms["refi_ltv"] if who.terms["refi_ltv"] >= 0 else world.lender["ltv"][regime]
    dscr = who.terms["refi_dscr"] if who.terms["refi_dscr"] >= 0 else world.lender["dscr"][regime]
    rate = (world.short[t] + world.lender["spread_annual"][regime]) / 12
    tenor = who.terms["tenor_months"]
    payment = rate / (1 - (1 + rate) ** -tenor) if rate > 0 else 1 / tenor
    return min(ltv * value, max(0.0, cfads) / (dscr * payment)) if dscr > 0 else ltv * value


# --- section 3.8 and 4: sales and losses ----------------------------------------------------------------------


def inventory_after(world: World, inventory: list[float], sold: list[float]) -> list[float]:
    absorbed, multiple = world.sale["absorption"], world.sale["system_multiple"]
    return [(1 - a) * i + multiple * s for a, i, s in zip(absorbed, inventory, sold, strict=True)]


def impact_of(world: World, inventory: list[float], regime: int) -> list[float]:
    sale = world.sale
    terms = zip(sale["floor"], sale["impact"], inventory, sale["depth"][regime], strict=True)
    return [max(floor, exp(-kappa * held / depth)) for floor, kappa, held, depth in terms]


def proceeds(world: World, t: int, phi: list[float]) -> list[float]:
    """4.1: today's dollars for one unit of each asset."""
    lag, kept = world.sale["lag_months"], world.sale["kept_share"]
    return [
        phi[v] * world.price[t + lag[v]][v] * kept[v] * world.discount[t + lag[v]] for v in range(len(phi))
    ]


def losses(who: Borrower, world: World, life: Life, phi: list[float]) -> dict[int, tuple[float, float]]:
    """4.2: discounted loss and exposure at default of every facility, by its place in the book."""
    t, account = life.default_month, life.account
    price, today = proceeds(world, t, phi), world.discount[t]
    exposure = {loan.place: (1 - account.prepaid) * loan.balance[t - 1] for loan in who.loans}
    owed = {place: today * amount for place, amount in exposure.items()}
    assets = dot(who.units, price)
    pool = who.pledged_share * assets + account.pledged * price[world.coin] + today * account.cash
    for rank in (SENIOR, SECOND):
        claims = [loan.place for loan in who.loans if loan.rank == rank]
        pool = _share_out(pool, owed, claims)
    pool += (1 - who.pledged_share) * assets + account.coins * price[world.coin]
    if world.alive(who.guarantor, t):
        pool += today * account.guarantee
    _share_out(pool, owed, list(owed))
    lost = {loan.place: owed[loan.place] * (1 - loan.unsecured_recovery) for loan in who.loans}
    return {place: (lost[place], exposure[place]) for place in exposure}


def _share_out(pool: float, owed: dict[int, float], claims: list[int]) -> float:
    """Pay some claims pro rata; what is left of the pool."""
    total = sum(owed[place] for place in claims)
    if total <= 0:
        return pool
    paid = min(pool, total)
    for place in claims:
        owed[place] *= 1 - paid / total
    return pool - paid


# --- one scenario ---------------------------------------------------------------------------------------------


def simulate(book: Book, people: list[Borrower], world: World, normals: Any) -> Story:
    """One scenario from month 1 to the horizon.

    Args:
        normals: rows are months from 1, columns borrowers.
    """
    months = len(people[0].debt["balance_usd"]) - 1
    events: Counter[str] = Counter()
    lives = [Life(opening(who)) for who in people]
    inventory = [0.0] * len(people[0].units)
    impact = [[1.0] * len(inventory)]
    pv = [0.0] * len(people)
    for life in lives:
        life.trail.append(life.account)
    for t in range(1, months + 1):
        sold = [0.0] * len(inventory)
        for i, (who, life) in enumerate(zip(people, lives, strict=True)):
            if life.default_month:
                continue
            life.account, life.cause = month(who, world, t, impact[-1], life.account, normal=normals[t - 1][i], events=events)
            life.trail.append(life.account)
            if life.cause:
                life.default_month = t
                sold = [a + b for a, b in zip(sold, who.units_for_sale, strict=True)]
                events[CAUSES[life.cause]] += 1
                events["guarantee left at default"] += life.account.guarantee > 0 and world.alive(who.guarantor, t)
        inventory = inventory_after(world, inventory, sold)
        impact.append(impact_of(world, inventory, world.regime[t]))
        events["floor"] += any(phi == floor < 1 for phi, floor in zip(impact[-1], world.sale["floor"], strict=True))
    loss, exposure = [0.0] * len(book.facilities.obligor), [0.0] * len(book.facilities.obligor)
    for who, life in zip(people, lives, strict=True):
        if life.default_month:
            for place, (lost, owed) in losses(who, world, life, impact[life.default_month]).items():
                loss[place], exposure[place] = lost, owed
    return Story(lives, impact, loss, exposure, pv, events)


def opening(who: Borrower) -> Account:
    terms = who.terms
    return Account(terms["cash_usd"], terms["coins"], terms["pledged_coins"], terms["cure_usd"], terms["guarantee_usd"])
