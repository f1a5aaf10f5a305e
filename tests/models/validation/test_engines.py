"""Every engine meets the known answers that are cheap enough for a test; the rest is `rackrisk validate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rackrisk.kernels import philox
from rackrisk.models import exact
from rackrisk.models.validation import FAIL, FEW, PASS, SIMULATIONS, Case, Check, engines_here, validate
from rackrisk.models.validation._structural import barrier_loans, spreadsheet_world

from .benches import CASES, bench, case_of, cases_of

ENGINES = ("reference", "jax")
CHEAP = [case for case in cases_of("philox", "counter", "normals", "names") if case.id != "LGD wrong-way, t5"]


def run(case: Case, engine: str, **options: Any) -> list[Check]:
    return list(SIMULATIONS[case.kind](case, bench(engine, **options)))


def assert_met(checks: list[Check]) -> None:
    assert [check for check in checks if check.verdict == FAIL] == []
    assert PASS in {check.verdict for check in checks}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CHEAP, ids=[case.id for case in CHEAP])
def test_words_and_names(case: Case, engine: str) -> None:
    assert_met(run(case, engine))


@pytest.mark.parametrize("case", cases_of("pool")[:4], ids=lambda case: case.id)
def test_pools(case: Case) -> None:
    assert_met(run(case, "reference"))


@pytest.mark.parametrize("case", cases_of("merton", "first_passage", "spreadsheet"), ids=lambda case: case.id)
def test_loans_with_a_formula(case: Case) -> None:
    assert_met(run(case, "reference"))


@pytest.mark.slow
def test_every_case_on_every_engine_here() -> None:
    benches = [bench(name) for name, why in engines_here().items() if why is None]
    found = validate(CASES, benches, workers=2)
    assert [item for item in (*found.checks, *found.spreads) if item.verdict == FAIL] == []
    assert sum(check.z is not None for check in found.checks) <= 500  # what the bound on |z| is made for
    few = [check for check in found.checks if check.verdict == FEW]
    assert len(few) < 0.1 * len(found.checks)


# --- what is broken is noticed ----------------------------------------------------------------------------------


def test_a_wrong_round_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(philox, "WEYL_1", 0xBB67AE86)
    verdicts = {check.verdict for case in cases_of("philox") for check in run(case, "reference")}
    assert verdicts == {FAIL}


def test_names_drawn_from_one_stream_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from rackrisk.models.copula import _pool

    same = np.array([[1, 2]], dtype=np.uint32)
    monkeypatch.setattr(_pool, "streams", lambda names: np.repeat(same, len(names), axis=0))
    checks = run(case_of("two factors, Gaussian"), "reference")
    assert next(check for check in checks if check.quantity == "P(L > 2.5)").verdict == FAIL


def test_a_barrier_watched_continuously_is_noticed() -> None:
    # Broadie, Glasserman and Kou: a monthly barrier is a continuous one further away by 0.58 monthly deviations.
    case = case_of("barriers 0.8 and 0.8")
    near = dict(case.inputs) | {"coin": {**case.inputs["coin"], "barrier": 0.8 * np.exp(0.5826 * 0.15 / np.sqrt(12))}}
    (moved, *_) = barrier_loans(near, 36)
    (right, *_) = barrier_loans(case.inputs, 36)
    assert moved["balance_usd"] > right["balance_usd"]
    name = exact.BarrierName(1.0, near["coin"]["barrier"], drift_annual=0.03, volatility_annual=0.15)
    wrong = exact.first_passage_monthly(name, 12)[-1] - case.expected["pd_coin"]["12"]
    assert wrong > 4.75 * np.sqrt(0.082 * 0.918 / 4096)


# --- how it is run ---------------------------------------------------------------------------------------------


def test_the_result_does_not_depend_on_the_workers() -> None:
    cases = [case_of(name) for name in ("defaults by year", "IRB mortgage", "two factors, Gaussian")]
    one, three = (validate(cases, [bench("reference")], workers=workers) for workers in (1, 3))
    assert one == three
    assert [check.case for check in one.checks] == [
        case.id for case in cases for check in one.checks if check.case == case.id
    ]


def test_another_seed_draws_other_numbers_and_the_same_seed_the_same() -> None:
    case = case_of("defaults by year")
    assert run(case, "reference") == run(case, "reference")
    assert run(case, "reference") != run(case, "reference", seed=2)


def test_cases_have_numbers_of_their_own() -> None:
    seeds = {bench("reference").seed_of(case) for case in CASES}
    assert len(seeds) == len(CASES)


def test_every_engine_is_named_whether_it_can_run_or_not() -> None:
    here = engines_here()
    assert set(here) == {"reference", "jax", "cuda"}
    assert here["reference"] is None


def test_progress_counts_every_job_and_can_stop_them() -> None:
    class StoppedError(Exception):
        pass

    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        validate(cases_of("asrf"), [bench("reference")], progress=stop)
    assert seen == [(1, 8), (2, 8), (3, 8)]


def test_the_spreadsheet_moves_nothing_but_what_it_names() -> None:
    world = spreadsheet_world(case_of("sales that depress prices"))
    assert (world["market"], world["recovery.btc.impact"]) == ("flat", 0.5)
