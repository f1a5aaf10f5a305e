"""The structural kernels, run as C++ on a CPU, against the reference engine.

What every engine promises is tested with the others: tests/kernels/test_engines.py and tests/independence.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackrisk.kernels.cuda.device import LaunchShape
from rackrisk.kernels.cuda.several import open_devices
from rackrisk.kernels.cuda.structural import WATCHED_EVERY, DeviceTooSmall, StructuralCuda
from rackrisk.kernels.reference import simulate_tile
from rackrisk.kernels.streams import key_words
from rackrisk.kernels.tally import BY_SCENARIO, Tally, map_fields
from rackrisk.models.book import BuiltBook
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.simulate import path_maker

from ...helpers.emulated import device
from ...helpers.strict_arrays import STRICT
from ...helpers.worlds import book, built

KEY, SCENARIOS = key_words(3), 24
#: A barrier in one block, a barrier in a cluster, and passes until nothing moves, in that order; 40 obligors.
SHAPES = {
    "block": LaunchShape(threads=64, settle_threads=64, lanes=4, cluster_blocks=1),
    "cluster": LaunchShape(threads=16, settle_threads=16, lanes=2, cluster_blocks=4),
    "passes": LaunchShape(threads=16, settle_threads=16, lanes=4, cluster_blocks=1),
    "one lane": LaunchShape(threads=8, settle_threads=8, lanes=1, cluster_blocks=1),
}


@cache
def world(count: int = 40) -> tuple[BuiltBook, MarketArrays]:
    """Months that fill neither a block of normals nor a window, and long enough for balloons."""
    return built(book(count), months=62)


def on(shape: LaunchShape, precision: str = "float64", **options: Any) -> StructuralCuda:
    ready, market = world()
    gpu = replace(device(), shape=shape, **options)
    return StructuralCuda(gpu, ready.book, market, ready.scale, path_maker(ready), key=KEY, precision=precision)


def numbers(count: int = SCENARIOS) -> np.ndarray:
    return np.arange(count, dtype=np.uint32)


def by_reference(ready: BuiltBook, market: MarketArrays, scenario: np.ndarray) -> Tally:
    """Tiles of as many scenarios as early warning takes one of."""
    tiles = []
    for first in range(0, scenario.size, WATCHED_EVERY):
        part = scenario[first : first + WATCHED_EVERY]
        paths, valid = path_maker(ready)(np, market, KEY, part), np.ones(part.size, bool)
        tiles.append(simulate_tile(ready.book, paths, ready.scale, KEY, scenario=part, valid=valid)[0])
    total = tiles[0]
    for tile in tiles[1:]:
        total = map_fields(np.add, total, tile)
    rows = {name: np.concatenate([getattr(tile, name) for tile in tiles]) for name in BY_SCENARIO}
    return total._replace(**rows)


def differences(found: Tally, expected: Tally) -> list[str]:
    """Names of the fields that are not the same integers."""
    fields = zip(
        (*found._fields, *found.months._fields),
        (*found, *found.months),
        (*expected, *expected.months),
        strict=True,
    )
    return [name for name, ours, theirs in fields if name != "months" and not np.array_equal(ours, theirs)]


@pytest.mark.parametrize("shape", SHAPES)
def test_double_precision_gives_the_integers_of_the_reference(shape: str) -> None:
    found, expected = on(SHAPES[shape]).run(numbers()), by_reference(*world(), numbers())
    assert differences(found, expected) == []
    assert (expected.causes[:, 0] > 0).all()
    assert expected.watched == SCENARIOS // WATCHED_EVERY


@pytest.mark.parametrize("shape", list(SHAPES)[1:])
def test_single_precision_does_not_depend_on_the_shape_of_the_launch(shape: str) -> None:
    assert differences(on(SHAPES[shape], "float32").run(numbers()), on(SHAPES["block"], "float32").run(numbers())) == []


def test_arrays_of_device_and_host_are_never_mixed() -> None:
    """Neither by the engine nor by the market's paths."""
    strict, plain = on(SHAPES["passes"], xp=STRICT), on(SHAPES["passes"])
    assert differences(strict.run(numbers()), plain.run(numbers())) == []
    assert np.array_equal(strict.replay(numbers()).loss, plain.replay(numbers()).loss)


