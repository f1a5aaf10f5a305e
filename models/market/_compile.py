"""From the market's configuration to the numbers of the path generator."""

from datetime import date
from math import exp, log

import numpy as np

from rackrisk.kernels.streams import streams
from rackrisk.models.correlation import lower_root

from ._config import FACTORS, REGIMES, LevelByRegime, MarketConfig, MeanReverting, Property, RateByRegime, Replay
from .arrays import HOURS_PER_YEAR, MarketArrays

NOBODY = ""  # counterparty 0, who never defaults
JUMP_TAIL = 1e-16


def cash_channels(config: MarketConfig) -> list[str]:
    """Names of the cash channels, in their order."""
    return [*(f"rent_{name}" for name in config.generations), "hashprice", "lease", "power"]


def value_channels(config: MarketConfig) -> list[str]:
    """Names of the value channels, in their order."""
    return [*(f"gpu_{name}" for name in config.generations), *(f"asic_{name}" for name in config.asics), "btc", "site"]


def channel_units(config: MarketConfig) -> dict[str, str]:
    """Unit of every channel, for tables and pictures."""
    units = dict.fromkeys(cash_channels(config), "USD/GPU-hour") | dict.fromkeys(value_channels(config), "USD/GPU")
    units |= {f"asic_{name}": "USD/PH" for name in config.asics}
    return units | {
        "hashprice": "USD/PH/day",
        "lease": "USD/kW-month",
        "power": "index",
        "btc": "USD/coin",
        "site": "USD/MW",
    }


def compile_market(
    config: MarketConfig, *, as_of: date, months: int, counterparty_pd_annual: dict[str, float]
) -> MarketArrays:
    """Arrays for paths of `months` months.

    Args:
        counterparty_pd_annual: named offtakers and guarantors with their one-year PDs, in the order of the book; nobody
            is put before them.
    """
    generations = list(config.generations)
    pds = np.array([0.0, *counterparty_pd_annual.values()])
    replay_change, replay_active, replay_regime = _replay(config, as_of, months)
    return MarketArrays(
        transition=np.cumsum(np.array(config.regimes.transition_monthly), axis=1),
        initial_regime=np.array(REGIMES.index(config.regimes.initial), np.int32),
        cholesky=_roots(config),
        factor_persistence=np.array(config.factors.persistence_monthly),
        rent_start=np.array([g.rent_usd_gpu_hour for g in config.generations.values()]),
        rent_drift=_by_regime(config.rent.drift_annual),
        rent_volatility=_by_regime(config.rent.volatility_annual),
        rent_drift_sd=np.array(config.rent.drift_uncertainty_annual),
        rent_correlation=np.array(config.rent.ai_demand_correlation),
        rent_steps=_steps(config),
        launch_month=np.array([_months_between(as_of, g.launch) for g in config.generations.values()], np.float64),
        launch_slip_months=np.array(config.rent.launch_slip_months),
        realisation=np.array(config.rent.realisation),
        resale_factor=_resale_factor(config, as_of, months),
        resale_power_kw=np.array([g.power_kw for g in config.generations.values()]),
        resale_operating=np.array(config.resale.operating_usd_gpu_hour),
        gpu_scrap=np.array([g.scrap_usd for g in config.generations.values()]),
        btc_start=np.array(config.btc.price_usd),
        btc_drift=_by_regime(config.btc.drift_annual),
        btc_volatility=_by_regime(config.btc.volatility_annual),
        jump_rate=np.array(config.btc.jumps_per_year / 12),
        jump_counts=_poisson(config.btc.jumps_per_year / 12),
        jump_mean=np.array(config.btc.jump_mean),
        jump_sd=np.array(config.btc.jump_sd),
        hashprice_start=np.array(config.mining.hashprice_usd_ph_day),
        reward=_reward(config, as_of, months),
        hashprice_reference=np.exp(-config.mining.efficiency_gain_annual * np.arange(months + 1) / 12),
        hash_growth=_by_regime(config.mining.growth_annual),
        hash_volatility=np.array(config.mining.volatility_annual),
        hash_response=np.array(config.mining.response_annual),
        hash_shutdown=np.log(max(config.mining.shutdown_usd_ph_day, 1e-9) / config.mining.hashprice_usd_ph_day),
        hash_exit=np.array(config.mining.exit_annual),
        asic_start=np.array([a.usd_per_th * 1000 for a in config.asics.values()]),
        asic_elasticity=np.array([a.hashprice_elasticity for a in config.asics.values()]),
        asic_ageing=np.array([a.ageing_annual for a in config.asics.values()]),
        asic_scrap=np.array([a.scrap_usd_per_th * 1000 for a in config.asics.values()]),
        power=_process(config.power),
        rates=_process(config.rates),
        property_start=np.array([config.lease_usd_kw_month.start, config.site_usd_mw.start]),
        property_drift=np.stack([_by_regime(p.drift_annual) for p in _properties(config)], axis=1),
        property_volatility=np.array([p.volatility_annual for p in _properties(config)]),
        property_correlation=np.array([p.ai_demand_correlation for p in _properties(config)]),
        hazard=-np.log1p(-np.minimum(pds, 1 - 1e-12)),
        hazard_regime=_by_regime(config.counterparties.regime_multiple),
        hazard_loadings=np.array([config.counterparties.credit_loading, config.counterparties.ai_demand_loading]),
        replay_change=replay_change,
        replay_active=replay_active,
        replay_regime=replay_regime,
        normal_streams=_normal_streams(config),
        uniform_streams=streams(["regime", "btc:jumps"]),
        launch_streams=streams([f"launch:{g}" for g in generations]),
        counterparty_streams=streams([NOBODY, *counterparty_pd_annual]),
    )


