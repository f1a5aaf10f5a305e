"""What happened to an obligor, month by month, as data; `rackrisk.explain_words` puts it into sentences."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from rackrisk.kernels.month import MARGIN, PAYMENT, borrowable, ratios
from rackrisk.models.market import REGIMES
from rackrisk.models.market.paths import draw_fixed
from rackrisk.models.tables import CAUSES

from ._ledger import balloon_support, service_support, swept_usd
from ._life import Life, Month

TINY_USD = 0.5  # a smaller payment is rounding
EVENTS = {
    "month": pl.Int64,
    "kind": pl.String,
    "name": pl.String,
    "amount_usd": pl.Float64,
    "value": pl.Float64,
    "limit": pl.Float64,
}
_SUPPORTERS = ("cash", "coins", "sponsor", "guarantor")


class Event(NamedTuple):
    """One thing that happened; what the numbers mean depends on the kind."""

    month: int
    kind: str
    name: str | None = None
    amount_usd: float | None = None
    value: float | None = None
    limit: float | None = None


def events(life: Life) -> pl.DataFrame:
    """Columns of `EVENTS`, in the order of the months and, in a month, of cause and effect.

    Kinds, with their numbers: `regime` (name); `launch` (name of the generation); `contract_ended`, `offtaker_default`
    (name, amount: monthly revenue lost), `relet` (capacity earns at market again), `guarantor_default` (name);
    `service_paid_by` (name: cash, coins, sponsor, guarantor; amount); `breach`, `breach_over` (name: dscr or ltv;
    value, limit); `sweep` and `repaid_by_sweep` (amount); `margin_call` (amount of coins pledged, value: LTV, limit);
    `balloon` (amount due), `balloon_lent` (amount from a new lender; name: dscr or ltv, what limits him; limit),
    `balloon_paid_by`; `repaid`; `default` (name: the cause; amount missing; value and limit: CFADS and what is due, the
    LTV of a failed margin call, or what a new lender gives and the balloon).
    """
    rows: list[Event] = []
    breached: set[str] = set()
    for month in life.months:
        rows += _outside(life, month)
        rows += _covenants(life, month, breached)
        rows += _default(life, month) if month.t == life.default_month else _payments(life, month)
    return pl.DataFrame(rows, schema=EVENTS, orient="row")


def _outside(life: Life, month: Month) -> Iterator[Event]:
    """What the world does to the obligor."""
    told, paths, t = life.told, life.scene.paths, month.t
    now, last = (int(paths.regime[0, when]) for when in (t, t - 1))
    if now != last:
        yield Event(t, "regime", REGIMES[now])
    if any(name.startswith("gpu_") for name in _owned(life)):
        shipped = draw_fixed(np, told.opened.arrays, told.key, np.array([told.scenario], np.uint32)).launch_month[0]
        for name, when in zip(told.opened.market.generations, shipped, strict=True):
            if when == t:
                yield Event(t, "launch", name)
    yield from _contracts(life, month)
    guarantor = int(life.scene.book.terms.guarantor[0])
    if guarantor and int(life.scene.guarantor_death[0, 0]) == t:
        yield Event(t, "guarantor_default", told.counterparties[guarantor])


def _owned(life: Life) -> list[str]:
    units = life.scene.book.assets.units[:, 0]
    return [name for name, owned in zip(life.told.value_names, units, strict=True) if owned > 0]


def _contracts(life: Life, month: Month) -> Iterator[Event]:
    cash, t = life.scene.book.cash, month.t
    for slot in range(cash.revenue_usd_month.shape[0]):
        revenue, end = float(cash.revenue_usd_month[slot, 0]), int(cash.contract_end_month[slot, 0])
        last = int(life.scene.paid_until[0, slot, 0])
        name = life.told.counterparties[int(cash.offtaker[slot, 0])] or None
        if end <= 0 or revenue <= 0:
            continue
        if t == max(last, 0) + 1:
            yield Event(t, "offtaker_default" if last < end else "contract_ended", name, revenue)
        if t == max(last, 0) + int(cash.relet_months) + 1 and cash.released[slot].any():
            yield Event(t, "relet", name)


def _covenants(life: Life, month: Month, breached: set[str]) -> Iterator[Event]:
    """Where a breach begins and where it is over; `breached` is what was broken a month ago, brought up to date."""
    terms = life.scene.book.terms
    dscr, ltv = (float(ratio[0, 0]) for ratio in ratios(np, month.reading))
    least, most = float(terms.covenant_dscr[0]), float(terms.covenant_ltv[0])
    for name, value, limit, broken in (
        ("dscr", dscr, least, least > 0 and dscr < least),
        ("ltv", ltv, most, ltv > most),
    ):
        if broken != (name in breached):
            yield Event(month.t, "breach" if broken else "breach_over", name, None, value, limit)
            breached ^= {name}


def _payments(life: Life, month: Month) -> Iterator[Event]:
    """Who paid what in a month without default."""
    yield from _by_supporters(month.t, "service_paid_by", service_support(life, month))
    swept = swept_usd(life, month)
    if swept > TINY_USD:
        whole = month.debt_after_usd <= 0 and float(month.settled.swept_share[0, 0]) >= 1
        yield Event(month.t, "repaid_by_sweep" if whole else "sweep", None, swept)
    posted = float((month.settled.call.pledged - month.before.pledged_coins)[0, 0])
    if posted > 0:
        _, ltv = ratios(np, month.reading)
        limit = float(life.scene.book.terms.margin_call_ltv[0])
        yield Event(month.t, "margin_call", None, posted * _coin(month), float(ltv[0, 0]), limit)
    balloon = _balloon(life, month)
    if balloon > TINY_USD:
        yield Event(month.t, "balloon", None, balloon)
        if month.lent_usd > TINY_USD:
            yield _lent(life, month)
        yield from _by_supporters(month.t, "balloon_paid_by", balloon_support(month))
    if month.debt_after_usd <= 0 and swept <= TINY_USD:
        yield Event(month.t, "repaid")


def _by_supporters(t: int, kind: str, paid: dict[str, float]) -> Iterator[Event]:
    for name, amount in zip(_SUPPORTERS, paid.values(), strict=True):
        if amount > TINY_USD:
            yield Event(t, kind, name, amount)


def _default(life: Life, month: Month) -> Iterator[Event]:
    """Why: what was needed, and what there was."""
    now, done, cause = month.reading, month.settled, life.cause
    name = CAUSES[cause - 1] if cause else None
    if cause == PAYMENT:
        yield Event(month.t, "default", name, float(done.unpaid[0, 0]), float(now.cfads[0, 0]), float(now.due[0, 0]))
    elif cause == MARGIN:
        _, ltv = ratios(np, now)
        terms = life.scene.book.terms
        restored = float(now.debt[0, 0] / terms.margin_restore_ltv[0] - now.secured[0, 0])
        missing = restored - float(done.drawn.coins[0, 0]) * _coin(month)
        yield Event(month.t, "default", name, missing, float(ltv[0, 0]), float(terms.margin_call_ltv[0]))
    else:
        missing, due = float(done.gap[0, 0]), _balloon(life, month)
        yield _lent(life, month)
        yield Event(month.t, "default", name, missing, month.lent_usd, due)


def _lent(life: Life, month: Month) -> Event:
    """What a new lender gives, and which of his two limits keeps him from giving more."""
    scene, now, t = life.scene, month.reading, month.t
    free = scene._replace(book=scene.book._replace(terms=scene.book.terms._replace(refi_dscr=np.zeros(1))))
    value = now.owned + month.settled.call.pledged * now.coin_price
    offered = borrowable(np, scene, t, value, now.cfads)
    on_value = borrowable(np, free, t, value, now.cfads)
    by_cover = bool(offered[0, 0] < on_value[0, 0])
    return Event(t, "balloon_lent", "dscr" if by_cover else "ltv", month.lent_usd, None, _limit(life, t, by_cover))


def _limit(life: Life, t: int, by_cover: bool) -> float:
    """The lender's DSCR or LTV: the facility's, or else the market's in the regime."""
    terms, market = life.scene.book.terms, life.scene.book.refinancing
    own, usual = (terms.refi_dscr, market.dscr) if by_cover else (terms.refi_ltv, market.ltv)
    return float(own[0] if own[0] >= 0 else usual[int(life.scene.paths.regime[0, t])])


def _balloon(life: Life, month: Month) -> float:
    return float(((1 - month.settled.prepaid) * life.scene.book.debt.balloon_usd[month.t])[0, 0])


def _coin(month: Month) -> float:
    return float(month.reading.coin_price[0, 0])
