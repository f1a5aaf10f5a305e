"""Sources of assumptions are the comments beside the shipped values, and are claimed for these values only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rackrisk.report import render
from rackrisk.report._sources import comments_of, documented
from rackrisk.report.sections._assumptions import GROUPS

from .folders import small_run
from .pages import parse

TEXT = """
# about the file

# press: above
first: 1
outer: # derived: of the whole
  # measured: -0.2 to
  # 0.3
  inner: 2 # judgement: beside
  braces: {a: 1, b: 2} # filing: of both
last: 3
"""


def test_comments_belong_to_the_key_on_their_line_or_below() -> None:
    assert comments_of(TEXT) == {
        "first": "press: above",
        "outer": "derived: of the whole",
        "outer.inner": "measured: −0.2 to 0.3 judgement: beside",
        "outer.braces": "filing: of both",
    }


@pytest.mark.parametrize(("group", "assumed"), [(group, a) for group, _, assumed in GROUPS for a in assumed])
def test_every_assumption_of_the_page_is_shipped_with_a_source(group: str, assumed: Any) -> None:
    base = documented(group, "base")
    keys = [key for key in base.values if key == assumed.key or key.startswith(f"{assumed.key}.")]
    assert keys, "a key of the configuration"
    assert [key for key in (assumed.key, *keys) if key in base.comments], "with a source"


def test_another_option_replaces_values_and_sources() -> None:
    base, crisis = documented("market", "base"), documented("market", "hash_credit_crisis")
    assert base.values["factors.convergence"] == 0.3
    assert crisis.values["factors.convergence"] == 0.9
    assert base.comments["factors.convergence"] != crisis.comments["factors.convergence"]
    assert not [key for key in crisis.comments if key.startswith("rent.drift_annual.")], (
        "those of other values are gone"
    )


def _page(run_path: Path, **market: Any) -> str:
    small_run(run_path)
    manifest = json.loads((run_path / "manifest.json").read_text(encoding="utf-8"))
    manifest["config"]["market"] = market
    (run_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    section = next(s for s in parse(render(run_path)).every("section") if s.attributes["id"] == "assumptions")
    return section.text()


def test_shipped_values_have_their_source(run_path: Path) -> None:
    text = _page(run_path, factors={"convergence": 0.3})
    assert "30 % measured on credit and btc alone" in text


def test_values_of_the_run_itself_claim_no_source(run_path: Path) -> None:
    text = _page(run_path, factors={"convergence": 0.5}, rent={"drift_annual": {"calm": 0.1, "<b>": "x" * 99}})
    assert "50 % set by this run; the shipped file says 30" in text
    assert "calm 10, <b> xxx" in text
    assert "measured" not in text.partition("Where it comes from")[2]


def test_the_shipped_file_says_what_hydra_reads() -> None:
    folder = Path(__file__).parents[2] / "conf" / "recovery"
    floor = yaml.safe_load((folder / "base.yaml").read_text(encoding="utf-8"))["gpus"]["default"]["floor"]
    assert documented("recovery", "thin").values["gpus.default.impact"] is not None
    assert documented("recovery", "base").values["gpus.default.floor"] == floor
