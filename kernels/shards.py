"""Exact sums of parts of a run: a tally as named arrays, back again, and many added up to one.

A shard is the tally of a range of scenarios. Its sums are integers, so that it does not matter who added what up when.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

import numpy as np

from .filed import table

T = TypeVar("T", bound=tuple)


def ranges_of(first: int, last: int, size: int) -> list[range]:
    """The scenarios first, ..., last - 1 in pieces of `size`; the last piece may be smaller."""
    return [range(start, min(start + size, last)) for start in range(first, last, size)]


def named_arrays(tally: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a (nested) named tuple by dotted name: `loss`, `months.debt`."""
    return {name: np.asarray(field) for name, field in named_fields(tally, prefix).items()}


def named_fields(tally: Any, prefix: str = "") -> dict[str, Any]:
    """The same as they are, which may be on a device."""
    named: dict[str, Any] = {}
    for name, field in zip(tally._fields, tally, strict=True):
        if hasattr(field, "_fields"):
            named |= named_fields(field, f"{prefix}{name}.")
        else:
            named[f"{prefix}{name}"] = field
    return named


def tally_of(kind: type[T], arrays: Mapping[str, np.ndarray], prefix: str = "") -> T:
    """The (nested) named tuple that `named_arrays` took apart.

    Raises:
        KeyError: an array is missing.
    """
    inside = {name: part for name, part in get_type_hints(kind).items() if hasattr(part, "_fields")}
    names: Sequence[str] = kind._fields  # pyright: ignore[reportAttributeAccessIssue]
    return kind(
        *(
            tally_of(inside[name], arrays, f"{prefix}{name}.") if name in inside else arrays[f"{prefix}{name}"]
            for name in names
        )
    )


def add_up(
    parts: Iterable[Mapping[str, np.ndarray]], by_scenario: Sequence[str], *, filed: bool = False
) -> dict[str, np.ndarray]:
    """One tally of several, all as named arrays.

    Args:
        parts: at least one, in the order of their scenarios.
        by_scenario: the arrays with a row a scenario, which are put one below the other; all others are sums.
        filed: large sums can leave memory, see `filed`.
    """
    place = table if filed else np.empty
    rows: dict[str, list[np.ndarray]] = {name: [] for name in by_scenario}
    sums: dict[str, np.ndarray] = {}
    for part in parts:
        _add(part, rows, sums, place)
        del part  # or it would stay until there is the next
    return sums | {name: np.concatenate(pieces) for name, pieces in rows.items()}


def _add(
    part: Mapping[str, np.ndarray],
    rows: dict[str, list[np.ndarray]],
    sums: dict[str, np.ndarray],
    place: Callable[..., np.ndarray],
) -> None:
    """In place: for a million loans one array is half a gigabyte. Python's whole numbers stay what they are."""
    for name, array in part.items():
        if name in rows:
            rows[name].append(array)
        elif name not in sums:
            sums[name] = array.copy() if array.dtype.kind == "O" else place(array.shape, np.int64)
            sums[name][...] = array
        else:
            sums[name] += array
