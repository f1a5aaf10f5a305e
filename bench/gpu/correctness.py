"""Is the GPU right? Known answers, then every engine against the reference and against itself in other shapes."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rackrisk.kernels.cuda.device import Device, LaunchShape
from rackrisk.kernels.cuda.draws import draw
from rackrisk.kernels.cuda.structural import WATCHED_EVERY, StructuralCuda
from rackrisk.kernels.normals import normal_pair
from rackrisk.kernels.philox import philox4x32
from rackrisk.kernels.reference import simulate_tile
from rackrisk.kernels.tally import BY_SCENARIO, Tally, map_fields

from ..agreement import Agreement, agreement
from .book import GpuCase, make_book

KNOWN_WORDS = Path(__file__).parents[2] / "data" / "cases" / "philox.json"
SHAPES = (LaunchShape(), LaunchShape(64, 64, 2, 8), LaunchShape(256, 256, 1, 1), LaunchShape(32, 32, 4, 1))


def check_all(device: Device, *, loans: int, scenarios: int, seed: int) -> dict[str, Any]:
    """Every check; each says what it saw, and `holds`."""
    case = make_book(loans, seed=seed)
    checks: dict[str, Callable[[], dict[str, Any]]] = {
        "published words": lambda: known_words(device),
        "normals": lambda: normals(device, seed),
        "float64 is the reference": lambda: double_precision(device, case, scenarios),
        "float32 beside the reference": lambda: single_precision(device, case, scenarios),
        "shape of the launch": lambda: shapes(device, case, scenarios),
        "order and company": lambda: company(device, case, scenarios),
        "dirty memory": lambda: dirty_memory(device, case, scenarios),
    }
    if find_spec("jax") is not None:
        checks["float32 beside JAX"] = lambda: beside_jax(device, case, scenarios)
    return {name: check() for name, check in checks.items()}


def known_words(device: Device) -> dict[str, Any]:
    """Philox4x32-10 of the published counters and keys."""
    cases = [case for case in json.loads(KNOWN_WORDS.read_text("utf-8"))["cases"] if case["inputs"]["rounds"] == 10]
    counter, key, expected = (
        np.array([[int(word, 16) for word in part(case).split()] for case in cases])
        for part in (
            lambda case: case["inputs"]["counter"],
            lambda case: case["inputs"]["key"],
            lambda case: case["expected"]["words"],
        )
    )
    found, _ = draw(device, counter, key, "float32")
    return {"holds": bool(np.array_equal(found, expected)), "cases": len(cases)}


def normals(device: Device, seed: int) -> dict[str, Any]:
    """Against NumPy in double precision, in units of the last place of the radius and of the uniform."""
    random = np.random.default_rng(seed)
    counter, key = (random.integers(0, 2**32, (100_000, width), dtype=np.uint32) for width in (4, 2))
    known = philox4x32(np, tuple(counter.T), tuple(key.T))
    expected = np.stack([z for pair in (known[:2], known[2:]) for z in normal_pair(np, *pair, np.float64)], axis=1)
    radius = np.repeat(np.hypot(expected[:, ::2], expected[:, 1::2]), 2, axis=1)
    off = {}
    for precision in ("float32", "float64"):
        words, found = draw(device, counter, key, precision)
        unit = np.finfo(precision).eps * (radius + 1 / radius)
        off[precision] = float((np.abs(found - expected) / unit).max())
        if not np.array_equal(words, np.stack(known, axis=1)):
            off[precision] = float("inf")
    return {"holds": max(off.values()) < 10, "units_in_the_last_place": off}


def open_on(device: Device, case: GpuCase, precision: str, shape: LaunchShape | None = None) -> StructuralCuda:
    """The engine of a case."""
    where: Any = device if shape is None else replace(device, shape=shape)  # type: ignore[type-var]
    arguments = case.book, case.market, case.scale, case.make_paths
    return StructuralCuda(where, *arguments, key=case.key, precision=precision)


def by_reference(case: GpuCase, scenario: np.ndarray) -> Tally:
    """The reference engine's tally, early warning from the first of every eight scenarios."""
    tiles = []
    for first in range(0, scenario.size, WATCHED_EVERY):
        part = scenario[first : first + WATCHED_EVERY]
        paths, valid = case.make_paths(np, case.market, case.key, part), np.ones(part.size, bool)
        tiles.append(simulate_tile(case.book, paths, case.scale, case.key, scenario=part, valid=valid)[0])
    total = tiles[0]
    for tile in tiles[1:]:
        total = map_fields(np.add, total, tile)
    return total._replace(**{name: np.concatenate([getattr(tile, name) for tile in tiles]) for name in BY_SCENARIO})


