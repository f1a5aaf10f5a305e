"""How defaulted collateral is sold and what a refinancing lender offers, as a user writes it."""

from typing import Annotated

from pydantic import Field

from rackrisk.models.market import Frozen, LevelByRegime, Name, NonNegative, Positive, RateByRegime, Share


class AssetSale(Frozen):
    """Sale of one kind of collateral; units are GPUs, PH/s, coins or MW."""

    depth_units_month: LevelByRegime  # what the market takes in a month
    impact: NonNegative  # kappa: log price per month of depth on offer
    floor: Share  # lowest price impact factor
    absorption_monthly: Share  # share of the inventory taken up each month
    lag_months: Annotated[int, Field(ge=0, le=60)]  # from default to sale
    haircut: Share  # physical: moving, liquid cooling, rack power
    cost: Share  # legal and selling


class RefinancingTerms(Frozen):
    """What a new lender offers for a balloon."""

    ltv: LevelByRegime
    dscr: LevelByRegime
    spread_annual: RateByRegime
    tenor_months: Annotated[int, Field(ge=1, le=600)]  # of machines and corporate borrowers
    site_tenor_months: Annotated[int, Field(ge=1, le=600)]  # of owners of powered sites without machines


class RecoveryConfig(Frozen):
    """The `recovery` group."""

    gpus: dict[Name, AssetSale]  # by generation; `default` for those not named
    asics: dict[Name, AssetSale]  # by class; `default` for those not named
    btc: AssetSale
    site: AssetSale
    system_multiple: Positive  # the sector's sales per unit sold by this book
    unsecured_recovery: Share  # of what the assets leave unpaid, where the tape gives none
    refinancing: RefinancingTerms
