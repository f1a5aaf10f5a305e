"""Both engines give one answer for every kind of model, and it does not depend on how it was computed.

What both models promise alike (length of a run, processes, threads, the user's settings) is in tests/independence.
"""

import hashlib
import subprocess
import sys
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.special import ndtr

from rackrisk.kernels.copula import jax_engine, reference
from rackrisk.kernels.copula.arrays import MAX_SCENARIOS, Pool
from rackrisk.kernels.copula.conditional import draw_limits
from rackrisk.kernels.copula.draws import systematic
from rackrisk.kernels.copula.engines import open_engine, run_scenarios
from rackrisk.kernels.copula.normal_cdf import normal_cdf
from rackrisk.kernels.streams import key_words
from rackrisk.models.copula import CopulaResult, simulate_copula
from rackrisk.models.copula._pool import build_pool

from ...helpers.emulated import engine_at_hand
from ...models.copula.pools import MODELS, mixed, model_of

SCENARIOS = 1500


@cache
def whole(kind: str, engine: str = "jax") -> CopulaResult:
    """The run that others are held against."""
    return run(kind, engine=engine)


def run(kind: str, *, engine: str = "jax", scenarios: int = SCENARIOS, seed: int = 3) -> CopulaResult:
    names, config = model_of(kind)
    return simulate_copula(names, config=config, scenarios=scenarios, seed=seed, engine=engine)


def assert_same(ours: CopulaResult, theirs: CopulaResult) -> None:
    for table in ("losses", "names", "pd_term"):
        assert_frame_equal(getattr(ours, table), getattr(theirs, table), check_exact=True)


def pool_of(kind: str) -> Pool:
    names, config = model_of(kind)
    return build_pool(names, config).pool


@pytest.mark.parametrize("engine", ["jax", "cuda"])
@pytest.mark.parametrize("kind", MODELS)
def test_engines_give_the_bytes_of_the_reference(kind: str, engine: str):
    """A near-tie could tell them apart; the next test says how rare it is."""
    with engine_at_hand(engine):
        ours, theirs = whole(kind, engine), whole(kind, "reference")
    assert_same(ours, theirs)
    assert theirs.names["pd_simulated"].sum() > 1


@pytest.mark.parametrize("kind", MODELS)
def test_near_ties_between_engines_are_rarer_than_one_in_1e11_draws(kind: str):
    """Engines differ in the normal distribution function alone. Where its last digits move a limit, it is by one of
    2^31 draws; such limits are counted."""
    pool, near, cells = pool_of(kind), 0, 0
    given = systematic(np, key_words(3), np.arange(2000, dtype=np.uint32), pool)
    for bucket in range(pool.buckets.inverse_residual.size):
        exact, ours = (
            draw_limits(
                np,
                cdf,
                given,
                pool.buckets.threshold[:, bucket, None, None],
                loading=pool.buckets.loading[:, bucket],
                inverse_residual=pool.buckets.inverse_residual[bucket],
            ).astype(np.int64)
            for cdf in (ndtr, lambda x: normal_cdf(np, x))
        )
        assert np.abs(ours - exact).max() <= 1
        near, cells = near + np.count_nonzero(ours != exact), cells + ours.size
    assert near / cells * 2.0**-31 < 1e-11


@pytest.mark.parametrize("kind", MODELS)
def test_the_size_of_a_tile_cannot_be_seen(kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jax_engine, "tile_scenarios", lambda pool: 64)
    monkeypatch.setattr(reference, "TILE", 256)
    monkeypatch.setattr(reference, "CELLS", 1024)
    for engine in ("jax", "reference"):
        assert_same(run(kind, engine=engine), whole(kind, engine))


def test_the_order_of_the_names_cannot_be_seen():
    names, config = model_of("wrong_way")
    shuffled = names.sample(fraction=1.0, shuffle=True, seed=3)
    ours, theirs = whole("wrong_way"), simulate_copula(shuffled, config=config, scenarios=SCENARIOS, seed=3)
    assert_frame_equal(ours.losses, theirs.losses, check_exact=True)
    assert_frame_equal(ours.names.sort("obligor_id"), theirs.names.sort("obligor_id"), check_exact=True)
    assert_frame_equal(ours.pd_term, theirs.pd_term, check_exact=True)
    assert theirs.names["obligor_id"].to_list() == shuffled["obligor_id"].to_list()


