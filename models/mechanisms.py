"""The six switches: each takes one mechanism of the thesis out of the world, the contracts or the sale.

A switch changes parameters or the tape, never the engine, so it works on every engine alike.
"""

from datetime import date
from typing import TypeVar

import polars as pl

from rackrisk.models.market import DeviationByRegime, Frozen, MarketConfig, RateByRegime
from rackrisk.models.recovery import AssetSale, RecoveryConfig

Model = TypeVar("Model", bound=Frozen)
NO_RATE = RateByRegime(calm=0, boom=0, stress=0)
NO_LEVEL = DeviationByRegime(calm=0, boom=0, stress=0)


class Mechanisms(Frozen):
    """True keeps a mechanism, false takes it out."""

    deflation: bool = True
    duration: bool = True
    leverage: bool = True
    convergence: bool = True
    vacuum: bool = True
    offtake: bool = True


def switched_market(market: MarketConfig, mechanisms: Mechanisms) -> MarketConfig:
    """The market without the mechanisms that are off."""
    if not mechanisms.deflation:
        market = _without_deflation(market)
    if not mechanisms.leverage:
        market = _without_leverage(market)
    if not mechanisms.convergence:
        market = _with(market, factors=_with(market.factors, convergence=0.0))
    if not mechanisms.offtake:
        market = _with(market, counterparties=_with(market.counterparties, regime_multiple=NO_LEVEL))
    return market


def switched_recovery(recovery: RecoveryConfig, mechanisms: Mechanisms) -> RecoveryConfig:
    """Without `vacuum` everything sells at the market price at once; the cost of selling stays."""
    if mechanisms.vacuum:
        return recovery

    def at_once(sale: AssetSale) -> AssetSale:
        return _with(sale, impact=0.0, lag_months=0, haircut=0.0)

    return _with(
        recovery,
        gpus={name: at_once(sale) for name, sale in recovery.gpus.items()},
        asics={name: at_once(sale) for name, sale in recovery.asics.items()},
        btc=at_once(recovery.btc),
        site=at_once(recovery.site),
    )


def switched_tape(tape: pl.DataFrame, market: MarketConfig, mechanisms: Mechanisms, as_of: date) -> pl.DataFrame:
    """Without `duration` every loan is repaid by level payments while its contract and its GPUs last.

    A loan that outlives them ends with them. One with a bullet or a balloon is repaid until then, even where its own
    maturity comes first: what is due there is to be refinanced, which is the mechanism. Where the row has neither
    contract nor GPUs, the obligor's last ones count; where he has none, the loan is repaid by its maturity. Loans on
    pledged coins alone stay as they are, for coins do not age.
    """
    if mechanisms.duration:
        return tape
    unamortised = pl.col("amortisation").is_in(["bullet", "balloon"])
    end = pl.when(unamortised).then(pl.coalesce("lasts", "maturity_date"))
    end = end.otherwise(pl.min_horizontal("maturity_date", "lasts"))
    level = {
        "maturity_date": pl.max_horizontal(end, pl.lit(_month_after(as_of))),
        "amortisation": pl.when(unamortised).then(pl.lit("annuity")).otherwise("amortisation"),
        "balloon_fraction": pl.lit(0.0),
        "interest_only_months": pl.lit(0).cast(tape.schema["interest_only_months"]),
    }
    ages = pl.col("lasts").is_not_null() | (pl.col("btc_pledged") == 0)
    return (
        tape.with_columns(pl.col("amortisation").cast(pl.String), lasts=_own_end(tape, market))
        .with_columns(lasts=pl.coalesce("lasts", pl.col("lasts").max().over("obligor_id")))
        .with_columns(**{name: pl.when(ages).then(new).otherwise(name) for name, new in level.items()})
        .drop("lasts")
    )


def _own_end(tape: pl.DataFrame, market: MarketConfig) -> pl.Expr:
    """When a row's contract ends or the economic life of its GPUs, whichever is first; null with neither."""
    ends = [pl.when(pl.col("contracted_share") > 0).then(pl.col("contract_end_date"))]
    for name, generation in market.generations.items():
        if (column := f"gpus_{name}") in tape.columns:
            ends.append(
                pl.when(pl.col(column) > 0).then(pl.lit(_years_later(generation.launch, market.resale.life_years)))
            )
    return pl.min_horizontal(ends)


def _without_deflation(market: MarketConfig) -> MarketConfig:
    rent = _with(
        market.rent, drift_annual=NO_RATE, drift_uncertainty_annual=0.0, step_of_successor=0.0, step_of_later=0.0
    )
    return _with(market, rent=rent)


def _without_leverage(market: MarketConfig) -> MarketConfig:
    """Coin, hash rate and hash price stay at today's values."""
    btc = _with(market.btc, drift_annual=NO_RATE, volatility_annual=NO_LEVEL, jumps_per_year=0.0)
    mining = _with(
        market.mining,
        halving=None,
        growth_annual=NO_RATE,
        volatility_annual=0.0,
        response_annual=0.0,
        exit_annual=0.0,
        efficiency_gain_annual=0.0,
    )
    replay = _with(market.replay, btc=(), hashprice=(), asic=())
    return _with(market, btc=btc, mining=mining, replay=replay)


def _with(model: Model, **changes: object) -> Model:
    """A checked copy with some fields changed."""
    return type(model).model_validate({**dict(model), **changes})


def _month_after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _years_later(day: date, years: float) -> date:
    months = day.year * 12 + day.month - 1 + round(years * 12)
    return date(months // 12, months % 12 + 1, 1)
