"""The ports that the copula engine is timed against simulate the same thing as the reference engine."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES, SCENARIOS = 60, 5000


@pytest.fixture(autouse=True, scope="module")
def _bench_importable() -> None:
    """`bench` is no part of the package: it is found from the top of a checkout."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))


def losses(contestant: str) -> np.ndarray:
    from bench.copula_contestants import open_contestant

    return open_contestant(contestant, NAMES, 1)(0, SCENARIOS)


def test_the_numpy_port_agrees_in_law():
    from bench.copula import agreement

    found = agreement("numpy", losses("numpy"), losses("reference"))
    assert found["holds"], found


@pytest.mark.slow  # numba compiles for some ten seconds
@pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
def test_the_numba_port_gives_the_same_losses():
    np.testing.assert_allclose(losses("numba"), losses("reference"), rtol=1e-12)


def test_a_port_that_is_off_is_noticed():
    from bench.copula import agreement

    reference = losses("reference")
    assert not agreement("numpy", 1.2 * reference, reference)["holds"]
    assert not agreement("numba", np.roll(reference, 1), reference)["holds"]