def differences(found: Tally, expected: Tally) -> list[str]:
    """Fields that are not the same integers."""
    names = [name for name in (*found._fields, *found.months._fields) if name != "months"]

    def field(tally: Tally, name: str) -> Any:
        return getattr(tally.months if hasattr(tally.months, name) else tally, name)

    return [name for name in names if not np.array_equal(field(found, name), field(expected, name))]


def double_precision(device: Device, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """Libraries' exp and log may differ in the last place, so a loss may be a quantum off, not more."""
    scenario = np.arange(scenarios, dtype=np.uint32)
    found, expected = open_on(device, case, "float64").run(scenario), by_reference(case, scenario)
    off = np.abs(found.loss - expected.loss)
    relative = off.max() / max(int(expected.loss.max()), 1)
    return {
        "holds": bool(relative < 1e-9) and np.array_equal(found.causes, expected.causes),
        "largest_difference_quanta": int(off.max()),
        "fields_that_differ": differences(found, expected),
        "defaults_by_cause": expected.causes[:, 0].tolist(),
    }


def single_precision(device: Device, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """Losses within float32 rounding, and near-ties counted."""
    scenario = np.arange(scenarios, dtype=np.uint32)
    expected = by_reference(case, scenario).loss[:, 0]
    result: Agreement = agreement(open_on(device, case, "float32").run(scenario).loss[:, 0], expected)
    return {"holds": result.holds, **vars(result)}


def beside_jax(device: Device, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """The same losses from the JAX engine in single precision, near-ties counted."""
    from rackrisk.kernels.engines import open_engine, run_scenarios

    seed = case.key[0] | case.key[1] << 32
    arguments = case.book, case.market, case.scale, case.make_paths
    theirs = run_scenarios(open_engine("jax", *arguments, seed=seed, precision="float32"), scenarios)
    ours = open_on(device, case, "float32").run(np.arange(scenarios, dtype=np.uint32))
    result: Agreement = agreement(ours.loss[:, 0], theirs.loss[:, 0])
    return {"holds": result.holds, **vars(result)}


def shapes(device: Device, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """The same bytes for other threads, lanes and ways to settle prices."""
    scenario = np.arange(scenarios, dtype=np.uint32)
    possible = [
        shape._replace(cluster_blocks=min(shape.cluster_blocks, device.shape.cluster_blocks)) for shape in SHAPES
    ]
    first, *others = (open_on(device, case, "float32", shape).run(scenario) for shape in possible)
    found = {str(tuple(shape)): differences(other, first) for shape, other in zip(SHAPES[1:], others, strict=True)}
    return {"holds": not any(found.values()), "fields_that_differ": found}


def company(device: Device, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """Chosen scenarios alone have the losses they have among all."""
    engine, scenario = open_on(device, case, "float32"), np.arange(scenarios, dtype=np.uint32)
    chosen = np.random.default_rng(1).permutation(scenario)[: max(scenarios // 3, 1)]
    together, apart = engine.run(scenario), engine.run(chosen)
    rows = engine.replay(chosen).loss @ case.scale.facility_in_group.astype(np.int64).T
    same = np.array_equal(apart.loss, together.loss[chosen]) and np.array_equal(rows, apart.loss)
    return {"holds": bool(same), "scenarios": int(chosen.size)}


def dirty_memory(device: Device, case: GpuCase, scenarios: int) -> dict[str, Any]:
    """Memory full of garbage before a run changes nothing."""
    engine, scenario = open_on(device, case, "float32"), np.arange(scenarios, dtype=np.uint32)
    before = engine.run(scenario)
    with device.active():
        garbage = [device.xp.full(2**22, -77, "int32") for _ in range(8)]
        del garbage
    return {"holds": differences(engine.run(scenario), before) == []}
