"""Joint paths of regime, rents, resale values, bitcoin, mining, power, rates and counterparties.

One step is written once for NumPy and JAX (`xp`); NumPy loops over the months, JAX scans. Everything is float64.
The equations are in `docs/model.md`, section "Market".
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.namespaces import is_traced
from rackrisk.kernels.normals import normal_pair, uniform
from rackrisk.kernels.streams import Purpose, words
from rackrisk.kernels.sums import dot

from .arrays import AI_DEMAND, BTC, CREDIT, HASHRATE, POWER, RATES, REFERENCE_POWER_USD_KWH, MarketArrays

FACTOR_COUNT = 6
MONTHS_PER_BLOCK = 4
Scan = Callable[[Callable[[Any, Any], tuple[Any, Any]], Any, Any], tuple[Any, Any]]


class Draws(NamedTuple):
    """Random numbers of one month (or of all months, with a leading dimension), [S, ...]."""

    factors: Any  # [S, 6] independent normals
    rent: Any  # [S, G]
    jump_size: Any  # [S]
    properties: Any  # [S, 2]
    regime: Any  # [S] uniform
    jump_count: Any  # [S] uniform


class Fixed(NamedTuple):
    """Random numbers of a scenario that hold for all its months."""

    rent_drift: Any  # [S] per year, added to the log drift
    launch_month: Any  # [S, G]
    death_threshold: Any  # [S, K] cumulative hazard at which the counterparty defaults


class Market(NamedTuple):
    """State of the market at a month's end."""

    regime: Any  # [S] int32
    factors: Any  # [S, 2] states of credit and AI demand
    log_rent: Any  # [S, G] relative to the start
    log_btc: Any  # [S]
    log_hash: Any  # [S]
    log_asic: Any  # [S] replayed deviation
    log_power: Any  # [S]
    short_rate: Any  # [S]
    log_property: Any  # [S, 2]
    log_discount: Any  # [S]
    hazard: Any  # [S, K] cumulative


class Seen(NamedTuple):
    """What a month shows to loans, [S, ...]."""

    regime: Any
    cash: Any
    price: Any
    short_rate: Any
    log_discount: Any
    hazard: Any


def draw_fixed(xp: Any, market: MarketArrays, key: tuple[Any, Any], scenario: Any) -> Fixed:
    """Numbers drawn once a scenario."""
    drift_word = words(
        xp, key, scenario, _stream(market.normal_streams, FACTOR_COUNT), purpose=Purpose.SCENARIO, block=0
    )
    drift = normal_pair(xp, drift_word[0], drift_word[1], xp.float64)[0] * market.rent_drift_sd
    slip = -market.launch_slip_months * xp.log(
        _first_uniform(xp, key, scenario, market.launch_streams, Purpose.SCENARIO)
    )
    planned = market.launch_month[None, :]
    launch = xp.where(planned > 0, planned + xp.floor(slip), planned)
    threshold = -xp.log(_first_uniform(xp, key, scenario, market.counterparty_streams, Purpose.COUNTERPARTY))
    return Fixed(drift, launch, threshold)


