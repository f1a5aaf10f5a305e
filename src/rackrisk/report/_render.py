"""From a run folder to a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ._facts import Facts
from ._load import load
from ._model import Figure, Table
from .sections import (
    LIMITS,
    book_facts,
    composition,
    defaults_section,
    early_warning_section,
    facilities_section,
    headline,
    identity,
    losses_section,
    market_section,
    notes,
    segments_section,
    switches,
)

#: No scripts, nothing fetched, no forms, no other base address; styles are in the page, pictures may be data.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_TEMPLATES = Path(__file__).parent / "templates"
_SECTIONS = (
    losses_section,
    segments_section,
    defaults_section,
    early_warning_section,
    market_section,
    facilities_section,
)


def render(folder: Path) -> str:
    """The report of a run folder as one HTML page.

    The page depends on what the folder's manifest, configuration, losses and tables hold and on nothing else: no clock,
    no path, no network. Names from tape and configuration appear as text only.

    Args:
        folder: a run folder; `DONE` need not be there yet.

    Returns:
        HTML5 text, to be written as UTF-8.

    Raises:
        ReportError: a file of the folder is missing, unreadable, or lacks a column.
    """
    facts = Facts(run=load(folder))
    return _environment().get_template("report.html.j2").render(_page(facts))


def _page(facts: Facts) -> dict[str, Any]:
    return {
        "policy": POLICY,
        "style": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "headline": headline(facts),
        "subject": " · ".join(n for n in (facts.group("portfolio"), facts.group("market")) if n),
        "pairs": book_facts(facts),
        "switches": switches(facts),
        "composition": composition(facts),
        "sections": [section for make in _SECTIONS if (section := make(facts)) is not None],
        "identity": identity(facts),
        "limits": LIMITS,
        "notes": notes(facts),
    }


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["table"] = lambda block: isinstance(block, Table)
    environment.tests["figure"] = lambda block: isinstance(block, Figure)
    return environment
