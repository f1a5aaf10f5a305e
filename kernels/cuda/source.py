"""The text of a kernel file, ready for a compiler that sees no folders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .layout import Panel, Structure

FOLDER = Path(__file__).parent
INCLUDE = re.compile(r'#include "([a-z_]+\.cuh)"\n')
KERNEL = re.compile(r"^KERNEL\(.+?\)(?: CLUSTER\(\w+\))? (\w+)\(", re.MULTILINE)
REAL = {"float32": "float", "float64": "double"}
STRUCTURES = "structures.cuh"  # made here, of what the kernels are given


@dataclass(frozen=True)
class Program:
    """A kernel file with its structures and constants.

    Attributes:
        file: in this folder.
        structures: of the kernels' arguments.
        precision: float32 or float64, what `real` stands for.
        constants: of the preprocessor.
        panels: what the structures point to.
    """

    file: str
    structures: Sequence[Structure]
    precision: str
    constants: Mapping[str, int] = field(default_factory=dict)
    panels: Sequence[Panel] = ()

    @property
    def text(self) -> str:
        """The file with everything that it includes, each once; lines keep their numbers in compilers' messages."""
        return _with_includes(self.file, self._structures(), set())

    @property
    def kernels(self) -> list[str]:
        """Names of the kernels in it."""
        return KERNEL.findall(self.text)

    @property
    def definitions(self) -> list[str]:
        """The constants as compiler options."""
        return [f"-D{name}={value}" for name, value in self.constants.items()]

    def _structures(self) -> str:
        declared = "".join(part.declaration() for part in (*self.panels, *self.structures))
        return f"typedef {REAL[self.precision]} real;\n{declared}"


def _with_includes(file: str, structures: str, seen: set[str]) -> str:
    if file in seen:
        return ""
    seen.add(file)
    text = structures if file == STRUCTURES else (FOLDER / file).read_text(encoding="utf-8")
    parts, line, end = [f'#line 1 "{file}"\n'], 1, 0
    for match in INCLUDE.finditer(text):
        before = text[end : match.start()]
        line += before.count("\n") + 1
        parts += [before, _with_includes(match[1], structures, seen), f'#line {line} "{file}"\n']
        end = match.end()
    return "".join([*parts, text[end:]])
