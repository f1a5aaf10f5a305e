"""What the capacity of a tape row earns, costs and is worth per unit of each channel."""

from typing import NamedTuple

import numpy as np
import polars as pl

from rackrisk.models.market import MarketConfig, cash_channels, value_channels

HOURS_PER_MONTH = 8766.0 / 12
DAYS_PER_MONTH = 365.25 / 12


class Exposure(NamedTuple):
    """Exposures of F tape rows."""

    merchant: np.ndarray  # [1+A, C, F] USD a month per unit of the channel: GPUs and sites, then each ASIC class
    released: np.ndarray  # [C, F] the same for the contracted GPUs and sites, once released
    contract_power: np.ndarray  # [F] USD a month at power index 1
    units: np.ndarray  # [V, F] without coins

    def of(self, rows: slice) -> "Exposure":
        """Of some of the rows."""
        return Exposure(*(table[..., rows] for table in self))


def exposures(tape: pl.DataFrame, market: MarketConfig) -> Exposure:
    """Linear exposures of every row to the cash and value channels."""
    gpus = np.stack([_column(tape, f"gpus_{name}") for name in market.generations])
    hash_ph = np.stack([_column(tape, f"hash_ph_{name}") for name in market.asics])
    site_mw = _column(tape, "site_mw")
    contracted = _column(tape, "contracted_share")
    price = _column(tape, "power_usd_kwh") * HOURS_PER_MONTH
    gpu_power = price * sum(g.power_kw * n for g, n in zip(market.generations.values(), gpus, strict=True))
    rent = gpus * market.rent.realisation * HOURS_PER_MONTH
    lease = site_mw * 1000
    names = cash_channels(market)
    merchant, released, *mining = (np.zeros((len(names), tape.height)) for _ in range(2 + len(hash_ph)))
    for table, share in ((merchant, 1 - contracted), (released, contracted)):
        table[: len(gpus)] = share * rent
        table[names.index("lease")] = share * lease
        table[names.index("power")] = -share * gpu_power
    for table, asic, owned_ph in zip(mining, market.asics.values(), hash_ph, strict=True):
        table[names.index("hashprice")] = owned_ph * DAYS_PER_MONTH
        table[names.index("power")] = -price * asic.joule_per_th * owned_ph
    units = np.zeros((len(value_channels(market)), tape.height))
    units[: len(gpus)] = gpus
    units[len(gpus) : len(gpus) + len(hash_ph)] = hash_ph
    units[-1] = site_mw
    return Exposure(np.stack([merchant, *mining]), released, contracted * gpu_power, units)


def _column(tape: pl.DataFrame, name: str) -> np.ndarray:
    """A numeric column as float64; zero where the tape has no such capacity."""
    if name not in tape.columns:
        return np.zeros(tape.height)
    return tape[name].cast(pl.Float64).to_numpy()
