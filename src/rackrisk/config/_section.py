"""What every part of the typed configuration has in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationInfo

#: Contexts of a check: the engine need not run on this machine; files and folders are those of a run that was begun.
ELSEWHERE, STORED = "elsewhere", "stored"


def _whole(value: Any) -> Any:
    """`1e5` is written as a float but means a count."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole)]


class Section(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False, strict=True):
    """Base of every part: no unknown keys, no NaN, no silent conversion (`NO` is not a boolean), immutable."""


def applies(info: ValidationInfo, context: str) -> bool:
    """True in a check of this context."""
    return context in (info.context or ())
