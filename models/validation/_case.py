"""Known answers as data: what goes in, what must come out, where that is from, and how close is close enough."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

#: Families in the order in which they are shown.
FAMILIES = ("Random numbers", "Closed forms", "CreditRisk+", "Hull-White spreads", "Copula", "Structural")

#: Rules by which a figure is judged.
RULES = ("bit-exact", "absolute", "relative", "sampling")

_FILE_KEYS = {"family", "kind", "about", "source", "tolerance", "cases"}
_CASE_KEYS = {"id", "inputs", "expected"}


@dataclass(frozen=True)
class Source:
    """Where expected values are from.

    Attributes:
        document: authors, year, title and where it appeared.
        place: table, section or equation in it.
        values: `published` if the document prints them, `recomputed` if they were worked out from what it says.
        how: how they were worked out or checked again.
    """

    document: str
    place: str
    values: str
    how: str

    def __post_init__(self) -> None:
        if self.values not in {"published", "recomputed"}:
            raise ValueError(f"values are published or recomputed, not {self.values!r}")
        if not (self.document and self.place and self.how):
            raise ValueError("a source names its document, the place in it, and how it was checked")

    def __str__(self) -> str:
        return f"{self.document}, {self.place} ({self.values})"


@dataclass(frozen=True)
class Tolerance:
    """How close a figure must be.

    Attributes:
        kind: one of `RULES`; `sampling` is judged by standard errors.
        reason: why as close as that.
        value: absolute or relative distance allowed; None where the rule needs none.
        floor: of a relative tolerance, the distance that is always allowed.
    """

    kind: str
    reason: str
    value: float | None = None
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in RULES:
            raise ValueError(f"a tolerance is one of {', '.join(RULES)}, not {self.kind!r}")
        if (self.value is not None) != (self.kind in {"absolute", "relative"}):
            raise ValueError(f"a tolerance of kind {self.kind} has {'no' if self.value is not None else 'a'} value")
        if not self.reason:
            raise ValueError("a tolerance has a reason")

    def allowed(self, reference: float) -> float:
        """Largest distance from `reference` that passes; nothing for a rule without a distance."""
        share = abs(reference) if self.kind == "relative" else 1.0
        return max((self.value or 0.0) * share, self.floor)


@dataclass(frozen=True)
class Case:
    """One known answer.

    Attributes:
        id: unique name; it also seeds the case's random numbers.
        kind: which function checks it.
        tolerance: by way of computing: `formula` (no sampling) or `simulation` (an engine).
        inputs, expected: as the kind needs them.
    """

    id: str
    family: str
    kind: str
    about: str
    source: Source
    tolerance: Mapping[str, Tolerance]
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]


def load_cases() -> list[Case]:
    """Every case in `data/cases`, families in the order of `FAMILIES`, files by name, cases as written.

    Raises:
        ValueError: a file that is not as it should be, or two cases with one id.
    """
    folder = resources.files("rackrisk.data") / "cases"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    cases = [case for file in files for case in parse_cases(json.loads(file.read_text("utf-8")), file.name)]
    ids = [case.id for case in cases]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"case ids must be unique; {', '.join(twice)} is not")
    return sorted(cases, key=lambda case: FAMILIES.index(case.family))


def parse_cases(document: Mapping[str, Any], name: str) -> list[Case]:
    """The cases of one file; `inputs`, `source` and `tolerance` of the file hold for each case without its own.

    Raises:
        ValueError: with the file's name, for an unknown or missing key, an unknown family, or a bad source.
    """
    try:
        _check_keys(document, _FILE_KEYS, optional={"inputs"})
        if document["family"] not in FAMILIES:
            raise ValueError(f"unknown family {document['family']!r}")
        return [_case(document, entry) for entry in document["cases"]]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _case(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Case:
    _check_keys(entry, _CASE_KEYS, optional={"source", "tolerance"})
    tolerances = entry.get("tolerance", document["tolerance"])
    if not tolerances or not set(tolerances) <= {"formula", "simulation"}:
        raise ValueError(f"{entry['id']}: a tolerance is for formula, simulation or both")
    return Case(
        id=entry["id"],
        family=document["family"],
        kind=document["kind"],
        about=document["about"],
        source=Source(**entry.get("source", document["source"])),
        tolerance={way: Tolerance(**rule) for way, rule in tolerances.items()},
        inputs={**document.get("inputs", {}), **entry["inputs"]},
        expected=entry["expected"],
    )


def _check_keys(found: Mapping[str, Any], needed: set[str], *, optional: set[str]) -> None:
    missing, unknown = needed - set(found), set(found) - needed - optional
    if missing or unknown:
        words = [f"{word} {', '.join(sorted(keys))}" for word, keys in (("no", missing), ("unknown", unknown)) if keys]
        raise ValueError("; ".join(words))
