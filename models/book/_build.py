"""From a checked tape to the arrays of an engine.

Obligors and facilities are put into one order (by id), so that the order of the tape cannot matter. What several rows of
one obligor bring (capacity, contracts, debt) is added up; what they must agree on is taken from the first.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rackrisk.kernels import arrays
from rackrisk.kernels.streams import streams
from rackrisk.kernels.tally import LOSS_BITS, VIEW_BITS, Scale, power_of_two_quantum
from rackrisk.models.market import MarketConfig, cash_channels, value_channels
from rackrisk.models.recovery import AssetSale, RecoveryConfig
from rackrisk.models.results import PORTFOLIO_SCOPE

from ._exposure import Exposure, exposures
from ._schedule import Schedule, repayment

RANKS = ("senior_secured", "second_lien", "unsecured")
QUANTA_BITS = 23  # sums of sale quanta stay below 2^24, exact in float32
SHARE_OF_NOTHING = 1e-300
NO_LIMIT = 1e30  # an LTV nobody reaches; infinity times no collateral would be undefined


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
        segments: tape columns to report by; the scopes of the first are the bare names, of the others `column:name`.
    """
    tape = tape.sort("obligor_id", "facility_id")
    owner = _Owner.of(tape)
    pds = counterparty_pds(tape, market)
    exposure = exposures(tape, market)
    schedule = _schedule(tape, market, exposure, as_of, months)
    sales = _asset_sales(market, recovery)
    assets = _assets(tape, owner, exposure, market)
    used_cash = _used(np.concatenate([*exposure.merchant, exposure.released], axis=1), keep=[cash_channels(market).index("power")])
    used_value = _used(assets.units + assets.sale_quanta, keep=[value_channels(market).index("btc")])
    ranks = np.array([RANKS.index(name) for name in tape["seniority"]], dtype=np.int32)
    rank_balance = np.stack([owner.add(np.where(ranks == rank, schedule.balance, 0.0)) for rank in range(len(RANKS))])
    book = arrays.Book(
        stream=streams(owner.names),
        cash=_cash(tape, owner, exposure, market, list(pds), as_of, used_cash),
        debt=_debt(tape, owner, schedule),
        terms=_terms(tape, owner, list(pds)),
        assets=assets._replace(**{name: getattr(assets, name)[used_value] for name in ("units", "sale_quanta", "quantum")}),
        liquidation=_liquidation([sales[k] for k in used_value], recovery),
        refinancing=_refinancing(recovery, assets.units),
        facilities=_facilities(tape, owner, schedule, ranks, recovery),
        rank_balance_usd=rank_balance,
        coin_channel=used_value.index(value_channels(market).index("btc")),
        power_channel=used_cash.index(cash_channels(market).index("power")),
    )
    scopes, scale = _reporting(tape, owner, segments)
    lag = int(book.liquidation.lag_months.max(initial=0))
    return BuiltBook(book, scale, tape, scopes, pds, used_cash, used_value, lag)


@dataclass(frozen=True)
class _Owner:
    """Which obligor each row belongs to; rows are sorted by obligor."""

    names: list[str]
    index: np.ndarray  # [F] int32
    first: np.ndarray  # [N] first row of each obligor

    @classmethod
    def of(cls, tape: pl.DataFrame) -> "_Owner":
        ids = tape["obligor_id"]
        starts = np.flatnonzero(np.concatenate([[True], (ids != ids.shift(1)).to_numpy()[1:]]))
        index = np.repeat(np.arange(len(starts)), np.diff([*starts, tape.height])).astype(np.int32)
        return cls(ids.gather(starts).to_list(), index, starts)

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Add up the rows of each obligor, along the last dimension."""
        return np.add.reduceat(rows, self.first, axis=-1)

    def take(self, tape: pl.DataFrame, name: str, missing: float = 0.0) -> np.ndarray:
        """A column on which the rows of an obligor agree: [N] float64."""
        return _number(tape, name, missing)[self.first]


def counterparty_pds(tape: pl.DataFrame, market: MarketConfig) -> dict[str, float]:
    """One-year PDs of all named offtakers and guarantors, sorted by name."""
    default = market.counterparties.default_pd_annual
    found: dict[str, float] = {}
    for kind in ("offtaker", "guarantor"):
        named = tape.filter(pl.col(kind).is_not_null()).group_by(kind).agg(pl.col(f"{kind}_pd_annual").drop_nulls().max())
        for name, pd in named.iter_rows():
            found[name] = max(pd if pd is not None else -1.0, found.get(name, -1.0))
    return {name: found[name] if found[name] >= 0 else default for name in sorted(found)}


def month_of(as_of: date, days: pl.Series) -> np.ndarray:
    """Months from the as-of date's calendar month; 0 where null."""
    count = (days.dt.year() - as_of.year) * 12 + (days.dt.month().cast(pl.Int32) - as_of.month)
    return count.fill_null(0).to_numpy().astype(np.int32)


def _number(tape: pl.DataFrame, name: str, missing: float = 0.0) -> np.ndarray:
    return tape[name].cast(pl.Float64).fill_null(missing).to_numpy()


