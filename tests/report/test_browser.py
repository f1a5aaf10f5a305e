"""The page in a browser: nothing runs, nothing overflows, no label covers another, on a desk and on a phone.

The page is put into a frame of the wanted width inside a page of ours, whose script measures it. Runs where Chromium is
installed; everything that can be checked without a browser is checked elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
WIDTHS = (1280, 768, 390)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]

MEASURE = """
const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
  && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
function measure(frame) {
  const page = frame.contentDocument, seen = {width: page.documentElement.scrollWidth, outside: [], covered: []};
  seen.title = page.title;
  seen.scripts = page.scripts.length;
  seen.fetched = frame.contentWindow.performance.getEntriesByType("resource").map(r => r.name);
  for (const svg of page.querySelectorAll("svg.chart")) {
    const box = svg.getBoundingClientRect();
    if (!box.width) continue;
    const words = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect(), t]);
    words.forEach(([text, at], i) => {
      if (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1 || at.bottom > box.bottom + 1)
        seen.outside.push(svg.querySelector("title").textContent + ": " + text);
      for (const [other, there] of words.slice(i + 1))
        if (overlap(at, there)) seen.covered.push(svg.querySelector("title").textContent + ": " + text + " / " + other);
    });
  }
  for (const node of page.querySelectorAll("main *")) {
    const at = node.getBoundingClientRect();
    if (at.right > page.documentElement.clientWidth + 1 && !node.closest(".scroll, svg"))
      seen.outside.push(node.outerHTML.slice(0, 80));
  }
  return seen;
}
onload = () => {
  const found = [...document.querySelectorAll("iframe")].map(measure);
  document.getElementById("found").textContent = JSON.stringify(found);
};
"""


def _measure(page: str, folder: Path) -> dict[int, dict[str, Any]]:
    frames = "".join(f'<iframe width="{w}" height="900" srcdoc="{escape(page)}"></iframe>' for w in WIDTHS)
    html = f'<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre>{frames}<script>{MEASURE}</script>'
    path = folder / "frames.html"
    path.write_text(html, encoding="utf-8")
    assert CHROMIUM is not None
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=10000",
        "--dump-dom",
        path.as_uri(),
    ]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert found, done.stdout[:500]
    return dict(zip(WIDTHS, json.loads(unescape(found.group(1))), strict=True))


PAGES = (
    "usual_page", "hostile_page", "copula_page", "hostile_copula_page", "sweep_page", "named_sweep_page",
    "hostile_sweep_page", "hostile_names_sweep_page",
)  # fmt: skip


@pytest.fixture(scope="module", params=PAGES)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """What the browser measured, by width."""
    return _measure(request.getfixturevalue(request.param), tmp_path_factory.mktemp("browser"))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_runs_and_nothing_is_fetched(seen: dict[int, dict[str, Any]], width: int) -> None:
    assert seen[width]["title"].startswith("rackrisk · ")
    assert seen[width]["scripts"] == 0
    assert seen[width]["fetched"] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_does_not_scroll_sideways(seen: dict[int, dict[str, Any]], width: int) -> None:
    assert seen[width]["width"] <= width
    assert seen[width]["outside"] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_label_covers_another(seen: dict[int, dict[str, Any]], width: int) -> None:
    assert seen[width]["covered"] == []


def test_the_measuring_page_would_notice(tmp_path: Path) -> None:
    chart = (
        '<svg class="chart" width="90" height="20"><title>t</title><text y="14">one</text><text y="14">two</text></svg>'
    )
    page = (
        f"<title>x</title><main><script>document.title = 'hit'</script><p style='width: 2000px'>wide</p>{chart}</main>"
    )
    found = _measure(page, tmp_path)[390]
    assert found["title"] == "hit"
    assert found["width"] > 390
    assert [node[:2] for node in found["outside"]] == ["<p"]
    assert found["covered"] == ["t: one / two"]
