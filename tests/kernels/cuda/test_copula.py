"""The copula kernels, run on a CPU, count what the reference engine counts, whatever the launch."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from rackrisk.kernels.copula.arrays import Pool, Tally
from rackrisk.kernels.copula.conditional import draw_limits
from rackrisk.kernels.copula.draws import QUAD, Systematic, default_words, systematic
from rackrisk.kernels.copula.engines import CopulaEngine, open_engine, run_scenarios
from rackrisk.kernels.copula.normal_cdf import normal_cdf
from rackrisk.kernels.cuda import device as cuda
from rackrisk.kernels.cuda.copula import CopulaCuda, open_copula
from rackrisk.kernels.cuda.copula_layout import GIVEN, GROUP, POOL, arrange, pieces
from rackrisk.kernels.cuda.device import STATIC_SHARED_BYTES, DeviceTooSmall, LaunchShape
from rackrisk.kernels.cuda.layout import Structure
from rackrisk.kernels.cuda.source import Program
from rackrisk.kernels.streams import key_words
from rackrisk.models.copula._pool import build_pool

from ...helpers.emulated import COMPILER, SMALL, EmulatedDevice
from ...helpers.random_pools import random_pool
from ...helpers.strict_arrays import STRICT
from ...models.copula.pools import MODELS, mixed, model_of

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
HERE = Path(__file__).parent
SEED = 3
DEVICE = EmulatedDevice(shape=SMALL._replace(threads=8))
BLOCKS = 20


def emulated(pool: Pool, scenarios: int, *devices: EmulatedDevice, blocks: int = BLOCKS) -> Tally:
    run, batch = open_copula(devices or (DEVICE,), pool, key_words(SEED), blocks=blocks)
    return run_scenarios(CopulaEngine("cuda", "emulated", batch, run), scenarios)


def reference(pool: Pool, scenarios: int) -> Tally:
    return run_scenarios(open_engine("reference", pool, seed=SEED), scenarios)


def assert_same(ours: Tally, theirs: Tally) -> None:
    for name in Tally._fields:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


@cache
def pool_of(kind: str, count: int = 40) -> Pool:
    return build_pool(*model_of(kind, count)).pool


@cache
def expected(kind: str) -> Tally:
    return reference(pool_of(kind), 1001)


@pytest.mark.parametrize("kind", MODELS)
def test_kernels_count_what_the_reference_counts(kind: str):
    """A near-tie could tell them apart, once in 1e11 draws: see tests/kernels/copula."""
    ours = emulated(pool_of(kind), 1001)
    assert_same(ours, expected(kind))
    assert ours.name_defaults.sum() > 1000


@pytest.mark.parametrize("names", [1, 31, 32, 33, 100])
@pytest.mark.parametrize("scenarios", [1, 3, 4, 130])
def test_no_number_of_names_or_scenarios_is_special(names: int, scenarios: int):
    frame = mixed(max(names, 2)).head(names).with_columns(pd_1y=0.3)
    pool = build_pool(frame, model_of("gaussian")[1]).pool
    assert pool.buckets.inverse_residual.size == 1
    assert_same(emulated(pool, scenarios), reference(pool, scenarios))


@settings(max_examples=25)
@example(seed=1, names=70, buckets=1, factors=0, years=1, kind="fixed", cells=1, mixing=0, scenarios=9)
@example(seed=2, names=70, buckets=9, factors=3, years=30, kind="wrong_way", cells=256, mixing=5, scenarios=50)
@given(
    seed=st.integers(0, 2**32),
    names=st.integers(1, 90),
    buckets=st.integers(1, 12),
    factors=st.integers(0, 3),
    years=st.sampled_from([1, 1, 2, 5]),
    kind=st.sampled_from(["fixed", "beta", "wrong_way"]),
    cells=st.sampled_from([1, 16, 256]),
    mixing=st.sampled_from([0, 1, 4]),
    scenarios=st.integers(1, 200),
)
def test_any_legal_pool_gives_the_sums_of_the_reference(
    *, seed: int, names: int, buckets: int, factors: int, years: int, kind: str, cells: int, mixing: int, scenarios: int
):
    sizes = {"names": names, "buckets": buckets, "factors": factors, "years": years, "cells": cells, "mixing": mixing}
    pool = random_pool(seed, lgd_kind=kind, segments=1 + seed % 4, **sizes)
    assert_same(emulated(pool, scenarios), reference(pool, scenarios))


@pytest.mark.parametrize("shape", [(4, 1), (12, 1), (16, 1000), (40, 3)])
@pytest.mark.parametrize("kind", ["gaussian", "wrong_way"])
def test_the_shape_of_the_launch_cannot_be_seen(kind: str, shape: tuple[int, int]):
    threads, blocks = shape
    device = replace(DEVICE, shape=SMALL._replace(threads=threads))
    assert_same(emulated(pool_of(kind), 1001, device, blocks=blocks), expected(kind))


@pytest.mark.parametrize("kind", ["t", "beta"])
def test_devices_and_their_memory_cannot_be_seen(kind: str):
    """Devices with less memory take fewer scenarios at a time."""
    small, large = (replace(DEVICE, memory_bytes=size) for size in (80_000, 120_000))
    few = CopulaCuda(small, pool_of(kind), key=key_words(SEED))
    assert few.batch < 500
    for devices in ([small], [large, small, large]):
        assert_same(emulated(pool_of(kind), 1001, *devices), expected(kind))


@pytest.mark.parametrize("kind", MODELS)
def test_arrays_of_device_and_host_are_never_mixed(kind: str):
    assert_same(emulated(pool_of(kind), 1001, replace(DEVICE, xp=STRICT)), expected(kind))


@dataclass(frozen=True)
class PoisonedMemory:
    """NumPy in which new memory holds what nobody expects."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, dtype: Any = np.float64) -> Any:
        found = np.empty(shape, dtype)
        found.view(np.uint8)[...] = 0xFF
        return found