def _used(table: np.ndarray, keep: list[int]) -> list[int]:
    """Rows with any exposure, and those to keep anyway."""
    used = table.any(axis=1)
    used[keep] = True
    return np.flatnonzero(used).tolist()


def _schedule(tape: pl.DataFrame, market: MarketConfig, exposure: Exposure, as_of: date, months: int) -> Schedule:
    """Repayment of every row; floating loans take their shape from today's short rate."""
    floating = (tape["rate_type"] == "floating").to_numpy()
    rate = _number(tape, "coupon_annual") + floating * market.rates.start
    maturity = np.maximum(month_of(as_of, tape["maturity_date"]), 1)
    today = np.array([*(g.rent_usd_gpu_hour for g in market.generations.values()), market.mining.hashprice_usd_ph_day, market.lease_usd_kw_month.start, 1.0])
    month = np.arange(int(maturity.max(initial=1)) + 1)[:, None] if (tape["amortisation"] == "sculpted").any() else np.zeros((1, 1))
    under_contract = month <= month_of(as_of, tape["contract_end_date"])
    contracted = _number(tape, "contract_revenue_usd_month") - exposure.contract_power
    merchant = np.maximum(today @ exposure.merchant, 0).sum(axis=0) - _number(tape, "fixed_cost_usd_month")
    cash = merchant + np.where(under_contract, contracted, np.maximum(today @ exposure.released, 0))
    return repayment(
        tape["amortisation"].to_numpy(),
        _number(tape, "balance_usd"),
        rate_annual=rate,
        maturity_month=maturity,
        interest_only_months=_number(tape, "interest_only_months").astype(np.int64),
        balloon_fraction=_number(tape, "balloon_fraction"),
        projected_cash=cash,
        months=months,
    )


def _debt(tape: pl.DataFrame, owner: _Owner, schedule: Schedule) -> arrays.Debt:
    floating = (tape["rate_type"] == "floating").to_numpy()
    before = np.concatenate([np.zeros_like(schedule.balance[:1]), schedule.balance[:-1]])
    return arrays.Debt(
        balance_usd=owner.add(schedule.balance),
        service_usd=owner.add(schedule.principal + before * _number(tape, "coupon_annual") / 12),
        floating_usd=owner.add(before * floating / 12),
        balloon_usd=owner.add(schedule.balloon),
    )


def _cash(
    tape: pl.DataFrame, owner: _Owner, exposure: Exposure, market: MarketConfig, names: list[str], as_of: date, used: list[int]
) -> arrays.Cash:
    """Merchant exposure added up; contracts kept apart by offtaker and end."""
    end = month_of(as_of, tape["contract_end_date"])
    offtaker = _counterparty(tape["offtaker"], names)
    contracted = _number(tape, "contracted_share") > 0
    slot = _slots(owner.index, offtaker, end, contracted)
    slots = max(int(slot.max(initial=-1)) + 1, 1)
    kinds = [kind for kind in owner.add(exposure.merchant)[:, used] if kind.any()]

    def by_slot(rows: np.ndarray) -> np.ndarray:
        return np.stack([owner.add(np.where(slot == j, rows, 0)) for j in range(slots)])

    def label(rows: np.ndarray) -> np.ndarray:
        return np.stack([np.maximum.reduceat(np.where(slot == j, rows, 0), owner.first) for j in range(slots)]).astype(np.int32)

    return arrays.Cash(
        merchant=np.stack(kinds) if kinds else np.zeros((1, len(used), len(owner.names))),
        released=by_slot(exposure.released)[:, used],
        revenue_usd_month=by_slot(_number(tape, "contract_revenue_usd_month")),
        contract_power_usd_month=by_slot(exposure.contract_power),
        contract_end_month=label(end),
        offtaker=label(offtaker),
        fixed_cost_usd_month=owner.add(_number(tape, "fixed_cost_usd_month")),
        shock_sd=owner.take(tape, "cash_volatility", market.cash_shock_sd),
        shock_persistence=np.array(market.cash_shock_persistence),
        relet_months=np.array(market.relet_months, np.int32),
    )


def _slots(owner: np.ndarray, offtaker: np.ndarray, end: np.ndarray, contracted: np.ndarray) -> np.ndarray:
    """Number the different contracts of each obligor from 0; -1 for rows without one."""
    slot = np.full(owner.shape, -1)
    known: dict[int, dict[tuple[int, int], int]] = {}
    for row in np.flatnonzero(contracted):
        contracts = known.setdefault(int(owner[row]), {})
        slot[row] = contracts.setdefault((int(offtaker[row]), int(end[row])), len(contracts))
    return slot


def _counterparty(column: pl.Series, names: list[str]) -> np.ndarray:
    """Index into the counterparties; 0 where nobody is named."""
    place = {name: index for index, name in enumerate(names, start=1)}
    return column.replace_strict(place, default=0, return_dtype=pl.Int32).fill_null(0).to_numpy()


