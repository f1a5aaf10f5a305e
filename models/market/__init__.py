"""The market: its configuration, its arrays and its paths.

`rackrisk.models.market.arrays` and `.paths` need NumPy alone; the configuration needs pydantic and is loaded on use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._compile import cash_channels as cash_channels
    from ._compile import channel_units as channel_units
    from ._compile import compile_market as compile_market
    from ._compile import value_channels as value_channels
    from ._config import FACTORS as FACTORS
    from ._config import REGIMES as REGIMES
    from ._config import DeviationByRegime as DeviationByRegime
    from ._config import Frozen as Frozen
    from ._config import LevelByRegime as LevelByRegime
    from ._config import MarketConfig as MarketConfig
    from ._config import Name as Name
    from ._config import NonNegative as NonNegative
    from ._config import Positive as Positive
    from ._config import RateByRegime as RateByRegime
    from ._config import Share as Share

_CONFIG = frozenset(
    [
        "FACTORS",
        "REGIMES",
        "Frozen",
        "DeviationByRegime",
        "LevelByRegime",
        "MarketConfig",
        "Name",
        "NonNegative",
        "Positive",
        "RateByRegime",
        "Share",
    ]
)


_COMPILE = frozenset(("cash_channels", "channel_units", "compile_market", "value_channels"))


def __getattr__(name: str) -> Any:
    if name in _COMPILE:
        return getattr(import_module("._compile", __name__), name)
    if name in _CONFIG:
        return getattr(import_module("._config", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
