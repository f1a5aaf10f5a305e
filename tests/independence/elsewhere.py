"""Both models in a process of their own: `python -m tests.independence.elsewhere` prints what they gave, as JSON.

How many devices there are, and whether 64-bit JAX is switched on, is decided by the environment of the process. While
the models run in a second thread, this one looks at what JAX makes of its own arrays.
"""

import json
import sys
import threading
from typing import Any

import jax
import jax.numpy as jnp

from ..helpers.worlds import MODELS, Result, digests


def main() -> None:
    """Run, look, print."""
    jax.devices()  # JAX is started as the environment says, before rackrisk asks for one device per core
    before, seen, found = settings(), set[str](), dict[str, Result]()

    def work() -> None:
        for name, simulate in MODELS.items():
            found[name] = simulate()

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        seen.add(str(jnp.arange(3.0).dtype))
        thread.join(0.05)
    report: dict[str, Any] = {
        "devices": {name: result.device for name, result in found.items()},
        "digests": {name: digests(result) for name, result in found.items()},
        "before": before,
        "after": settings(),
        "meanwhile": sorted(seen),
    }
    json.dump(report, sys.stdout)


def settings() -> dict[str, str]:
    """What the user has set, and what an array of his has."""
    return {"x64": str(jax.config.read("jax_enable_x64")), "dtype": str(jnp.arange(3.0).dtype)}


if __name__ == "__main__":
    main()
