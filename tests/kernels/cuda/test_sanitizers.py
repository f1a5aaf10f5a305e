"""No access out of bounds and no undefined behaviour in the kernels, by the compiler's own instruments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ...helpers.emulated import device, sanitizer_runtime

FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TREE = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "said"), [("sanitized", "3 books"), ("sanitized_copula", "8 pools")])
def test_random_inputs_run_clean_under_sanitizers(module: str, said: str) -> None:
    """The inputs, shapes and seeds of tests/helpers/, in a process that starts with the runtime."""
    device()
    environment = os.environ | {
        "LD_PRELOAD": sanitizer_runtime(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": os.pathsep.join([str(TREE / "src"), str(TREE)]),
    }
    command = [sys.executable, "-m", f"tests.helpers.{module}", *FLAGS]
    done = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"checked {said}" in done.stdout
