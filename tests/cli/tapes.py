"""A small valid tape, and what it takes to break it."""

from __future__ import annotations

import csv
from pathlib import Path

SEGMENTS = ("neoclouds", "miners", "data_centres")


def tape_rows(count: int = 12) -> list[dict[str, str]]:
    """`count` facilities of half as many obligors in three segments."""
    return [
        {
            "facility_id": f"F-{i:03d}",
            "obligor_id": f"Obligor {i // 2}",
            "segment": SEGMENTS[i // 2 % len(SEGMENTS)],
            "currency": "USD",
            "balance_usd": str(10_000_000 * (i + 1)),
            "rate_type": "floating",
            "coupon_annual": "0.05",
            "amortisation": "annuity",
            "maturity_date": "2031-06-30",
            "gpus_h100": str(500 * (i + 1)),
            "quoted_spread_annual": "" if i % 3 else "0.045",
        }
        for i in range(count)
    ]


def write_tape(path: Path, rows: list[dict[str, str]] | None = None) -> Path:
    """Writes rows as CSV."""
    rows = tape_rows() if rows is None else rows
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
