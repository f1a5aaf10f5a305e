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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    """Losses with known answers: n draws, EL, and VaR and ES by level."""

    draw: Callable[[np.random.Generator, int], Losses]
    mean: float
    var: Callable[[float], float]
    es: Callable[[float], float]

    def truth(self, target: Target) -> float:
        if target.level is None:
            return self.mean
        return self.var(target.level) if target.measure == "VaR" else self.es(target.level)


def exponential() -> Law:
    return Law(lambda rng, n: rng.exponential(size=n), 1.0, lambda a: -math.log(1 - a), lambda a: 1 - math.log(1 - a))


def lognormal() -> Law:
    """Skewness 6.2, kurtosis 114."""
    mean = math.exp(0.5)

    def es(a: float) -> float:
        return mean * NORMAL.cdf(1.0 - NORMAL.inv_cdf(a)) / (1.0 - a)

    return Law(lambda rng, n: rng.lognormal(size=n), mean, lambda a: math.exp(NORMAL.inv_cdf(a)), es)


def granular() -> Law:
    """Infinitely granular pool (Vasicek)."""
    pd, rho = 0.01, 0.2

    def draw(rng: np.random.Generator, n: int) -> Losses:
        return asrf_value_at_risk(np.clip(rng.random(n), 1e-16, None), pd, rho)

    return Law(
        draw,
        pd,
        lambda a: float(asrf_value_at_risk(a, pd, rho)),
        lambda a: float(asrf_expected_shortfall(a, pd, rho)),
    )


def names() -> Law:
    """Defaults among 100 equal names: losses on a lattice."""
    pool = homogeneous_distribution(100, 0.01, 0.1)
    cdf = np.cumsum(pool.probabilities)

    def draw(rng: np.random.Generator, n: int) -> Losses:
        return np.searchsorted(cdf, rng.random(n)).astype(np.float64)

    return Law(draw, 1.0, pool.value_at_risk, pool.expected_shortfall)


def rare() -> Law:
    """A loss of 1 in one scenario out of 500."""
    return Law(lambda rng, n: (rng.random(n) < 0.002).astype(np.float64), 0.002, lambda a: 0.0, lambda a: math.nan)


LAWS = {"exponential": exponential, "lognormal": lognormal, "granular pool": granular, "100 names": names, "rare": rare}
CASES = (
    ("exponential", "EL:5%"),
    ("exponential", "EL:1%"),
    ("lognormal", "EL:5%"),
    ("lognormal", "EL:2%"),
    ("granular pool", "EL:2%"),
    ("100 names", "EL:2%"),
    ("rare", "EL:10%"),
    ("exponential", "VaR:0.99:2%"),
    ("lognormal", "VaR:0.99:2%"),
    ("granular pool", "VaR:0.99:2%"),
    ("exponential", "ES:0.999:1%"),
    ("exponential", "ES:0.999:2%"),
    ("lognormal", "ES:0.999:2%"),
    ("granular pool", "ES:0.999:1%"),
    ("100 names", "ES:0.999:1%"),
)


class Stopped(NamedTuple):
    """Where one run ended, and after how many looks."""

    look: Look
    looks: int


class Seen(NamedTuple):
    """What many runs show: scenarios and looks on average, bias in standard errors, misses above and below."""

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
    above, below = np.mean(low > truth), np.mean(high < truth)
    return Seen(
        runs=len(rows),
        scenarios=float(n.mean()),
        spread=float(n.std()),
        looks=float(looks.mean()),
        bias=float((value.mean() - truth) / error.mean()),
        coverage=float(1.0 - above - below),
        above=float(above),
        below=float(below),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--rule", choices=["ours", "naive"], default="ours")
    parser.add_argument("--first", type=int, default=FIRST_SCENARIOS, help="scenarios at the first look")
    options = parser.parse_args()
    record, rows = surroundings() | vars(options), list[list[str]]()
    record["rows"] = []
    for name, text in CASES:
        if options.only not in f"{name} {text}":
            continue
        rule = next_look if options.rule == "ours" else naive
        found = seen(LAWS[name](), parse_target(text), rule=rule, runs=options.runs, first=options.first)
        say(f"{name} {text}: {found}")
        record["rows"].append({"law": name, "target": text} | found._asdict())
        rows.append(
            [
                f"{name}, {text}",
                f"{found.scenarios:,.0f}",
                f"{found.looks:.1f}",
                f"{found.bias:+.3f}",
                f"{100 * found.coverage:.1f}",
                f"{100 * found.above:.1f}",
                f"{100 * found.below:.1f}",
            ]
        )
    print(table(("losses, target", "scenarios", "looks", "bias / s.e.", "coverage %", "above %", "below %"), rows))
    write_record("stopping", record)


if __name__ == "__main__":
    main()
