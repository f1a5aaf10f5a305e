"""Bias and coverage of simulations that stop themselves: the table of docs/measures.md.

    python -m bench.stopping                     the rule, 2,000 runs a row; about 15 minutes on one core
    python -m bench.stopping --rule naive        for contrast: stop at the first narrow interval, whatever it rests on
    python -m bench.stopping --runs 200 --only ES

Each run draws losses of a known law until the rule stops it. The bias is the mean error of the stopped estimates over
their mean standard error, the coverage the percentage of their 95 % intervals that hold the exact answer.
"""

import argparse
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rackrisk.models.exact import asrf_expected_shortfall, asrf_value_at_risk, homogeneous_distribution
from rackrisk.models.measures import measure_one
from rackrisk.models.stopping import Look, Target, next_look, parse_target

from .record import say, surroundings, table, write_record

FIRST_SCENARIOS, MOST_SCENARIOS, CONFIDENCE = 2_000, 20_000_000, 0.95
NORMAL = NormalDist()
Losses = NDArray[np.float64]
Rule = Callable[[Losses, Target, float, int], Look]


@dataclass(frozen=True)
class Law:
    """Losses with known answers: n draws, EL, VaR and ES by level, and SD where it is known."""

    draw: Callable[[np.random.Generator, int], Losses]
    mean: float
    var: Callable[[float], float]
    es: Callable[[float], float]
    sd: float = math.nan

    def truth(self, target: Target) -> float:
        """The exact answer."""
        if target.level is None:
            return self.mean if target.measure == "EL" else self.sd
        return self.var(target.level) if target.measure == "VaR" else self.es(target.level)


def exponential() -> Law:
    """Skewness 2, as the excesses over a high level of many laws."""
    return Law(
        draw=lambda rng, n: rng.exponential(size=n),
        mean=1.0,
        var=lambda a: -math.log(1.0 - a),
        es=lambda a: 1.0 - math.log(1.0 - a),
        sd=1.0,
    )


def lognormal() -> Law:
    """Skewness 6.2, kurtosis 114."""
    mean = math.exp(0.5)
    return Law(
        draw=lambda rng, n: rng.lognormal(size=n),
        mean=mean,
        var=lambda a: math.exp(NORMAL.inv_cdf(a)),
        es=lambda a: mean * NORMAL.cdf(1.0 - NORMAL.inv_cdf(a)) / (1.0 - a),
    )


def granular() -> Law:
    """Infinitely granular pool (Vasicek)."""
    pd, rho = 0.01, 0.2

    def draw(rng: np.random.Generator, n: int) -> Losses:
        return ndtr((NORMAL.inv_cdf(pd) + math.sqrt(rho) * rng.standard_normal(n)) / math.sqrt(1.0 - rho))

    return Law(
        draw=draw,
        mean=pd,
        var=lambda a: float(asrf_value_at_risk(a, pd, rho)),
        es=lambda a: float(asrf_expected_shortfall(a, pd, rho)),
    )


def names() -> Law:
    """Defaults among 100 equal names: losses on a lattice."""
    pool = homogeneous_distribution(100, 0.01, 0.1)
    cdf = np.cumsum(pool.probabilities)
    return Law(
        draw=lambda rng, n: np.searchsorted(cdf, rng.random(n)).astype(np.float64),
        mean=1.0,
        var=pool.value_at_risk,
        es=pool.expected_shortfall,
        sd=pool.standard_deviation(),
    )


def rare() -> Law:
    """A loss of 1 in one scenario out of 500."""
    chance = 0.002
    return Law(
        draw=lambda rng, n: (rng.random(n) < chance).astype(np.float64),
        mean=chance,
        var=lambda a: float(a > 1.0 - chance),
        es=lambda a: min(1.0, chance / (1.0 - a)),
    )


def normal() -> Law:
    """Gains and losses around a mean that is small against them."""
    return Law(
        draw=lambda rng, n: rng.normal(1.0, 10.0, size=n),
        mean=1.0,
        var=lambda a: 1.0 + 10.0 * NORMAL.inv_cdf(a),
        es=lambda a: 1.0 + 10.0 * NORMAL.pdf(NORMAL.inv_cdf(a)) / (1.0 - a),
        sd=10.0,
    )


def pareto() -> Law:
    """No third moment: beyond what the theory covers, and beyond losses that are bounded by an exposure."""
    index = 2.5
    ratio = index / (index - 1.0)
    return Law(
        draw=lambda rng, n: (1.0 - rng.random(n)) ** (-1.0 / index),
        mean=ratio,
        var=lambda a: (1.0 - a) ** (-1.0 / index),
        es=lambda a: ratio * (1.0 - a) ** (-1.0 / index),
    )


