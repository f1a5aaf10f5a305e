"""A second reading of the structural model: docs/model.md sections 3 and 4 in plain Python floats.

One scenario, one borrower and one month at a time, so that it can be read beside the document line by line. The market
and the normals are given (`oracle_book`). It shares no code with the engines but the names of their arrays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import exp, sqrt
from typing import Any

from .oracle_book import Borrower, Loan, World

PAYMENT, MARGIN, REFINANCING = 1, 2, 3
CAUSES = {PAYMENT: "payment", MARGIN: "margin", REFINANCING: "refinancing"}
SENIOR, SECOND, UNSECURED = 0, 1, 2


@dataclass(frozen=True)
class Account:
    """What a borrower carries from month to month."""

    cash_usd: float
    coins: float
    pledged_coins: float
    cure_usd: float
    guarantee_usd: float
    shock: float = 0.0
    prepaid: float = 0.0


@dataclass
class Life:
    """What became of one borrower in one scenario."""

    trail: list[Account]  # after month 0, 1, ... until the horizon or default
    default_month: int = 0
    cause: int = 0


@dataclass(frozen=True)
class Outcome:
    """Exposure at default and discounted loss of one facility."""

    exposure_usd: float
    loss_usd: float


@dataclass(frozen=True)
class Story:
    """One scenario: every borrower's life, the price impact by month, facilities in the book's order, what happened."""

    lives: list[Life]
    impact: list[list[float]]
    loans: list[Outcome]
    pv_balance: list[float]  # USD-years, of the same facilities
    events: Counter[str]


def dot(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


# --- section 3: one month of one borrower ---------------------------------------------------------------------


def cash_flow(who: Borrower, world: World, t: int, shock: float, events: Counter[str]) -> float:
    """CFADS of 3.2."""
    channels = world.cash[t]
    earned = [dot(kind, channels) for kind in who.merchant]
    events["idle"] += min(earned) < 0
    operating = sum(max(0.0, amount) for amount in earned)
    for contract in who.contracts:
        death = world.death[contract.offtaker] if contract.offtaker else contract.end_month + 1
        last = min(contract.end_month, death - 1)
        if t <= last:
            operating += contract.revenue_usd_month - contract.power_usd_month * channels[world.power]
        elif t > last + world.relet_months:
            operating += max(0.0, dot(contract.released, channels))
            events["released idle"] += dot(contract.released, channels) < 0
            events["relet"] += dot(contract.released, channels) > 0
        else:
            events["empty"] += any(contract.released)
        events["offtaker defaulted"] += last < min(t, contract.end_month)
    events["shock takes all"] += 1 + shock < 0
    return max(0.0, 1 + shock) * operating - who.terms["fixed_cost_usd_month"]


def draw(account: Account, need: float, coin: float, *, sponsor: bool, guarantor: bool) -> tuple[Account, float]:
    """Pay `need` from the accounts in the order of 3.4; what they leave unpaid."""
    cash = min(need, account.cash_usd)
    need -= cash
    coins = min(need, account.coins * coin)
    need -= coins
    cure = min(need, account.cure_usd) if sponsor else 0.0
    need -= cure
    guarantee = min(need, account.guarantee_usd) if guarantor else 0.0
    need -= guarantee
    after = replace(
        account,
        cash_usd=account.cash_usd - cash,
        coins=max(0.0, account.coins - coins / coin),
        cure_usd=account.cure_usd - cure,
        guarantee_usd=account.guarantee_usd - guarantee,
    )
    return after, need


def count_sources(before: Account, after: Account, what: str, events: Counter[str]) -> None:
    """Note who paid."""
    for source in ("cash_usd", "coins", "cure_usd", "guarantee_usd"):
        events[f"{source.removesuffix('_usd')} pay {what}"] += getattr(after, source) < getattr(before, source)


def month(
    who: Borrower, world: World, t: int, phi: list[float], start: Account, *, normal: float, events: Counter[str]
) -> tuple[Account, int]:
    """Month t of a borrower: the accounts after it, and the cause of default or 0.

    Args:
        phi: price impact at the end of month t-1, by value channel.
    """
    a = world.persistence
    start = replace(start, shock=a * start.shock + sqrt(1 - a * a) * who.terms["shock_sd"] * normal)
    seen = read(who, world, t, phi, start=start, events=events)
    if seen.debt <= 0:
        return start, 0
    failed = replace(start, cash_usd=start.cash_usd + max(0.0, seen.cfads))
    now, paid = pay_service(start, seen, events)
    if not paid:
        return failed, PAYMENT
    now = distribute(who, t, now, seen, events)
    now, restored = answer_margin_call(who, now, seen, events)
    if not restored:
        return failed, MARGIN
    now, repaid = repay_balloon(who, world, t, now, seen, events=events)
    return (now, 0) if repaid else (failed, REFINANCING)


@dataclass(frozen=True)
class Seen:
    """What a borrower faces in a month, before anybody pays."""

    debt: float
    due: float
    cfads: float
    coin: float  # price after last month's impact
    owned: float
    secured: float
    guarantor: bool  # alive


def read(who: Borrower, world: World, t: int, phi: list[float], *, start: Account, events: Counter[str]) -> Seen:
    """3.1 to 3.3."""
    keep = 1 - start.prepaid
    debt = keep * who.debt["balance_usd"][t - 1]
    interest = who.debt["floating_usd"][t] * world.short[t - 1]
    price = [amount * factor for amount, factor in zip(world.price[t], phi, strict=True)]
    coin = price[world.coin]
    return Seen(
        debt=debt,
        due=keep * (who.debt["service_usd"][t] + interest),
        cfads=cash_flow(who, world, t, start.shock, events) if debt > 0 else 0.0,
        coin=coin,
        owned=dot(who.units, price),
        secured=dot(who.pledged_units, price) + start.pledged_coins * coin,
        guarantor=world.alive(who.guarantor, t),
    )


def pay_service(start: Account, seen: Seen, events: Counter[str]) -> tuple[Account, bool]:
    """3.4."""
    need = max(0.0, seen.due - seen.cfads)
    everything = seen.owned + start.pledged_coins * seen.coin
    now, unpaid = draw(start, need, seen.coin, sponsor=seen.debt < everything, guarantor=seen.guarantor)
    if unpaid <= 0:
        count_sources(start, now, "service", events)
    events["sponsor walks away"] += unpaid > 0 and start.cure_usd > 0 and seen.debt >= everything
    events["guarantor is dead"] += unpaid > 0 and start.guarantee_usd > 0 and not seen.guarantor
    return now, unpaid <= 0


def distribute(who: Borrower, t: int, now: Account, seen: Seen, events: Counter[str]) -> Account:
    """3.5: fill the reserve; the excess is trapped and swept in a breach, or leaves."""
    terms = who.terms
    low_cover = terms["covenant_dscr"] > 0 and seen.cfads < terms["covenant_dscr"] * seen.due
    high_ltv = seen.debt > terms["covenant_ltv"] * seen.secured
    target = max(terms["reserve_months"] * seen.due, terms["reserve_floor_usd"])
    cash = now.cash_usd + max(0.0, seen.cfads - seen.due)
    excess = max(0.0, cash - target)
    if not (low_cover or high_ltv):
        waits = who.debt["balloon_usd"][t] > 0
        events["waits for balloon"] += waits and excess > 0
        events["distributed"] += excess > 0 and not waits
        return replace(now, cash_usd=cash if waits else cash - excess)
    left = (1 - now.prepaid) * (who.debt["balance_usd"][t] + who.debt["balloon_usd"][t])
    swept = min(terms["sweep_share"] * excess, left)
    events["trap for DSCR"] += excess > swept and not high_ltv
    events["trap for LTV"] += excess > swept and not low_cover
    events["sweep"] += swept > 0
    events["repaid by sweep"] += 0 < left <= swept
    prepaid = 1 - (1 - now.prepaid) * (1 - swept / left) if left > 0 else now.prepaid
    return replace(now, cash_usd=cash - swept, prepaid=prepaid)


def answer_margin_call(who: Borrower, now: Account, seen: Seen, events: Counter[str]) -> tuple[Account, bool]:
    """3.6: pledge free coins, and whether they suffice."""
    if seen.debt <= who.terms["margin_call_ltv"] * seen.secured:
        return now, True
    wanted = (seen.debt / who.terms["margin_restore_ltv"] - seen.secured) / seen.coin
    if wanted > now.coins:
        return now, False
    events["top-up"] += 1
    return replace(now, coins=now.coins - wanted, pledged_coins=now.pledged_coins + wanted), True


def repay_balloon(
    who: Borrower, world: World, t: int, now: Account, seen: Seen, *, events: Counter[str]
) -> tuple[Account, bool]:
    """3.7: a new loan and, for the gap, the accounts."""
    balloon, staying = ((1 - now.prepaid) * who.debt[name][t] for name in ("balloon_usd", "balance_usd"))
    if balloon <= 0:
        return now, True
    value = seen.owned + now.pledged_coins * seen.coin
    gap = max(0.0, balloon - max(0.0, new_loan(who, world, t, value, seen.cfads) - staying))
    after, unpaid = draw(now, gap, seen.coin, sponsor=balloon + staying < value, guarantor=seen.guarantor)
    if unpaid <= 0:
        count_sources(now, after, "balloon", events)
    events["refinanced in full"] += gap <= 0
    return after, unpaid <= 0


def new_loan(who: Borrower, world: World, t: int, value: float, cfads: float) -> float:
    """3.7: the most that a new lender gives."""
    terms, lender, regime = who.terms, world.lender, world.regime[t]
    ltv = terms["refi_ltv"] if terms["refi_ltv"] >= 0 else lender["ltv"][regime]
    dscr = terms["refi_dscr"] if terms["refi_dscr"] >= 0 else lender["dscr"][regime]
    rate = (world.short[t] + lender["spread_annual"][regime]) / 12
    payment = rate / (1 - (1 + rate) ** -terms["tenor_months"])
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
    return [phi[v] * world.price[t + lag[v]][v] * kept[v] * world.discount[t + lag[v]] for v in range(len(phi))]


def outcomes(who: Borrower, world: World, life: Life, phi: list[float], events: Counter[str]) -> dict[int, Outcome]:
    """4.2 by facility, by its place in the book."""
    t, account = life.default_month, life.trail[-1]
    if not t:
        return {loan.place: Outcome(0.0, 0.0) for loan in who.loans}
    price, today = proceeds(world, t, phi), world.discount[t]
    exposure = {loan.place: (1 - account.prepaid) * loan.balance[t - 1] for loan in who.loans}
    owed = {place: today * amount for place, amount in exposure.items()}
    pledged = dot(who.pledged_units, price)
    pool = pledged + account.pledged_coins * price[world.coin] + today * account.cash_usd
    for rank in (SENIOR, SECOND):
        pool = share_out(pool, owed, [loan.place for loan in who.loans if loan.rank == rank])
    free = dot(who.units, price) - pledged + account.coins * price[world.coin]
    guarantee = account.guarantee_usd if world.alive(who.guarantor, t) else 0.0
    events["guarantor pays the estate"] += guarantee > 0
    share_out(pool + free + today * guarantee, owed, list(owed))
    found = {}
    for loan in who.loans:
        left, claim = owed[loan.place], exposure[loan.place]
        how_much = "nothing" if left == 0 else "some" if left < today * claim else "all"
        events[f"rank {loan.rank} loses {how_much}"] += claim > 0
        found[loan.place] = Outcome(claim, left * (1 - loan.unsecured_recovery))
    return found


def share_out(pool: float, owed: dict[int, float], claims: list[int]) -> float:
    """Pay some claims pro rata; what is left of the pool."""
    total = sum(owed[place] for place in claims)
    if total <= 0:
        return pool
    paid = min(pool, total)
    for place in claims:
        owed[place] *= 1 - paid / total
    return pool - paid


def pv_balance(world: World, life: Life, loan: Loan) -> float:
    """4.3: what a spread of 1 a year on the loan is worth, in USD-years: paid monthly, but not in the default month."""
    paying = life.default_month - 1 if life.default_month else len(life.trail) - 1
    return sum(
        world.discount[t] * (1 - life.trail[t - 1].prepaid) * loan.balance[t - 1] / 12 for t in range(1, paying + 1)
    )


# --- one scenario ---------------------------------------------------------------------------------------------


def simulate(people: list[Borrower], world: World, normals: Any) -> Story:
    """One scenario from month 1 to the horizon.

    Args:
        normals: rows are months from 1, columns borrowers.
    """
    events: Counter[str] = Counter()
    lives = [Life([opening(who)]) for who in people]
    inventory = [0.0] * len(people[0].units)
    impact = [[1.0] * len(inventory)]
    for t in range(1, len(people[0].debt["balance_usd"])):
        sold = [0.0] * len(inventory)
        for i, (who, life) in enumerate(zip(people, lives, strict=True)):
            if life.default_month:
                continue
            z = normals[t - 1][i]
            after, life.cause = month(who, world, t, impact[-1], life.trail[-1], normal=z, events=events)
            life.trail.append(after)
            if life.cause:
                life.default_month = t
                sold = [a + b for a, b in zip(sold, who.units_for_sale, strict=True)]
                events[CAUSES[life.cause]] += 1
        inventory = inventory_after(world, inventory, sold)
        impact.append(impact_of(world, inventory, world.regime[t]))
        events["floor"] += any(phi == floor < 1 for phi, floor in zip(impact[-1], world.sale["floor"], strict=True))
    loans: dict[int, Outcome] = {}
    pv: dict[int, float] = {}
    for who, life in zip(people, lives, strict=True):
        loans |= outcomes(who, world, life, impact[life.default_month], events)
        pv |= {loan.place: pv_balance(world, life, loan) for loan in who.loans}
    places = sorted(loans)
    return Story(lives, impact, [loans[place] for place in places], [pv[place] for place in places], events)


def opening(who: Borrower) -> Account:
    """The accounts at the as-of date."""
    terms = who.terms
    return Account(terms["cash_usd"], terms["coins"], terms["pledged_coins"], terms["cure_usd"], terms["guarantee_usd"])