@pytest.mark.parametrize("kind", MODELS)
def test_nothing_is_read_before_it_is_written(kind: str):
    assert np.isnan(PoisonedMemory().empty(3)).all()
    assert_same(emulated(pool_of(kind), 1001, replace(DEVICE, xp=PoisonedMemory())), expected(kind))


def test_limits_are_those_of_the_same_polynomial_but_for_one_in_ten_thousand():
    """Where rounding moves a limit, it is by one of 2^31 draws: so near-ties are rarer than one in 1e13 draws."""
    moved, limits = _moved_limits()
    assert np.abs(moved).max() <= 1
    assert np.count_nonzero(moved) < 1e-4 * limits


def _moved_limits() -> tuple[Any, int]:
    """By how many draws the kernels' limits differ from NumPy's, given the same factors; how many are not 0 or 1."""
    pool = random_pool(5, buckets=40, factors=3, years=4, mixing=4)
    quads = np.arange(300, dtype=np.uint32)
    found = systematic(np, key_words(SEED), quads, pool)
    sums = Structure("Written", {"limit": "unsigned"})
    kernels = DEVICE.compile(Program(str(HERE / "limits.cu"), (POOL, GIVEN, sums), "float64"))
    limits = np.zeros((40, 4, QUAD, 300), np.uint32)
    fields = arrange(pool, key_words(SEED)).fields | {"prepared": limits}
    places_last = {name: np.ascontiguousarray(np.moveaxis(field, -2, -1)) for name, field in found._asdict().items()}
    shared = {"scenarios": 1200, "quads": 300, "first_quad": 0, **places_last}
    kernels("write_limits", (1, 1), 4, (POOL.pack(fields), GIVEN.pack(shared), sums.pack({"limit": limits})))
    exact = [_exact_limits(pool, found, bucket) for bucket in range(40)]
    return limits.astype(np.int64) - exact, int(np.count_nonzero((limits > 0) & (limits < 2**31)))


