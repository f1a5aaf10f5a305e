"""Every program of the CUDA engines, for whoever compiles them all: tests, and benchmarks that look at registers."""

from . import copula
from .device import LaunchShape
from .draws import DRAWS
from .source import Program
from .structural_layout import program


def programs() -> dict[str, Program]:
    """By name; in single precision, and the structural model in both."""
    copulas = {
        f"copula, {kind} LGD, {'several years' if several else 'one year'}": copula.program(
            kind, LaunchShape(), several_years=several
        )
        for kind in copula.LGD_KINDS
        for several in (False, True)
    }
    return copulas | {
        "draws": Program("draws.cu", (DRAWS,), "float32"),
        "structural": program("float32", LaunchShape()),
        "structural in double": program("float64", LaunchShape().at("float64")),
    }
