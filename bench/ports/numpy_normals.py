"""The idiosyncratic normals in NumPy, in place: the engines' Philox words and their Box-Muller map, in float32."""

import numpy as np

from rackrisk.kernels.normals import SINE_OF_TURN, TWO_TO_MINUS_32
from rackrisk.kernels.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1
from rackrisk.kernels.streams import BLOCK_BITS, Purpose

HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


class Normals:
    """Four months of normals at a time, for a fixed number of scenarios."""

    def __init__(self, stream: np.ndarray, scenarios: int) -> None:
        shape = (scenarios, stream.shape[0])
        self.stream = stream.astype(np.uint64)
        self.words = [np.empty(shape, np.uint64) for _ in range(4)]
        self.products = [np.empty(shape, np.uint64) for _ in range(2)]
        self.values = np.empty((4, *shape), np.float32)
        self.scratch = [np.empty(shape, np.float32) for _ in range(3)]

    def draw(self, key: tuple[int, int], scenario: np.ndarray, block: int) -> None:
        """Fill `values` [4, S, N] with the normals of months 4 block + 1 to 4 block + 4."""
        self._philox(key, scenario, (int(Purpose.OBLIGOR_SHOCK) << BLOCK_BITS) | block)
        for pair in (0, 2):
            self._box_muller(*self.words[pair : pair + 2], *self.values[pair : pair + 2])

    def _philox(self, key: tuple[int, int], scenario: np.ndarray, label: int) -> None:
        """Ten rounds on uint64 holding 32-bit words; `philox4x32` without temporaries."""
        c0, c1, c2, c3 = self.words
        p0, p1 = self.products
        c0[...] = scenario[:, None]
        c1[...] = label
        c2[...], c3[...] = self.stream[:, 0], self.stream[:, 1]
        k0, k1 = key
        for _ in range(ROUNDS):
            np.multiply(c0, np.uint64(MULTIPLIER_0), out=p0)
            np.multiply(c2, np.uint64(MULTIPLIER_1), out=p1)
            np.right_shift(p1, HALF, out=c0)
            c0 ^= c1
            c0 ^= np.uint64(k0)
            np.right_shift(p0, HALF, out=c2)
            c2 ^= c3
            c2 ^= np.uint64(k1)
            np.bitwise_and(p1, LOW, out=c1)
            np.bitwise_and(p0, LOW, out=c3)
            k0, k1 = (k0 + WEYL_0) & 0xFFFFFFFF, (k1 + WEYL_1) & 0xFFFFFFFF

    def _box_muller(self, first: np.ndarray, second: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> None:
        """`normal_pair` without temporaries."""
        radius, turn, from_quarter = self.scratch
        np.copyto(radius, first, casting="same_kind")
        radius += np.float32(0.5)
        radius *= np.float32(TWO_TO_MINUS_32)
        np.log(radius, out=radius)
        radius *= np.float32(-2)
        np.sqrt(radius, out=radius)
        signed = second.astype(np.uint32).view(np.int32)
        np.multiply(signed, np.float32(TWO_TO_MINUS_32), out=turn, casting="same_kind")
        np.abs(turn, out=from_quarter)
        np.subtract(np.float32(0.25), from_quarter, out=from_quarter)
        _sine_near_zero(from_quarter, cosine)
        cosine *= radius
        np.abs(from_quarter, out=from_quarter)
        np.subtract(np.float32(0.25), from_quarter, out=from_quarter)
        np.copysign(radius, turn, out=radius)
        _sine_near_zero(from_quarter, sine)
        sine *= radius


def _sine_near_zero(turn: np.ndarray, value: np.ndarray) -> None:
    """Sine of a turn on |turn| <= 1/4, by Horner's rule."""
    square = turn * turn
    value[...] = SINE_OF_TURN[-1]
    for coefficient in SINE_OF_TURN[-2::-1]:
        value *= square
        value += np.float32(coefficient)
    value *= turn