def _terms(tape: pl.DataFrame, owner: _Owner, names: list[str]) -> arrays.Terms:
    guarantor = _counterparty(tape["guarantor"], names)
    limit = np.where(guarantor > 0, tape["guarantee_limit_usd"].fill_null(tape["balance_usd"]).to_numpy(), 0.0)
    reserve, reserve_months = owner.add(_number(tape, "reserve_usd")), owner.take(tape, "reserve_months")
    call = owner.take(tape, "margin_call_ltv", NO_LIMIT)
    restore = owner.take(tape, "margin_restore_ltv", NO_LIMIT)
    return arrays.Terms(
        covenant_dscr=owner.take(tape, "covenant_dscr"),
        covenant_ltv=owner.take(tape, "covenant_ltv", NO_LIMIT),
        sweep_share=owner.take(tape, "sweep_share"),
        margin_call_ltv=call,
        margin_restore_ltv=np.minimum(restore, call),
        refi_ltv=owner.take(tape, "refi_ltv", -1.0),
        refi_dscr=owner.take(tape, "refi_dscr", -1.0),
        reserve_months=reserve_months,
        reserve_floor_usd=np.where(reserve_months > 0, 0.0, reserve),
        cash_usd=reserve,
        coins=owner.add(_number(tape, "btc_treasury")),
        pledged_coins=owner.add(_number(tape, "btc_pledged")),
        cure_usd=owner.add(_number(tape, "cure_usd")),
        guarantee_usd=owner.add(limit),
        guarantor=np.maximum.reduceat(guarantor, owner.first).astype(np.int32),
    )


def _assets(tape: pl.DataFrame, owner: _Owner, exposure: Exposure, market: MarketConfig) -> arrays.Assets:
    """Units owned, and the same in whole quanta for the inventory for sale, coins included."""
    units = owner.add(exposure.units)
    sold = units.copy()
    sold[value_channels(market).index("btc")] = owner.add(_number(tape, "btc_pledged") + _number(tape, "btc_treasury"))
    total = sold.sum(axis=1)
    quantum = np.array([power_of_two_quantum(t, QUANTA_BITS) if t > 0 else 1.0 for t in total])
    return arrays.Assets(
        units=units,
        pledged_share=owner.take(tape, "pledged_share", 1.0),
        sale_quanta=np.round(sold / quantum[:, None]),
        quantum=quantum,
    )


def _asset_sales(market: MarketConfig, recovery: RecoveryConfig) -> list[AssetSale]:
    """Sale terms in the order of the value channels."""
    gpus = [recovery.gpus.get(name, recovery.gpus["default"]) for name in market.generations]
    asics = [recovery.asics.get(name, recovery.asics["default"]) for name in market.asics]
    return [*gpus, *asics, recovery.btc, recovery.site]


def _liquidation(sales: list[AssetSale], recovery: RecoveryConfig) -> arrays.Liquidation:
    return arrays.Liquidation(
        impact=np.array([sale.impact for sale in sales]),
        depth=np.array([sale.depth_units_month.values() for sale in sales]).T,
        floor=np.array([sale.floor for sale in sales]),
        absorption=np.array([sale.absorption_monthly for sale in sales]),
        lag_months=np.array([sale.lag_months for sale in sales], np.int32),
        kept_share=np.array([(1 - sale.haircut) * (1 - sale.cost) for sale in sales]),
        system_multiple=np.array(recovery.system_multiple),
    )


def _refinancing(recovery: RecoveryConfig, units: np.ndarray) -> arrays.Refinancing:
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


def _facilities(
    tape: pl.DataFrame, owner: _Owner, schedule: Schedule, ranks: np.ndarray, recovery: RecoveryConfig
) -> arrays.Facilities:
    of_facility = np.cumsum(schedule.balance, axis=0)
    of_obligor = np.cumsum(owner.add(schedule.balance), axis=0)[:, owner.index]
    return arrays.Facilities(
        obligor=owner.index,
        rank=ranks,
        balance_usd=schedule.balance,
        unsecured_recovery=_number(tape, "unsecured_recovery", recovery.unsecured_recovery),
        cumulative_share=of_facility / np.maximum(of_obligor, SHARE_OF_NOTHING),
    )


def _reporting(tape: pl.DataFrame, owner: _Owner, segments: tuple[str, ...]) -> tuple[list[str], Scale]:
    """Scopes, and which facility and obligor (by its largest facility) belongs to which."""
    balance = _number(tape, "balance_usd")
    largest = np.lexsort((-balance, owner.index))[owner.first]
    scopes = [PORTFOLIO_SCOPE]
    members = [np.ones(tape.height, dtype=bool)]
    for place, column in enumerate(segments):
        labels = tape[column].cast(pl.String).fill_null("(none)")
        for name in sorted(set(labels)):
            scopes.append(name if place == 0 else f"{column}:{name}")
            members.append((labels == name).to_numpy())
    facility_in_group = np.stack(members).astype(np.float64)
    total = float(balance.sum())
    return scopes, Scale(
        loss_quantum_usd=np.array(power_of_two_quantum(total, LOSS_BITS)),
        view_quantum_usd=np.array(power_of_two_quantum(total, VIEW_BITS)),
        first_balance_usd=balance,
        facility_in_group=facility_in_group,
        obligor_in_group=facility_in_group[:, largest],
    )
