"""A market file from a calibration: what was estimated, each number with its provenance, and the base for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from textwrap import wrap

from ._calibrate import Calibration
from ._estimate import Estimate, Value

WIDTH = 118


def market_text(calibration: Calibration, *, base: str, as_of: date, files: Sequence[tuple[str, str]]) -> str:
    """YAML of the market group.

    Args:
        calibration: what was found.
        base: name of the shipped market that is inherited.
        as_of: date of the levels.
        files: name and SHA-256 of every file that was read.

    Returns:
        Text that ends with a line break. Comments hold printable characters only.
    """
    lines = list(_head(base, as_of, files))
    lines += ["defaults:", f"  - {base}", "  - _self_", ""]
    tree: dict[str, object] = {}
    for key, value in calibration.writes.items():
        _put(tree, key.split("."), value)
    lines += _section(tree, (), calibration.estimates)
    silent = [one for one in calibration.estimates if not one.writes]
    if silent:
        lines += ["", "# Estimated but not written:", *(line for one in silent for line in _comment(one, ""))]
    lines += [line for note in calibration.notes for line in _wrapped(f"note: {note}", "")]
    return "\n".join(lines) + "\n"


def _head(base: str, as_of: date, files: Sequence[tuple[str, str]]) -> Iterable[str]:
    yield f"# Calibrated by `rackrisk calibrate` as of {as_of}. What is not here is that of market={base}."
    yield '# "±" is one standard error, z the distance from the base in standard errors; "n" counts observations.'
    for name, digest in files:
        yield from _wrapped(f"read: {name}, sha256 {digest[:16]}", "")


def _put(tree: dict, path: Sequence[str], value: Value) -> None:
    inside = tree
    for part in path[:-1]:
        inside = inside.setdefault(part, {})
    inside[path[-1]] = value


def _section(tree: Mapping[str, object], path: tuple[str, ...], estimates: Sequence[Estimate]) -> list[str]:
    lines: list[str] = []
    indent = "  " * len(path)
    for name, value in tree.items():
        here = (*path, name)
        about = [one for one in estimates if one.key == ".".join(here) and one.writes]
        lines += [line for one in about for line in _comment(one, indent)]
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *_section(value, here, estimates)]
        else:
            lines += _entry(name, value, indent)
    return lines


def _entry(name: str, value: object, indent: str) -> list[str]:
    if isinstance(value, list):
        rows = [f"{indent}  - [{', '.join(f'{x:g}' for x in row)}]" for row in value]
        return [f"{indent}{name}:", *rows]
    return [f"{indent}{name}: {value if isinstance(value, str) else number(value)}"]


def number(value: object) -> str:
    """Six significant digits, always with a decimal point or an exponent that YAML takes for a number."""
    assert isinstance(value, (int, float))
    text = f"{value:.6g}"
    return text if "e" not in text else f"{float(text):.10f}".rstrip("0")


def _comment(one: Estimate, indent: str) -> list[str]:
    error = "" if one.std_error is None else f" ± {_short(one.std_error)}"
    label = {"regimes.initial": one.what}.get(one.key, f"{_short(one.value)}{error}")
    name = f"{one.key}, {one.what}: " if not one.writes else f"{one.what}: " if one.what and label != one.what else ""
    against = "" if one.base is None else f"; base {_short(one.base)}"
    against += "" if one.z is None else f", z {one.z:+.1f}"
    period = f"{one.first:%Y-%m}..{one.last:%Y-%m}"
    parts = f"{name}{label}, n {one.n:,}, {period}, {' + '.join(one.columns)}; {one.method}{against}"
    return _wrapped(parts + (f"; {one.note}" if one.note else ""), indent)


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _wrapped(text: str, indent: str) -> list[str]:
    """Comment lines; nothing in the text can end a comment."""
    safe = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"')
    safe = "".join(c if c.isprintable() else "?" for c in safe)
    first, *rest = wrap(safe, WIDTH - len(indent) - 2) or [""]
    return [f"{indent}# {first}", *(f"{indent}#   {line}" for line in rest)]
