"""The legend of pictures that hold a quoted spread against what it should be."""

from __future__ import annotations

from .._model import Key
from ..charts import marker, swatch


def spread_legend(cost: str = "EL spread") -> list[Key]:
    """The two points of a spread picture."""
    return [
        Key(swatch=swatch(marker(1, 13, 6, class_="mark s0")), text="quoted spread"),
        Key(swatch=swatch(marker(3, 13, 6, class_="mark s1")), text=cost),
    ]
