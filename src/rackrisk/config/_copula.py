"""The configuration of a copula run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rackrisk.models.copula import CopulaConfig

from ._settings import Count, MeasuresConfig, ModelConfig, PortfolioConfig, Settings

MAX_NAMES = 10_000_000
MAX_EAD_USD = 1e15

Share = Annotated[float, Field(ge=0, le=1)]


class CopulaModel(ModelConfig, frozen=True):
    name: Literal["copula"]


class NamesPortfolio(PortfolioConfig, frozen=True):
    """Which names: a tape, or `count` equal ones."""

    kind: Literal["names"]
    count: Annotated[Count, Field(ge=1, le=MAX_NAMES)]
    pd: Share
    lgd: Share
    ead_usd: Annotated[float, Field(ge=0, lt=MAX_EAD_USD)]
    asset_correlation: Annotated[float, Field(ge=0, lt=1)]


class CopulaMeasures(MeasuresConfig, frozen=True):
    segments: tuple[Literal["segment"]]


class CopulaSettings(Settings, frozen=True):
    """One copula run: conf/config.yaml and conf/model/copula.yaml."""

    model: CopulaModel
    portfolio: NamesPortfolio
    measures: CopulaMeasures
    copula: CopulaConfig

    @property
    def dependence(self) -> CopulaConfig:
        """The model with the correlation that holds: equal names bring their own where none is stated."""
        if self.portfolio.tape is not None or self.copula.asset_correlation is not None:
            return self.copula
        return self.copula.model_copy(update={"asset_correlation": self.portfolio.asset_correlation})
