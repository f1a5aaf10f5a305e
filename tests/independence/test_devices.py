"""The same bytes on one device or eight, with 64-bit JAX switched on by the user or not; his setting stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..helpers.worlds import digests, usual

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def elsewhere(devices: int, x64: bool) -> dict[str, Any]:
    """What a new process reports."""
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_ENABLE_X64": str(int(x64)),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, "-m", "tests.independence.elsewhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("devices", "x64"), [(1, False), (2, True), (4, False), (8, True)])
def test_neither_devices_nor_the_users_64_bit_setting_change_a_bit_and_the_setting_stays(
    devices: int, x64: bool
) -> None:
    report = elsewhere(devices, x64)
    for model, device in report["devices"].items():
        assert device.startswith(f"{devices} x "), "the devices were not forced, so nothing is compared"
        assert report["digests"][model] == digests(usual(model)), model
    expected = {"x64": str(x64), "dtype": "float64" if x64 else "float32"}
    assert report["before"] == report["after"] == expected
    assert report["meanwhile"] == [expected["dtype"]]
