"""What happened in a scenario, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .figures import NOTHING, is_number, money, percent

Event = Mapping[str, Any]

_PAYERS = {
    "cash": "the cash account pays",
    "coins": "free coins are sold for",
    "sponsor": "the sponsor puts in",
    "guarantor": "the guarantor pays",
}
_RATIOS = {"dscr": "DSCR", "ltv": "LTV"}
_CAUSES = {"payment": "debt service unpaid", "margin": "margin call not met", "refinancing": "balloon not refinanced"}


def sentence(event: Event) -> str:
    """One event of `rackrisk.models.explain.EVENTS` or of `World.happenings`."""
    return _SENTENCES[event["kind"]](event)


def cause_words(cause: str | None) -> str:
    """What failed first."""
    return _CAUSES.get(cause or "", "cause not known")


def multiple(value: float | None) -> str:
    """A cover ratio: `1.25x`."""
    if not is_number(value):
        return NOTHING
    return f"{value:.2f}x" if abs(value) < 10 else f"{value:,.0f}x" if abs(value) < 1e4 else "over 9999x"


def share(value: float | None) -> str:
    """A ratio in percent, with the sign; no digits where they would say nothing."""
    return NOTHING if not is_number(value) else f"{percent(value, 0)} %" if value < 100 else "over 10,000 %"


def _amount(event: Event) -> str:
    return money(event["amount_usd"])


def _limit(event: Event) -> str:
    shown = multiple if event["name"] == "dscr" else share
    return f"{_RATIOS[event['name']]} {shown(event['value'])}, covenant {shown(event['limit'])}"


def _lost(event: Event) -> str:
    """An offtaker's end: what an obligor loses, or, of the whole world, whose loans depended on him."""
    name, amount = event["name"] or "the offtaker", event.get("amount_usd")
    if is_number(amount):
        return f"{name} defaults: {money(amount)} a month of contracted revenue ends"
    return f"offtaker {name} defaults, {money(event['balance_usd'])} of debt rents to it"


def _guarantor(event: Event) -> str:
    balance = event.get("balance_usd")
    what = (
        f", {money(balance)} of debt is guaranteed by it" if is_number(balance) else ": its guarantee is worth nothing"
    )
    return f"guarantor {event['name']} defaults{what}"


def _lent(event: Event) -> str:
    limit = event["limit"]
    shown = f"LTV {share(limit)}" if event["name"] == "ltv" else f"DSCR {multiple(limit)}"
    return f"a new lender gives {_amount(event)} (at his {shown})"


def _default(event: Event) -> str:
    cause, value, limit = event["name"], event["value"], event["limit"]
    if cause == "payment":
        why = f"CFADS {money(value)} for {money(limit)} due, {_amount(event)} nobody pays"
    elif cause == "margin":
        why = f"LTV {share(value)} over {share(limit)}, {_amount(event)} of coins too few"
    elif cause == "refinancing":
        own = money(max(limit - value - event["amount_usd"], 0.0))
        why = f"{money(limit)} due, {money(value)} from a new lender, {own} from all accounts, {_amount(event)} missing"
    else:
        why = "the months beside the engine do not agree on it"
    return f"DEFAULT, {cause_words(cause)}: {why}"


_SENTENCES: dict[str, Callable[[Event], str]] = {
    "regime": lambda event: f"the market turns to {event['name']}",
    "launch": lambda event: f"{event['name'].upper()} ships: rents of earlier generations step down",
    "contract_ended": lambda event: (
        f"contract with {event['name'] or 'a tenant without a name'} ends: {_amount(event)} a month"
    ),
    "offtaker_default": _lost,
    "relet": lambda event: "the capacity of that contract earns at market from here on",
    "guarantor_default": _guarantor,
    "service_paid_by": lambda event: f"{_PAYERS[event['name']]} {_amount(event)} that income does not cover",
    "breach": lambda event: f"covenant broken: {_limit(event)}",
    "breach_over": lambda event: f"covenant kept again: {_limit(event)}",
    "sweep": lambda event: f"{_amount(event)} of trapped cash prepays debt",
    "repaid_by_sweep": lambda event: f"{_amount(event)} of trapped cash repays the rest of the debt",
    "margin_call": lambda event: (
        f"margin call at LTV {share(event['value'])} over {share(event['limit'])}: {_amount(event)} of coins pledged"
    ),
    "balloon": lambda event: f"balloon of {_amount(event)} falls due",
    "balloon_lent": _lent,
    "balloon_paid_by": lambda event: f"{_PAYERS[event['name']]} {_amount(event)} of the balloon",
    "repaid": lambda event: "all debt is repaid",
    "default": _default,
}
