"""Numbers as text: money, shares and spreads in columns that line up, and `n/a` where there is no number."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

NOTHING = "n/a"


class MoneyUnit:
    """Writes the amounts of one column in one unit, USD bn or USD m.

    Args:
        amounts: the column; the largest decides on the unit and the decimals.
        errors: their standard errors, of which the smallest still shows a digit (with three decimals at most).
    """

    def __init__(self, amounts: Iterable[float | None], errors: Iterable[float | None] = ()) -> None:
        largest = max((abs(a) for a in amounts if is_number(a)), default=0.0)
        self.scale, self.name = (1e9, "USD bn") if largest >= 1e10 else (1e6, "USD m")
        size = largest / self.scale
        smallest = min((e / self.scale for e in errors if is_number(e) and e > 0.0), default=1.0)
        self.decimals = max(0 if size >= 1_000 else 1 if size >= 100 else 2, min(3, math.ceil(-math.log10(smallest))))

    def __call__(self, amount: float | None) -> str:
        """The amount without its unit."""
        return f"{amount / self.scale:,.{self.decimals}f}" if is_number(amount) else NOTHING


def money(amount: float) -> str:
    """An amount with its unit.

    >>> money(115_300_000_000)
    'USD 115.3 bn'
    """
    unit = MoneyUnit([amount])
    return f"USD {unit(amount)} {unit.name.removeprefix('USD ')}"


def percent(share: float | None, decimals: int = 2) -> str:
    """A fraction in percent, without the sign.

    >>> percent(0.0729)
    '7.29'
    """
    return f"{100 * share:.{decimals}f}" if is_number(share) else NOTHING


def basis_points(spread: float | None) -> str:
    """A spread per year, a decimal, in basis points."""
    return f"{10_000 * spread:,.0f}" if is_number(spread) else NOTHING


def ratio(part: float | None, whole: float) -> float | None:
    """part / whole; None without a part or with nothing to divide by."""
    return part / whole if is_number(part) and whole > 0.0 else None


def difference(a: float | None, b: float | None) -> float | None:
    """a - b, or None where one of them is no number."""
    return a - b if is_number(a) and is_number(b) else None


def is_number(value: float | None) -> TypeGuard[float]:
    """True for a finite number."""
    return value is not None and math.isfinite(value)


def visible(text: str) -> str:
    """`text` with escapes for control, format and bidirectional characters, which a terminal would obey or hide."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)
