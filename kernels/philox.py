"""Philox4x32-10, the product's only source of randomness.

A random word is a pure function of a 64-bit key and a 128-bit counter (Salmon, Moraes, Dror and Shaw,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011), so it does not depend on batch, engine, device count
or on what else is simulated. The same code runs under NumPy and JAX: `xp` is the array namespace.
"""

from typing import Any

MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
ROUNDS = 10

Words = tuple[Any, Any, Any, Any]


def philox4x32(xp: Any, counter: Words, key: tuple[Any, Any], rounds: int = ROUNDS) -> Words:
    """Four uint32 words for each counter.

    Args:
        xp: `numpy` or `jax.numpy` (with 64-bit types enabled).
        counter: four uint32 arrays, broadcast against each other.
        key: two uint32 scalars or arrays.
        rounds: 10 everywhere in the product; 7 exists for the published known answers.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = (xp.asarray(word, dtype=xp.uint32) for word in key)
    weyl_0, weyl_1 = (xp.asarray(word, dtype=xp.uint32) for word in (WEYL_0, WEYL_1))
    for number in range(rounds):
        if number:
            k0, k1 = k0 + weyl_0, k1 + weyl_1
        high_0, low_0 = _multiply(xp, c0, MULTIPLIER_0)
        high_1, low_1 = _multiply(xp, c2, MULTIPLIER_1)
        c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
    return c0, c1, c2, c3


def _multiply(xp: Any, word: Any, multiplier: int) -> tuple[Any, Any]:
    """High and low 32 bits of a 32 x 32 bit product."""
    product = word.astype(xp.uint64) * xp.asarray(multiplier, dtype=xp.uint64)
    return (product >> xp.asarray(32, dtype=xp.uint64)).astype(xp.uint32), product.astype(xp.uint32)
