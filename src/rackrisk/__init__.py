"""Credit risk of debt secured on computing power.

The public names load on first use, so that `import rackrisk` costs nothing and
`rackrisk.kernels` works where only NumPy and one array library are installed.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers know the name; `typing` itself may be anybody's where `python -m` looks first
if TYPE_CHECKING:
    from ._attribute import attribute as attribute
    from ._compare import compare as compare
    from ._explain import explain as explain
    from ._rerun import rerun as rerun
    from ._run import resume as resume
    from ._run import run as run
    from ._sweep import resume_sweep as resume_sweep
    from ._sweep import sweep as sweep

__version__ = "0.1.0"

# Public name -> the private module that holds it. No module may share the name of a public
# function: importing `rackrisk.run` would replace the function by the module.
_LAZY = {
    "attribute": "._attribute",
    "compare": "._compare",
    "explain": "._explain",
    "rerun": "._rerun",
    "resume": "._run",
    "resume_sweep": "._sweep",
    "run": "._run",
    "sweep": "._sweep",
}

__all__ = ["__version__", "attribute", "compare", "explain", "rerun", "resume", "resume_sweep", "run", "sweep"]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
