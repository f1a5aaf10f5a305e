"""Axes as functions: from data to pixels, and the round numbers to write beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A linear or logarithmic map of `low..high` (data) onto `start..end` (pixels); values outside are clamped."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Pixel of a value."""
        inside = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        """About `count` round values inside the scale."""
        return log_ticks(self.low, self.high, count) if self.log else linear_ticks(self.low, self.high, count)


def round_step(span: float, count: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that divides `span` into at most `count` steps."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * m for m in _ROUND if power * m >= raw * (1.0 - 1e-9))


def linear_ticks(low: float, high: float, count: int) -> list[float]:
    """Multiples of a round step from `low` to `high`."""
    step = round_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten; 1-2-5 or 1-3 within them where the range is short, every second or third where it is long."""
    candidates = [_powers(low, high, (1.0, 2.0, 5.0), 1), _powers(low, high, (1.0, 3.0), 1)]
    candidates += [_powers(low, high, (1.0,), every) for every in (1, 2, 3, 4, 6, 10)]
    return next((ticks for ticks in candidates if len(ticks) <= count + 1), candidates[-1])


def _powers(low: float, high: float, mantissas: tuple[float, ...], every: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    values = [m * 10.0**power for power in range(first, last + 1) if power % every == 0 for m in mantissas]
    return [v for v in values if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]


def month_ticks(months: int, count: int) -> list[float]:
    """Whole years where they fit, else coarser or finer steps that divide a year."""
    step = next((s for s in (1, 2, 3, 6, 12, 24, 36, 60, 120) if months / s <= count), 240)
    return [float(m) for m in range(0, months + 1, step)]


def ceiling(values: Iterable[float], count: int) -> float:
    """A round number not below any of `values` (and positive): the end of an axis that starts at zero."""
    largest = max(values, default=0.0)
    if largest <= 0.0:
        return 1.0
    end = largest
    while (rounded := _next_tick(end, count)) > end * (1 + 1e-9):  # a longer axis may have longer steps
        end = rounded
    return rounded


def _next_tick(end: float, count: int) -> float:
    step = round_step(end, count)
    return step * math.ceil(end / step - 1e-9)


def spread(wanted: list[float], *, gap: float, low: float, high: float) -> list[float]:
    """Positions nearest to `wanted` (least squares) that are `gap` apart, in the same order, inside `low..high`.

    Pool-adjacent-violators on the positions less their rank times the gap; the pool's mean is the least-squares place.
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    pools: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        pools.append((wanted[index] - rank * gap, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    top = high - (len(wanted) - 1) * gap
    placed = [min(max(mean, low), max(top, low)) for mean, size in pools for _ in range(size)]
    result = [0.0] * len(wanted)
    for rank, (index, base) in enumerate(zip(order, placed, strict=True)):
        result[index] = base + rank * gap
    return result


def flag_rows(places: list[float], widths: list[float]) -> list[int]:
    """Rows for texts that begin at ascending `places`, each on top of a pole, so that no pole crosses another's text.

    From right to left, a text goes one row above every pole that it would cover.
    """
    rows = [0] * len(places)
    for i in reversed(range(len(places))):
        covered = [rows[j] for j in range(i + 1, len(places)) if places[j] <= places[i] + widths[i]]
        rows[i] = max(covered) + 1 if covered else 0
    return rows
