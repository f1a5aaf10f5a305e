"""A book of loans, its market and its sums as the structural kernels read and write them.

Dimensions as in `arrays.py`; N obligors are sorted so that neighbours, which share a warp, have much in common, and lie
in panels of 32. Tables with few entries are lists of up to E an obligor, with channel -1 where there are fewer.
"""

from typing import Any, NamedTuple

import numpy as np

from ..accounts import TINY_USD
from ..arrays import Book
from ..balances import facility_balances, rank_balances
from ..tally import CARRIED_BITS, SQUARE_BITS, Scale
from .device import LaunchShape
from .layout import WARP, Panel, Structure
from .source import Program

TERMS = Panel(
    "Terms",
    "real",
    (
        *("fixed_cost_usd_month", "innovation_sd", "covenant_dscr", "covenant_ltv", "sweep_share", "margin_call_ltv"),
        *("reserve_months", "reserve_floor_usd", "margin_restore_ltv", "refi_ltv", "refi_dscr", "tenor_months"),
        *("cash_usd", "coins", "pledged_coins", "cure_usd", "guarantee_usd"),
    ),
)
LINKS = Panel(  # last_owing: the last month that starts with debt
    "Links", "int", ("last_owing", "guarantor", "earns", "first_facility", "facility_count")
)
SCHEDULE = Panel("Schedule", "real", ("balance_usd", "service_usd", "floating_usd", "balloon_usd"))  # of a month
CONTRACT_DATES = Panel("ContractDates", "int", ("end_month", "offtaker"))  # of one of J contracts
CONTRACT_FLOWS = Panel("ContractFlows", "real", ("revenue_usd_month", "power_usd_month"))
CHANNEL = Panel("Channel", "int", ("channel",))  # of an entry of a list
EXPOSURE = Panel("Exposure", "real", ("exposure",))
ASSET_PLACE = Panel("AssetPlace", "int", ("channel", "quanta"))
ASSET_UNITS = Panel("AssetUnits", "real", ("units", "pledged"))
PANELS = (
    *(TERMS, LINKS, SCHEDULE, CONTRACT_DATES, CONTRACT_FLOWS),
    *(CHANNEL, EXPOSURE, ASSET_PLACE, ASSET_UNITS),
)
CLOSES = 1 << 16  # of an income channel: the last of its kind of capacity
WINDOW = 12  # months whose world is in shared memory at a time
WATCHED_EVERY = 8  # scenarios, of which early warning looks at one
CONSTANTS = {  # of the kernels, beside the shape of the launch
    "WARP": WARP,
    "CLOSES": CLOSES,
    "WINDOW": WINDOW,
    "WATCHED_EVERY": WATCHED_EVERY,
    "SQUARE_BITS": SQUARE_BITS,
    "CARRIED_BITS": CARRIED_BITS,
}

COUNTS = (
    *("obligors", "facilities", "months", "rows", "cash_channels", "value_channels", "contracts", "counterparties"),
    *("groups", "memberships", "facility_memberships", "income_terms", "released_terms", "asset_terms"),
    *("coin_channel", "power_channel", "relet_months", "years", "key_0", "key_1"),
)
NUMBERS = ("shock_persistence", "system_multiple", "loss_quanta_per_usd", "view_quanta_per_usd")
BY_OBLIGOR = {  # [N / 32, ...]
    "terms": "const Terms",
    "links": "const Links",
    "schedule": "const Schedule",  # [T+1]
    "contract_dates": "const ContractDates",  # [J]
    "contract_flows": "const ContractFlows",  # [J]
    "income_channel": "const Channel",  # [E]
    "income_exposure": "const Exposure",
    "released_channel": "const Channel",  # [J, E]
    "released_exposure": "const Exposure",
    "asset_place": "const AssetPlace",  # [E]
    "asset_units": "const AssetUnits",
}
INTEGERS = ("obligor_group", "facility_rank", "facility_group", "lag_months")  # [memberships, N], [F], [memberships, F]
REALS = (
    *("rank_balance_usd", "facility_balance_usd", "facility_kept_loss"),  # [3, T+1, N], [T+1, F], [F]
    *("quantum", "impact", "depth", "floor", "absorption", "kept_share"),  # [V], depth [R, V]
    *("market_ltv", "market_dscr", "market_spread"),  # [R]
)
BOOK = Structure(
    "Book",
    dict.fromkeys(COUNTS, "count")
    | dict.fromkeys(NUMBERS, "number")
    | BY_OBLIGOR
    | dict.fromkeys(("stream_0", "stream_1"), "const unsigned")  # [N]
    | dict.fromkeys(INTEGERS, "const int")
    | dict.fromkeys(REALS, "const real")
    | dict.fromkeys(("first_balance_usd", "most_paid_usd_months"), "const double"),  # [F]
)