def draw_months(xp: Any, market: MarketArrays, key: tuple[Any, Any], scenario: Any, months: int) -> Draws:
    """Numbers of months 1..months, each field [months, S, ...]."""
    blocks = -(-months // MONTHS_PER_BLOCK)
    block = xp.arange(blocks, dtype=xp.uint32)[:, None, None]
    w0, w1, w2, w3 = _monthly_words(
        xp, key, scenario, market.normal_streams, block=block, purpose=Purpose.MARKET_NORMAL
    )
    pairs = normal_pair(xp, w0, w1, xp.float64), normal_pair(xp, w2, w3, xp.float64)
    normals = _months_first(xp, [*pairs[0], *pairs[1]], months)
    uniform_words = _monthly_words(
        xp, key, scenario, market.uniform_streams, block=block, purpose=Purpose.MARKET_UNIFORM
    )
    uniforms = _months_first(xp, [uniform(xp, word, xp.float64) for word in uniform_words], months)
    generations = market.rent_start.shape[0]
    rent = slice(FACTOR_COUNT + 1, FACTOR_COUNT + 1 + generations)
    return Draws(
        factors=normals[..., :FACTOR_COUNT],
        rent=normals[..., rent],
        jump_size=normals[..., rent.stop],
        properties=normals[..., rent.stop + 1 :],
        regime=uniforms[..., 0],
        jump_count=uniforms[..., 1],
    )


def begin(xp: Any, market: MarketArrays, scenarios: int) -> Market:
    """The as-of date."""
    zeros = xp.zeros(scenarios)
    wide = zeros[:, None]
    return Market(
        regime=xp.zeros(scenarios, xp.int32) + market.initial_regime,
        factors=wide + xp.zeros(2),
        log_rent=wide + xp.zeros(market.rent_start.shape[0]),
        log_btc=zeros,
        log_hash=zeros,
        log_asic=zeros,
        log_power=zeros + market.power[0],
        short_rate=zeros + market.rates[0],
        log_property=wide + xp.zeros(2),
        log_discount=zeros,
        hazard=wide + xp.zeros(market.hazard.shape[0]),
    )


def advance(xp: Any, market: MarketArrays, fixed: Fixed, now: Market, *, draws: Draws, t: Any) -> Market:
    """From the end of month t-1 to the end of month t."""
    regime = next_regime(xp, market, now.regime, draws.regime, t)
    shocks = correlated(market.cholesky[regime], draws.factors)
    states = xp.stack([shocks[:, CREDIT], shocks[:, AI_DEMAND]], axis=1)
    persistence = market.factor_persistence
    factors = persistence * now.factors + xp.sqrt(1 - persistence * persistence) * states
    rents = rent_changes(xp, market, fixed, regime, demand=shocks[:, AI_DEMAND], own=draws.rent, t=t)
    machines = hash_rate_change(xp, market, now, regime, shock=shocks[:, HASHRATE], t=t)
    btc_change = replayed(xp, market, 0, t, bitcoin_change(xp, market, regime, shocks[:, BTC], draws))
    hash_change = replayed(xp, market, 1, t, machines)
    rent_change = replayed(xp, market, 2, t, rents)
    return Market(
        regime=regime,
        factors=factors,
        log_rent=now.log_rent + rent_change,
        log_btc=now.log_btc + btc_change,
        log_hash=now.log_hash + hash_change,
        log_asic=now.log_asic + market.replay_change[t, 3],
        log_power=revert(xp, market.power, now.log_power, shocks[:, POWER]),
        short_rate=xp.maximum(revert(xp, market.rates, now.short_rate, shocks[:, RATES]), 0),
        log_property=now.log_property + property_changes(xp, market, regime, shocks[:, AI_DEMAND], draws.properties),
        log_discount=now.log_discount - now.short_rate / 12,
        hazard=now.hazard + hazards(xp, market, regime, factors, t),
    )


def correlated(roots: Any, shocks: Any) -> Any:
    """Roots [S, 6, 6] times independent shocks [S, 6], added in a fixed order.

    A library's product may add in another order for another number of scenarios.
    """
    total = roots[:, :, 0] * shocks[:, 0, None]
    for place in range(1, FACTOR_COUNT):
        total = total + roots[:, :, place] * shocks[:, place, None]
    return total


def next_regime(xp: Any, market: MarketArrays, regime: Any, draw: Any, t: Any) -> Any:
    """One step of the Markov chain, or the replayed regime."""
    drawn = xp.sum(draw[:, None] > market.transition[regime][:, :-1], axis=1, dtype=xp.int32)
    told = market.replay_regime[t]
    return xp.where(told >= 0, told, drawn)


def replayed(xp: Any, market: MarketArrays, series: int, t: Any, simulated: Any) -> Any:
    """The historical change while a replay lasts."""
    return xp.where(market.replay_active[t, series], market.replay_change[t, series], simulated)


def rent_changes(xp: Any, market: MarketArrays, fixed: Fixed, regime: Any, *, demand: Any, own: Any, t: Any) -> Any:
    """Log change of each generation's rent, [S, G]: drift, AI demand, own shock, and steps of successors shipping."""
    drift = (market.rent_drift[regime] + fixed.rent_drift)[:, None] / 12
    common = market.rent_correlation
    shock = common * demand[:, None] + xp.sqrt(1 - common * common) * own
    volatility = (market.rent_volatility[regime] / 12**0.5)[:, None]
    ships = xp.where(fixed.launch_month == t, 1.0, 0.0)
    return drift + volatility * shock + dot(ships, market.rent_steps.T)


def bitcoin_change(xp: Any, market: MarketArrays, regime: Any, shock: Any, draws: Draws) -> Any:
    """Log change of the coin: Merton (1976) jump diffusion with regime drift and volatility."""
    volatility = market.btc_volatility[regime]
    count = xp.sum(draws.jump_count[:, None] > market.jump_counts, axis=1, dtype=xp.int32).astype(xp.float64)
    jumps = count * market.jump_mean + xp.sqrt(count) * market.jump_sd * draws.jump_size
    compensator = market.jump_rate * (xp.exp(market.jump_mean + market.jump_sd * market.jump_sd / 2) - 1)
    drift = (market.btc_drift[regime] - volatility * volatility / 2) / 12 - compensator
    return drift + volatility / 12**0.5 * shock + jumps


def hash_rate_change(xp: Any, market: MarketArrays, now: Market, regime: Any, *, shock: Any, t: Any) -> Any:
    """Log change of network hash rate: miners enter above the falling reference price and stop below running cost."""
    gap = relative_hashprice(xp, market, now, t - 1) - xp.log(market.hashprice_reference[t - 1])
    below_cost = xp.minimum(gap - market.hash_shutdown, 0)
    growth = market.hash_growth[regime] + market.hash_response * gap + market.hash_exit * below_cost
    return growth / 12 + market.hash_volatility / 12**0.5 * shock


def relative_hashprice(xp: Any, market: MarketArrays, state: Market, t: Any) -> Any:
    """Log of hash price relative to the as-of date: coin price times reward over hash rate."""
    return state.log_btc + xp.log(market.reward[t]) - state.log_hash


def property_changes(xp: Any, market: MarketArrays, regime: Any, demand: Any, own: Any) -> Any:
    """Log change of lease rate and site value, [S, 2]."""
    common = market.property_correlation
    shock = common * demand[:, None] + xp.sqrt(1 - common * common) * own
    return market.property_drift[regime] / 12 + market.property_volatility / 12**0.5 * shock


def revert(xp: Any, process: Any, value: Any, shock: Any) -> Any:
    """One month of a mean-reverting process (exact autoregression)."""
    mean, reversion, volatility = process[1], process[2], process[3]
    kept = xp.exp(-reversion / 12)
    safe = xp.maximum(reversion, 1e-12)
    spread = volatility * xp.sqrt((1 - xp.exp(-2 * safe / 12)) / (2 * safe))
    return mean + (value - mean) * kept + spread * shock


def hazards(xp: Any, market: MarketArrays, regime: Any, factors: Any, t: Any) -> Any:
    """A month's hazard of every counterparty, [S, K]: lognormal in the factor states, with its mean kept."""
    load = market.hazard_loadings
    correlation = (market.cholesky[0] @ market.cholesky[0].T)[CREDIT, AI_DEMAND]
    grown = 1 - market.factor_persistence ** (2 * t)
    variance = grown * (load @ load + 2 * load[0] * load[1] * correlation)
    exposed = dot(factors, load[:, None])
    multiple = market.hazard_regime[regime][:, None] * xp.exp(-exposed - variance / 2)
    return multiple * market.hazard / 12


def channels(xp: Any, market: MarketArrays, state: Market, t: Any) -> tuple[Any, Any]:
    """Cash channels [S, C] and value channels [S, V] of a month, in the order of `channel_names`."""
    rent = market.rent_start * xp.exp(state.log_rent)
    power = xp.exp(state.log_power)
    log_hashprice = relative_hashprice(xp, market, state, t)
    properties = market.property_start * xp.exp(state.log_property)
    hashprice = market.hashprice_start * xp.exp(log_hashprice)
    cash = xp.concatenate([rent, hashprice[:, None], properties[:, :1], power[:, None]], axis=1)
    net = (
        market.realisation * rent
        - market.resale_operating
        - market.resale_power_kw * REFERENCE_POWER_USD_KWH * power[:, None]
    )
    gpu = xp.maximum(market.resale_factor[t] * xp.maximum(net, 0), market.gpu_scrap)
    log_asic = market.asic_elasticity * log_hashprice[:, None] - market.asic_ageing * t / 12 + state.log_asic[:, None]
    asic = xp.maximum(market.asic_start * xp.exp(log_asic), market.asic_scrap)
    btc = market.btc_start * xp.exp(state.log_btc)
    return cash, xp.concatenate([gpu, asic, btc[:, None], properties[:, 1:]], axis=1)


def death_months(xp: Any, hazard: Any, threshold: Any) -> Any:
    """First month whose cumulative hazard [H+1, S, K] exceeds the threshold [S, K]; H+1 if none does."""
    return xp.sum(hazard <= threshold, axis=0, dtype=xp.int32)


def simulate_paths(xp: Any, market: MarketArrays, key: tuple[Any, Any], scenario: Any) -> Paths:
    """Market paths of some scenarios.

    Args:
        xp: `numpy`, `cupy`, or `jax.numpy` with 64-bit types.
        market: parameters; their [H+1] arrays set the number of months H.
        key: the seed's two words.
        scenario: uint32 [S], absolute scenario numbers.

    Returns:
        Paths over all channels, float64, rows 0..H.
    """
    months = market.reward.shape[0] - 1
    fixed = draw_fixed(xp, market, key, scenario)
    draws = draw_months(xp, market, key, scenario, months)

    def step(now: Market, inputs: tuple[Any, Draws]) -> tuple[Market, Seen]:
        t, drawn = inputs
        after = advance(xp, market, fixed, now, draws=drawn, t=t)
        return after, see(xp, market, after, t)

    first = begin(xp, market, scenario.shape[0])
    _, later = _scan(xp)(step, first, (xp.arange(1, months + 1), draws))
    return _assemble(xp, fixed, see(xp, market, first, 0), later)


def _scan(xp: Any) -> Scan:
    """The namespace's way to run a step month after month."""
    if is_traced(xp):
        from jax.lax import scan

        return scan
    return partial(_loop, xp)


def _loop(
    xp: Any, step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: tuple[Any, Draws]
) -> tuple[Any, Seen]:
    """`jax.lax.scan` for NumPy and CuPy: run `step` over the leading dimension and stack what it returns."""
    _, draws = inputs
    rows = []
    for place in range(draws.regime.shape[0]):
        state, row = step(state, (place + 1, Draws(*(field[place] for field in draws))))
        rows.append(row)
    return state, Seen(*(xp.stack(field) for field in zip(*rows, strict=True)))


def see(xp: Any, market: MarketArrays, state: Market, t: Any) -> Seen:
    """What the month shows to loans."""
    cash, price = channels(xp, market, state, t)
    return Seen(state.regime, cash, price, state.short_rate, state.log_discount, state.hazard)


def _assemble(xp: Any, fixed: Fixed, first: Seen, later: Seen) -> Paths:
    joined = Seen(*(xp.concatenate([row[None], rows]) for row, rows in zip(first, later, strict=True)))
    regime, cash, price, short_rate, log_discount = (xp.moveaxis(field, 0, 1) for field in joined[:-1])
    death = death_months(xp, joined.hazard, fixed.death_threshold)
    return Paths(regime, cash, price, short_rate, xp.exp(log_discount), death)


def _stream(streams: Any, place: int) -> tuple[Any, Any]:
    return streams[place, 0], streams[place, 1]


def _first_uniform(xp: Any, key: tuple[Any, Any], scenario: Any, streams: Any, purpose: Purpose) -> Any:
    """One uniform [S, names] a scenario and name."""
    word = words(xp, key, scenario[:, None], (streams[:, 0], streams[:, 1]), purpose=purpose, block=0)[0]
    return uniform(xp, word, xp.float64)


def _monthly_words(xp: Any, key: tuple[Any, Any], scenario: Any, streams: Any, *, block: Any, purpose: Purpose) -> Any:
    """Four words [blocks, S, streams] each."""
    return words(xp, key, scenario[None, :, None], (streams[:, 0], streams[:, 1]), purpose=purpose, block=block)


def _months_first(xp: Any, four: list[Any], months: int) -> Any:
    """Four values a block [blocks, S, streams] to one a month [months, S, streams]."""
    stacked = xp.stack(four, axis=1)
    return stacked.reshape(-1, *stacked.shape[2:])[:months]