LAWS = {
    "exponential": exponential,
    "lognormal": lognormal,
    "granular pool": granular,
    "100 names": names,
    "rare loss": rare,
    "normal, 1 ± 10": normal,
    "Pareto, 2.5": pareto,
}
CASES = (
    ("exponential", "EL:1%"),
    ("lognormal", "EL:5%"),
    ("lognormal", "EL:2%"),
    ("granular pool", "EL:2%"),
    ("100 names", "EL:2%"),
    ("rare loss", "EL:10%"),
    ("rare loss", "EL:30%"),
    ("normal, 1 ± 10", "EL:30%"),
    ("exponential", "SD:2%"),
    ("100 names", "SD:2%"),
    ("exponential", "VaR:0.99:2%"),
    ("lognormal", "VaR:0.99:2%"),
    ("lognormal", "VaR:0.999:5%"),
    ("granular pool", "VaR:0.99:2%"),
    ("100 names", "VaR:0.99:2%"),
    ("exponential", "ES:0.999:1%"),
    ("exponential", "ES:0.999:5%"),
    ("lognormal", "ES:0.999:2%"),
    ("lognormal", "ES:0.999:5%"),
    ("lognormal", "ES:0.99:5%"),
    ("granular pool", "ES:0.999:2%"),
    ("100 names", "ES:0.999:2%"),
    ("Pareto, 2.5", "ES:0.99:5%"),
)


class Stopped(NamedTuple):
    """Where one run ended, and after how many looks."""

    look: Look
    looks: int


class Seen(NamedTuple):
    """What many runs show, on average.

    Attributes:
        scenarios, spread: number at the end, and its standard deviation.
        looks: how often a run was looked at.
        bias: mean error of the estimates over their mean standard error.
        coverage: share of the intervals that hold the exact answer; `above` and `below` lie wholly on that side of it.
    """

    runs: int
    scenarios: float
    spread: float
    looks: float
    bias: float
    coverage: float
    above: float
    below: float


def naive(losses: Losses, target: Target, confidence: float, most: int) -> Look:
    """Every quarter more scenarios, and stop at the first interval that is narrow enough."""
    n = len(losses)
    seen = measure_one(losses, measure=target.measure, level=target.level, confidence=confidence)
    width = math.inf
    if seen.ci_low is not None and seen.ci_high is not None and seen.value:
        width = 0.5 * (seen.ci_high - seen.ci_low) / seen.value
    narrow = width <= target.share
    numbers = (seen.value, seen.std_error, seen.ci_low, seen.ci_high, width)
    return Look(n, *numbers, "stop" if narrow else "go on", None if narrow else min(n + n // 4, most), None, "")


RULES = {"ours": next_look, "naive": naive}


def stopped(law: Law, target: Target, *, rule: Rule, seed: int, first: int = FIRST_SCENARIOS) -> Stopped:
    """One run from its first look to its last."""
    rng = np.random.default_rng([seed, *str(target).encode()])
    losses = law.draw(rng, first)
    looks = 1
    while (look := rule(losses, target, CONFIDENCE, MOST_SCENARIOS)).next_scenarios is not None:
        losses = np.concatenate([losses, law.draw(rng, look.next_scenarios - len(losses))])
        looks += 1
    return Stopped(look, looks)


def seen(law: Law, target: Target, *, rule: Rule, runs: int, first: int = FIRST_SCENARIOS) -> Seen:
    """`runs` independent runs against the exact answer."""
    return summary((stopped(law, target, rule=rule, seed=seed, first=first) for seed in range(runs)), law.truth(target))


def summary(ends: Iterable[Stopped], truth: float) -> Seen:
    rows = [(e.look.scenarios, e.looks, e.look.value, e.look.std_error, e.look.ci_low, e.look.ci_high) for e in ends]
    n, looks, value, error, low, high = np.array(rows, dtype=np.float64).T
    miss, spread = float(value.mean() - truth), float(error.mean())
    above, below = np.mean(low > truth), np.mean(high < truth)
    return Seen(
        runs=len(rows),
        scenarios=float(n.mean()),
        spread=float(n.std()),
        looks=float(looks.mean()),
        bias=miss / spread if spread else math.copysign(math.inf, miss) if miss else 0.0,
        coverage=float(1.0 - above - below),
        above=float(above),
        below=float(below),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--rule", choices=sorted(RULES, reverse=True), default="ours")
    parser.add_argument("--first", type=int, default=FIRST_SCENARIOS, help="scenarios at the first look")
    options = parser.parse_args()
    record, rows = surroundings() | vars(options), list[dict[str, Any]]()
    for name, text in CASES:
        if options.only in f"{name} {text}":
            found = seen(
                LAWS[name](), parse_target(text), rule=RULES[options.rule], runs=options.runs, first=options.first
            )
            rows.append({"law": name, "target": text} | found._asdict())
            say(str(rows[-1]))
    print(
        table(("losses, target", "scenarios", "looks", "bias / s.e.", "coverage %", "above %", "below %"), shown(rows))
    )
    write_record("stopping", record | {"rows": rows})


def shown(rows: Iterable[dict[str, Any]]) -> list[list[str]]:
    """The rows as words."""
    return [
        [
            f"{row['law']}, {row['target']}",
            f"{row['scenarios']:,.0f}",
            f"{row['looks']:.1f}",
            f"{row['bias']:+.3f}",
            *(f"{100 * row[name]:.1f}" for name in ("coverage", "above", "below")),
        ]
        for row in rows
    ]


if __name__ == "__main__":
    main()
