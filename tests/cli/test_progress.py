"""Progress is quiet for short runs, plain where there is no terminal, and its rate leaves compilation out."""

from __future__ import annotations

import io
import time
from itertools import pairwise

import pytest

from rackrisk.figures import MoneyUnit, basis_points, money, percent, visible
from rackrisk.progress import LINE_SECONDS, Lines, Pace, duration, pace_text, progress, rate_text


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rate_and_time_left_count_from_the_first_report() -> None:
    clock = Clock()
    pace = Pace(1_000_000, clock)
    clock.now = 60.0  # compilation
    assert pace(100, 1_000) is None
    clock.now = 61.0
    assert pace(200, 1_000) == pytest.approx((100_000, 8.0))


def test_more_scenarios_than_were_foreseen_do_not_change_the_rate() -> None:
    clock = Clock()
    pace = Pace(1_000_000, clock)
    pace(100, 1_000)
    clock.now = 9.0
    assert pace(1_000, 1_000) == pytest.approx((100_000, 0.0))
    clock.now = 10.0
    assert pace(1_100, 4_000) == pytest.approx((100_000, 29.0))


def test_a_run_that_goes_on_with_more_scenarios_than_its_work_is_for_has_the_same_rate() -> None:
    clock = Clock()
    pace = Pace(1_000_000, clock, scenarios=1_000)
    pace(4_000, 8_000)
    clock.now = 1.0
    assert pace(4_100, 8_000) == pytest.approx((100_000, 39.0))


def test_lines_come_at_most_every_ten_seconds_and_not_at_the_end() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = Lines(Pace(10**9, clock), "loan-month", stream, clock)
    for second in range(100):
        clock.now = float(second)
        lines(second, 100)
    lines(100, 100)
    text = stream.getvalue().splitlines()
    done = [int(line.split()[1]) for line in text]
    assert all(b - a >= LINE_SECONDS for a, b in pairwise(done))
    assert len(done) == 9
    assert "of 100 scenarios, 10 million loan-months/s, 10 s left" in text[-1]


def test_what_follows_the_simulation_has_its_own_time_left() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = Lines(Pace(10**9, clock), "loan-month", stream, clock)
    lines(1_000, 1_000)
    for minute in range(4):
        clock.now = 60.0 * minute
        lines.stage("scenarios of the tail", minute, 10)
    clock.now = 600.0
    lines.stage("worst scenarios", 0, 5)
    clock.now = 602.0
    lines.stage("worst scenarios", 1, 5)
    lines.stage("tables and report", 0, 0)
    clock.now = 604.0
    lines.stage("tables and report", 0, 0)
    assert stream.getvalue().splitlines() == [
        " 10%  1 of 10 scenarios of the tail, 9 min 00 s left",
        " 20%  2 of 10 scenarios of the tail, 8 min 00 s left",
        " 30%  3 of 10 scenarios of the tail, 7 min 00 s left",
        " 20%  1 of 5 worst scenarios, 8.0 s left",
    ]


def test_a_closed_pipe_does_not_stop_the_run() -> None:
    class Closed(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    clock = Clock()
    lines = Lines(Pace(10**9, clock), "loan-month", Closed(), clock)
    clock.now = 11.0
    lines(1, 2)


def test_nothing_is_shown_when_switched_off() -> None:
    with progress(work=1, unit="loan-month", enabled=False) as report:
        assert report is None


def test_a_short_run_on_a_terminal_shows_nothing() -> None:
    stream = Terminal()
    with progress(work=1, unit="loan-month", stream=stream) as report:
        assert report is not None
        report(1, 2)
    assert stream.getvalue() == ""


def test_a_long_run_on_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackrisk.progress.QUIET_SECONDS", 0.0)
    stream = Terminal()
    with progress(work=1_000_000, unit="loan-month", stream=stream) as report:
        assert report is not None
        for done in (1, 2, 3):
            time.sleep(0.15)
            report(done, 4)
    assert "simulating" in stream.getvalue()
    assert "loan-months/s" in stream.getvalue()


def test_a_terminal_shows_stages_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rackrisk.progress.QUIET_SECONDS", 0.0)
    stream = Terminal()
    with progress(first="checking", stream=stream) as shown:
        assert shown is not None
        for done in range(3):
            time.sleep(0.15)
            shown.stage("cases checked", done, 3)
        time.sleep(0.15)
        shown.stage("tables and report", 0, 0)
        time.sleep(0.15)
    text = stream.getvalue()
    assert all(words in text for words in ("checking", "cases checked", "2 of 3", "left", "tables and report"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")]
)
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(12, "12 loan-months/s"), (3.456e7, "34.6 million loan-months/s"), (4.5e11, "450 billion loan-months/s")],
)
def test_rates_are_in_words(rate: float, text: str) -> None:
    assert rate_text(rate, "loan-month") == text
    assert rate_text(rate, "loan-scenario") == text.replace("month", "scenario")


def test_money_of_a_column_has_one_unit_and_shows_its_smallest_error() -> None:
    unit = MoneyUnit([115.3e9, 2e9, None, float("nan")], [6e6])
    assert (unit.name, unit(115.3e9), unit(2e9), unit(None), unit(6e6)) == (
        "USD bn",
        "115.300",
        "2.000",
        "n/a",
        "0.006",
    )
    assert MoneyUnit([2_500e6])(2_500e6) == "2,500"
    assert [money(a) for a in (5.25e6, 54_321, 999, 0.0045)] == [
        "USD 5.25 m",
        "USD 54.32 k",
        "USD 999.0",
        "USD 0.00450",
    ]


def test_missing_figures_are_named() -> None:
    assert [percent(None), percent(float("nan")), basis_points(None)] == ["n/a"] * 3
    assert [percent(0.0729), percent(0.5, 0), basis_points(0.0225)] == ["7.29", "50", "225"]


def test_invisible_characters_are_escaped() -> None:
    assert visible("a\x1b[2J\u202eü\n") == "a\\x1b[2J\\u202eü\\n"


def test_a_run_that_was_finished_later_tells_the_time_of_all_its_shards() -> None:
    alone = {"timings_s": {"simulate": 33.0}, "shards": {"scenarios_computed_before": 0}}
    assert pace_text(alone, 1.34e7, "loan-month") == "33 s, 13.4 million loan-months/s"
    later = {"timings_s": {"simulate": 2.0}, "shards": {"scenarios_computed_before": 9, "seconds": 90.0, "count": 3}}
    assert pace_text(later, 1.34e7, "loan-month") == "1 min 30 s in 3 shards, 13.4 million loan-months/s"
