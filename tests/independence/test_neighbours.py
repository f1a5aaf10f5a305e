"""A loan's or name's numbers are its own: they depend neither on its place in the tape nor on who stands beside it.

Names that leave a pool of the copula model, for every kind of it: tests/kernels/copula/test_engines.py.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from rackrisk.kernels.reference import idiosyncratic_normals
from rackrisk.kernels.streams import key_words, stream_words
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.results import SimulationResult

from ..helpers.worlds import MODELS, book, built, digest, digests, model_of, structural, usual

#: Both engines of the structural model; the compiled one needs a compilation for every book.
ENGINES = ["reference", "cuda", pytest.param("jax", marks=pytest.mark.slow)]
BOTH = [
    pytest.param(model, engine, marks=pytest.mark.slow if (model, engine) == ("structural", "jax") else ())
    for model in MODELS
    for engine in ("reference", "jax")
]
INPUT: dict[str, Any] = {"structural": book, "copula": lambda: model_of("wrong_way")[0]}


@pytest.mark.parametrize(("model", "engine"), BOTH)
def test_the_order_of_the_tape_cannot_be_seen(model: str, engine: str) -> None:
    for shuffled in (INPUT[model]().reverse(), INPUT[model]().sample(fraction=1.0, shuffle=True, seed=3)):
        assert digests(MODELS[model](shuffled, engine=engine)) == digests(usual(model, engine))


def newcomers() -> pl.DataFrame:
    """The shared book and forty more loans, in a segment of their own."""
    old = book()["facility_id"].implode()
    segment = pl.when(pl.col("facility_id").is_in(old)).then(pl.col("segment")).otherwise(pl.lit("newcomers"))
    return book(80).with_columns(segment=segment)


def test_all_other_random_numbers_stay_when_loans_join() -> None:
    scenario = np.arange(50, dtype=np.uint32)
    (few, few_market), (many, many_market) = built(book()), built(newcomers())
    place = {tuple(stream): i for i, stream in enumerate(many.book.stream.tolist())}
    there = [place[tuple(stream)] for stream in few.book.stream.tolist()]
    assert len(there) < len(place)
    for block in (0, 5):
        normals = [
            np.stack(idiosyncratic_normals(np, key_words(3), scenario[:, None], words, block=block, dtype=np.float64))
            for words in (tuple(few.book.stream.T), tuple(many.book.stream.T))
        ]
        assert np.array_equal(normals[0], normals[1][:, :, there])
    ours, theirs = (simulate_paths(np, m, key_words(3), scenario) for m in (few_market, many_market))
    for name in ("regime", "cash", "price", "short_rate", "discount"):
        months = min(getattr(ours, name).shape[1], getattr(theirs, name).shape[1])
        assert np.array_equal(getattr(ours, name)[:, :months], getattr(theirs, name)[:, :months]), name
    everybody = ["", *many.counterparty_pd_annual]
    same = [everybody.index(name) for name in ("", *few.counterparty_pd_annual)]
    assert len(same) < len(everybody)
    assert np.array_equal(ours.death_month, theirs.death_month[:, same])


def test_streams_are_of_names_not_of_places() -> None:
    ready, _ = built(book())
    assert sorted(map(tuple, ready.book.stream.tolist())) == sorted(
        stream_words(name) for name in book()["obligor_id"].unique()
    )


@cache
def beside(engine: str, *, contagion: bool) -> tuple[SimulationResult, SimulationResult]:
    """The shared book alone, and with newcomers."""
    options = {"engine": engine, "mechanisms": Mechanisms(vacuum=contagion)}
    return structural(**options), structural(newcomers(), **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_contagion_nobody_loses_another_dollar_when_loans_join(engine: str) -> None:
    """But for the quantum of money, the next power of two for a larger book: half of one a facility and scenario."""
    alone, joined = beside(engine, contagion=False)
    stayed = joined.facilities.join(alone.facilities.select("facility_id"), on="facility_id", how="semi")
    exact = ["facility_id", "pd", "pd_1y", "pd_2y"]
    assert digest(stayed.select(exact)) == digest(alone.facilities.select(exact))
    quantum = 2.0 ** (np.ceil(np.log2(joined.exposure_usd["portfolio"])) - 36)
    for segment in alone.segments:
        facilities = alone.facilities.filter(segment=segment).height
        difference = (alone.losses_of(segment) - joined.losses_of(segment)).abs().max()
        assert difference is not None
        assert difference <= facilities * quantum, segment
    assert alone.facilities["pd"].sum() > 1


@pytest.mark.parametrize("engine", ENGINES)
def test_with_contagion_newcomers_are_felt_through_prices_alone(engine: str) -> None:
    alone, joined = beside(engine, contagion=True)
    assert (alone.losses["loss"] <= joined.losses["loss"] + 1).all()
    assert any((alone.losses_of(segment) != joined.losses_of(segment)).any() for segment in alone.segments)
