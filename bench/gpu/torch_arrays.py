"""PyTorch under the names that the month's array code uses, so that it runs the very equations of the engines."""

from __future__ import annotations

from typing import Any

import torch  # pyright: ignore[reportMissingImports]


class Tensor:
    """A tensor with NumPy's methods; every operation is one of PyTorch's, nothing is fused."""

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    def astype(self, dtype: Any) -> Tensor:
        return Tensor(self.data.to(dtype))

    def any(self) -> Tensor:
        return Tensor(self.data.any())

    def __bool__(self) -> bool:
        return bool(self.data)

    def __getitem__(self, place: Any) -> Tensor:
        places = place if isinstance(place, tuple) else (place,)
        return Tensor(self.data[tuple(_raw(one).long() if isinstance(one, Tensor) else one for one in places)])

    def __matmul__(self, other: Tensor) -> Tensor:
        return Tensor(self.data @ other.data)

    def __neg__(self) -> Tensor:
        return Tensor(-self.data)

    def __invert__(self) -> Tensor:
        return Tensor(~self.data)


def _raw(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _binary(name: str) -> Any:
    def apply(self: Tensor, other: Any) -> Tensor:
        return Tensor(getattr(self.data, name)(_raw(other)))

    return apply


for _name in (
    *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__"),
    *("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__", "__and__", "__or__"),
):
    setattr(Tensor, _name, _binary(_name))


class TorchNamespace:
    """`xp` of the month's code on one PyTorch device."""

    __name__ = "torch"
    int32, float32 = torch.int32, torch.float32

    def __init__(self, device: str) -> None:
        self.device = device

    def asarray(self, value: Any, dtype: Any = None) -> Tensor:
        return Tensor(torch.as_tensor(_raw(value), dtype=dtype, device=self.device))

    def _pair(self, a: Any, b: Any) -> tuple[Any, Any]:
        a, b = _raw(a), _raw(b)
        if not torch.is_tensor(a):
            a = torch.as_tensor(a, dtype=b.dtype, device=self.device)
        if not torch.is_tensor(b):
            b = torch.as_tensor(b, dtype=a.dtype, device=self.device)
        return a, b

    def where(self, sign: Any, yes: Any, no: Any) -> Tensor:
        if not isinstance(yes, Tensor) and not isinstance(no, Tensor):
            return Tensor(torch.where(_raw(sign), yes, no))
        return Tensor(torch.where(_raw(sign), *self._pair(yes, no)))

    def maximum(self, a: Any, b: Any) -> Tensor:
        return Tensor(torch.maximum(*self._pair(a, b)))

    def minimum(self, a: Any, b: Any) -> Tensor:
        return Tensor(torch.minimum(*self._pair(a, b)))

    def zeros(self, shape: Any, dtype: Any) -> Tensor:
        return Tensor(torch.zeros(shape, dtype=dtype, device=self.device))

    def ones(self, shape: Any, dtype: Any) -> Tensor:
        return Tensor(torch.ones(shape, dtype=dtype, device=self.device))

    def zeros_like(self, other: Tensor) -> Tensor:
        return Tensor(torch.zeros_like(other.data))

    def broadcast_to(self, value: Tensor, shape: Any) -> Tensor:
        return Tensor(torch.broadcast_to(value.data, shape))

    def stack(self, parts: list[Tensor], axis: int) -> Tensor:
        return Tensor(torch.stack([part.data for part in parts], dim=axis))

    def __getattr__(self, name: str) -> Any:
        """sqrt, exp, expm1, log1p."""
        function = getattr(torch, name)
        return lambda value: Tensor(function(_raw(value)))
