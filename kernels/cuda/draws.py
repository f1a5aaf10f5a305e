"""Words and normals as the CUDA kernels make them."""

import numpy as np

from .device import Device
from .layout import Structure
from .source import Program

DRAWS = Structure(
    "Draws",
    {
        "count": "count",
        "counter": "const unsigned",  # [n, 4]
        "key": "const unsigned",  # [n, 2]
        "words": "unsigned",  # [n, 4]
        "normals": "real",  # [n, 4]
    },
)
THREADS = 128


def draw(device: Device, counter: np.ndarray, key: np.ndarray, precision: str) -> tuple[np.ndarray, np.ndarray]:
    """Words uint32 [n, 4], and the normals made of them in `precision`, of counters [n, 4] and keys [n, 2]."""
    xp, count = device.xp, len(counter)
    with device.active():
        launch = device.compile(Program("draws.cu", (DRAWS,), precision))
        arrays = {
            "counter": xp.asarray(np.ascontiguousarray(counter, np.uint32)),
            "key": xp.asarray(np.ascontiguousarray(key, np.uint32)),
            "words": xp.zeros((count, 4), "uint32"),
            "normals": xp.zeros((count, 4), precision),
        }
        launch("draw", (-(-count // THREADS), 1), THREADS, [DRAWS.pack(arrays | {"count": count})])
        return device.to_host(arrays["words"]), device.to_host(arrays["normals"])
