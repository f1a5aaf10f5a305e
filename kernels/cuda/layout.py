"""What a kernel is given: C structures declared once, here, and filled from arrays of NumPy or CuPy.

Every field has eight bytes (a pointer, an integer or a double), so a structure has no gaps and both sides agree on it.
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
        fields: kind by name: `count`, `number`, or the C type that a pointer points to; `real` is the loans' precision.
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
        packed = np.zeros((), np.dtype([(name, _stored(kind)) for name, kind in self.fields.items()]))
        for name, kind in self.fields.items():
            packed[name] = values[name] if kind in KINDS else _address(self.name, name, kind, values[name])
        return packed


# C type of a pointer to the NumPy types that may lie there.
POINTED = {
    "const real": ("float32", "float64"),
    "real": ("float32", "float64"),
    "const double": ("float64",),
    "const int": ("int32",),
    "int": ("int32",),
    "const unsigned": ("uint32",),
    "unsigned": ("uint32",),
    "const long long": ("int64",),
    "long long": ("int64",),
}


def _declared(kind: str, name: str) -> str:
    return f"{KINDS[kind]} {name}" if kind in KINDS else f"{kind}* RESTRICT {name}"


def _stored(kind: str) -> str:
    return {"count": "<i8", "number": "<f8"}.get(kind, "<u8")


def _address(structure: str, name: str, kind: str, array: Any) -> int:
    if str(array.dtype) not in POINTED[kind] or not array.flags.c_contiguous:
        raise TypeError(f"{structure}.{name}: {kind}* cannot point to {array.dtype}, or the array has gaps")
    data = array.data
    return data.ptr if hasattr(data, "ptr") else array.ctypes.data
