"""How many CPU devices JAX has: one per core, unless somebody has said otherwise."""

import os
from contextlib import suppress

import jax

FORCED = "xla_force_host_platform_device_count"


def use_every_core() -> None:
    """One CPU device per core of this process; nothing if JAX has started already or a number was asked for, by
    `jax_num_cpu_devices` or in XLA_FLAGS. Results do not depend on it.
    """
    if FORCED in os.environ.get("XLA_FLAGS", "") or getattr(jax.config, "jax_num_cpu_devices", -1) > 0:
        return
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
