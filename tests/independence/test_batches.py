"""How many scenarios are asked for, and how they are cut into batches and tiles, leaves every bit as it is.

Tiles of the copula model, for every kind of it: tests/kernels/copula/test_engines.py.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rackrisk.kernels import engines, jax_engine
from rackrisk.kernels.engines import run_scenarios
from rackrisk.kernels.tally import Tally

from ..helpers.worlds import book, copula, digest, digests, opened, structural, usual

#: Early warning looks at a share of every tile, and the tile's size is a function of the book alone.
WATCHED = ("early_warning",)

ENGINES = ["reference", "cuda", pytest.param("jax", marks=pytest.mark.slow)]


@cache
def tallies(engine: str) -> dict[int, Tally]:
    """Runs of different lengths from one compilation: of one scenario, around a tile, around a group of tiles."""
    ready = opened(engine)
    return {count: run_scenarios(ready, count) for count in (1, 63, 64, 65, 255, 257, 330)}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_short_run_is_the_beginning_of_a_long_one(engine: str) -> None:
    runs = tallies(engine)
    longest = runs[max(runs)]
    for count, run in runs.items():
        for name in ("loss", "exposure"):
            rows = getattr(run, name)
            assert rows.shape[0] == count
            assert np.array_equal(rows, getattr(longest, name)[:count]), (count, name)


@pytest.mark.parametrize("engine", ENGINES)
def test_sums_over_scenarios_are_the_sums_of_the_scenarios_asked_for(engine: str) -> None:
    for run in tallies(engine).values():
        assert run.facility_loss.sum() == run.loss[:, 0].sum()
        assert run.facility_exposure_pv.sum() == run.exposure[:, 0].sum()
        assert np.array_equal(run.causes.sum(axis=0), run.months.defaults.sum(axis=0))


@pytest.mark.parametrize("engine", ["reference", "jax"])
def test_a_short_copula_run_is_the_beginning_of_a_long_one(engine: str) -> None:
    longest = usual("copula", engine).losses
    for count in (1, 3, 64, 1299):
        assert digest(copula(engine=engine, scenarios=count).losses) == digest(longest.head(count)), count


def shape() -> tuple[int, int, int]:
    """Scenarios of a tile and of a group of tiles, and obligors of a chunk, for the shared book."""
    obligors = book()["obligor_id"].n_unique()
    tile, group = jax_engine.tile_scenarios(obligors)
    return tile, group, jax_engine.chunk_obligors(obligors, tile)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sizes",
    [
        {"CELLS_PER_CHUNK": 512},
        {"CELLS_PER_TILE": 1024},
        {"CELLS_PER_TILE": 1024, "CELLS_PER_GROUP": 2048},
        {"CELLS_PER_TILE": 320, "CELLS_PER_CHUNK": 128},
    ],
)
def test_no_size_of_tile_chunk_or_group_can_be_seen(sizes: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, before = usual("structural"), shape()
    monkeypatch.setattr(jax_engine, "_program", jax_engine._program.__wrapped__)  # no compiled program is taken over
    for name, size in sizes.items():
        assert getattr(jax_engine, name) != size
        monkeypatch.setattr(jax_engine, name, size)
    assert shape() != before
    assert digests(structural(), without=WATCHED) == digests(theirs, without=WATCHED)


@pytest.mark.parametrize("tile", [17, 130, 1000])
def test_the_reference_has_the_same_bytes_for_any_tile(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = usual("structural", "reference")
    monkeypatch.setattr(engines, "REFERENCE_TILE", tile)
    assert digests(structural(engine="reference"), without=WATCHED) == digests(theirs, without=WATCHED)
