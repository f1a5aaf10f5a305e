"""What the run was, so that it can be repeated: configuration, inputs, versions. No clock time: the same run gives the
same page, and the manifest has the times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import polars as pl

from .._facts import PORTFOLIO, Facts
from .._format import is_number, level_text, number
from .._load import at
from .._model import Cell, Column, Table, name_cell
from .._text import plain

#: Keys of the configuration that no number depends on; the page leaves them out.
_LABELS = ("name:", "out:")
_FOLDER = re.compile(r"^( +tape: ['\"]?).*/")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Name and value pairs, tables of inputs and versions, and the configuration as text."""

    pairs: list[tuple[str, str]]
    tables: list[Table]
    config: str


def identity(facts: Facts) -> Identity:
    """The run's identity from its manifest."""
    tables = [_methods(facts), _inputs(facts), _packages(facts)]
    return Identity(
        pairs=[(name, plain(value)) for name, value in _pairs(facts) if value is not None],
        tables=[table for table in tables if table is not None],
        config=_config_text(facts.run.config_text),
    )


def _pairs(facts: Facts) -> list[tuple[str, Any]]:
    manifest = facts.run.manifest
    version = at(manifest, "product", "version")
    seed = at(manifest, "seed")
    return [
        ("Made with", None if version is None else f"rackrisk {version}"),
        ("Configuration hash", at(manifest, "config_hash")),
        ("Figures below", "of the first point" if facts.run.model == "sweep" else None),
        ("Seed", seed if isinstance(seed, int) else None),
        ("Random numbers", at(manifest, "rng")),
        ("Scenarios", number(facts.n_scenarios, 0)),
        ("Engine", at(manifest, "engine", "name")),
        ("Device", at(manifest, "engine", "device")),
        ("Precision", at(manifest, "engine", "precision")),
        ("Python", at(manifest, "machine", "python")),
        ("Platform", at(manifest, "machine", "platform")),
    ]


def _methods(facts: Facts) -> Table:
    """How each figure of the whole book and its error were worked out."""
    frame = facts.run.tables["measures"].filter(pl.col("scope") == PORTFOLIO)
    rows = [
        [
            Cell(text=f"{plain(row['measure'])} {level_text(row['level'])}".strip()),
            Cell(text=plain(row["method"] or "—")),
        ]
        for row in frame.to_dicts()
    ]
    heads = [Column(head="Figure", numeric=False), Column(head="Estimator, standard error and interval", numeric=False)]
    return Table(caption="Methods", columns=heads, rows=rows, kind="identity")


def _inputs(facts: Facts) -> Table | None:
    items = at(facts.run.manifest, "inputs")
    rows = [_input_row(item) for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    if not rows:
        return None
    heads = [Column(head="Input", numeric=False), Column(head="File", numeric=False), Column(head="Rows")]
    heads += [Column(head="Bytes"), Column(head="SHA-256", numeric=False)]
    return Table(caption="Files read", columns=heads, rows=rows, kind="identity")


def _input_row(item: Mapping[str, Any]) -> list[Cell]:
    """The folder that a file lay in is nobody's business who reads the page; its name and hash are."""
    path = item.get("path")
    counts = (item.get("rows"), item.get("bytes"))
    return [
        name_cell(item.get("role") or "—"),
        name_cell(PurePath(path).name if isinstance(path, str) else "—"),
        *(Cell(text=number(n, 0) if is_number(n) else "—") for n in counts),
        Cell(text=plain(item.get("sha256") or "—"), kind="hash"),
    ]


def _packages(facts: Facts) -> Table | None:
    packages = at(facts.run.manifest, "packages")
    if not isinstance(packages, Mapping) or not packages:
        return None
    rows = [[name_cell(name), name_cell(packages[name])] for name in sorted(packages)]
    heads = [Column(head="Package", numeric=False), Column(head="Version", numeric=False)]
    return Table(caption="Versions", columns=heads, rows=rows, kind="identity")


def _config_text(text: str) -> str:
    """Without the labels of the run, and of the tape's path without its folder."""
    lines = (_FOLDER.sub(r"\1", line) for line in text.splitlines() if not line.startswith(_LABELS))
    return "\n".join(map(plain, lines))
