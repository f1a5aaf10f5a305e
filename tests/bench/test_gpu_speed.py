"""The timing of the GPU benchmark runs, and its figures are consistent; a CPU is in the place of the GPU."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bench.gpu import __main__ as bench_gpu
from bench.gpu import show, speed
from bench.gpu.book import make_book
from bench.gpu.copula import copula_speed

from rackrisk.kernels.cuda.device import CupyDevice

from ..helpers.emulated import EmulatedDevice, device


class Event:
    """A CUDA event by the clock on the wall."""

    seconds = 0.0

    def record(self) -> None:
        self.seconds = time.perf_counter()

    def synchronize(self) -> None:
        pass


class TimedNumpy:
    """NumPy with what the benchmark asks of CuPy beside arrays."""

    __name__ = "numpy"
    __version__ = "0"
    cuda = SimpleNamespace(
        Event=Event,
        Device=lambda _number: SimpleNamespace(compute_capability="90"),
        get_elapsed_time=lambda start, end: (end.seconds - start.seconds) * 1e3,
        runtime=SimpleNamespace(
            getDeviceProperties=lambda _number: {
                "multiProcessorCount": 132,
                "clockRate": 1_980_000,
                "totalGlobalMem": 8 << 30,
            },
            driverGetVersion=lambda: 13000,
            runtimeGetVersion=lambda: 13000,
        ),
    )

    def get_default_memory_pool(self) -> Any:
        return SimpleNamespace(total_bytes=lambda: 2**20)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


@dataclass(frozen=True)
class TimedDevice(EmulatedDevice):
    number: int = 0


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> CupyDevice:
    device()
    monkeypatch.setattr(speed, "query", lambda *_: None)
    monkeypatch.setattr(speed, "REPEATS", 2)
    gpu: Any = TimedDevice(xp=TimedNumpy())
    return gpu


def test_rates_are_work_over_time_and_slots_the_cards_over_the_rate(card: CupyDevice) -> None:
    off, on = speed.structural(card, 30, 8)
    for row, contagion in ((off, False), (on, True)):
        assert row["contagion"] is contagion
        assert len(row["kernels_s"]) == 2
        work = row["loans"] * row["scenarios"] * row["months"]
        assert work == 30 * 8 * 60
        assert row["loan_months_per_s"] == pytest.approx(work / np.median(row["kernels_s"]))
        slots = 132 * 128 * 1.98e9 / row["loan_months_per_s"]
        assert row["issue_slots_per_loan_month"] == pytest.approx(slots)
        assert row["share_of_issue_ceiling"] == pytest.approx(speed.SIMPLE_MONTH / slots)
    assert (off["price_settled_by"], on["price_settled_by"]) == (None, "cluster")


def test_the_copula_is_timed_too(card: CupyDevice) -> None:
    row = copula_speed(card, 40, 64, 8)
    assert row["loan_scenarios_per_s"] == pytest.approx(40 * 64 / np.median(row["kernels_s"]))


def test_every_measurement_finds_its_way_into_the_tables(card: CupyDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_gpu, "QUICK", ((20, 8),))
    monkeypatch.setattr(bench_gpu, "NAMES", ((40, 64, 8),))
    monkeypatch.setattr(bench_gpu, "PEER_LOANS", 20)
    monkeypatch.setattr(bench_gpu, "find_spec", lambda _: None)
    monkeypatch.setattr(bench_gpu, "cupy_library", missing)
    found = bench_gpu.timed(card, True, until=time.monotonic() + 600)
    assert (len(found["structural"]), len(found["copula"]), len(found["peers"])) == (2, 1, 0)
    assert found["left_out"] == ["CuPy: ImportError: no such library"]
    about = {"device": bench_gpu.describe(card), "date_utc": "2026-01-01", "commit": "0" * 40}
    assert "no such library" in show.tables(about | found)


def missing() -> None:
    raise ImportError("no such library")


def test_what_there_is_no_time_for_is_named(card: CupyDevice) -> None:
    found = bench_gpu.timed(card, True, until=time.monotonic() - 1)
    assert {"structural", "copula", "peers", "left_out"} == set(found)
    assert found["structural"] == []
    assert "1,000 loans" in found["left_out"]


@pytest.mark.slow
def test_jax_takes_part_with_the_same_book() -> None:
    case = make_book(12, seed=3)
    row = speed.jax_engine(case, 64)
    assert row["mean_defaults"] > 0
    assert row["loan_months_per_s_whole"] == pytest.approx(12 * row["scenarios"] * 60 / np.median(row["whole_s"]))