@pytest.mark.parametrize("kind", MODELS)
def test_nobody_notices_a_name_that_leaves(kind: str):
    """Not a default, not an LGD; money may be counted in another quantum."""
    names, config = model_of(kind)
    few = names.filter(pl.col("segment") != "s1")
    full, part = whole(kind), simulate_copula(few, config=config, scenarios=SCENARIOS, seed=3, engine="reference")
    stayed = full.names.filter(pl.col("segment") != "s1")
    assert_frame_equal(stayed.drop("el_usd", "el_std_error_usd"), part.names.drop("el_usd", "el_std_error_usd"))
    quantum = max(full.quantum_usd, part.quantum_usd)
    difference = full.losses["loss:s0"].to_numpy() - part.losses["loss:s0"].to_numpy()
    assert np.abs(difference).max() <= quantum * names.height
    assert full.losses["loss:s0"].sum() > 0


def test_segments_add_up_to_the_portfolio_to_the_last_unit():
    losses = whole("beta").losses
    segments = [name for name in losses.columns if name.startswith("loss:")]
    assert len(segments) == 3
    assert (losses.select(pl.sum_horizontal(segments)).to_series() == losses["loss"]).all()


SCRIPT = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
sys.path.insert(0, sys.argv[2])
from tests.kernels.copula.test_engines import fingerprint, run
print(*[fingerprint(run(kind)) for kind in ("t", "wrong_way")])
assert jax.device_count() == int(sys.argv[1])
"""


def fingerprint(result: CopulaResult) -> str:
    tables = (result.losses, result.names, result.pd_term)
    return hashlib.sha256("".join(table.write_csv() for table in tables).encode()).hexdigest()


@pytest.mark.parametrize("devices", [1, 3])
def test_results_have_the_same_bytes_on_any_number_of_devices_and_without_64_bits_switched_on(
    devices: int, request: pytest.FixtureRequest
):
    root = str(request.config.rootpath)
    command = [sys.executable, "-c", SCRIPT, str(devices), root]
    there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert there.stdout.split() == [fingerprint(whole(kind)) for kind in ("t", "wrong_way")]


def test_the_compiled_tile_holds_64_bit_sums():
    engine = open_engine("jax", pool_of("wrong_way"), seed=1)
    for name, field in engine.run(0, 10)._asdict().items():
        assert field.dtype == np.int64, name


def test_tiles_shrink_with_the_pool_and_stay_whole_quads():
    def tile(names: int, segments: int = 1, years: int = 1) -> int:
        small = build_pool(*model_of("gaussian")).pool
        stream, threshold = np.zeros((names, 2), np.uint32), np.zeros((years, 1))
        return jax_engine.tile_scenarios(
            small._replace(
                names=small.names._replace(stream=stream),
                buckets=small.buckets._replace(threshold=threshold),
                segments=segments,
            )
        )

    assert tile(1) == tile(1000) == 16384
    assert tile(10**6) == 512
    for segments in (1, 1000, 10**5):
        for years in (1, 30):
            size = tile(1000, segments, years)
            assert size % 64 == 0
            assert size == 64 or size * segments * (8 + 4 * years) <= 2**26


@pytest.mark.parametrize("scenarios", [0, -1, MAX_SCENARIOS + 1])
def test_impossible_numbers_of_scenarios_are_refused(scenarios: int):
    engine = open_engine("reference", pool_of("gaussian"), seed=1)
    with pytest.raises(ValueError, match="scenarios must be from 1"):
        run_scenarios(engine, scenarios)


def test_progress_ends_with_the_number_asked_for():
    seen: list[tuple[int, int]] = []
    engine = open_engine("reference", build_pool(mixed(5), model_of("gaussian")[1]).pool, seed=1)
    run_scenarios(engine, 2500, lambda done, total: seen.append((done, total)))
    assert seen == [(1024, 2500), (2048, 2500), (2500, 2500)]
