"""Numbers as text: money, shares and spreads in columns that line up, and `n/a` where there is no number."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

NOTHING = "n/a"


_UNITS = ((1e10, 1e9, "USD bn"), (1e6, 1e6, "USD m"), (1e4, 1e3, "USD k"), (0.0, 1.0, "USD"))


class MoneyUnit:
    """Writes the amounts of one column in one unit: USD bn, m, k or none.

    Args:
        amounts: the column; the largest decides on the unit and the decimals.
        errors: their standard errors, of which the smallest still shows a digit (with three decimals at most).
    """

    def __init__(self, amounts: Iterable[float | None], errors: Iterable[float | None] = ()) -> None:
        largest = max((abs(a) for a in amounts if is_number(a)), default=0.0)
        self.scale, self.name = next((scale, name) for least, scale, name in _UNITS if largest >= least)
        size = largest / self.scale
        smallest = min((e / self.scale for e in errors if is_number(e) and e > 0.0), default=1.0)
        self.decimals = max(_decimals(size), min(3, math.ceil(-math.log10(smallest))))

    def __call__(self, amount: float | None) -> str:
        """The amount without its unit."""
        return _without_minus_zero(f"{amount / self.scale:,.{self.decimals}f}") if is_number(amount) else NOTHING


def money(amount: float) -> str:
    """An amount with its unit.

    >>> money(115_300_000_000)
    'USD 115.3 bn'
    """
    unit = MoneyUnit([amount])
    return f"USD {unit(amount)} {unit.name.removeprefix('USD')}".replace("  ", " ").rstrip()


def _decimals(size: float) -> int:
    """Two decimals, fewer for large numbers, more for small ones."""
    if size >= 1.0 or size == 0.0:
        return 0 if size >= 1_000 else 1 if size >= 100 else 2
    return min(2 - math.floor(math.log10(size)), 12)


def percent(share: float | None, decimals: int = 2) -> str:
    """A fraction in percent, without the sign; a bound where it is positive and would read as zero.

    >>> percent(0.0729), percent(0.00001)
    ('7.29', '<0.01')
    """
    if not is_number(share):
        return NOTHING
    least = 10.0**-decimals
    if 0.0 < 100 * share < least / 2:
        return f"<{least:.{decimals}f}"
    return _without_minus_zero(f"{100 * share:.{decimals}f}")


def _without_minus_zero(text: str) -> str:
    return text if text.strip("-0.,") else text.lstrip("-")


def basis_points(spread: float | None) -> str:
    """A spread per year, a decimal, in basis points."""
    return f"{10_000 * spread:,.0f}" if is_number(spread) else NOTHING


def ratio(part: float | None, whole: float) -> float | None:
    """part / whole; None without a part or with nothing to divide by."""
    return part / whole if is_number(part) and whole > 0.0 else None


def is_number(value: float | None) -> TypeGuard[float]:
    """True for a finite number."""
    return value is not None and math.isfinite(value)


def visible(text: str) -> str:
    """`text` with escapes for control, format and bidirectional characters, which a terminal would obey or hide."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)
