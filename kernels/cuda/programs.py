"""Every program of the CUDA engines, for those who compile all of them: tests, and benchmarks that look at registers."""

from .device import CLUSTER_BLOCKS, LANES, THREADS
from .draws import DRAWS
from .source import Program
from .structural_layout import BOOK, SUMS, WORLD

STRUCTURAL = {"THREADS": THREADS, "LANES": LANES, "CLUSTER_BLOCKS": CLUSTER_BLOCKS}


def programs() -> dict[str, Program]:
    """By name; in single precision, and the structural model in both."""
    return {
        "draws": Program("draws.cu", (DRAWS,), "float", {}),
        "structural": Program("structural.cu", (BOOK, WORLD, SUMS), "float", STRUCTURAL),
        "structural in double": Program("structural.cu", (BOOK, WORLD, SUMS), "double", STRUCTURAL),
    }
