"""Runs in one process do not influence each other, neither one after the other nor at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ..helpers.worlds import MODELS, book, copula, digests, structural, tables, usual

FAST = ("reference", "jax")


def test_copula_runs_after_each_other_have_the_bytes_they_have_alone() -> None:
    for engine in FAST:
        first = digests(copula(engine=engine))
        copula(kind="t", seed=9, engine=engine, scenarios=100)
        structural(engine="reference", scenarios=10)
        assert digests(copula(engine=engine)) == first == digests(usual("copula", engine))


def test_reference_runs_after_each_other_have_the_bytes_they_have_alone() -> None:
    first = digests(structural(engine="reference"))
    structural(book(20), engine="reference", seed=9, scenarios=30)
    copula(scenarios=100)
    assert digests(structural(engine="reference")) == first == digests(usual("structural", "reference"))


@pytest.mark.slow
def test_compiled_runs_after_each_other_have_the_bytes_they_have_alone() -> None:
    first = digests(structural())
    structural(book(20), seed=9, precision="float64", scenarios=30)
    copula(kind="t", seed=9)
    assert digests(structural()) == first == digests(usual("structural"))


@pytest.mark.slow
def test_runs_at_the_same_time_have_the_bytes_they_have_alone() -> None:
    jobs = [(model, engine) for model in MODELS for engine in FAST]
    alone = {job: digests(usual(*job)) for job in jobs}
    with ThreadPoolExecutor(len(jobs)) as threads:
        together = {job: threads.submit(MODELS[job[0]], engine=job[1]) for job in jobs}
        assert {job: digests(result.result()) for job, result in together.items()} == alone


def test_another_seed_is_another_run() -> None:
    for model in MODELS:
        ours, theirs = MODELS[model](engine="reference", seed=4), usual(model, "reference")
        empty = {name for name, frame in tables(ours).items() if frame.is_empty()}  # answers that nobody asked for
        one, other = (digests(result, without=tuple(empty)) for result in (ours, theirs))
        assert not {name for name in one if one[name] == other[name]}, model
