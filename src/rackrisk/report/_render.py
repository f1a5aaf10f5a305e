"""From a run folder to a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ._facts import Facts
from ._load import at, load
from ._model import Figure, Section, Table
from .copula import (
    COPULA_LIMITS,
    copula_composition,
    copula_headline,
    copula_pairs,
    copula_sections,
)
from .sections import (
    LIMITS,
    Headline,
    Switch,
    assumptions_section,
    attribution_section,
    book_facts,
    composition,
    contributions_section,
    defaults_section,
    early_warning_section,
    facilities_section,
    headline,
    identity,
    losses_section,
    market_section,
    notes,
    pricing_section,
    segments_section,
    sweep_headline,
    sweep_names,
    sweep_pairs,
    sweep_section,
    switches,
    totals_headline,
    worst_section,
)

#: No scripts, nothing fetched, no forms, no other base address; styles are in the page, pictures may be data.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_TEMPLATES = Path(__file__).parent / "templates"


Make = Callable[[Facts], Section | None]


def _book_and_world(facts: Facts) -> Sequence[str | None]:
    return facts.book, facts.group("market") or facts.group("model")


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """What the page of a model is made of: findings first, then what was simulated, then everything else."""

    subject: str
    headline: Callable[[Facts], Headline]
    pairs: Callable[[Facts], list[tuple[str, str]]]
    switches: Callable[[Facts], list[Switch]]
    composition: Callable[[Facts], Figure | None]
    sections: Sequence[Make]
    limits: Sequence[str]
    findings: Sequence[Make] = ()
    names: Callable[[Facts], Sequence[str | None]] = _book_and_world


_LAYOUTS = {
    "structural": _Layout(
        subject="Book and market",
        headline=headline,
        pairs=book_facts,
        switches=switches,
        composition=composition,
        findings=(
            attribution_section,
            pricing_section,
            contributions_section,
            early_warning_section,
            segments_section,
            defaults_section,
            worst_section,
        ),
        sections=(losses_section, facilities_section, market_section, assumptions_section),
        limits=LIMITS,
    ),
    "attribution": _Layout(
        subject="Book and market",
        headline=totals_headline,
        pairs=book_facts,
        switches=switches,
        composition=composition,
        findings=(attribution_section,),
        sections=(assumptions_section,),
        limits=LIMITS,
    ),
    "sweep": _Layout(
        subject="Points",
        headline=sweep_headline,
        pairs=sweep_pairs,
        switches=lambda _: [],
        composition=lambda _: None,
        findings=(sweep_section,),
        sections=(),
        limits=LIMITS,
        names=sweep_names,
    ),
    "copula": _Layout(
        subject="Book and model",
        headline=copula_headline,
        pairs=copula_pairs,
        switches=lambda _: [],
        composition=copula_composition,
        sections=copula_sections,
        limits=COPULA_LIMITS,
    ),
}


def render(folder: Path) -> str:
    """The report of a run folder as one HTML page.

    The page depends on what the folder's manifest, configuration, losses and tables hold, on what the shipped
    configuration says of its parameters, and on nothing else: no clock, no path, no network. Names from tape and
    configuration appear as text only.

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
    layout = _layout(facts)
    return {
        "policy": POLICY,
        "style": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "headline": layout.headline(facts),
        "subject": " · ".join(name for name in layout.names(facts) if name),
        "subject_title": layout.subject,
        "pairs": layout.pairs(facts),
        "switches": layout.switches(facts),
        "composition": layout.composition(facts),
        "findings": _made(layout.findings, facts),
        "sections": _made(layout.sections, facts),
        "identity": identity(facts),
        "limits": layout.limits,
        "notes": notes(facts),
    }


def _layout(facts: Facts) -> _Layout:
    """The layout of a folder; a sweep of the copula model has that model's limits."""
    layout = _LAYOUTS[facts.run.model]
    is_copula = at(facts.run.config, "model", "name") == "copula"
    return replace(layout, limits=COPULA_LIMITS) if is_copula else layout


def _made(parts: Sequence[Make], facts: Facts) -> list[Section]:
    return [section for make in parts if (section := make(facts)) is not None]


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
