"""One figure beside its known answer, judged."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import bdtr, bdtrc, ndtr

from ._case import Case

#: Largest |z| that passes. A right program exceeds it once in 490,000 checks (two-sided normal), so a run of at most
#: 500 sampled figures raises a false alarm in one run of a thousand (Bonferroni), however they depend on each other.
Z_BOUND = 4.75

#: The same bound as a probability: frequencies are judged by the exact binomial tail, which rare events need.
TAIL = float(2.0 * ndtr(-Z_BOUND))

#: A frequency with fewer expected events (or non-events) could be far off unnoticed, and is not judged.
MIN_EVENTS = 10

PASS, FAIL, FEW = "pass", "fail", "few"
FORMULA = "formula"


@dataclass(frozen=True)
class Check:
    """One figure beside its known answer.

    Attributes:
        family, case, quantity: what is compared.
        engine: engine that simulated, or `formula` where nothing is sampled.
        reference, ours: the known answer and our figure; text where words of bits are compared.
        std_error: standard error of ours; None where nothing is sampled.
        z: (ours - reference) / std_error; None where nothing is sampled, or where the error is 0.
        tolerance: distance allowed; None where z is judged or bits must be equal.
        rule: `bit-exact`, `absolute`, `relative` or `sampling`.
        verdict: `pass`, `fail`, or `few`: too few events or scenarios for a judgement, which is no pass.
        source: where the known answer is from.
    """

    family: str
    case: str
    quantity: str
    engine: str
    reference: float | str
    ours: float | str
    std_error: float | None
    z: float | None
    tolerance: float | None
    rule: str
    verdict: str
    source: str


def exact(case: Case, quantity: str, *, ours: float | str, reference: float | str, engine: str = FORMULA) -> Check:
    """A figure without sampling error, judged by the case's tolerance."""
    rule = case.tolerance["formula" if engine == FORMULA else "simulation"]
    allowed = None if isinstance(reference, str) or rule.kind == "bit-exact" else rule.allowed(reference)
    near = allowed is not None and abs(float(ours) - float(reference)) <= allowed  # NaN is not
    good = near if allowed is not None else ours == reference
    figures = {"reference": reference, "ours": ours, "std_error": None, "z": None, "tolerance": allowed}
    return _check(case, quantity, engine, figures, rule=rule.kind, verdict=PASS if good else FAIL)


def frequency(case: Case, quantity: str, *, hits: int, trials: int, reference: float, engine: str) -> Check:
    """A relative frequency against its probability: z by the binomial standard error, verdict by the binomial tail."""
    std_error = math.sqrt(reference * (1.0 - reference) / trials)
    if trials * min(reference, 1.0 - reference) < MIN_EVENTS:
        verdict = FEW
    else:
        tail = min(bdtr(hits, trials, reference), bdtrc(hits - 1, trials, reference))
        verdict = PASS if 2.0 * tail >= TAIL else FAIL
    return _sampled(case, quantity, engine, (reference, hits / trials, std_error), verdict)


def sampled(
    case: Case, quantity: str, *, ours: float, reference: float, std_error: float, engine: str, judged: bool = True
) -> Check:
    """An estimate against its expectation, judged by z; one that cannot be `judged` gets the verdict `few`."""
    good = abs(ours - reference) <= Z_BOUND * std_error  # NaN is not
    verdict = FEW if not judged else PASS if good else FAIL
    return _sampled(case, quantity, engine, (reference, ours, std_error), verdict)


def _sampled(case: Case, quantity: str, engine: str, figures: tuple[float, float, float], verdict: str) -> Check:
    reference, ours, std_error = figures
    z = (ours - reference) / std_error if std_error > 0.0 else None
    known = {"reference": reference, "ours": ours, "std_error": std_error, "z": z, "tolerance": None}
    return _check(case, quantity, engine, known, rule="sampling", verdict=verdict)


def _check(case: Case, quantity: str, engine: str, figures: dict, *, rule: str, verdict: str) -> Check:
    place = {"family": case.family, "case": case.id, "quantity": quantity, "engine": engine}
    return Check(**place, **figures, rule=rule, verdict=verdict, source=str(case.source))


def percent(level: float | str) -> str:
    """`0.9997` as `99.97 %`, for the names of quantities."""
    return f"{100.0 * float(level):.6g} %"
