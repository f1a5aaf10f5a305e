"""An explanation as one JSON document: the same figures as on the screen, all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .explain_words import sentence

if TYPE_CHECKING:
    import polars as pl

    from ._explain import Explanation
    from .models.explain import ObligorStory, Recovery, ScenarioStory, WorstScenarios


def document(found: Explanation) -> dict[str, Any]:
    """Plain values; frames are lists of rows, with the units of their columns in the names."""
    said: dict[str, Any] = {"run": str(found.run), "engine": found.manifest["engine"], "notes": found.notes}
    if found.checks is not None:
        said |= {"agrees": found.agrees, "checks": found.checks.to_dicts()}
    if found.worst is not None:
        said["worst"] = _worst(found.worst)
    if found.scenario is not None:
        said["scenario"] = _scenario(found.scenario)
    if found.obligor is not None:
        said["obligor"] = _obligor(found.obligor)
    return said


def _worst(worst: WorstScenarios) -> dict[str, Any]:
    return {name.removeprefix("worst_"): frame.to_dicts() for name, frame in worst.tables().items()}


def _scenario(story: ScenarioStory) -> dict[str, Any]:
    return {
        "scenario": story.scenario,
        "loss_usd": story.loss_usd,
        "quantum_usd": story.quantum_usd,
        "defaults_by_cause": story.causes,
        "regimes": list(story.world.regimes),
        "moves": story.world.moves.to_dicts(),
        "happenings": _told(story.world.happenings),
        "scopes": story.scopes.to_dicts(),
        "obligors": story.obligors.to_dicts(),
    }


def _obligor(story: ObligorStory) -> dict[str, Any]:
    return {
        "obligor_id": story.obligor_id,
        "balance_usd": story.balance_usd,
        "default_month": story.default_month,
        "cause": story.cause,
        "loss_usd": story.loss_usd,
        "loss_quanta": story.loss_quanta,
        "exact": story.exact,
        "months": story.months.to_dicts(),
        "events": _told(story.events),
        "recovery": None if story.recovery is None else _recovery(story.recovery),
    }


def _recovery(found: Recovery) -> dict[str, Any]:
    frames = {name: getattr(found, name).to_dicts() for name in ("assets", "accounts", "claims", "facilities")}
    return {"discount": found.discount, "difference_usd": found.difference_usd, **frames}


def _told(events: pl.DataFrame) -> list[dict[str, Any]]:
    """Events as data and as sentences."""
    return [row | {"text": sentence(row)} for row in events.to_dicts()]
