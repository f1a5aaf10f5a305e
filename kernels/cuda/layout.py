"""What a kernel is given: C structures declared once, here, and filled from arrays of NumPy or CuPy.

Every field has eight bytes (a pointer, an integer or a double) or is an array of such, so a structure has no gaps and
both sides agree on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = {"count": "long long", "number": "double"}  # what is no pointer


@dataclass(frozen=True)
class Structure:
    """A C structure.

    Attributes:
        fields: kind by name: `count`, `number`, `count[4]` for four of them, or the C type that a pointer points to;
            `real` is the loans' precision.
    """

    name: str
    fields: Mapping[str, str]

    def declaration(self) -> str:
        """In C++, for kernels that read it."""
        lines = [f"    {_declared(kind, name)};" for name, kind in self.fields.items()]
        return "\n".join([f"struct {self.name} {{", *lines, "};", ""])

    def pack(self, values: Mapping[str, Any]) -> np.ndarray:
        """The structure, its pointers leading to the given arrays; the caller keeps those alive.

        Raises:
            KeyError: a field is missing.
            TypeError: an array is of another type or not contiguous.
        """
        packed = np.zeros((), np.dtype([(name, *_stored(kind)) for name, kind in self.fields.items()]))
        for name, kind in self.fields.items():
            plain = _several(kind)[0] in KINDS
            packed[name] = values[name] if plain else _address(self.name, name, kind, values[name])
        return packed


# C type of a pointer to the NumPy types that may lie there.
POINTED = {
    "const real": ("float32", "float64"),
    "real": ("float32", "float64"),
    "const double": ("float64",),
    "double": ("float64",),
    "const int": ("int32",),
    "int": ("int32",),
    "const unsigned": ("uint32",),
    "unsigned": ("uint32",),
    "const long long": ("int64",),
    "long long": ("int64",),
}


WARP = 32  # threads that run in step: neighbours in memory as well


@dataclass(frozen=True)
class Panel:
    """A C structure of what 32 neighbours have: an array of 32 for each field, all of one type.

    A thread then reads all fields of its neighbour from one address, and a warp reads whole lines of memory.
    """

    name: str
    kind: str  # int or real
    fields: tuple[str, ...]

    def declaration(self) -> str:
        """In C++."""
        lines = [f"    {self.kind} {name}[{WARP}];" for name in self.fields]
        return "\n".join([f"struct {self.name} {{", *lines, "};", ""])

    def pack(self, tables: Mapping[str, np.ndarray], dtype: str, fill: float = 0) -> np.ndarray:
        """Tables [..., N], one a field, as [N / 32, ..., fields, 32], filled up to a whole warp."""
        stacked = np.stack([np.asarray(tables[name]) for name in self.fields], axis=-2)
        missing = -stacked.shape[-1] % WARP
        padded = np.pad(stacked, [(0, 0)] * (stacked.ndim - 1) + [(0, missing)], constant_values=fill)
        by_warp = padded.reshape(*padded.shape[:-1], -1, WARP)
        return np.ascontiguousarray(np.moveaxis(by_warp, -2, 0), dtype=dtype)


def _several(kind: str) -> tuple[str, str]:
    """`count[4]` as `count` and `[4]`."""
    bare, bracket, number = kind.partition("[")
    return bare, bracket + number


def _declared(kind: str, name: str) -> str:
    bare, several = _several(kind)
    return f"{KINDS[bare]} {name}{several}" if bare in KINDS else f"{kind}* RESTRICT {name}"


def _stored(kind: str) -> tuple[str, tuple[int, ...]]:
    bare, several = _several(kind)
    return {"count": "<i8", "number": "<f8"}.get(bare, "<u8"), (int(several[1:-1]),) if several else ()


def _address(structure: str, name: str, kind: str, array: Any) -> int:
    allowed = POINTED.get(kind, ("int32", "float32", "float64"))  # panels are made of one of these
    if str(array.dtype) not in allowed or not array.flags.c_contiguous:
        raise TypeError(f"{structure}.{name}: {kind}* cannot point to {array.dtype}, or the array has gaps")
    data = array.data
    return data.ptr if hasattr(data, "ptr") else array.ctypes.data
