"""Confidence levels as the decimals they were written as."""

from fractions import Fraction


def exact(level: float) -> Fraction:
    """The shortest decimal that denotes `level`, as a fraction: 0.99 is 99/100, not its nearest binary number.

    Ranks such as ceil(n level) are taken from it, because in binary arithmetic 100 times 0.07 is above 7.

    Raises:
        ValueError: `level` is not strictly between 0 and 1.

    >>> exact(0.07) * 100
    Fraction(7, 1)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies strictly between 0 and 1, got {level!r}")
    return Fraction(repr(float(level)))
