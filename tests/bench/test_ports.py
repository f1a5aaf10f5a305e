"""The ports that engines are timed against simulate the same thing as the reference engine."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from bench.case import Case

ROOT = Path(__file__).resolve().parents[2]
FACILITIES, MONTHS, SCENARIOS = 120, 18, 24


@pytest.fixture(autouse=True, scope="module")
def _bench_importable() -> None:
    """`bench` is no part of the package: it is found from the top of a checkout."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))


@pytest.fixture(scope="module")
def case(_bench_importable: None) -> "Case":
    from bench.case import make_case

    return make_case(FACILITIES, MONTHS)


@pytest.fixture(scope="module")
def reference(case: "Case") -> np.ndarray:
    return losses("reference", case)


def losses(contestant: str, case: "Case") -> np.ndarray:
    from bench.contestants import open_contestant

    return open_contestant(contestant, case, scenarios=SCENARIOS, threads=1)(0, SCENARIOS).loss_usd


def assert_agree(found: np.ndarray, reference: np.ndarray) -> None:
    from bench.agreement import agreement

    result = agreement(found, reference)
    assert result.holds, result


def test_book_has_losses_to_compare(reference: np.ndarray) -> None:
    assert np.count_nonzero(reference) > SCENARIOS // 2


def test_numpy_port_agrees_with_reference(case: "Case", reference: np.ndarray) -> None:
    assert_agree(losses("numpy", case), reference)


@pytest.mark.filterwarnings("ignore:::numba")
def test_numba_port_agrees_with_reference(case: "Case", reference: np.ndarray) -> None:
    if find_spec("numba") is None:
        pytest.skip("numba is not installed: pip install rackrisk[bench]")
    assert_agree(losses("numba", case), reference)


def test_engine_agrees_with_market_given(case: "Case", reference: np.ndarray) -> None:
    assert_agree(losses("jax_loans", case), reference)


def test_port_gives_a_scenario_the_same_loss_in_any_batch(case: "Case") -> None:
    from bench.contestants import open_contestant

    run = open_contestant("numpy", case, scenarios=SCENARIOS, threads=1)
    alone, together = run(SCENARIOS - 1, 1).loss_usd, run(0, SCENARIOS).loss_usd
    np.testing.assert_allclose(alone[0], together[-1], rtol=1e-5)


def test_agreement_is_refused_when_losses_differ() -> None:
    from bench.agreement import agreement

    reference = np.linspace(1e6, 2e6, SCENARIOS)
    assert agreement(reference * (1 + 1e-7), reference).holds
    assert not agreement(reference * 1.01, reference).holds
