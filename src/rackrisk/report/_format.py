"""Numbers in words: units a person reads, digits that the standard error supports, one format for a whole column."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

#: What stands in the place of a number that was not computed.
NOT_AVAILABLE = "— n/a"

_SPACE = "\u00a0"
_UNITS = ((1e12, "USD tn"), (1e9, "USD bn"), (1e6, "USD m"), (1e3, "USD k"), (1.0, "USD"))


def is_number(value: object) -> TypeGuard[float]:
    """True for a finite number; null, NaN and infinities are not printed as numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: float, decimals: int) -> str:
    """`value` with a fixed number of decimals, thousands separated, with a true minus sign and no minus zero."""
    text = f"{value:,.{decimals}f}"
    if text.strip("-0.,") == "":
        text = text.lstrip("-")
    return text.replace("-", "−")


@dataclass(frozen=True, kw_only=True)
class Style:
    """How to print the numbers of one column: `value / scale` with `decimals`, and what the column head says."""

    scale: float
    decimals: int
    unit: str

    def __call__(self, value: float | None) -> str:
        """The number without its unit; a positive value that would round to zero is printed as a bound."""
        if value is None or not is_number(value):
            return NOT_AVAILABLE
        scaled, least = value / self.scale, 10.0**-self.decimals
        if 0.0 < abs(scaled) < 0.5 * least:
            return f"{'−' if scaled < 0 else ''}<{_SPACE}{number(least, self.decimals)}"
        return number(scaled, self.decimals)

    def error(self, value: float) -> str:
        """A standard error with up to two decimals more than its column, so that it does not round to nothing."""
        scaled = abs(value) / self.scale
        wanted = _decimals(scaled, 1) if scaled < 10.0**-self.decimals else self.decimals
        if scaled == 0.0:
            return "0"
        return Style(scale=1.0, decimals=min(wanted, self.decimals + 2), unit="")(scaled)

    def with_unit(self, value: float | None) -> str:
        """The number with its unit: money has it in front, everything else behind."""
        text = self(value)
        return text if text == NOT_AVAILABLE else self._placed(text)

    def with_error(self, value: float | None, std_error: float | None) -> str:
        """The number, its standard error where there is one, and the unit: `18.4 ± 1.1 %`."""
        if value is None or not is_number(value) or std_error is None or not is_number(std_error):
            return self.with_unit(value)
        return self._placed(f"{self(value)}{_SPACE}±{_SPACE}{self.error(std_error)}")

    def _placed(self, text: str) -> str:
        if not self.unit:
            return text
        return f"{text}{_SPACE}{self.unit}" if not self.unit.startswith("USD") else amount_text(self.unit, text)


def amount_text(unit: str, text: str) -> str:
    """`USD 5 bn` from `USD bn` and `5`."""
    suffix = unit.removeprefix("USD").strip()
    return f"USD{_SPACE}{text}" + (f"{_SPACE}{suffix}" if suffix else "")


def money(values: Iterable[float | None], *, digits: int = 3) -> Style:
    """One unit for all `values` (USD): the largest has `digits` significant digits."""
    largest = _largest(values)
    rounded = float(f"{largest:.{digits}g}")
    scale, unit = next(((scale, unit) for scale, unit in _UNITS if rounded >= scale), _UNITS[-1])
    return Style(scale=scale, decimals=_decimals(largest / scale, digits), unit=unit)


def fine_money(values: Iterable[float | None]) -> Style:
    """One unit for a column of very different amounts: a smaller one where the least would have a single digit."""
    known = [abs(v) for v in values if v is not None and is_number(v) and v != 0.0]
    style = money(known)
    place = next(i for i, (scale, _) in enumerate(_UNITS) if scale == style.scale)
    if known and min(known) < 10.0 * style.scale * 10.0**-style.decimals and place + 1 < len(_UNITS):
        scale, unit = _UNITS[place + 1]
        return Style(scale=scale, decimals=_decimals(max(known) / scale, 3), unit=unit)
    return style


def money_with_error(value: float, std_error: float | None) -> Style:
    """Unit by `value`, decimals by the standard error: two of its digits, never more than six figures in all."""
    base = money([value])
    if std_error is None or not is_number(std_error) or std_error <= 0.0 or value == 0.0:
        return base
    wanted = _decimals(std_error / base.scale, 2)
    return Style(scale=base.scale, decimals=min(wanted, _decimals(value / base.scale, 6), 3), unit=base.unit)


def percent(values: Iterable[float | None]) -> Style:
    """Fractions as percent: one decimal, two when all are below 10 %, three when all are below 1 %."""
    largest = 100.0 * _largest(values)
    return Style(scale=0.01, decimals=1 if largest >= 10.0 or largest == 0.0 else 2 if largest >= 1.0 else 3, unit="%")


def basis_points(values: Iterable[float | None]) -> Style:
    """Decimals per year as basis points, whole ones unless all are below 10 bp."""
    return Style(scale=1e-4, decimals=0 if 1e4 * _largest(values) >= 10.0 else 1, unit="bp")


def general(values: Iterable[float | None], *, unit: str = "") -> Style:
    """Any other quantity: the largest has at least three significant digits."""
    return Style(scale=1.0, decimals=min(_decimals(_largest(values), 3), 6), unit=unit)


def percent_text(value: float | None) -> str:
    """A single fraction as percent with its sign."""
    return percent([value]).with_unit(value)


def money_text(value: float | None) -> str:
    """A single amount with its unit: `USD 3.12 bn`."""
    return money([value]).with_unit(value)


def odds(probability: float) -> str:
    """A small probability in words, `One scenario in 1,000`; as percent where that is not a round number."""
    inverse = 1.0 / probability
    if abs(inverse - round(inverse)) < 1e-6 * inverse:
        return f"One scenario in {number(round(inverse), 0)} loses"
    return f"{percent_text(probability)} of the scenarios lose"


def level_text(level: float | None) -> str:
    """A confidence level such as `99.9 %`; empty where a measure has none."""
    return "" if level is None else f"{100.0 * level:.6g}{_SPACE}%"


def compact(value: float) -> str:
    """An axis number: `310k`, `1.5M`, `0.08`, as short as it is exact."""
    for scale, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.4g}{suffix}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _largest(values: Iterable[float | None]) -> float:
    return max((abs(v) for v in values if v is not None and is_number(v)), default=0.0)


def _decimals(value: float, digits: int) -> int:
    if not value:
        return 0
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits}g}"))))
    return max(0, digits - 1 - exponent)
