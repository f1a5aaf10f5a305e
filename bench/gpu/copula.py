"""The copula engine on a GPU: the reference's integers, then loan-scenarios a second."""

import statistics
from typing import Any

import numpy as np

from rackrisk.kernels.copula import reference
from rackrisk.kernels.copula.arrays import Buckets, Names, Pool, Tally
from rackrisk.kernels.cuda.copula import CopulaCuda
from rackrisk.kernels.cuda.device import CupyDevice, Device
from rackrisk.kernels.streams import key_words

from .speed import chip_of, event_seconds, wall_seconds

NAMES_PER_BUCKET = 8  # names alike in PD and loadings: ratings make many, single PDs make none
CHECKED_NAMES = 500
NEAR_TIES = (
    1e-7  # share of draws that may lie so close to a limit that the engines' normal distribution functions decide
)


def make_pool(
    names: int,
    *,
    seed: int,
    factors: int = 1,
    years: int = 1,
    kind: str = "fixed",
    segments: int = 1,
    alike: int = NAMES_PER_BUCKET,
) -> Pool:
    """PDs from 0.03 % to 10 %, random loadings and exposures; two factors or more are independent.

    Args:
        alike: names of one PD and loading.
    """
    random = np.random.default_rng(seed)
    buckets = -(-names // alike)
    loading = random.uniform(0.2, 0.6, (factors, buckets)) / factors**0.5
    threshold = np.sort(random.uniform(-3.4, -1.3, (years, buckets)), axis=0)
    cells = random.integers(2**28, 2**30, (4, 64)).astype(np.int32)
    wrong_way = kind == "wrong_way"
    return Pool(
        buckets=Buckets(
            threshold=threshold,
            loading=loading,
            inverse_residual=1 / np.sqrt(1 - (loading**2).sum(axis=0)),
            first=np.minimum(np.arange(buckets + 1) * alike, names).astype(np.int32),
            lgd_loading=loading * 0.5 if wrong_way else np.zeros((factors, 0)),
            lgd_residual=np.sqrt(1 - ((loading * 0.5) ** 2).sum(axis=0)) if wrong_way else np.zeros(0),
        ),
        names=Names(
            stream=random.integers(0, 2**32, (names, 2), dtype=np.uint32),
            segment=random.integers(0, segments, names).astype(np.int32),
            quanta=np.floor(random.lognormal(10, 1, names)),
            lgd_row=random.integers(0, 4, names).astype(np.int32),
        ),
        factor_stream=random.integers(0, 2**32, (factors, 2), dtype=np.uint32),
        mixing=np.zeros(0),
        lgd_table=np.sort(cells, axis=1),
        segments=segments,
        lgd_kind=kind,
    )


def check_copula(device: Device, seed: int) -> dict[str, Any]:
    """Every kind of pool against the reference engine, near-ties counted."""
    kinds = {
        "copula, one factor": {},
        "copula, two factors, three years, two segments": {"factors": 2, "years": 3, "segments": 2},
        "copula, random LGD": {"kind": "beta", "segments": 2},
        "copula, wrong-way LGD": {"kind": "wrong_way", "factors": 2},
    }
    return {name: check_pool(device, make_pool(CHECKED_NAMES, seed=seed, **kind), seed) for name, kind in kinds.items()}


def check_pool(device: Device, pool: Pool, seed: int) -> dict[str, Any]:
    """Defaults that differ are near-ties; without any, all sums are the same integers."""
    key, scenarios = key_words(seed), reference.TILE
    found = CopulaCuda(device, pool, key=key).run(0, scenarios)
    expected = reference.simulate_tile(pool, key, 0, scenarios)
    apart = int(np.abs(found.name_defaults - expected.name_defaults).sum())
    wrong = [name for name in Tally._fields if not np.array_equal(getattr(found, name), getattr(expected, name))]
    allowed = 2 + NEAR_TIES * scenarios * CHECKED_NAMES
    return {"holds": apart <= allowed and (not wrong or apart > 0), "near_ties": apart, "fields_that_differ": wrong}


def copula_speed(device: CupyDevice, names: int, scenarios: int, alike: int) -> dict[str, Any]:
    """One factor, fixed LGD, one year: the kernel alone, and a whole run."""
    pool = make_pool(names, seed=names, alike=alike)
    engine = CopulaCuda(device, pool, key=key_words(1))
    count = min(scenarios, engine.batch)
    with device.active():
        kernels = event_seconds(device, engine.kernels_of(count))
        whole = wall_seconds(lambda: engine.run(0, count), repeats=3)
    rate = names * count / statistics.median(kernels)
    return {
        "names": names,
        "grades": pool.buckets.inverse_residual.size,
        "scenarios": count,
        "kernels_s": kernels,
        "whole_s": whole,
        "loan_scenarios_per_s": rate,
        "issue_slots_per_loan_scenario": chip_of(device).issue_slots_per_s / rate,
    }
