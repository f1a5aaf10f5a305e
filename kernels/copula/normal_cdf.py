"""The normal distribution function as a short polynomial, for engines that evaluate it once per name and scenario.

Phi(-y) = h(y)^16 for y >= 0, where h is smooth enough for one polynomial: no exponential, no division, no branch.
"""

from typing import Any

LAST = 6.3  # beyond, Phi(-y) < 1.5e-10 is less than a third of a draw's resolution and rounds to it in any case
# h at LAST (1 + t) / 2, |t| <= 1, fitted to the smallest maximal error of h^16: 1.4e-12.
ROOT_OF_TAIL = (
    0.6411982845165636, -0.4320876581666359, -0.04010397358682635, 0.08642200097429002, -0.002920105135059718,
    -0.012149258037176938, 0.002348298949312099, 0.0005916119219160959, -0.00016080138497232303,
    -8.841840483146422e-05, -6.783025927154657e-05, 2.999262157914357e-05, 9.114817726857198e-05,
    8.927296305708239e-05, 2.580329359690655e-05,
)  # fmt: skip
SQUARINGS = 4


def normal_cdf(xp: Any, x: Any) -> Any:
    """Phi(x) of float64 x, infinities included, within 1.5e-10 absolutely, and within 2e-12 where |x| <= 6.3."""
    place = xp.minimum(xp.abs(x), LAST) * (2 / LAST) - 1
    tail = place * ROOT_OF_TAIL[-1] + ROOT_OF_TAIL[-2]
    for coefficient in ROOT_OF_TAIL[-3::-1]:
        tail = tail * place + coefficient
    for _ in range(SQUARINGS):
        tail = tail * tail
    return xp.where(x < 0, tail, 1 - tail)