def _exact_limits(pool: Pool, found: Systematic, bucket: int) -> Any:
    return draw_limits(
        np,
        lambda x: normal_cdf(np, x),
        found,
        pool.buckets.threshold[:, bucket, None, None],
        loading=pool.buckets.loading[:, bucket],
        inverse_residual=pool.buckets.inverse_residual[bucket],
    )


def test_a_draw_at_its_limit_is_no_default_and_one_below_is():
    """Of one name without factors, whose threshold is set to each of eight scenarios' draws in turn."""
    pool = random_pool(1, names=1, buckets=1, factors=0, segments=1)
    stream = tuple(pool.names.stream[0])
    words = np.stack(default_words(np, key_words(SEED), np.arange(2, dtype=np.uint32), stream)).T.reshape(-1)
    assert set(words % 2) == {0, 1}
    for scenario, draw in enumerate(words >> np.uint32(1)):
        for limit in (int(draw), int(draw) + 1):
            at_limit = pool.buckets._replace(threshold=np.full((1, 1), ndtri(limit * 2.0**-31)))
            losses = emulated(pool._replace(buckets=at_limit), 8).loss[:, 0]
            assert (losses[scenario] > 0) == (limit > draw)


@given(
    runs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(1, 70)), min_size=1, max_size=12),
    mixed=st.booleans(),
)
def test_pieces_hold_every_name_once_and_groups_fit_a_word(*, runs: list[tuple[int, int, int]], mixed: bool):
    """Pieces never mix buckets or segments, and groups mix buckets only if they may."""
    segment, bucket = (np.repeat([run[place] for run in runs], [run[2] for run in runs]) for place in (0, 1))
    order = np.lexsort((bucket, segment))
    segment, bucket = segment[order], bucket[order]
    names, group = [], 0
    for first, span, its_bucket, its_segment in pieces(segment, bucket, mixed=mixed):
        count, shift, closes = span & 255, span >> 8 & 255, span >> 16
        assert group == shift
        assert (bucket[first : first + count] == its_bucket).all()
        assert (segment[first - shift : first + count] == its_segment).all()
        assert mixed or (bucket[first - shift : first + count] == its_bucket).all()
        names += range(first, first + count)
        group = 0 if closes else shift + count
        assert shift + count <= GROUP
    assert names == list(range(segment.size))
    assert group == 0


def test_a_device_that_is_too_small_is_refused_in_words():
    with pytest.raises(DeviceTooSmall, match="emulated has too little memory free: 40 names"):
        CopulaCuda(replace(DEVICE, memory_bytes=1000), pool_of("t"), key=key_words(SEED))


@pytest.mark.parametrize("years", [1, 5, 12, 13, 30])
@pytest.mark.parametrize("kind", ["fixed", "wrong_way"])
def test_every_horizon_fits_the_shared_memory_that_needs_no_asking(kind: str, years: int):
    """Of a real device, whose warps have 32 threads."""
    asked: list[tuple[int, int]] = []

    @dataclass(frozen=True)
    class Asked(EmulatedDevice):
        def compile(self, program: Program) -> Any:
            return lambda *launch, shared_bytes=0: asked.append((launch[2], shared_bytes))

    CopulaCuda(Asked(LaunchShape()), random_pool(1, years=years, lgd_kind=kind), key=(0, 0)).run(0, 4)
    threads, shared_bytes = asked[-1]
    assert shared_bytes <= STATIC_SHARED_BYTES
    assert threads >= 32


def test_the_engine_named_cuda_uses_every_device(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cuda, "cuda_devices", lambda: (DEVICE, DEVICE))
    engine = open_engine("cuda", pool_of("gaussian"), seed=SEED)
    assert (engine.name, engine.device) == ("cuda", "2 x emulated (cuda)")
    assert_same(run_scenarios(engine, 1001), expected("gaussian"))
