"""NumPy in CuPy's place, as strict as CuPy: arrays of the device and of the host do not mix, and scalars are arrays.

What runs here with `xp=STRICT` does not fail on a device for want of a conversion.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

FROM_HOST = ("asarray", "array", "ascontiguousarray")  # which take arrays of the host


class DeviceArray(NDArrayOperatorsMixin):
    """An array that only its own functions can read."""

    def __init__(self, inside: Any) -> None:
        self.inside = np.asarray(inside)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.inside, name)
        return _strict(found) if callable(found) else _wrapped(found)

    def __getitem__(self, place: Any) -> Any:
        return _wrapped(self.inside[_unwrapped(place)])

    def __setitem__(self, place: Any, values: Any) -> None:
        self.inside[_unwrapped(place)] = _unwrapped(values)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __len__(self) -> int:
        return len(self.inside)

    def __bool__(self) -> bool:
        return bool(self.inside)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return _wrapped(getattr(ufunc, method)(*map(_unwrapped, inputs), **_each(options)))

    def __array_function__(self, function: Any, _: Any, inputs: Any, options: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} of an array of the device")


class StrictNumpy:
    """The functions of NumPy on `DeviceArray`."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        return _strict(found, from_host=name in FROM_HOST)


STRICT = StrictNumpy()


def _strict(function: Callable[..., Any], *, from_host: bool = False) -> Callable[..., Any]:
    @wraps(function)
    def call(*inputs: Any, **options: Any) -> Any:
        if from_host and isinstance(inputs[0], np.ndarray):
            inputs = DeviceArray(inputs[0].copy()), *inputs[1:]
        return _wrapped(function(*map(_unwrapped, inputs), **_each(options)))

    return call


def _each(options: dict[str, Any]) -> dict[str, Any]:
    return {name: _unwrapped(value) for name, value in options.items()}


def _unwrapped(value: Any) -> Any:
    """The arrays inside.

    Raises:
        TypeError: there is an array of the host.
    """
    if isinstance(value, DeviceArray):
        return value.inside
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host among those of the device")
    if type(value) in (list, tuple):
        return type(value)(map(_unwrapped, value))
    return value


def _wrapped(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(value)
    if type(value) in (list, tuple):
        return type(value)(map(_wrapped, value))
    return value
