"""The kernels' own source on a CPU: compiled as C++, a thread of the machine for each thread of a block."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from rackrisk.kernels.cuda import device as cuda
from rackrisk.kernels.cuda.device import LaunchShape
from rackrisk.kernels.cuda.source import Program

from .strict_arrays import DeviceArray

HERE = Path(__file__).parent
COMPILER = shutil.which("g++")
# As on the device, no contraction; warnings are errors, so that what nvcc lets pass is seen.
FLAGS = ("-std=c++20", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-pthread", "-shared", "-fPIC")


def sanitizer_runtime() -> str:
    """The library that a process has to start with to load code that the address sanitizer watches."""
    assert COMPILER is not None
    found = subprocess.run([COMPILER, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    return str(Path(found.stdout.strip()).resolve())


@contextmanager
def engine_at_hand(engine: str) -> Iterator[None]:
    """Where there is no GPU, a CPU in its place if the engine is `cuda`."""
    if engine != "cuda" or _has_gpu():
        yield
        return
    with patch.object(cuda, "cuda_devices", lambda: (device(),)):
        yield


def _has_gpu() -> bool:
    try:
        return bool(cuda.cuda_devices())
    except cuda.CudaMissing:
        return False


def device() -> EmulatedDevice:
    """One to test with.

    Skips the test where there is no compiler.
    """
    if COMPILER is None:
        pytest.skip("the kernels' source needs g++ to run on a CPU")
    return EmulatedDevice()


SMALL = LaunchShape(threads=16, settle_threads=16, lanes=4, cluster_blocks=4, warp_threads=4)


def as_cpp(program: Program) -> str:
    """A C++ file with the program and a launcher for each kernel."""
    structures = ", ".join(structure.name for structure in program.structures)
    launchers = "\n".join(f"LAUNCHER_{len(program.structures)}({kernel}, {structures})" for kernel in program.kernels)
    return f"{program.text}\n{launchers}\n"


def _own_folder() -> Path:
    """For libraries: nobody else can put one there."""
    folder = Path(tempfile.gettempdir()) / f"rackrisk-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    assert ours, f"{folder} is not ours alone"
    return folder


def build(program: Program, flags: Sequence[str] = ()) -> Path:
    """A shared library, kept by what it was made from."""
    text = as_cpp(program)
    emulation = (HERE / "emulation.h").read_text(encoding="utf-8")
    options = [*FLAGS, *flags, *program.definitions]
    name = hashlib.sha256("\0".join([text, emulation, *options]).encode()).hexdigest()[:24]
    library = _own_folder() / f"{name}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory() as folder:
            source, made = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
            source.write_text(text, encoding="utf-8")
            assert COMPILER is not None
            subprocess.run([COMPILER, *options, f"-I{HERE}", str(source), "-o", str(made)], check=True)
            shutil.move(made, library)
    return library


@dataclass(frozen=True)
class EmulatedDevice:
    """A CPU in the place of a GPU; see `rackrisk.kernels.cuda.device.Device`."""

    shape: LaunchShape = SMALL
    flags: tuple[str, ...] = ()
    memory_bytes: int = 2**30
    name: str = "emulated"
    xp: Any = np

    def active(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def free_bytes(self) -> int:
        return self.memory_bytes

    def to_host(self, array: Any) -> np.ndarray:
        return np.array(array.inside if isinstance(array, DeviceArray) else array)

    def compile(self, program: Program) -> Any:
        library = ctypes.CDLL(str(build(program, self.flags)))

        def launch(
            kernel: str, grid: tuple[int, int], block: int, structures: Sequence[np.ndarray], *, shared_bytes: int = 0
        ) -> None:
            cluster = self.shape.cluster_blocks if kernel.endswith("_in_cluster") else 1
            pointers = [ctypes.c_void_p(structure.ctypes.data) for structure in structures]
            function = getattr(library, f"launch_{kernel}")
            function(*grid, block, cluster, ctypes.c_size_t(shared_bytes), *pointers)

        return launch
