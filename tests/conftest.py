"""Strict numerics for every test: 64-bit JAX on two virtual CPU devices, repeatable property tests."""

try:
    import jax
except ModuleNotFoundError:  # the kernels' NumPy tests run without it
    pass
else:
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", 2)

try:
    from hypothesis import settings
except ModuleNotFoundError:
    pass
else:
    settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
    settings.load_profile("repeatable")
