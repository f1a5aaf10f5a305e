"""The market as a user writes it: names, units and checks of the `market` configuration group."""

from datetime import date
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rackrisk.models.correlation import check_correlation

REGIMES = ("calm", "boom", "stress")
FACTORS = ("credit", "ai_demand", "btc", "hashrate", "power", "rates")

Share = Annotated[float, Field(ge=0, le=1)]


def _not_tiny(value: float) -> float:
    """Prices and lives that no arithmetic can take the logarithm or a part of are mistakes."""
    if value < 1e-9:
        raise ValueError("must be at least 1e-9")
    return value


Positive = Annotated[float, Field(gt=0, le=1e15), AfterValidator(_not_tiny)]
Deviation = Annotated[float, Field(ge=0, le=10)]  # of a logarithm, per year or jump: beyond, a price is 0 or infinite
Exponent = Annotated[float, Field(ge=0, le=100)]
NonNegative = Annotated[float, Field(ge=0, le=1e15)]
Rate = Annotated[float, Field(ge=-10, le=10)]
Matrix = tuple[tuple[float, ...], ...]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
RegimeName = Literal["calm", "boom", "stress"]


class Frozen(BaseModel):
    """No unknown keys, no NaN or infinity, no silent conversion of text, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=False)


class RateByRegime(Frozen):
    """A rate per year in each regime; may be negative."""

    calm: Rate
    boom: Rate
    stress: Rate

    def values(self) -> list[float]:
        return [self.calm, self.boom, self.stress]


class LevelByRegime(Frozen):
    """A non-negative level in each regime."""

    calm: NonNegative
    boom: NonNegative
    stress: NonNegative

    def values(self) -> list[float]:
        return [self.calm, self.boom, self.stress]


class DeviationByRegime(LevelByRegime):
    """A standard deviation of a logarithm per year in each regime."""

    calm: Deviation
    boom: Deviation
    stress: Deviation


class Regimes(Frozen):
    """Markov chain of the regimes calm, boom, stress."""

    initial: RegimeName
    transition_monthly: Matrix

    @model_validator(mode="after")
    def _rows_are_probabilities(self) -> Self:
        table = _square(self.transition_monthly, len(REGIMES), "transition_monthly")
        if (table < 0).any() or not np.allclose(table.sum(axis=1), 1, rtol=0, atol=1e-12):
            raise ValueError("every row of transition_monthly must be non-negative and add up to 1")
        return self


class Factors(Frozen):
    """Correlation of the factor shocks, in the order credit, ai_demand, btc, hashrate, power, rates."""

    correlation_calm: Matrix
    correlation_convergence: Matrix
    convergence: Share  # theta: weight of the convergence matrix in stress
    persistence_monthly: Annotated[float, Field(ge=0, lt=1)]  # of the factor states that drive hazards

    @model_validator(mode="after")
    def _matrices_are_correlations(self) -> Self:
        for name in ("correlation_calm", "correlation_convergence"):
            check_correlation(_square(getattr(self, name), len(FACTORS), name), name)
        return self


class Generation(Frozen):
    """One GPU generation; a successor is the next one listed by launch."""

    rent_usd_gpu_hour: Positive  # posted on-demand rent at the as-of date
    launch: date  # volume shipments, expected for generations still to come
    power_kw: Positive  # per GPU with host and cooling
    scrap_usd: NonNegative  # resale value never falls below


class Rent(Frozen):
    """Posted rent per GPU-hour."""

    drift_annual: RateByRegime  # of log rent, generation steps excluded
    volatility_annual: DeviationByRegime
    drift_uncertainty_annual: Deviation  # standard deviation across scenarios
    ai_demand_correlation: Share
    step_of_successor: Annotated[float, Field(gt=-1, le=0)]  # one-off change of the rent of the generation before
    step_of_later: Annotated[float, Field(gt=-1, le=0)]  # of all earlier ones
    launch_slip_months: NonNegative  # mean of an exponential delay of future launches
    realisation: Share  # revenue per posted dollar: utilisation, discounts, mix


class Resale(Frozen):
    """Market value of a GPU: discounted net rent over its remaining economic life."""

    life_years: Positive  # from the generation's launch
    discount_annual: Exponent
    decline_annual: Exponent  # expected decline of net rent
    operating_usd_gpu_hour: NonNegative  # a buyer's cost beside power
    price_to_value: Positive  # traded price per dollar of that value


class Bitcoin(Frozen):
    """Price of one coin: lognormal with regime volatility and compensated normal jumps."""

    price_usd: Positive
    drift_annual: RateByRegime  # expected return, jumps included
    volatility_annual: DeviationByRegime  # of the continuous part
    jumps_per_year: NonNegative
    jump_mean: Rate  # of the log price
    jump_sd: Deviation


class Mining(Frozen):
    """Network hash rate, hash price and the halving."""

    hashprice_usd_ph_day: Positive
    subsidy_coins: Positive  # per block
    fee_coins: NonNegative  # per block
    halving: date | None
    growth_annual: RateByRegime  # of log hash rate when hash price is at its reference
    volatility_annual: Deviation
    response_annual: Exponent  # extra growth per unit of log(hash price / reference)
    shutdown_usd_ph_day: NonNegative  # hash price below which machines stop; falls with efficiency
    exit_annual: Exponent  # extra decline of hash rate per unit of log(shutdown / hash price)
    efficiency_gain_annual: Exponent  # the reference and the shutdown price fall by this rate


class Asic(Frozen):
    """Resale price of one class of miners."""

    usd_per_th: Positive
    joule_per_th: Positive
    hashprice_elasticity: Exponent
    ageing_annual: Exponent
    scrap_usd_per_th: NonNegative


class MeanReverting(Frozen):
    """Ornstein-Uhlenbeck: of the log of the power index (mean 0), or of the short rate."""

    start: Rate
    mean: Rate
    reversion_annual: Annotated[float, Field(ge=0, le=12)]
    volatility_annual: Deviation


class Property(Frozen):
    """A data-centre price that follows AI demand: lease rate or value of a powered site."""

    start: Positive
    drift_annual: RateByRegime
    volatility_annual: Deviation
    ai_demand_correlation: Share


class Counterparties(Frozen):
    """Default hazards of offtakers and guarantors."""

    default_pd_annual: Share  # for a name the tape gives no PD for
    regime_multiple: LevelByRegime
    credit_loading: Rate  # of log hazard on the credit factor's state
    ai_demand_loading: Rate


class Replay(Frozen):
    """History instead of chance: month-by-month levels relative to the as-of date, from month 1 on."""

    btc: tuple[Positive, ...] = ()
    hashprice: tuple[Positive, ...] = ()
    rent: tuple[Positive, ...] = ()
    asic: tuple[Positive, ...] = ()
    regime: tuple[RegimeName, ...] = ()


class MarketConfig(Frozen):
    """The `market` group."""

    regimes: Regimes
    factors: Factors
    rent: Rent
    generations: dict[Name, Generation]
    resale: Resale
    btc: Bitcoin
    mining: Mining
    asics: dict[Name, Asic]
    power: MeanReverting
    rates: MeanReverting
    lease_usd_kw_month: Property
    site_usd_mw: Property
    counterparties: Counterparties
    cash_shock_sd: Deviation  # stationary sd of the idiosyncratic cash shock, where the tape gives none
    cash_shock_persistence: Annotated[float, Field(ge=0, lt=1)]  # monthly
    relet_months: Annotated[int, Field(ge=0, le=120)]
    replay: Replay = Replay()

    @model_validator(mode="after")
    def _has_channels(self) -> Self:
        if not self.generations or not self.asics:
            raise ValueError("generations and asics must each name at least one")
        return self


def _square(rows: Matrix, size: int, name: str) -> np.ndarray:
    if len(rows) != size or any(len(row) != size for row in rows):
        raise ValueError(f"{name} must have {size} rows of {size} numbers")
    return np.array(rows, dtype=np.float64)