WORLD = Structure(
    "World",
    {
        "scenarios": "count",  # S, the valid ones first
        "scenario": "const unsigned",  # [S]
        "regime": "const int",  # [S, H+1]
        "cash": "const real",  # [S, H+1, C]
        "price": "const real",  # [S, H+1, V]
        "short_rate": "const real",  # [S, H+1]
        "discount": "const real",
        "death_month": "const int",  # [S, K]
        "price_impact": "real",  # [S, T+1, V]
        "sold": "int",  # [S, T+1, V] quanta
        "moved": "const int",  # [S] not 0 where the price impact is not settled
        "still_moving": "int",  # [S] the same after the next pass
    },
)

BY_SCENARIO = ("loss", "exposure", "paid")  # [S, G+1]; here and below the last group takes what belongs to none
BY_FACILITY = (  # [F]
    *("facility_loss", "facility_loss_squares", "facility_loss_paid", "facility_paid_squares"),
    *("facility_exposure", "facility_exposure_pv"),
)
SUMS = Structure(
    "Sums",
    dict.fromkeys((*BY_SCENARIO, *BY_FACILITY), "long long")
    | {
        "facility_defaults": "long long",  # [Y, F] in each year
        "defaults": "int",  # [S, T, G+1]
        "defaulted_debt": "long long",  # [S, T, G+1]
        "causes": "int",  # [S, 3, G+1]
        "seen": "long long",  # [T, 8, G+1] of early warning
        "not_carried": "long long",  # [T, N] what defaults and prepayments take from the carried debt
        "replays": "count",  # not 0: keep the rows below
        "row_loss": "long long",  # [S, F]
        "row_paid": "int",  # [S, F]
    },
)


def program(precision: str, shape: LaunchShape) -> Program:
    """The kernels of the structural model."""
    constants = CONSTANTS | {name.upper(): number for name, number in shape._asdict().items()}
    return Program("structural.cu", (BOOK, WORLD, SUMS), precision, constants, PANELS)


class Arranged(NamedTuple):
    """A book ready for the device, as NumPy arrays."""

    fields: dict[str, Any]  # by name in `BOOK`
    order: np.ndarray  # [N] obligor at each place


