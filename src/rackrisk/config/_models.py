"""What each model adds to a configuration, and what it has no use for: nothing that is set is silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ._compose import compose_groups, dotted_keys, option_value
from ._problems import ConfigProblem
from ._settings import Settings


@dataclass(frozen=True)
class Shape:
    """The part of a configuration that depends on the model.

    Attributes:
        kind: what a portfolio holds: `facilities` or `names`.
        without: keys of shared groups that this model has no use for.
        row_bytes: memory that one row of the book needs at least, with its results.
        row_month_bytes: what each month of the horizon adds to it.
    """

    kind: str
    without: tuple[str, ...]
    row_bytes: int
    row_month_bytes: int = 0

    def bytes_of_row(self, settings: Settings) -> int:
        """Memory that one row needs at least in a run of this configuration."""
        return self.row_bytes + self.row_month_bytes * getattr(settings, "months", 0)


SHAPES = {
    # Measured with `python -m bench.big_book`. By month: four schedules in single precision, which the engine reads,
    # and what was carried, as whole numbers of the run and of two devices. Tape, terms, state and tables besides.
    "structural": Shape("facilities", without=(), row_bytes=2_500, row_month_bytes=40),
    "copula": Shape("names", without=("engine.precision",), row_bytes=600),
}


def settings_of(model: str) -> type[Settings]:
    """The typed configuration of a model."""
    if model == "copula":
        from ._copula import CopulaSettings

        return CopulaSettings
    from ._structural import StructuralSettings

    return StructuralSettings


def fitted(data: dict[str, Any], choices: Mapping[str, str]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """The composed data without what the chosen model has no use for, and a problem for each part that was chosen."""
    model = choices["model"]
    foreign = [key for key in data if owner(key, model) is not None]
    problems = [_refusal(key, choices.get(key, ""), model) for key in foreign]
    kept = {key: dict(value) if isinstance(value, dict) else value for key, value in data.items() if key not in foreign}
    for key in SHAPES[model].without:
        section, leaf = key.split(".")
        kept[section].pop(leaf, None)
    if kept["portfolio"].get("kind") != SHAPES[model].kind:
        problems.append(_wrong_portfolio(kept["portfolio"], model))
    return kept, problems


def owner(key: str, model: str) -> str | None:
    """The other model that a dotted key belongs to; None if it is a key of `model` or of none."""
    if key in _keys(model):
        return None
    top = key.partition(".")[0]
    others = (other for other in SHAPES if other != model)
    # A section that this model lacks altogether belongs to the other one, whatever stands in it there.
    return next((other for other in others if key in _keys(other) or top in _keys(other) - _keys(model)), None)


def stranger(key: str, value: Any, model: str) -> ConfigProblem | None:
    """The problem with setting a key of another model, if it is one."""
    return None if owner(key, model) is None else _refusal(key, str(value), model)


@cache
def _keys(model: str) -> frozenset[str]:
    keys = dotted_keys(compose_groups([f"model={model}"])[0])
    return frozenset(keys).difference(SHAPES[model].without)


def _refusal(key: str, value: str, model: str) -> ConfigProblem:
    other = owner(key, model)
    rule = f"belongs to model={other}, and this run has model={model}: leave it out or choose that model"
    return ConfigProblem(key, value, rule)


def _wrong_portfolio(portfolio: Mapping[str, Any], model: str) -> ConfigProblem:
    shape = SHAPES[model]
    fitting = [name for name, kind in option_value("portfolio", "kind").items() if kind == shape.kind]
    choices = f"choose {' or '.join(fitting)}, or portfolio.tape=FILE alone"
    rule = f"is a portfolio of {portfolio.get('kind')}, and model={model} takes {shape.kind}; {choices}"
    return ConfigProblem("portfolio", str(portfolio.get("name")), rule)
