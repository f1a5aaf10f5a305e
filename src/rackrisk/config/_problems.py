"""What is wrong with a configuration, as data: one problem is one key, its value, and the rule it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ConfigProblem:
    """One broken rule.

    Attributes:
        key: dotted path of the key, or the argument as typed where there is no key.
        value: the value as text; empty where there is none.
        rule: the rule that is broken, with a suggestion where one is at hand.
    """

    key: str
    value: str
    rule: str


class ConfigProblems(Exception):
    """A configuration that cannot be run; `problems` lists everything wrong with it, at least one."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{p.key} = {p.value}: {p.rule}" for p in self.problems))
