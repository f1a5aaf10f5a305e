"""Known answers on this machine's engines, for the command line and for Python.

`rackrisk.validate.run_validation(quick=True).passed` is True where every figure is right.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from .interruptible import ProgressReport, interruptible

if TYPE_CHECKING:
    from .models.market import MarketConfig
    from .models.recovery import RecoveryConfig
    from .models.validation import Check, Spread, Validation

SEED = 1
WORKERS = 2  # compiling one case takes one core, which leaves another to run the next

_composing = threading.Lock()  # Hydra keeps global state


def run_validation(
    *,
    engines: Sequence[str] = (),
    quick: bool = False,
    seed: int = SEED,
    progress: ProgressReport | None = None,
) -> Validation:
    """Checks every known answer.

    Args:
        engines: names of engines; none means every engine that can run here.
        quick: few scenarios instead of many.
        seed: key of the random numbers, below 2^64; the verdicts of a seed are always the same.
        progress: called with (jobs done, jobs in all).

    Raises:
        rackrisk.kernels.engines.EngineMissing: an engine asked for cannot run on this machine.
    """
    from .kernels.engines import EngineMissing
    from .models.validation import Bench, engines_here, load_cases, validate

    here = engines_here()
    missing = [f"--engine {name}: {here[name]}" for name in engines if here[name] is not None]
    if missing:
        raise EngineMissing("; ".join(missing))
    wanted = [name for name in here if name in engines or (not engines and here[name] is None)]
    benches = [Bench(name, seed, quick, compose) for name in wanted]
    absent = {name: why or "not asked for" for name, why in here.items() if name not in wanted}
    call = partial(validate, load_cases(), benches, absent=absent, workers=WORKERS)
    return interruptible(lambda report: call(progress=report), progress)


def compose(values: Mapping[str, Any]) -> tuple[MarketConfig, RecoveryConfig]:
    """Market and recovery of a configuration, given as values by dotted key."""
    from .config import StructuralSettings, load_settings

    with _composing:
        settings, _ = load_settings((), values)
    if not isinstance(settings, StructuralSettings):
        raise ValueError(f"a world belongs to model=structural, not {settings.model.name}")
    return settings.market, settings.recovery


def document(validation: Validation) -> dict[str, Any]:
    """Everything as plain values for JSON."""
    from . import __version__

    return {
        "passed": validation.passed,
        "counts": dict(sorted(Counter(check.verdict for check in validation.checks).items())),
        "engines": {name: {"ran": why is None, "note": why} for name, why in validation.engines.items()},
        "seed": validation.seed,
        "quick": validation.quick,
        "spreads": [_plain(spread) for spread in validation.spreads],
        "checks": [_plain(check) for check in validation.checks],
        "version": __version__,
    }


def _plain(item: Check | Spread) -> dict[str, Any]:
    """Fields by name; JSON has no number for what is not finite."""
    fields = asdict(item)
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in fields.items()}
