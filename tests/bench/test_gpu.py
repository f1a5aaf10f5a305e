"""The GPU benchmark without a GPU: its checks on a CPU in the place of one, and its tables."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.gpu import show
from bench.gpu.book import make_book
from bench.gpu.copula import check_copula
from bench.gpu.correctness import check_all
from bench.gpu.unfused import Library, open_unfused

from ..helpers.emulated import SMALL, device

CHECKS = {
    *("published words", "normals", "float64 is the reference", "float32 beside the reference"),
    *("shape of the launch", "order and company", "dirty memory"),
}


@pytest.mark.slow
def test_every_check_holds_for_the_kernels_as_they_are() -> None:
    found = check_all(device(), loans=40, scenarios=16, seed=5)
    assert set(found) == CHECKS | {"float32 beside JAX"}
    assert all(check["holds"] for check in found.values()), found
    assert found["float64 is the reference"]["fields_that_differ"] == []


def test_the_copula_checks_hold() -> None:
    found = check_copula(replace(device(), shape=SMALL), seed=5)
    assert len(found) == 4
    assert all(check["holds"] for check in found.values()), found


def test_a_wrong_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book that the reference sees otherwise than the kernels stands for a kernel that is wrong."""
    from bench.gpu import correctness

    right = correctness.by_reference
    monkeypatch.setattr(
        correctness,
        "by_reference",
        lambda case, scenario: right(make_book(case.loans, seed=6), scenario),
    )
    found = correctness.double_precision(device(), make_book(40, seed=5), 8)
    assert not found["holds"]


def test_books_of_any_size_are_made_of_arrays_alone() -> None:
    small, large = make_book(10, seed=1), make_book(2_000, seed=1)
    assert (small.loans, large.loans, large.months) == (10, 2_000, 60)
    assert len(np.unique(large.book.stream, axis=0)) == 2_000
    assert large.book.assets.sale_quanta.sum(axis=1).max() < 2**24
    assert not small.without_contagion().book.liquidation.impact.any()


def numpy_library() -> Library:
    random = np.random.default_rng(1)
    return Library("NumPy", np, np.asarray, lambda shape: random.standard_normal(shape, np.float32), lambda: None)


def unfused_defaults(library: Library) -> np.ndarray:
    with np.errstate(over="ignore"):  # no margin call is a limit near the largest float
        return open_unfused(library, make_book(100, seed=2), 64)()


def test_array_code_of_the_same_month_defaults_as_often() -> None:
    """Other random numbers of the borrowers on the same markets, so counts agree within sampling."""
    from rackrisk.kernels.reference import simulate_tile

    case, numbers = make_book(100, seed=2), np.arange(64, dtype=np.uint32)
    paths = case.make_paths(np, case.market, case.key, numbers)
    tally, _ = simulate_tile(case.book, paths, case.scale, case.key, scenario=numbers, valid=np.ones(64, bool))
    ours = unfused_defaults(numpy_library())
    error = np.sqrt(ours.var() / 64)
    assert abs(ours.mean() - tally.causes[:, 0].sum() / 64) < 4 * error


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorch_runs_the_same_month() -> None:
    from bench.gpu.unfused import torch_library

    ours, numpys = unfused_defaults(torch_library("cpu")), unfused_defaults(numpy_library())
    assert abs(ours.mean() - numpys.mean()) < 4 * np.sqrt((ours.var() + numpys.var()) / 64)


def record() -> dict[str, Any]:
    structural = {
        "loans": 10_000,
        "scenarios": 2_048,
        "kernels_s": [0.01, 0.02, 0.03],
        "whole_s": [0.1],
        "loan_months_per_s": 6e10,
        "loan_months_per_s_whole": 1.2e10,
        "issue_slots_per_loan_month": 557.0,
        "share_of_issue_ceiling": 0.0795,
        "device_memory_gib": 1.5,
        "price_settled_by": "passes",
        "contagion": True,
        "joules": None,
    }
    peer = {"name": "JAX engine", "loans": 10_000, "scenarios": 512, "loan_months_per_s_whole": 3e9}
    device_words = {"name": "A card", "multiprocessors": 132, "clock_hz": 1.98e9, "cuda": 13000, "cupy": "14"}
    return {
        "device": device_words,
        "date_utc": "2026-01-01T00:00:00+00:00",
        "commit": "0123456789abcdef",
        "structural": [structural],
        "copula": [],
        "peers": [peer],
        "left_out": ["PyTorch"],
    }


def test_tables_show_what_was_measured_and_name_what_was_not() -> None:
    text = show.tables(record())
    for part in ("A card", "on, passes", "60.0", "557", "JAX engine", "4.0", "not measured: PyTorch"):
        assert part in text


def test_the_readme_shows_the_newest_record_or_that_there_is_none() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = text.split("python -m bench.gpu.show -->\n")[1].split("<!-- end -->")[0]
    newest = show.newest()
    assert shown.strip() == (show.NOT_MEASURED if newest is None else f"```\n{show.tables(newest)}\n```")


def test_the_newest_record_with_timings_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "RESULTS", tmp_path)
    assert show.newest() is None
    for name, content in (("gpu-1.json", record()), ("gpu-2.json", record() | {"structural": []})):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    found = show.newest()
    assert found is not None
    assert found["structural"]
