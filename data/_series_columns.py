"""The columns that a file of price series may have: what each name means, its unit and its plausible range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

DATE, REGIME = "date", "regime"
MOST_RATIO = 5.0  # between neighbouring values: beyond it a unit was changed, or a digit lost


@dataclass(frozen=True, slots=True)
class SeriesColumn:
    """One kind of series.

    Args:
        kind: What the calibration takes it for.
        pattern: Its column's name; a group in it is the generation or class.
        shown: The name for people.
        unit: In words.
        low: Values below are taken for another unit.
        high: Values above are.
        moves: False where a value may stand still for months without being stale.
    """

    kind: str
    pattern: str
    shown: str
    unit: str
    low: float
    high: float
    moves: bool = True


_NAME = "([a-z][a-z0-9_]{0,31})"
COLUMNS = (
    SeriesColumn("rent", f"rent_{_NAME}_usd_gpu_hour", "rent_<generation>_usd_gpu_hour", "USD per GPU-hour", 0.01, 1e3),
    SeriesColumn("btc", "btc_usd", "btc_usd", "USD per coin", 1.0, 1e8),
    SeriesColumn("hashprice", "hashprice_usd_ph_day", "hashprice_usd_ph_day", "USD per PH/s and day", 1.0, 1e5),
    SeriesColumn("hashrate", "hashrate_eh_s", "hashrate_eh_s", "EH/s", 1e-3, 1e6),
    SeriesColumn("difficulty", "difficulty", "difficulty", "expected hashes per block over 2^32", 1e6, 1e18),
    SeriesColumn("asic", f"asic_{_NAME}_usd_th", "asic_<class>_usd_th", "USD per TH/s", 0.01, 1e4),
    SeriesColumn("rates", "short_rate_annual", "short_rate_annual", "decimal a year, 0.05 for 5 %", -0.05, 0.5, False),
    SeriesColumn("credit", "credit_spread_annual", "credit_spread_annual", "decimal a year, 0.05 for 5 %", 1e-4, 0.5),
    SeriesColumn("power", "power_usd_mwh", "power_usd_mwh", "USD per MWh", 0.1, 1e4),
    SeriesColumn("lease", "lease_usd_kw_month", "lease_usd_kw_month", "USD per kW and month", 1.0, 1e4, False),
    SeriesColumn("site", "site_usd_mw", "site_usd_mw", "USD per MW", 1e4, 1e9, False),
)
MAY_BE_NEGATIVE = frozenset({"rates"})


def column_of(name: str) -> tuple[SeriesColumn, str] | None:
    """What a column's name means, with the generation or class in it (or ""); None for a name that means nothing."""
    for column in COLUMNS:
        found = re.fullmatch(column.pattern, name)
        if found:
            return column, found.group(1) if found.groups() else ""
    return None


def nearest(name: str, written: Sequence[str]) -> str:
    """What a wrong name was probably meant to be, as the end of a sentence."""
    known = [DATE, REGIME, *(c.shown for c in COLUMNS), *written]
    near = get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known[: 2 + len(COLUMNS)])}"
