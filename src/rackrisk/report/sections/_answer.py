"""The answer in sentences: what is expected to be lost, what in the tail, whether it is paid for, what drives it."""

from __future__ import annotations

from collections.abc import Iterator

from .._facts import PORTFOLIO, Estimate, Facts, scope_name
from .._format import basis_points, is_number, level_text, money_with_error, odds, percent_text
from .._text import NAME_LIMIT, plain, shorten
from ._attribution import leading_mechanism
from ._contributions import leading_member, share_text
from ._pricing import VERDICTS, quoted_scopes, verdict_counts

#: What the verdict on the whole book says.
_JUDGED = {"pays": "as a whole they pay for the risk", "falls short": "as a whole they fall short of the risk",
           "open": "whether they pay for the risk as a whole stays open"}  # fmt: skip


def share_of_exposure(facts: Facts, value: float | None, scope: str = PORTFOLIO) -> float | None:
    """A loss as a fraction of the scope's balance at the as-of date."""
    exposure = facts.exposure.get(scope)
    return value / exposure if value is not None and exposure else None


def with_error(estimate: Estimate) -> str:
    """An amount with its standard error where it has one: `USD 338 ± 22 m`."""
    return money_with_error(estimate.value or 0.0, estimate.std_error).with_error(estimate.value, estimate.std_error)


def loss_sentences(facts: Facts) -> Iterator[str]:
    """Expected loss with its error, then the tail levels that have one."""
    loss = facts.measure("EL")
    if loss.value and loss.std_error is not None:
        yield f"The expected loss is {with_error(loss)}."
    for level in facts.levels[:2]:
        var, shortfall = facts.measure("VaR", level=level), facts.measure("ES", level=level)
        if var.value and var.std_error is not None:  # else too few scenarios to speak of one in so many
            share = share_of_exposure(facts, var.value)
            part = "" if share is None else f" ({percent_text(share)})"
            mean = f"; such scenarios lose {with_error(shortfall)} on average" if shortfall.value is not None else ""
            yield f"{odds(1.0 - level)} {with_error(var)}{part} or more{mean}."


def shortfall_sentences(facts: Facts) -> Iterator[str]:
    """Expected shortfall where no VaR speaks of it; of VaRs without errors the lowest level only."""
    for level in facts.levels:
        estimate, var = facts.measure("ES", level=level), facts.measure("VaR", level=level)
        if estimate.value is not None and (var.value is None or (level == facts.levels[0] and var.std_error is None)):
            yield f"The worst {level_text(1.0 - level)} of the scenarios lose {with_error(estimate)} on average."


def pricing_sentences(facts: Facts) -> Iterator[str]:
    """Whether the quoted facilities as a whole are paid for their risk, and how many are not."""
    row = next((row for row in quoted_scopes(facts) if row["name"] == PORTFOLIO), None)
    if row is None:
        return
    style = basis_points([1.0])
    low, high = row["mispricing_ci_low"], row["mispricing_ci_high"]
    known = is_number(low) and is_number(high)
    between = f", {level_text(facts.confidence)} interval {style(low)} to {style(high)}" if known else ""
    judged = _JUDGED.get(row["verdict"] or "", "the run is too short to judge the difference")
    assert set(_JUDGED) == set(VERDICTS)
    yield (
        f"Facilities with a quote are paid {style.with_unit(row['quoted_spread_annual'])} a year and should be paid "
        f"{style.with_error(row['fair_spread_annual'], row['fair_spread_std_error'])}: {judged} (quoted less fair "
        f"{style.with_unit(row['mispricing_annual'])}{between})."
    )
    yield verdict_counts(facts)


def driver_sentences(facts: Facts) -> Iterator[str]:
    """The mechanism with the largest share; without an attribution, where most of the tail comes from."""
    mechanism = leading_mechanism(facts)
    if mechanism is not None:
        name, share = shorten(plain(mechanism["mechanism"]), NAME_LIMIT), share_text(mechanism)
        yield f"The biggest driver is {name}: {share} of the expected loss."
    segment, tenant = (leading_member(facts, dimension) for dimension in ("segment", "offtaker"))
    if segment is None:
        return
    level, member = segment
    text = f"{share_text(member)} of the ES {level_text(level)} comes from {scope_name(member['name'])}"
    if len(facts.segments) < 2:
        text = f"The ES {level_text(level)} comes from {scope_name(member['name'])}, the only segment"
    if tenant is not None:
        name = shorten(plain(tenant[1]["name"]), NAME_LIMIT)
        text += f"; of the tenants most of it, {share_text(tenant[1])}, is debt behind {name}"
    yield f"{text}."
