"""Every program compiles for the GPUs it is meant for, and keeps what it works on in registers."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from rackrisk.kernels.cuda.device import COMPILER_OPTIONS
from rackrisk.kernels.cuda.programs import programs

NVCC = shutil.which("nvcc")
ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
NAMES = [pytest.param(name, marks=pytest.mark.slow if "double" in name else ()) for name in sorted(programs())]
needs_nvcc = pytest.mark.skipif(NVCC is None, reason="nvcc is not on this machine")


@dataclass(frozen=True)
class Kernel:
    """What the compiler says of one kernel."""

    name: str
    registers: int
    spilled_bytes: int


@cache
def compiled(name: str, architecture: str, folder: Path) -> list[Kernel]:
    source = folder / f"{name.replace(' ', '_')}.cu"
    program = programs()[name]
    source.write_text(program.text, encoding="utf-8")
    assert NVCC is not None
    options = [*COMPILER_OPTIONS, *program.definitions, f"-arch={architecture}", "-Xptxas=-v", "-cubin"]
    made = source.with_suffix(f".{architecture}.cubin")
    done = subprocess.run([NVCC, *options, "-o", str(made), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return read_report(done.stderr)


def read_report(text: str) -> list[Kernel]:
    """Kernels of a report of `ptxas -v`; spills of the functions that they call are theirs."""
    kernels = []
    for part in text.split("Compiling entry function '")[1:]:
        spills = sum(
            int(stored) + int(loaded)
            for stored, loaded in re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part)
        )
        (registers,) = re.findall(r"Used (\d+) registers", part)
        kernels.append(Kernel(part.split("'")[0], int(registers), spills))
    return kernels


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cubins")


@needs_nvcc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", NAMES)
def test_kernels_compile_and_spill_nothing(name: str, architecture: str, folder: Path) -> None:
    kernels = compiled(name, architecture, folder)
    assert kernels
    for kernel in kernels:
        assert kernel.spilled_bytes == 0, kernel


@needs_nvcc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_single_precision_leaves_room_for_twelve_warps(architecture: str, folder: Path) -> None:
    """A multiprocessor has 65,536 registers: 168 for each of 384 threads, which walk through four scenarios each."""
    assert max(kernel.registers for kernel in compiled("structural", architecture, folder)) <= 168


@pytest.mark.parametrize("name", NAMES)
def test_the_compiler_that_cupy_uses_takes_the_same_text(name: str) -> None:
    """NVRTC, where a package brings it: it has no headers, and another front end than nvcc."""
    core = pytest.importorskip("cuda.core", reason="NVRTC from the packages cuda-core and nvidia-cuda-nvrtc")
    program = programs()[name]
    macros = [(macro, str(value)) for macro, value in program.constants.items()] or None
    options = core.ProgramOptions(std="c++17", fma=False, arch="sm_90", define_macro=macros)
    assert core.Program(program.text, "c++", options).compile("cubin").code


def test_spills_of_called_functions_are_seen() -> None:
    report = """ptxas info : Compiling entry function 'walk' for 'sm_90'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info : Used 40 registers, used 0 barriers
ptxas info : Function properties for called
    8 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads"""
    assert read_report(report) == [Kernel("walk", 40, 20)]
