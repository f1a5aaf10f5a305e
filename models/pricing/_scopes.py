"""Fair spreads of the book and its segments, of all their facilities and of those with a quote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rackrisk.models.book import BuiltBook
from rackrisk.models.contributions import TailEstimates

from ._book import PricedBook, standard_error
from ._fair import Array, FairSpreads, ceilings

ALL, QUOTED = "all", "quoted"


@dataclass(frozen=True)
class PricedScope:
    """Facilities whose spreads are put together.

    Attributes:
        name: of the scope.
        kind: `all` of its facilities, or those that are `quoted`.
        group: place among the scopes of the tally.
        facilities: bool [F].
    """

    name: str
    kind: str
    group: int
    facilities: NDArray[np.bool_]


def priced_scopes(built: BuiltBook) -> list[PricedScope]:
    """Every scope twice: all of it, and its quoted part if it has one."""
    quoted = built.facilities["quoted_spread_annual"].is_not_null().to_numpy()
    found = []
    for group, name in enumerate(built.scopes):
        inside = built.scale.facility_in_group[group] > 0
        found.append(PricedScope(name, ALL, group, inside))
        if (inside & quoted).any():
            found.append(PricedScope(name, QUOTED, group, inside & quoted))
    return found


def scope_weights(scopes: list[PricedScope], book: PricedBook) -> Array:
    """[2 Q, F]: what a dollar of a facility's capital adds to the charge of each scope, per year, then to its capital.

    A facility's charge is hurdle x capital / balance on each dollar outstanding; scopes weigh charges by the present
    value of the balance, as they weigh losses and quoted spreads.
    """
    inside = np.array([scope.facilities for scope in scopes], dtype=np.float64)
    weighed = inside * book.pv_balance_usd_years
    total = weighed.sum(axis=1, keepdims=True)
    share = np.divide(weighed, total, out=np.zeros(inside.shape), where=total > 0)
    return np.concatenate([share * book.config.hurdle_annual / book.balance_usd, inside])


def fair_scopes(scopes: list[PricedScope], book: PricedBook, found: TailEstimates, own: FairSpreads) -> FairSpreads:
    """Fair spread of every scope, [Q].

    Args:
        found: with `combined` from `scope_weights` of the same scopes.
        own: fair spreads of the single facilities.
    """
    weights = scope_weights(scopes, book)
    rows = [_fair_scope(place, scopes, book, found, own=own, weights=weights) for place in range(len(scopes))]
    return FairSpreads(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def _fair_scope(
    place: int, scopes: list[PricedScope], book: PricedBook, found: TailEstimates, *, own: FairSpreads, weights: Array
) -> dict[str, float]:
    scope, es = scopes[place], found.at(book.config.capital_level)
    n, pv = book.n_scenarios, float(book.pv_balance_usd_years[scope.facilities].sum())
    el = float((book.mean_loss_usd * scope.facilities).sum())
    loss = el / pv if pv > 0 else np.nan
    capital_usd = es.es[: len(book.balance_usd)]
    charge, capital = (float((weights[row] * capital_usd).sum()) for row in (place, place + len(scopes)))
    of_charge, of_capital = (found.influence_of(row, es) * book.quantum_usd for row in (place, place + len(scopes)))
    charge_error, capital_error = (standard_error(values) for values in (of_charge, of_capital))
    of_loss = loss * book.relative_loss(scope.group)
    if scope.kind == ALL:
        loss_error, error = standard_error(of_loss), standard_error(of_loss + of_charge)
    else:
        of_all = book.loss_spread(scope.group) * book.relative_loss(scope.group)
        loss_error = _at_most(scope, book, own, standard_error(of_all))
        error = loss_error + charge_error
    known = np.isfinite(es.es_error).all()
    balance = book.balance_usd[scope.facilities].sum()
    most = ceilings(np.array(balance), np.array(pv), n=n, level=es.level, hurdle=book.config.hurdle_annual)
    return {
        "loss": loss,
        "loss_error": loss_error,
        "capital_usd": capital,
        "capital_error_usd": capital_error if known else np.nan,
        "charge": charge,
        "charge_error": charge_error if known else np.nan,
        "error": error if known else np.nan,
        **{name: float(limit) for name, limit in most.items()},
    }


def _at_most(scope: PricedScope, book: PricedBook, own: FairSpreads, error_of_all: float) -> float:
    """Bound of the error of a part's loss spread: its facilities' errors added up, or the whole's and the others'.

    How the losses of a part vary together is not kept; two errors are never more than added up.
    """
    pv, inside = book.pv_balance_usd_years, scope.facilities
    whole = book.built.scale.facility_in_group[scope.group] > 0
    each = np.nan_to_num(own.loss_error) * pv
    added = float(each[inside].sum())
    rest = float(each[whole & ~inside].sum()) + error_of_all * float(pv[whole].sum())
    paid = float(pv[inside].sum())
    return min(added, rest) / paid if paid > 0 else float("nan")
