"""A small sweep: two keys with two values each, on a small tape."""

from __future__ import annotations

from pathlib import Path

import rackrisk
from rackrisk._sweep import SweepRun

from .tapes import write_tape

FIXED = ("engine=reference", "months=13", "measures.levels=[0.9]", "scenarios=64", "market=hash_credit_crisis")
SWEPT = ("market.rent.drift_annual.calm=-0.3,0", "mechanisms.vacuum=true,false")


def small_sweep(folder: Path) -> SweepRun:
    """Writes `tape.csv` and runs the sweep into `found`."""
    tape = write_tape(folder / "tape.csv")
    return rackrisk.sweep(f"portfolio.tape={tape}", *FIXED, *SWEPT, out=str(folder / "found"))
