"""How much debt rests on each named counterparty."""

from rackrisk.models.book import BuiltBook


def debt_by_counterparty(built: BuiltBook) -> dict[str, float]:
    """Balance at the as-of date of the obligors that a name's contract or guarantee supports, USD.

    An obligor with several names counts in full for each of them: it is what their default can reach, no division.
    """
    owner, balance = built.book.facilities.obligor.tolist(), built.scale.first_balance_usd.tolist()
    owed = [0.0] * (max(owner) + 1)
    for obligor, usd in zip(owner, balance, strict=True):
        owed[obligor] += usd
    reached: dict[str, set[int]] = {}
    for obligor, names in zip(owner, built.facilities.select("offtaker", "guarantor").rows(), strict=True):
        for name in filter(None, names):
            reached.setdefault(name, set()).add(obligor)
    return {name: sum(owed[obligor] for obligor in sorted(obligors)) for name, obligors in reached.items()}
