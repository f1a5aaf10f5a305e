"""Every program of the CUDA engines, for whoever compiles them all: tests, and benchmarks that look at registers."""

from .device import LaunchShape
from .draws import DRAWS
from .source import Program
from .structural_layout import program


def programs() -> dict[str, Program]:
    """By name; in single precision, and the structural model in both."""
    return {
        "draws": Program("draws.cu", (DRAWS,), "float32"),
        "structural": program("float32", LaunchShape()),
        "structural in double": program("float64", LaunchShape().at("float64")),
    }
