"""A run that ends itself is not biased beyond its stated error, and its interval covers known answers as it says.

The table of docs/measures.md has the numbers of many more runs, with the targets and levels of real ones.
"""

import math

import pytest

#: What the rule allows a stopped mean to be off by, in standard errors; four errors of the mean of the runs on top.
BIAS = 0.15
#: Share of misses that is allowed at 95 %, as in tests/models/test_measures_coverage.py, and four errors of it on top.
MISSES = 1.3 * 0.05
QUICK = [
    ("exponential", "EL:3%"),
    ("exponential", "VaR:0.9:3%"),
    ("exponential", "ES:0.9:3%"),
    ("100 names", "ES:0.9:4%"),
]
SLOW = [
    ("lognormal", "EL:5%"),
    ("lognormal", "ES:0.99:5%"),
    ("granular pool", "VaR:0.99:3%"),
    ("rare loss", "EL:20%"),
    ("normal, 1 ± 10", "EL:30%"),
]


def check(law: str, text: str, *, runs: int) -> None:
    from bench.stopping import LAWS, seen

    from rackrisk.models.stopping import next_look, parse_target

    found = seen(LAWS[law](), parse_target(text), rule=next_look, runs=runs, first=500)
    assert abs(found.bias) <= BIAS + 4.0 / math.sqrt(runs), found
    assert 1.0 - found.coverage <= MISSES + 4.0 * math.sqrt(MISSES * (1.0 - MISSES) / runs), found
    assert found.looks > 1.0, found  # the run did decide for itself


@pytest.mark.parametrize(("law", "text"), QUICK)
def test_stopped_runs_are_unbiased_and_covered(law: str, text: str) -> None:
    check(law, text, runs=300)


@pytest.mark.slow
@pytest.mark.parametrize(("law", "text"), [*QUICK, *SLOW])
def test_many_stopped_runs_are_unbiased_and_covered(law: str, text: str) -> None:
    check(law, text, runs=2_000)


@pytest.mark.slow
def test_stopping_at_the_first_narrow_interval_is_biased_and_the_rule_is_not() -> None:
    from bench.stopping import LAWS, naive, seen

    from rackrisk.models.stopping import next_look, parse_target

    law, target, runs = LAWS["exponential"](), parse_target("ES:0.99:10%"), 3_000
    error = 1.0 / math.sqrt(runs)
    assert seen(law, target, rule=naive, runs=runs).bias < -0.05 - 4.0 * error
    assert abs(seen(law, target, rule=next_look, runs=runs).bias) < 4.0 * error
