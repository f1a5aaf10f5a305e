"""Two runs at once, and a clock that is set back: each has its folder, and dates stay in order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import rackrisk
from rackrisk import _run, manifest
from rackrisk.ledger import Busy

SMALL = ("engine=reference", "portfolio=miners", "months=3", "scenarios=100")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_run, "_now", lambda: NOON)


def test_runs_that_begin_in_the_same_second_do_not_meet() -> None:
    plan = _run.make_plan(SMALL)
    with _run.begun(plan, keep=True) as first:
        second = rackrisk.run(*SMALL)
        third = _run.finish(plan, first)
    assert sorted(path.name for path in Path("runs").iterdir()) == sorted([second.folder.name, third.folder.name])
    assert second.manifest["results_sha256"] == third.manifest["results_sha256"]


def test_the_same_run_started_twice_is_one_run() -> None:
    plan = _run.make_plan((*SMALL, "out=here"))
    with _run.begun(plan) as work:
        with pytest.raises(Busy, match="another process works on this run"):
            rackrisk.run(*SMALL, "out=here")
        with pytest.raises(Busy):
            rackrisk.resume("here")
        _run.finish(plan, work)
    assert [path.name for path in Path().iterdir()] == ["here"]


def test_a_clock_that_is_set_back_keeps_dates_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _run.make_plan((*SMALL, "out=here"))
    with _run.begun(plan, keep=True):
        pass

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            del tz
            return NOON - timedelta(days=1)

    monkeypatch.setattr(manifest, "datetime", Yesterday)
    run = rackrisk.resume("here")
    dates = json.loads((run.folder / "manifest.json").read_text())
    assert dates["started_utc"] == dates["finished_utc"] == "2026-06-01T12:00:00Z"
    assert all(seconds >= 0 for seconds in dates["timings_s"].values() if isinstance(seconds, float))
