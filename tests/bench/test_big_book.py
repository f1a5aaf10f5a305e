"""The picture of large books: the longest curves, the newest of every size, proportional growth as a straight line."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench.big_book_picture import curves, picture, records

ROWS = [
    *({"facilities": n, "scenarios": 16, "cpu_s": n / 1_000, "peak_mib": 500 + n / 150} for n in (10**4, 10**5, 10**6)),
    *({"facilities": 10**5, "scenarios": s, "cpu_s": 6.0 * s, "peak_mib": 1_500} for s in (64, 256, 1_024)),
]


def test_the_longest_curves_are_drawn() -> None:
    by_facilities, by_scenarios = curves(ROWS)
    assert [row["facilities"] for row in by_facilities.rows] == [10**4, 10**5, 10**6]
    assert [row["scenarios"] for row in by_scenarios.rows] == [16, 64, 256, 1_024]
    assert by_scenarios.title == "by scenarios, 100,000 facilities"


def test_proportional_growth_is_a_straight_line() -> None:
    drawing = ET.fromstring(picture(ROWS))
    name = "{http://www.w3.org/2000/svg}"
    marks = [mark for mark in drawing.iter(f"{name}circle") if mark.get("class") == "mark el"]
    (x0, y0), (x1, y1), (x2, y2) = ((float(mark.attrib["cx"]), float(mark.attrib["cy"])) for mark in marks[:3])
    assert (y0 - y1) / (x1 - x0) == pytest.approx((y1 - y2) / (x2 - x1), rel=0.01)  # pixels have one decimal
    assert x0 < x1 < x2
    assert y0 > y1 > y2


def test_the_newest_record_of_a_size_counts(tmp_path: Path) -> None:
    for day, seconds in (("20260101", 1.0), ("20260102", 2.0)):
        record = {"rows": [{"facilities": 1, "scenarios": 1, "cpu_s": seconds, "peak_mib": 1.0}]}
        (tmp_path / f"big_book-{day}.json").write_text(json.dumps(record))
    assert [row["cpu_s"] for row in records(tmp_path)] == [2.0]


def test_one_size_is_no_curve() -> None:
    with pytest.raises(ValueError, match="no two sizes along facilities"):
        curves(ROWS[:1])
