"""No access out of bounds, no undefined behaviour and no race in the kernels, by the compiler's own instruments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ...helpers.emulated import COMPILER, device, sanitizer_runtime

SANITIZERS = {
    "address": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"),
    "thread": ("-fsanitize=thread", "-g"),
}
TREE = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SANITIZERS)
def test_random_books_run_clean_under_sanitizers(kind: str) -> None:
    """The books, shapes and seeds of tests/helpers/sanitized.py, in a process that starts with the sanitizer's runtime."""
    device()
    runtime = sanitizer_runtime(kind)
    environment = os.environ | {
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "TSAN_OPTIONS": "report_bugs=1 exitcode=66 ignore_noninstrumented_modules=1",
        "PYTHONPATH": os.pathsep.join([str(TREE / "src"), str(TREE)]),
    }
    command = [sys.executable, "-m", "tests.helpers.sanitized", *SANITIZERS[kind]]
    done = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "checked 8 books" in done.stdout
    assert COMPILER is not None
