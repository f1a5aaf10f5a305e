"""How JAX code keeps the compiler from working something out more than once."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def computed_once(needed: Any, values: Callable[[], Any]) -> Any:
    """`values()` if needed, else zeros: computed once, since the compiler neither skips nor repeats a branch.

    Without it XLA's CPU compiler fuses a computation into each of its uses, and so repeats it for every one of them;
    its older versions ignore optimisation barriers there. `needed` must not be known when the program is compiled.
    """
    shapes = jax.eval_shape(values)
    nothing = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    return jax.lax.cond(needed, values, lambda: nothing)
