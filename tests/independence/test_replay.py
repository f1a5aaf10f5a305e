"""Chosen scenarios of a finished run can be run again alone, facility by facility, to the last quantum."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rackrisk.kernels.engines import Engine, replay_scenarios, run_scenarios
from rackrisk.kernels.tally import CARRIED_BITS, SQUARE_BITS, FacilityRows, Tally

from ..helpers.worlds import MONTHS, book, built, opened

ENGINES = ["reference", "cuda", pytest.param("jax", marks=pytest.mark.slow)]
COUNT = 300


@cache
def ready(engine: str) -> tuple[Engine, Tally]:
    engine_now = opened(engine)
    return engine_now, run_scenarios(engine_now, COUNT)


def replayed(engine: Engine, numbers: np.ndarray) -> FacilityRows:
    return FacilityRows(*map(np.concatenate, zip(*replay_scenarios(engine, numbers), strict=True)))


def chosen(size: int) -> np.ndarray:
    return np.random.default_rng(5).permutation(COUNT)[:size].astype(np.uint32)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [1, 64, 290])
def test_a_replay_has_the_losses_of_the_run_in_the_order_asked_for(engine: str, size: int) -> None:
    numbers, (again, run) = chosen(size), ready(engine)
    ready_book, _ = built(book())
    rows = replayed(again, numbers)
    by_group = rows.loss @ ready_book.scale.facility_in_group.astype(np.int64).T
    assert rows.loss.shape == (size, book().height)
    assert np.array_equal(by_group, run.loss[numbers])
    assert by_group.sum() > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rows_of_all_scenarios_are_what_the_tally_adds_up(engine: str) -> None:
    again, run = ready(engine)
    rows = replayed(again, np.arange(COUNT, dtype=np.uint32))
    share = np.round(rows.loss / built(book())[0].scale.first_balance_usd * quantum() * 2.0**SQUARE_BITS)
    assert np.array_equal(rows.loss.sum(axis=0), run.facility_loss)
    assert np.array_equal((rows.paid_share.astype(np.int64) ** 2).sum(axis=0), run.facility_paid_squares)
    np.testing.assert_allclose((share * rows.paid_share).sum(axis=0), run.facility_loss_paid, rtol=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_of_given_numbers_is_that_part_of_the_run(engine: str) -> None:
    numbers, (again, run) = chosen(70), ready(engine)
    part = run_scenarios(again, numbers)
    for name in ("loss", "exposure", "paid"):
        assert np.array_equal(getattr(part, name), getattr(run, name)[numbers])
    assert part.facility_loss.sum() == part.loss[:, 0].sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_each_scenario_paid_interest_on_adds_up_to_the_months(engine: str) -> None:
    """Months are rounded to 2^-20 of a debt, a scenario's total to 2^-30 of the book (and float32 on JAX)."""
    ready_book, _ = built(book())
    run = ready(engine)[1]
    by_month = run.carried * 2.0**-CARRIED_BITS * ready_book.book.debt.balance_usd[:-1]
    expected = by_month.sum() / float(ready_book.scale.view_quantum_usd)
    assert run.paid[:, 0].sum() == pytest.approx(expected, rel=3e-6)
    most = float(ready_book.book.debt.balance_usd[:-1].sum()) / float(ready_book.scale.view_quantum_usd)
    assert 0 < run.paid[:, 0].min() <= run.paid[:, 0].max() <= most
    assert len(run.carried) == MONTHS


def test_a_replay_of_nothing_is_nothing() -> None:
    assert list(replay_scenarios(ready("reference")[0], np.zeros(0, np.uint32))) == []


def quantum() -> float:
    return float(built(book())[0].scale.loss_quantum_usd)
