"""The summary fits a terminal, shows an error beside every estimate, and obeys nothing that stands in a tape."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from rackrisk._run import Run
from rackrisk.models.measures import measures_table
from rackrisk.models.results import SimulationResult
from rackrisk.screen import MAX_SEGMENTS
from rackrisk.terminal import print_summary

from ..helpers.fake_result import fake_result

HOSTILE = "\x1b[2J[bold red]</script>\r\n\u202e=cmd()" + "x" * 200


def summary(result: SimulationResult, *, width: int = 80, **console: Any) -> str:
    config = {
        "measures": {"levels": [0.99, 0.999], "confidence": 0.95},
        "mechanisms": {"vacuum": False, "offtake": True},
        "portfolio": {"name": "miners", "tape": None},
        "as_of": "2026-08-31",
    }
    manifest = {
        "config": config,
        "choices": {"market": "base"},
        "book": {"facilities": result.facilities.height, "obligors": 20},
        "timings_s": {"simulate": 1.5},
        "loan_months_per_s": 3.2e7,
        "warnings": result.notes,
    }
    run = Run(Path("/somewhere/runs/x"), measures_table(result, [0.99, 0.999], 0.95), result, manifest)
    stream = io.StringIO()
    print_summary(run, Console(file=stream, width=width, **console))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = summary(fake_result(n_scenarios=500), width=width)
    assert max(len(line) for line in text.splitlines()) <= width


def test_the_summary_names_the_book_the_losses_and_the_folder() -> None:
    result = fake_result(n_scenarios=500)
    text = summary(result)
    for words in (
        "miners: market base",
        "switched off: vacuum",
        "VaR 99.9 %",
        "95 % interval",
        "/somewhere/runs/x/report.html",
    ):
        assert words in text
    for scope in result.scopes:
        assert text.count(scope) >= 3
    worst = result.facilities.sort("el_usd", descending=True)["facility_id"][0]
    assert worst in text


def cells(text: str, title: str, name: str) -> list[str]:
    """The figures in the row of a name in the table with a title."""
    table = text[text.index(title) :].split("\n\n")[0]
    return next(line.split()[1:] for line in table.splitlines() if line.startswith(name))


def test_early_warning_shows_the_month_of_the_highest_clearing_ltv() -> None:
    result = fake_result(n_scenarios=500)
    rows = result.early_warning.filter(scope="miner").sort("clearing_ltv", descending=True).row(0, named=True)
    month, clearing, market, *_ = cells(summary(result), "Early warning", "miner")
    assert (int(month), int(clearing), int(market)) == (
        rows["month"],
        round(100 * rows["clearing_ltv"]),
        round(100 * rows["book_ltv"]),
    )
    assert "means of 500 watched scenarios, without standard errors" in summary(result)


def test_debt_in_default_times_lgd_is_shown_with_errors() -> None:
    result = fake_result(n_scenarios=500)
    row = result.loss_given_default.filter(scope="miner").row(0, named=True)
    debt, debt_error, lgd, lgd_error, _, _ = map(float, cells(summary(result), "Debt in default", "miner"))
    shown = (debt, debt_error, lgd, lgd_error)
    names = ("exposure_share", "exposure_share_std_error", "lgd", "std_error")
    assert shown == pytest.approx([100 * row[name] for name in names], abs=0.051)


def test_without_a_terminal_there_are_no_colours() -> None:
    assert "\x1b" not in summary(fake_result(n_scenarios=500))


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = summary(fake_result(n_scenarios=500), force_terminal=True)
    assert not any(f"\x1b[{code}m" in text for code in (31, 32, 33, 34, 35, 36))


def test_hostile_names_are_shown_not_obeyed() -> None:
    result = fake_result(n_scenarios=500)
    facilities = result.facilities.with_columns(facility_id=pl.lit(HOSTILE), segment=pl.lit(HOSTILE))
    text = summary(replace(result, facilities=facilities, notes=[HOSTILE], device=HOSTILE))
    assert not {"\x1b", "\r", "\u202e"} & set(text)
    assert "[bold red]" in text.replace("\n", "")


def test_many_segments_are_cut_and_counted() -> None:
    result = fake_result(n_scenarios=500)
    names = {f"segment {i:02d}": 1e9 + i for i in range(20)}
    extra = pl.concat(
        [result.losses, pl.DataFrame({f"loss:{n}": result.losses["loss"] for n in names})], how="horizontal"
    )
    many = replace(
        result, scopes=["portfolio", *names], exposure_usd={"portfolio": 1e11, **names}, losses=extra
    )  # fmt: skip
    text = summary(many)
    assert f"{20 - MAX_SEGMENTS} more segments" in text
    assert "segment 19" in text
    assert "segment 00" not in text


def test_estimates_without_an_error_say_so() -> None:
    text = summary(fake_result(n_scenarios=20))
    assert "n/a" in text


def test_a_book_without_defaults_has_a_summary() -> None:
    result = fake_result(n_scenarios=100)
    zero = [c for c in result.losses.columns if c.startswith("loss")]
    nothing = result.facilities.with_columns(
        pl.lit(0.0).alias("pd"), pl.lit(0.0).alias("el_usd"), pl.lit(None, pl.Float64).alias("lgd")
    )
    text = summary(
        replace(
            result,
            losses=result.losses.with_columns(pl.lit(0.0).alias(c) for c in zero),
            facilities=nothing,
            defaults_by_cause=result.defaults_by_cause.with_columns(probability=pl.lit(0.0)),
            loss_given_default=result.loss_given_default.with_columns(lgd=pl.lit(None, pl.Float64)),
            early_warning=result.early_warning.with_columns(
                pl.lit(None, pl.Float64).alias(c)
                for c in ("dscr_below_1_2", "dscr_below_1_0", "ltv_above_covenant", "book_ltv")
            ),
        )
    )
    assert "n/a" in text