def arrange(book: Book, scale: Scale, key: tuple[int, int], *, rows: int, precision: str) -> Arranged:
    """Sort a book's obligors and lay it out for the kernels.

    Args:
        book, scale: float64 NumPy arrays.
        rows: H + 1, of the market paths.
        precision: float32 or float64.
    """
    order = _similar_together(book)
    arrays = (
        _by_obligor(book, order, precision)
        | {name: _packed(table, precision) for name, table in _reals(book, order).items()}
        | {name: _packed(table, "int32") for name, table in _integers(book, scale, order).items()}
        | {f"stream_{word}": _packed(book.stream[order, word], "uint32") for word in (0, 1)}
        | {"first_balance_usd": _packed(scale.first_balance_usd, "float64")}
        | {"most_paid_usd_months": np.maximum(_packed(scale.most_paid_usd_months, "float64"), TINY_USD)}
    )
    sizes = {
        "obligors": order.size,
        "facilities": book.facilities.obligor.size,
        "months": book.debt.balance_usd.shape[0] - 1,
        "rows": rows,
        "cash_channels": book.cash.merchant.shape[1],
        "value_channels": book.assets.quantum.size,
        "contracts": book.cash.released.shape[0],
        "groups": scale.facility_in_group.shape[0],
        "memberships": arrays["obligor_group"].shape[0],
        "facility_memberships": arrays["facility_group"].shape[0],
        "income_terms": arrays["income_channel"].shape[1],
        "released_terms": arrays["released_channel"].shape[2],
        "asset_terms": arrays["asset_place"].shape[1],
        "coin_channel": book.coin_channel,
        "power_channel": book.power_channel,
        "relet_months": int(book.cash.relet_months),
        "years": -(-(book.debt.balance_usd.shape[0] - 1) // 12),
        "key_0": key[0],
        "key_1": key[1],
        "shock_persistence": float(book.cash.shock_persistence),
        "system_multiple": float(book.liquidation.system_multiple),
        "loss_quanta_per_usd": 1 / float(scale.loss_quantum_usd),
        "view_quanta_per_usd": 1 / float(scale.view_quantum_usd),
    }
    return Arranged(arrays | sizes, order)


def _by_obligor(book: Book, order: np.ndarray, precision: str) -> dict[str, np.ndarray]:
    """Panels, by name in `BY_OBLIGOR`."""
    cash, terms, persistence = book.cash, book.terms, float(book.cash.shock_persistence)
    owned = {name: getattr(terms, name)[order] for name in terms._fields}
    own = owned | {
        "fixed_cost_usd_month": cash.fixed_cost_usd_month[order],
        "innovation_sd": np.sqrt(1 - persistence * persistence) * cash.shock_sd[order],
        "tenor_months": np.broadcast_to(book.refinancing.tenor_months, order.size)[order],
    }
    first, count = _facilities_of(book.facilities.obligor, order.size)
    links = {
        "last_owing": _last_true(book.debt.balance_usd[:-1, order] > 0),
        "guarantor": owned["guarantor"],
        "earns": cash.earns[order],
        "first_facility": first[order],
        "facility_count": count[order],
    }
    dates = {"end_month": cash.contract_end_month[:, order], "offtaker": cash.offtaker[:, order]}
    flows = {
        "revenue_usd_month": cash.revenue_usd_month[:, order],
        "power_usd_month": cash.contract_power_usd_month[:, order],
    }
    income_channel, income_exposure = _lists(list(cash.merchant[..., order]))
    released_channel, released_exposure = _stacked([_lists([table]) for table in cash.released[..., order]])
    place, units = _asset_lists(book.assets, order)
    return {
        "terms": TERMS.pack(own, precision),
        "links": LINKS.pack(links, "int32"),
        "schedule": SCHEDULE.pack({name: getattr(book.debt, name)[:, order] for name in SCHEDULE.fields}, precision),
        "contract_dates": CONTRACT_DATES.pack(dates, "int32"),
        "contract_flows": CONTRACT_FLOWS.pack(flows, precision),
        "income_channel": CHANNEL.pack({"channel": income_channel}, "int32", fill=-1),
        "income_exposure": EXPOSURE.pack({"exposure": income_exposure}, precision),
        "released_channel": CHANNEL.pack({"channel": released_channel}, "int32", fill=-1),
        "released_exposure": EXPOSURE.pack({"exposure": released_exposure}, precision),
        "asset_place": ASSET_PLACE.pack(place, "int32", fill=-1),
        "asset_units": ASSET_UNITS.pack(units, precision),
    }


def _reals(book: Book, order: np.ndarray) -> dict[str, np.ndarray]:
    """By name in `REALS`."""
    sales, refinancing = book.liquidation, book.refinancing
    return {
        "rank_balance_usd": rank_balances(book)[..., order],
        "facility_balance_usd": facility_balances(book),
        "facility_kept_loss": 1 - book.facilities.unsecured_recovery,
        "quantum": book.assets.quantum,
        **{name: getattr(sales, name) for name in ("impact", "depth", "floor", "absorption", "kept_share")},
        "market_ltv": refinancing.ltv,
        "market_dscr": refinancing.dscr,
        "market_spread": refinancing.spread_annual,
    }


def _integers(book: Book, scale: Scale, order: np.ndarray) -> dict[str, np.ndarray]:
    """By name in `INTEGERS`."""
    return {
        "obligor_group": groups_of(scale.obligor_in_group)[:, order],
        "facility_rank": book.facilities.rank,
        "facility_group": groups_of(scale.facility_in_group),
        "lag_months": book.liquidation.lag_months,
    }


def _packed(table: Any, dtype: str) -> np.ndarray:
    return np.ascontiguousarray(table, dtype=dtype)


def _last_true(signs: np.ndarray) -> np.ndarray:
    """Number, from 1, of the last true row of each column; 0 without one."""
    return np.where(signs, np.arange(1, len(signs) + 1)[:, None], 0).max(axis=0)


def _similar_together(book: Book) -> np.ndarray:
    """Obligors in an order in which a warp's 32 neighbours end in about the same month and have like terms."""
    owing = (book.debt.balance_usd > 0).sum(axis=0)
    years = -(-owing // 12)
    kinds = (book.cash.merchant != 0).sum(axis=(0, 1))
    contracts = (book.cash.contract_end_month > 0).sum(axis=0)
    coins = (book.terms.coins > 0) | (book.terms.pledged_coins > 0)
    owned = (book.assets.units != 0).sum(axis=0)
    return np.lexsort((owing, owned, kinds, coins, contracts, -years))


def _lists(tables: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The entries of kinds of capacity [C, N] each, as lists over all kinds: channels and exposures [E, N]."""
    obligors = tables[0].shape[1]
    longest = max(int((np.stack(tables) != 0).sum(axis=(0, 1)).max()), 1)
    channel, exposure = np.full((longest, obligors), -1), np.zeros((longest, obligors))
    filled = np.zeros(obligors, int)
    for table in tables:
        last = np.where((table != 0).any(axis=0), table.shape[0] - 1 - (table[::-1] != 0).argmax(axis=0), -1)
        for c, row in enumerate(table):
            at = np.flatnonzero(row)
            channel[filled[at], at] = c + np.where(last[at] == c, CLOSES, 0)
            exposure[filled[at], at] = row[at]
            filled[at] += 1
    return channel, exposure


def _stacked(lists: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Lists of contracts, [J, E, N] each."""
    longest = max(channel.shape[0] for channel, _ in lists)

    def grown(table: np.ndarray, fill: int) -> np.ndarray:
        return np.pad(table, ((0, longest - table.shape[0]), (0, 0)), constant_values=fill)

    return (
        np.stack([grown(channel, -1) for channel, _ in lists]),
        np.stack([grown(exposure, 0) for _, exposure in lists]),
    )


def _asset_lists(assets: Any, order: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What is owned, pledged and to be sold at its place in the lists, [E, N] each: integers and reals."""
    tables = {"units": assets.units, "pledged": assets.pledged_units, "quanta": assets.sale_quanta}
    held = np.logical_or.reduce([table[:, order] != 0 for table in tables.values()])
    longest, place = max(int(held.sum(axis=0).max()), 1), np.cumsum(held, axis=0) - 1
    v, n = np.nonzero(held)
    lists = {name: np.zeros((longest, order.size)) for name in tables} | {"channel": np.full((longest, order.size), -1)}
    for name, table in tables.items():
        lists[name][place[v, n], n] = table[:, order][v, n]
    lists["channel"][place[v, n], n] = v
    return {name: lists[name] for name in ASSET_PLACE.fields}, {name: lists[name] for name in ASSET_UNITS.fields}


def _facilities_of(obligor: np.ndarray, obligors: int) -> tuple[np.ndarray, np.ndarray]:
    """First facility and number of facilities of each obligor; facilities are sorted by obligor."""
    count = np.bincount(obligor, minlength=obligors)
    return np.cumsum(count) - count, count


def groups_of(one_hot: np.ndarray) -> np.ndarray:
    """Groups of each member as lists [most, members], from [G, members]; G, nobody's group, where there are fewer."""
    groups, members = one_hot.shape
    held = one_hot != 0
    place = np.cumsum(held, axis=0) - 1
    lists = np.full((max(int(held.sum(axis=0).max(initial=0)), 1), members), groups)
    g, m = np.nonzero(held)
    lists[place[g, m], m] = g
    return lists