def test_sales_move_prices_in_this_world() -> None:
    """Without it, the three ways to settle prices would agree on nothing."""
    ready, market = world()
    calm = ready.book._replace(liquidation=ready.book.liquidation._replace(impact=ready.book.liquidation.impact * 0))
    engine = StructuralCuda(device(), calm, market, ready.scale, path_maker(ready), key=KEY, precision="float64")
    apart, together = engine.run(numbers()).loss[:, 0], on(SHAPES["block"]).run(numbers()).loss[:, 0]
    assert (apart < together).mean() > 0.5
    assert (apart <= together).all()


@pytest.mark.parametrize("shape", ["block", "passes"])
def test_scenarios_in_any_order_and_company_have_the_same_losses(shape: str) -> None:
    engine, chosen = on(SHAPES[shape], "float32"), np.array([17, 3, 20, 5, 11], np.uint32)
    together, apart = engine.run(numbers()), engine.run(chosen)
    for name in BY_SCENARIO:
        assert np.array_equal(getattr(apart, name), getattr(together, name)[chosen])


def test_a_replay_has_the_losses_of_the_run() -> None:
    ready, _ = world()
    engine, chosen = on(SHAPES["block"], "float32"), np.array([21, 2, 9], np.uint32)
    engine.replayed = 2
    rows, run = engine.replay(chosen), engine.run(numbers())
    by_group = rows.loss @ ready.scale.facility_in_group.astype(np.int64).T
    assert np.array_equal(by_group, run.loss[chosen])
    assert by_group.sum() > 0


@pytest.mark.parametrize("count", [1, 7, SCENARIOS])
def test_two_devices_of_any_memory_are_one(count: int) -> None:
    """The second of them has nothing to do when there is one scenario."""
    ready, market = world()
    arguments = ready.book, market, ready.scale, path_maker(ready)
    gpus = [replace(device(), shape=shape) for shape in (SHAPES["block"], SHAPES["passes"])]
    run, replay, group = open_devices(gpus, *arguments, key=KEY, precision="float32")
    scenario = np.arange(2 * group, dtype=np.uint32)
    found = map_fields(lambda field: field.sum(axis=0), run(scenario, scenario < count))
    found = found._replace(**{name: getattr(run(scenario, scenario < count), name)[0][:count] for name in BY_SCENARIO})
    assert differences(found, on(SHAPES["one lane"], "float32").run(numbers(count))) == []
    assert replay(scenario, scenario < count).loss.sum() == found.loss[:, 0].sum()


def test_memory_decides_how_many_scenarios_run_at_a_time() -> None:
    assert on(SHAPES["block"], memory_bytes=2**29).batch < on(SHAPES["block"], memory_bytes=2**30).batch
    with pytest.raises(DeviceTooSmall, match=r"40 obligors need .* GiB, 1 scenarios .* MiB more"):
        on(SHAPES["block"], memory_bytes=2**17)


@settings(max_examples=12, deadline=None)
@given(
    count=st.integers(1, 60),
    seed=st.integers(0, 2**40),
    shape=st.sampled_from(list(SHAPES)),
    first=st.integers(0, 2**26 - 9),
)
def test_random_books_and_scenarios_give_the_integers_of_the_reference(
    count: int, seed: int, shape: str, first: int
) -> None:
    ready, market = world(count)
    key, scenario = key_words(seed), np.arange(first, first + 3, dtype=np.uint32)
    engine = StructuralCuda(
        replace(device(), shape=SHAPES[shape]),
        ready.book,
        market,
        ready.scale,
        path_maker(ready),
        key=key,
        precision="float64",
    )
    paths = path_maker(ready)(np, market, key, scenario)
    expected, _ = simulate_tile(ready.book, paths, ready.scale, key, scenario=scenario, valid=np.ones(3, bool))
    signs = ("watched", "performing", "serving", "dscr_below_1_2", "dscr_below_1_0", "ltv_above_covenant")
    seen = {*signs, "debt", "book_value", "clearing_value"}  # of other scenarios than the tile's first
    assert set(differences(engine.run(scenario), expected)) <= seen
