"""What a calibration starts from: the series by kind, the market that is inherited, and the as-of date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from rackrisk.data import Series
from rackrisk.models.market import REGIMES, MarketConfig

from ._chain import stationary
from ._correlations import Shock
from ._estimate import Estimate

LEVEL_DAYS = 45  # a last value at most this old is today's level


@dataclass(frozen=True)
class Evidence:
    """Input of every section."""

    base: MarketConfig
    as_of: date
    series: Sequence[Series]

    def of(self, kind: str) -> list[Series]:
        """The series of a kind, in file order."""
        return [one for one in self.series if one.kind == kind]

    def one(self, kind: str) -> Series | None:
        """The series of a kind that has no items; None where it was not given."""
        return next(iter(self.of(kind)), None)

    @property
    def transition(self) -> np.ndarray:
        """The inherited chain, [3, 3]."""
        return np.array(self.base.regimes.transition_monthly)

    @property
    def shares(self) -> np.ndarray:
        """Stationary shares of the inherited regimes, [3]."""
        return stationary(self.transition)

    @property
    def month(self) -> int:
        """The as-of date as a month number."""
        return self.as_of.year * 12 + self.as_of.month - 1

    def level(self, series: Series, key: str, base: float, *, scale: float = 1.0) -> list[Estimate]:
        """Today's level, where the series reaches into the last `LEVEL_DAYS` before the as-of date."""
        near = [i for i, day in enumerate(series.dates) if 0 <= (self.as_of - day).days <= LEVEL_DAYS]
        if not near:
            return []
        day, value = series.dates[near[-1]], float(series.values[near[-1]]) * scale
        return [
            Estimate(
                key=key, value=value, std_error=None, n=1, first=day, last=day, columns=(series.column,),
                method="last value", base=base, writes={key: value},
            )
        ]  # fmt: skip


@dataclass(frozen=True)
class Section:
    """What one part of the calibration found."""

    estimates: list[Estimate] = field(default_factory=list[Estimate])
    shocks: dict[str, Shock] = field(default_factory=dict[str, Shock])
    notes: list[str] = field(default_factory=list[str])


def by_regime(key: str, values: Iterable[float]) -> dict[str, float | str | list[list[float]]]:
    """The three numbers of a section as what is written."""
    return {f"{key}.{name}": float(value) for name, value in zip(REGIMES, values, strict=True)}