def _normal_streams(config: MarketConfig) -> np.ndarray:
    """Streams of monthly normals, in the order in which the path generator takes them apart."""
    rents = [f"rent:{name}" for name in config.generations]
    return streams([*(f"factor:{name}" for name in FACTORS), "rent:drift", *rents, "btc:jump", "lease", "site"])


def _by_regime(levels: RateByRegime | LevelByRegime) -> np.ndarray:
    return np.array(levels.values(), dtype=np.float64)


def _properties(config: MarketConfig) -> tuple[Property, Property]:
    return config.lease_usd_kw_month, config.site_usd_mw


def _process(process: MeanReverting) -> np.ndarray:
    return np.array([process.start, process.mean, process.reversion_annual, process.volatility_annual])


def _months_between(first: date, second: date) -> int:
    return (second.year - first.year) * 12 + second.month - first.month


def _roots(config: MarketConfig) -> np.ndarray:
    """Lower roots of the regimes' correlation matrices; semidefinite ones too."""
    calm = np.array(config.factors.correlation_calm)
    theta = config.factors.convergence
    stress = (1 - theta) * calm + theta * np.array(config.factors.correlation_convergence)
    return np.stack([lower_root(matrix) for matrix in (calm, calm, stress)])


def _steps(config: MarketConfig) -> np.ndarray:
    """Log step of generation g (row) when generation h (column) ships; generations launched together do not step."""
    launches = [g.launch for g in config.generations.values()]
    order = sorted(set(launches))
    rank = np.array([order.index(day) for day in launches])
    behind = rank[None, :] - rank[:, None]
    steps = np.where(behind == 1, log(1 + config.rent.step_of_successor), log(1 + config.rent.step_of_later))
    return np.where(behind > 0, steps, 0.0)


def _resale_factor(config: MarketConfig, as_of: date, months: int) -> np.ndarray:
    """Traded price per USD of hourly net rent: an annuity over the economic life that is left, [H+1, G]."""
    rate = max(config.resale.discount_annual + config.resale.decline_annual, 1e-12)
    age = np.array([_months_between(g.launch, as_of) for g in config.generations.values()]) / 12
    left = np.maximum(config.resale.life_years - age - np.arange(months + 1)[:, None] / 12, 0)
    left = np.minimum(left, config.resale.life_years)
    return config.resale.price_to_value * HOURS_PER_YEAR * (1 - np.exp(-rate * left)) / rate


def _reward(config: MarketConfig, as_of: date, months: int) -> np.ndarray:
    """Coins per block of each month relative to today's; halvings four years apart."""
    mining = config.mining
    month = np.arange(months + 1)
    halvings = np.zeros(months + 1)
    if mining.halving is not None:
        first = _months_between(as_of, mining.halving)
        halvings = np.where(month >= first, 1 + (month - first) // 48, 0)
    return (mining.subsidy_coins * 0.5**halvings + mining.fee_coins) / (mining.subsidy_coins + mining.fee_coins)


def _poisson(rate: float) -> np.ndarray:
    """Cumulative probabilities of 0, 1, 2, ... until the tail is below rounding.

    Filled up with ones to a multiple of 16, so that markets which differ in this rate have arrays of one shape.
    """
    term, total, table = exp(-rate), exp(-rate), [exp(-rate)]
    while 1 - total > JUMP_TAIL and len(table) < 200:
        term *= rate / len(table)
        total += term
        table.append(min(total, 1.0))
    return np.pad(table, (0, -len(table) % 16), constant_values=1.0)


def _replay(config: MarketConfig, as_of: date, months: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Historical log changes of coin, hash rate, rent and ASIC price, where they apply, and regimes.

    A replayed hash price fixes the hash rate: coin price times reward over hash price. A replayed ASIC price moves it
    beside what the model gives.
    """
    replay = config.replay
    reward = np.log(_reward(config, as_of, months))
    change, active = np.zeros((months + 1, 4)), np.zeros((months + 1, 4), dtype=bool)
    series = {0: np.log(replay.btc), 2: np.log(replay.rent)}
    shared = min(len(replay.btc), len(replay.hashprice), months)
    hashprice = np.log(replay.hashprice)
    series[1] = np.log(replay.btc[:shared]) + reward[1 : shared + 1] - hashprice[:shared]
    series[3] = _asic_deviation(config, replay, hashprice)
    for column, levels in series.items():
        length = min(len(levels), months)
        change[1 : length + 1, column] = np.diff(levels[:length], prepend=0.0)
        active[1 : length + 1, column] = True
    regime = np.full(months + 1, -1, dtype=np.int32)
    told = [REGIMES.index(name) for name in replay.regime[:months]]
    regime[1 : len(told) + 1] = told
    return change, active, regime


def _asic_deviation(config: MarketConfig, replay: Replay, hashprice: np.ndarray) -> np.ndarray:
    """Log of the replayed ASIC price over what the first class would have followed from the replayed hash price."""
    newest = next(iter(config.asics.values()))
    length = min(len(replay.asic), len(hashprice))
    ageing = newest.ageing_annual * np.arange(1, length + 1) / 12
    return np.log(replay.asic[:length]) - newest.hashprice_elasticity * hashprice[:length] + ageing
