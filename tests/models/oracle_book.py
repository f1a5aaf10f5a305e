"""Borrowers and scenarios of the market as plain Python numbers, for the second reading of the model in `oracle`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rackrisk.kernels.arrays import Book, Paths
from rackrisk.kernels.balances import facility_balances


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
class Borrower:
    """One obligor: plain numbers, months counted from 0."""

    merchant: list[list[float]]  # by kind of capacity
    contracts: list[Contract]
    loans: list[Loan]
    debt: dict[str, list[float]]  # by field of the debt arrays
    terms: dict[str, float]  # by field of the terms and of the rest of the cash arrays
    guarantor: int
    units: list[float]
    pledged_units: list[float]
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


def borrowers(book: Book) -> list[Borrower]:
    """The book as one object a borrower."""
    cash, debt, terms, assets, facilities = book.cash, book.debt, book.terms, book.assets, book.facilities
    balance = facility_balances(book)
    named = {name: getattr(terms, name) for name in terms._fields if name != "guarantor"}
    named |= {"fixed_cost_usd_month": cash.fixed_cost_usd_month, "shock_sd": cash.shock_sd}
    named |= {"tenor_months": book.refinancing.tenor_months}
    return [
        Borrower(
            merchant=cash.merchant[:, :, i].tolist(),
            contracts=[_contract(cash, j, i) for j in range(cash.revenue_usd_month.shape[0])],
            loans=[
                _loan(facilities, balance[:, f], f)
                for f in range(len(facilities.obligor))
                if facilities.obligor[f] == i
            ],
            debt={name: getattr(debt, name)[:, i].tolist() for name in debt._fields},
            terms={name: float(values[i]) for name, values in named.items()},
            guarantor=int(terms.guarantor[i]),
            units=assets.units[:, i].tolist(),
            pledged_units=assets.pledged_units[:, i].tolist(),
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


def _loan(facilities: Any, balance: Any, f: int) -> Loan:
    return Loan(f, int(facilities.rank[f]), balance.tolist(), float(facilities.unsecured_recovery[f]))


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
