"""Which engine runs, and what is said about it."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rackrisk.kernels import engines
from rackrisk.kernels.cuda import device
from rackrisk.kernels.engines import EngineMissing, choose


@pytest.fixture(autouse=True)
def no_memory_of_devices() -> Iterator[None]:
    """Devices are looked for once in a process."""
    device.cuda_devices.cache_clear()
    yield
    device.cuda_devices.cache_clear()


def pretend(monkeypatch: pytest.MonkeyPatch, count: int | Exception) -> None:
    """A CuPy that sees so many devices, or says why it sees none."""

    class CUDARuntimeError(Exception):
        pass

    def get_device_count() -> int:
        if isinstance(count, Exception):
            raise CUDARuntimeError(str(count))
        return count

    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=get_device_count,
        getDeviceProperties=lambda number: {"name": f"Model {number}".encode(), "major": 8 + number},
    )
    cupy: Any = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(device, "find_spec", lambda name: name)


def test_without_cupy_cuda_is_refused_and_auto_takes_jax_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    with pytest.raises(EngineMissing, match=r"engine=cuda cannot run here: CuPy is not installed .* use engine=jax"):
        choose("cuda")
    name, note = choose("auto")
    assert name == "jax"
    assert note == "engine=auto took jax: CuPy is not installed (the extra `cuda` brings it)"


def test_without_a_gpu_cuda_is_refused_with_the_drivers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, ValueError("cudaErrorInsufficientDriver: CUDA driver version is insufficient"))
    with pytest.raises(EngineMissing, match="CuPy finds no CUDA device: cudaErrorInsufficientDriver"):
        choose("cuda")
    assert choose("auto")[0] == "jax"


def test_no_device_at_all_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 0)
    with pytest.raises(EngineMissing, match="CuPy finds no CUDA device"):
        choose("cuda")


def test_a_cupy_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def broken(name: str, *rest: Any) -> ModuleType:
        if name == "cupy":
            raise ImportError("libcuda.so.1: cannot open shared object file")
        return real_import(name, *rest)

    monkeypatch.setattr(device, "find_spec", lambda name: name)
    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(EngineMissing, match=r"CuPy does not load: libcuda\.so\.1"):
        choose("cuda")


def test_with_gpus_auto_takes_them_all_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 2)
    assert choose("auto") == ("cuda", "engine=auto took cuda: 2 x Model 0 (cuda)")
    assert choose("cuda") == ("cuda", None)
    old, new = device.cuda_devices()
    assert (old.shape.cluster_blocks, new.shape.cluster_blocks) == (1, device.CLUSTER_BLOCKS)


@pytest.mark.parametrize("name", ["reference", "jax"])
def test_an_engine_asked_for_is_taken_without_a_word(name: str) -> None:
    assert choose(name) == (name, None)


def test_without_jax_and_gpu_there_is_still_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    name, note = choose("auto")
    assert name == "reference"
    assert note is not None
    assert "JAX is not installed" in note
