"""The market as numbers: what the path generator reads. NumPy alone."""

from typing import Any, NamedTuple

import numpy as np

HOURS_PER_YEAR = 8766.0
REFERENCE_POWER_USD_KWH = 0.06  # a buyer's power price at index 1, in the resale value of GPUs
CREDIT, AI_DEMAND, BTC, HASHRATE, POWER, RATES = range(6)  # order of the factors


class MarketArrays(NamedTuple):
    """Parameters in float64; R regimes, G generations, A ASIC classes, K counterparties (0 is nobody), H months.

    Rates and volatilities are per year. Row h of an [H+1] array is month h.
    """

    transition: np.ndarray  # [R, R] monthly, cumulative along rows
    initial_regime: np.ndarray  # [] int32
    cholesky: np.ndarray  # [R, 6, 6] lower triangular root of the factor correlation
    factor_persistence: np.ndarray  # []
    rent_start: np.ndarray  # [G] USD per GPU-hour
    rent_drift: np.ndarray  # [R] of the logarithm
    rent_volatility: np.ndarray  # [R]
    rent_drift_sd: np.ndarray  # [] across scenarios
    rent_correlation: np.ndarray  # [] of a month's rent shock with the AI demand factor
    rent_steps: np.ndarray  # [G, G] log step of rent g when generation h ships
    launch_month: np.ndarray  # [G] planned; 0 or less: has shipped
    launch_slip_months: np.ndarray  # [] mean
    realisation: np.ndarray  # []
    resale_factor: np.ndarray  # [H+1, G] USD of value per USD per hour of net rent
    resale_power_kw: np.ndarray  # [G]
    resale_operating: np.ndarray  # [] USD per GPU-hour
    gpu_scrap: np.ndarray  # [G] USD
    btc_start: np.ndarray  # []
    btc_drift: np.ndarray  # [R] expected return, jumps included
    btc_volatility: np.ndarray  # [R] of the continuous part
    jump_rate: np.ndarray  # [] a month
    jump_counts: np.ndarray  # [M] cumulative Poisson probabilities of 0, 1, ... jumps in a month
    jump_mean: np.ndarray  # []
    jump_sd: np.ndarray  # []
    hashprice_start: np.ndarray  # [] USD/PH/day
    reward: np.ndarray  # [H+1] coins per block, fees included, relative to month 0
    hashprice_reference: np.ndarray  # [H+1] relative to month 0
    hash_growth: np.ndarray  # [R]
    hash_volatility: np.ndarray  # []
    hash_response: np.ndarray  # []
    hash_shutdown: np.ndarray  # [] log of the shutdown price over the reference
    hash_exit: np.ndarray  # []
    asic_start: np.ndarray  # [A] USD per PH
    asic_elasticity: np.ndarray  # [A]
    asic_ageing: np.ndarray  # [A]
    asic_scrap: np.ndarray  # [A]
    power: np.ndarray  # [4] start, mean, reversion, volatility of the log index
    rates: np.ndarray  # [4] the same of the short rate
    property_start: np.ndarray  # [2] lease USD/kW-month, site USD/MW
    property_drift: np.ndarray  # [R, 2]
    property_volatility: np.ndarray  # [2]
    property_correlation: np.ndarray  # [2] with the AI demand factor
    hazard: np.ndarray  # [K] per year
    hazard_regime: np.ndarray  # [R]
    hazard_loadings: np.ndarray  # [2] on the credit and AI demand states
    replay_change: np.ndarray  # [H+1, 4] log change of btc, hash rate, rent, asic; 0 outside the replay
    replay_active: np.ndarray  # [H+1, 4] bool
    replay_regime: np.ndarray  # [H+1] int32, -1: drawn
    normal_streams: np.ndarray  # [6 + 1 + G + 1 + 2, 2] uint32: factors, rent drift, generations, jump size, properties
    uniform_streams: np.ndarray  # [2, 2] regime, jump count
    launch_streams: np.ndarray  # [G, 2]
    counterparty_streams: np.ndarray  # [K, 2]


def to_namespace(market: MarketArrays, asarray: Any) -> MarketArrays:
    """The same parameters as another library's arrays."""
    return MarketArrays(*(asarray(field) for field in market))
