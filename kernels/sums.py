"""Sums whose result does not depend on the shape they are computed in."""

from typing import Any


def dot(values: Any, exposures: Any) -> Any:
    """Values [S, C] times exposures [C, N], added channel by channel in a fixed order: [S, N].

    A library's matrix product may add in another order for another shape, and results would then depend on the batch.
    """
    total = values[:, 0, None] * exposures[0]
    for channel in range(1, exposures.shape[0]):
        total = total + values[:, channel, None] * exposures[channel]
    return total


def count_by(xp: Any, signs: Any, weights: Any) -> Any:
    """Weights of the obligors with a sign, added up: [S, N] and [K, N] to [S, K].

    Exact if all sums of whole weights fit the mantissa. One product with a vector per row of weights: a product of
    matrices this thin is many times slower on a CPU.
    """
    signs = signs.astype(weights.dtype)
    return xp.stack([signs @ row for row in weights], axis=1)
