"""The kernels' own source on a CPU: compiled as C++, a thread of the machine for each thread of a block."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rackrisk.kernels.cuda.source import Program

HERE = Path(__file__).parent
COMPILER = shutil.which("g++")
# As on the device, no contraction; warnings are errors, so that what nvcc lets pass is seen.
FLAGS = ("-std=c++20", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-pthread", "-shared", "-fPIC")


def as_cpp(program: Program, kernels: Sequence[str]) -> str:
    """A C++ file with the program and a launcher for each kernel."""
    structures = ", ".join(structure.name for structure in program.structures)
    launchers = "\n".join(f"LAUNCHER({kernel}, {structures})" for kernel in kernels)
    return f"{program.text}\n{launchers}\n"


def build(program: Program, kernels: Sequence[str], flags: Sequence[str] = ()) -> Path:
    """A shared library, kept by what it was made from."""
    text = as_cpp(program, kernels)
    emulation = (HERE / "emulation.h").read_text(encoding="utf-8")
    options = [*FLAGS, *flags, *program.definitions]
    name = hashlib.sha256("\0".join([text, emulation, *options]).encode()).hexdigest()[:24]
    library = Path(tempfile.gettempdir()) / f"rackrisk-kernels-{name}.so"
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

    kernels: tuple[str, ...]
    clusters: bool = True
    flags: tuple[str, ...] = ()
    memory_bytes: int = 2**30
    name: str = "emulated"
    xp: Any = np

    def active(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def free_bytes(self) -> int:
        return self.memory_bytes

    def to_host(self, array: Any) -> np.ndarray:
        return np.array(array)

    def compile(self, program: Program) -> Any:
        library = ctypes.CDLL(str(build(program, self.kernels, self.flags)))
        cluster_blocks = program.constants.get("CLUSTER_BLOCKS", 1)

        def launch(
            kernel: str, grid: tuple[int, int], block: int, structures: Sequence[np.ndarray], *, shared_bytes: int = 0
        ) -> None:
            cluster = cluster_blocks if kernel.endswith("_in_cluster") else 1
            pointers = [ctypes.c_void_p(structure.ctypes.data) for structure in structures]
            function = getattr(library, f"launch_{kernel}")
            function(*grid, block, cluster, ctypes.c_size_t(shared_bytes), *pointers)

        return launch
