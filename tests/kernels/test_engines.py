"""Every engine gives the reference's answer, and no answer depends on how it was computed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rackrisk.data import check_tape, generate
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.results import SimulationResult

from ..helpers.loans import AS_OF, ASICS, GENERATIONS, run_loans

WORLD = ("market=hash_credit_crisis",)  # every cause of default, and contagion, within few scenarios


@cache
def book(count: int = 40) -> pl.DataFrame:
    return check_tape(generate(count, seed=11), file="test", as_of=AS_OF, generations=GENERATIONS, asic_classes=ASICS)


def crisis(tape: pl.DataFrame, **options: object) -> SimulationResult:
    return run_loans(tape, *WORLD, **({"months": 26, "scenarios": 60, "engine": "jax"} | options))


def test_jax_in_double_precision_is_the_reference():
    ours, reference = crisis(book(), precision="float64"), crisis(book(), engine="reference")
    assert_frame_equal(ours.losses, reference.losses, rel_tol=1e-9)
    assert_frame_equal(ours.facilities, reference.facilities, rel_tol=1e-9)
    assert_frame_equal(ours.defaults_by_cause, reference.defaults_by_cause)
    assert_frame_equal(ours.pd_term.drop("pd_exposure"), reference.pd_term.drop("pd_exposure"))
    assert reference.facilities["pd"].sum() > 1


def test_single_precision_differs_from_the_reference_by_rounding_and_few_near_ties():
    """A month takes some 100 operations of relative error 2^-24; sixty of them leave losses within about 1e-4."""
    ours, reference = crisis(book(), precision="float32"), crisis(book(), engine="reference")
    exposure = reference.exposure_usd["portfolio"]
    difference = (ours.losses["loss"] - reference.losses["loss"]).abs() / exposure
    near_ties = (difference > 1e-4).sum()
    assert near_ties <= 2
    assert np.median(difference.to_numpy()) < 1e-6
    shift = (ours.facilities["pd"] - reference.facilities["pd"]).to_numpy()
    assert np.abs(shift).max() <= 2 / 60


def test_a_scenario_does_not_depend_on_how_many_are_asked_for():
    few, many = crisis(book(), scenarios=5), crisis(book(), scenarios=333)
    assert_frame_equal(few.losses, many.losses.head(5), check_exact=True)


def test_the_order_of_the_tape_does_not_matter():
    shuffled = book().sample(fraction=1.0, shuffle=True, seed=3)
    assert_frame_equal(crisis(book()).losses, crisis(shuffled).losses, check_exact=True)


@pytest.mark.parametrize("engine", ["reference", "jax"])
def test_without_contagion_nobody_notices_a_loan_that_joins(engine: str):
    alone = crisis(book(30), engine=engine, precision="float64", seed=5)
    joined = crisis(book(40), engine=engine, precision="float64", seed=5)
    still_there = joined.facilities.join(alone.facilities.select("facility_id"), on="facility_id", how="semi")
    assert not still_there["el_usd"].equals(alone.facilities["el_usd"])  # contagion
    free = {"mechanisms": Mechanisms(vacuum=False)}
    alone, joined = (crisis(book(n), engine=engine, precision="float64", seed=5, **free) for n in (30, 40))
    still_there = joined.facilities.join(alone.facilities.select("facility_id"), on="facility_id", how="semi")
    assert_frame_equal(still_there.select("facility_id", "pd"), alone.facilities.select("facility_id", "pd"))
    assert_frame_equal(
        still_there.select("el_usd", "pv_balance_usd"),
        alone.facilities.select("el_usd", "pv_balance_usd"),
        rel_tol=1e-6,
    )


def test_runs_in_one_process_do_not_influence_each_other():
    first = crisis(book())
    crisis(book(30), seed=9, precision="float64")
    assert_frame_equal(first.losses, crisis(book()).losses, check_exact=True)


def test_segments_add_up_to_the_portfolio_to_the_last_unit():
    losses = crisis(book()).losses
    segments = [name for name in losses.columns if name.startswith("loss:")]
    assert (losses.select(pl.sum_horizontal(segments)).to_series() == losses["loss"]).all()


SCRIPT = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
sys.path.insert(0, sys.argv[2])
from tests.kernels.test_engines import book, crisis, fingerprint
print(fingerprint(crisis(book())))
"""


def fingerprint(result: SimulationResult) -> str:
    tables = (result.losses, result.facilities, result.early_warning, result.pd_term)
    return hashlib.sha256("".join(table.write_csv() for table in tables).encode()).hexdigest()


@pytest.mark.parametrize("devices", [1, 3])
def test_results_have_the_same_bytes_on_any_number_of_devices(devices: int, request: pytest.FixtureRequest):
    root = str(request.config.rootpath)
    command = [sys.executable, "-c", SCRIPT, str(devices), root]
    there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert there.stdout.split() == [fingerprint(crisis(book()))]
