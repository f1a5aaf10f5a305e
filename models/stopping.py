"""When a simulation has run long enough: a target for one measure's interval, and the decision at each look.

A run is looked at after n scenarios, n growing from look to look, and ends at the first look where half the width of
the interval, that of `models.measures`, is at most the asked share of the estimate.

Y. S. Chow and H. Robbins (1965), "On the asymptotic theory of fixed-width sequential confidence intervals for the
mean", Annals of Mathematical Statistics 36, 457-462: the interval keeps its coverage as the width goes to 0.
P. W. Glynn and W. Whitt (1992), "The asymptotic validity of sequential stopping rules for stochastic simulations",
Annals of Applied Probability 2, 180-198: so does that of any estimator with a functional central limit theorem and a
consistent error. What spoils it is stopping early, on an error that is too small by chance; so no look counts before
its own error can be trusted. What bias is left, and the coverage, are measured in docs/measures.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .measures import Estimate, measure_one

#: A quantile, or a mean beyond it, is looked at when this many scenarios lie on the rarer side of its level.
TAIL_SCENARIOS = 400
#: The mean and the standard deviation are looked at from this many scenarios on.
LEAST_SCENARIOS = 1_000
#: A look counts where neither the skewness of the error nor the bias of runs that end there, in errors, is above this.
MOST_BIAS = 0.15
#: The next look aims at more scenarios than the square-root law says, so that it is likely the last.
MARGIN = 1.1
LEAST_GROWTH, MOST_GROWTH = 1.25, 4.0
#: The number of scenarios at a look is a multiple of this, unless it is the most that may be run.
ROUND = 1_000
#: The widest target: half the width of the interval as a share of the estimate.
WIDEST_SHARE = Decimal("0.5")

Verdict = Literal["stop", "go on", "out of reach"]

_FORM = "must be MEASURE:P% or MEASURE:LEVEL:P%, as in EL:1%, SD:2%, VaR:0.99:2% or ES:0.999:1%"
_MEASURES = {"EL": False, "SD": False, "VaR": True, "ES": True}  # whether it has a level
_NUMBER = re.compile(r"\d{0,4}\.?\d{0,12}", re.ASCII)


@dataclass(frozen=True)
class Target:
    """Half the width of a measure's interval, portfolio scope, is to be at most `share` of the estimate.

    Attributes:
        measure: `EL`, `SD`, `VaR` or `ES`.
        level: confidence level of VaR and ES, in (0, 1); None for EL and SD.
        share: as a fraction, in (0, 0.5].
    """

    measure: str
    level: float | None
    share: float

    @property
    def name(self) -> str:
        """`ES 99.9 %`."""
        return self.measure if self.level is None else f"{self.measure} {percent(self.level)}"

    @property
    def fewest_scenarios(self) -> int:
        """No look counts before: at least `TAIL_SCENARIOS` lie on the rarer side of the level."""
        if self.level is None:
            return LEAST_SCENARIOS
        level = Fraction(repr(self.level))
        return max(LEAST_SCENARIOS, math.ceil(TAIL_SCENARIOS / min(level, 1 - level)))

    def __str__(self) -> str:
        """As `parse_target` reads it, in one spelling: equal targets are equal texts."""
        share = f"{_plain(Decimal(repr(self.share)) * 100)}%"
        parts = [self.measure, share] if self.level is None else [self.measure, _plain(self.level), share]
        return ":".join(parts)


@dataclass(frozen=True)
class Look:
    """What was seen after n scenarios, and what follows from it.

    Attributes:
        scenarios: n, scenarios 0, ..., n - 1 of the run.
        value: the estimate, USD; None where the sample has none.
        std_error: its standard error, USD.
        ci_low, ci_high: its interval, USD.
        half_width: half the width of the interval as a share of the estimate; None where there is no such share.
        verdict: `stop`, `go on` or `out of reach`: the most that may be run has been run.
        next_scenarios: number of scenarios, in all, at the next look; None unless the verdict is `go on`.
        needed: about how many scenarios, in all, reach the target, by the square-root law; None where nothing tells.
        reason: the verdict in words.
    """

    scenarios: int
    value: float | None
    std_error: float | None
    ci_low: float | None
    ci_high: float | None
    half_width: float | None
    verdict: Verdict
    next_scenarios: int | None
    needed: int | None
    reason: str


def parse_target(text: str) -> Target:
    """`ES:0.999:1%` as a target.

    Raises:
        ValueError: everything that is wrong with the text, in words that follow the key.
    """
    parts = text.split(":")
    measure, shares = parts[0], parts[-1]
    if len(parts) not in (2, 3) or not shares.endswith("%"):
        raise ValueError(_FORM)
    level, share = parts[1] if len(parts) == 3 else None, shares.removesuffix("%")
    wrong = [*_measure_problems(measure, level), *_level_problems(level), *_share_problems(share)]
    if wrong:
        raise ValueError("; ".join(wrong))
    return Target(measure, None if level is None else float(level), float(Decimal(share) / 100))


def level_problem(target: Target, *, levels: tuple[float, ...] | None, possible: int) -> str | None:
    """The rule that is broken where no run can meet the target.

    Args:
        target: the target.
        levels: those at which the run reports VaR and ES; None where they are not known.
        possible: number of scenarios that no run can exceed.
    """
    if target.fewest_scenarios > possible:
        fewest, level = f"{target.fewest_scenarios:,}", _plain(target.level or 0.0)
        return f"level {level} needs {fewest} scenarios to be known at all, and a run has {possible:,} at most"
    if target.level is None or levels is None or target.level in levels:
        return None
    return f"level {_plain(target.level)} must be one of measures.levels, which are {', '.join(map(_plain, levels))}"


def limit_problem(target: Target, *, scenarios: int, most: int) -> str | None:
    """The rule that is broken where at most `most` scenarios may be run, `scenarios` up to the first look."""
    if target.fewest_scenarios > most:
        return f"must be at least {target.fewest_scenarios:,}: fewer do not tell how well {target.name} is known"
    return f"must be at least `scenarios`, {scenarios:,}: that is the first look" if scenarios > most else None


def most_scenarios(target: Target, *, scenarios: int) -> int:
    """The most that are run where nothing else is said."""
    return max(50 * scenarios, 10 * target.fewest_scenarios)


def next_look(losses: NDArray[np.float64], target: Target, confidence: float, most: int) -> Look:
    """Looks at all scenarios so far; a pure function of the losses, so that a resumed run decides alike.

    Args:
        losses: float64[n], loss of the portfolio in USD in scenarios 0, ..., n - 1, n >= 1.
        target: the target.
        confidence: two-sided coverage of the interval, in (0, 1).
        most: the most scenarios that may be run.

    Raises:
        ValueError: what `measure_losses` refuses.
    """
    n = len(losses)
    estimate = measure_one(losses, measure=target.measure, level=target.level, confidence=confidence)
    width = _half_width(estimate)
    needed = _needed(n, target, width=width, bias=_bias(estimate))
    verdict: Verdict = "stop" if needed is not None and needed <= n else "go on" if n < most else "out of reach"
    look = Look(
        scenarios=n,
        value=estimate.value,
        std_error=estimate.std_error,
        ci_low=estimate.ci_low,
        ci_high=estimate.ci_high,
        half_width=width,
        verdict=verdict,
        next_scenarios=min(_next(n, target, needed), most) if verdict == "go on" else None,
        needed=None if needed is None else n if needed <= n else _rounded(_aim(needed, target)),
        reason="",
    )
    return replace(look, reason=_reason(look, target, estimate))


def percent(share: float) -> str:
    """`99.9 %`, as exact as the number."""
    return f"{_plain(Decimal(repr(float(share))) * 100)} %"


def _half_width(estimate: Estimate) -> float | None:
    """As a share of the estimate; None where there is no interval, or the estimate is 0 and the interval is wider."""
    if estimate.value is None or estimate.ci_low is None or estimate.ci_high is None:
        return None
    width = 0.5 * estimate.ci_high - 0.5 * estimate.ci_low
    return 0.0 if width == 0.0 else width / abs(estimate.value) if estimate.value else None


def _bias(estimate: Estimate) -> float:
    """Skewness of the error, or the bias in standard errors of a mean at which a run ends, if that is larger.

    With N the number at the end, about (z sd / (share mean))², Wald's identity gives E(mean - truth) as minus the
    covariance of the sum of the losses and N, over n²: skewness - 2 std_error / mean standard errors downwards.
    """
    skewness = estimate.skewness or 0.0
    relative = estimate.std_error / abs(estimate.value) if estimate.std_error and estimate.value else 0.0
    return max(abs(skewness), abs(skewness - 2.0 * relative))


def _needed(n: int, target: Target, *, width: float | None, bias: float) -> float | None:
    """Scenarios from which the interval is narrow enough and trusted: width and bias fall with the root of n."""
    if width is None:
        return None
    by_width = n * (width / target.share) ** 2
    by_bias = n * (bias / MOST_BIAS) ** 2
    return max(by_width, by_bias, float(target.fewest_scenarios))


def _aim(needed: float, target: Target) -> float:
    """With the margin that makes it likely that the target is met there."""
    return needed if needed <= target.fewest_scenarios else needed * MARGIN


def _next(n: int, target: Target, needed: float | None) -> int:
    """Scenarios at the next look. Before the first look that counts nothing is read from the sample, not even this."""
    if n < target.fewest_scenarios:
        return _rounded(target.fewest_scenarios)
    aim = math.inf if needed is None else _aim(needed, target)
    return _rounded(min(max(aim, n * LEAST_GROWTH), n * MOST_GROWTH))


def _rounded(scenarios: float) -> int:
    return math.ceil(scenarios / ROUND) * ROUND


def _reason(look: Look, target: Target, estimate: Estimate) -> str:
    if look.half_width is None:
        why = "the estimate is 0" if estimate.value == 0.0 and look.ci_low else estimate.method.rpartition("; ")[2]
        return f"{target.name} has no relative error after {look.scenarios:,} scenarios: {why}"
    known = f"{target.name} is known to {_digits_up(100.0 * look.half_width)} % after {look.scenarios:,} scenarios"
    if look.verdict == "stop":
        return known
    about = f"about {_digits_up(look.needed or 0)} would reach {percent(target.share)}"
    trusted = look.half_width > target.share
    return f"{known}; {about}" if trusted else f"{known}, too few to trust that error; {about} with one that can be"


def _digits_up(number: float) -> str:
    """Two significant digits, rounded up: no error is called smaller than it is."""
    if number <= 0.0:
        return "0"
    place = Decimal(1).scaleb(Decimal(repr(number)).adjusted() - 1)
    return f"{Decimal(repr(number)).quantize(place, rounding=ROUND_CEILING).normalize():,f}"


def _plain(number: float | Decimal) -> str:
    """A decimal without exponent or trailing zeros."""
    return f"{Decimal(repr(number) if isinstance(number, float) else number).normalize():f}"


def _measure_problems(measure: str, level: str | None) -> list[str]:
    if measure not in _MEASURES:
        meant = next((f"; did you mean {name}?" for name in _MEASURES if name.lower() == measure.lower()), "")
        return [f"{measure!r} is no measure: choose {', '.join(_MEASURES)}{meant}"]
    if _MEASURES[measure] and level is None:
        return [f"{measure} needs a level, as in {measure}:0.99:2%"]
    return [f"{measure} has no level, write {measure}:P%"] if level is not None and not _MEASURES[measure] else []


def _level_problems(level: str | None) -> list[str]:
    if level is None:
        return []
    number = _decimal(level)
    if number is None:
        return [f"level {level!r} is not a number such as 0.999"]
    return [] if 0 < number < 1 else [f"level {level} must lie strictly between 0 and 1"]


def _share_problems(share: str) -> list[str]:
    number = _decimal(share)
    if number is None:
        return [f"{share!r} is not a number of percent such as 1 or 0.5"]
    if 0 < number <= 100 * WIDEST_SHARE:
        return []
    return [f"{share}% must be above 0 and at most {percent(float(WIDEST_SHARE)).replace(' ', '')}"]


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) and any(map(str.isdigit, text)) else None
