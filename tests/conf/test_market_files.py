"""The shipped markets and recoveries: valid, sourced number by number, inside the ranges that the evidence gives."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from math import log
from pathlib import Path

import numpy as np
import pytest
import yaml

from rackrisk.config import structural_settings
from rackrisk.kernels.streams import key_words
from rackrisk.models.market import MarketConfig, compile_market
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.recovery import AssetSale, RecoveryConfig

CONF = Path(__file__).parents[2] / "conf"
MARKETS = sorted(path.stem for path in (CONF / "market").glob("*.yaml"))
RECOVERIES = sorted(path.stem for path in (CONF / "recovery").glob("*.yaml"))
AS_OF = date(2026, 8, 31)

# How sure a number is; the head of conf/market/base.yaml says what each word means.
MARKS = ("measured", "filing", "register", "press", "derived", "memory", "judgement", "definition")
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")


@cache
def market(name: str) -> MarketConfig:
    return structural_settings(f"market={name}").market


@cache
def recovery(name: str) -> RecoveryConfig:
    return structural_settings(f"recovery={name}").recovery


def stationary(config: MarketConfig) -> np.ndarray:
    """Long-run share of months in calm, boom and stress."""
    chain = np.array(config.regimes.transition_monthly)
    balance = np.vstack([chain.T - np.eye(3), np.ones(3)])
    return np.linalg.lstsq(balance, np.array([0, 0, 0, 1.0]), rcond=None)[0]


def mean_log_rent_change(config: MarketConfig) -> float:
    """A year's expected change of log rent over the stationary regimes, steps of new generations left out."""
    return float(stationary(config) @ config.rent.drift_annual.values())


def all_sales(config: RecoveryConfig) -> list[AssetSale]:
    return [*config.gpus.values(), *config.asics.values(), config.btc, config.site]


def paths_of(config: MarketConfig, *, months: int, scenarios: int):
    arrays = compile_market(config, as_of=AS_OF, months=months, counterparty_pd_annual={"Tenant": 0.05})
    return simulate_paths(np, arrays, key_words(1), np.arange(scenarios, dtype=np.uint32))


def number_lines(node: yaml.Node) -> Iterator[int]:
    """Lines, from 0, that hold a number or date of a YAML tree."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag in NUMBERS:
            yield node.start_mark.line
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from number_lines(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from number_lines(value)


def comment_on(lines: list[str], line: int) -> str:
    """The comment on a line together with the block of comments right above it."""
    own = lines[line].partition("#")[2]
    above = line - 1
    while above >= 0 and lines[above].lstrip().startswith("#"):
        own += lines[above].partition("#")[2]
        above -= 1
    return own


def unsourced(text: str) -> list[str]:
    """Lines with a number and no comment that says how sure it is."""
    lines = text.splitlines()
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    marked = re.compile(r"\b(" + "|".join(MARKS) + r")\b")
    return [lines[line] for line in sorted(set(number_lines(tree))) if not marked.search(comment_on(lines, line))]


# --- the files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MARKETS)
def test_every_market_composes_and_is_valid(name: str) -> None:
    assert market(name).generations.keys() == market("base").generations.keys()


@pytest.mark.parametrize("name", RECOVERIES)
def test_every_recovery_composes_and_is_valid(name: str) -> None:
    assert {"default"} <= recovery(name).gpus.keys()
    assert {"default"} <= recovery(name).asics.keys()


@pytest.mark.parametrize("group", ["market", "recovery"])
def test_every_number_of_the_base_files_says_where_it_comes_from(group: str) -> None:
    assert unsourced((CONF / group / "base.yaml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", [name for name in MARKETS if name.startswith("replay")])
def test_every_replayed_series_says_where_it_comes_from(name: str) -> None:
    text = (CONF / "market" / f"{name}.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    series = [line for line, words in enumerate(lines) if ": [" in words]
    assert series
    assert all(any(mark in comment_on(lines, line) for mark in MARKS) for line in series)


def test_a_number_without_a_source_is_found() -> None:
    assert unsourced("a: 1 # measured\n# press\nb:\n  - [2, 3]\nc: {d: 4} # 2021\ne: text\n") == [
        "  - [2, 3]",
        "c: {d: 4} # 2021",
    ]


# --- the base market and the evidence -------------------------------------------------------------------------


def test_regimes_are_as_frequent_as_the_counted_booms_and_falls() -> None:
    calm, boom, stress = stationary(market("base"))
    assert 0.60 < calm < 0.72
    assert 0.10 < boom < 0.18
    assert 0.16 < stress < 0.26
    leaving_a_boom = 1 - market("base").regimes.transition_monthly[1][1]
    assert 3 < 1 / (12 * boom * leaving_a_boom) < 4.5  # years from boom to boom


def test_rents_fall_as_the_fits_say_and_rise_by_a_third_in_a_boom() -> None:
    rent = market("base").rent
    assert -0.18 < mean_log_rent_change(market("base")) < -0.10  # -0.150 ± 0.048 and -0.100 ± 0.068
    assert rent.drift_annual.boom / 2 == pytest.approx(log(1.3), abs=0.02)  # +30 % in six months
    assert rent.drift_annual.stress < rent.drift_annual.calm < 0 < rent.drift_annual.boom


def test_a_year_of_rent_is_about_as_uncertain_as_the_panels() -> None:
    start = market("base").generations["h100"].rent_usd_gpu_hour
    names = list(market("base").generations)
    rent = paths_of(market("base"), months=24, scenarios=4000).cash[:, :, names.index("h100")]
    assert rent[:, 0] == pytest.approx(start)
    assert 0.21 < np.log(rent[:, 24] / rent[:, 12]).std() < 0.36  # panels 0.26 ± 0.05


def test_stated_default_probabilities_are_met_on_average() -> None:
    multiple = market("base").counterparties.regime_multiple.values()
    assert stationary(market("base")) @ multiple == pytest.approx(1, abs=0.05)


def test_coin_moments_are_between_those_of_the_long_and_the_recent_years() -> None:
    btc, shares = market("base").btc, stationary(market("base"))
    jumps = btc.jumps_per_year * (btc.jump_mean**2 + btc.jump_sd**2)
    total = np.sqrt(shares @ np.square(btc.volatility_annual.values()) + jumps)
    assert 0.47 < total < 0.64
    assert shares @ btc.drift_annual.values() == pytest.approx(0.12, abs=0.01)


def test_calm_correlations_that_cannot_be_told_from_zero_are_zero() -> None:
    calm = np.array(market("base").factors.correlation_calm)
    ai_demand, btc = 1, 2
    assert calm[ai_demand, btc] == 0
    assert np.count_nonzero(np.triu(calm, 1)) == 3  # credit with coins and rates, coins with hash rate


def test_resale_values_of_today_are_those_of_traded_machines() -> None:
    names = list(market("base").generations)
    today = paths_of(market("base"), months=1, scenarios=1).price[0, 0, : len(names)]
    price = dict(zip(names, today, strict=True))
    traded = {"a100": 4_850, "h100": 13_300, "h200": 27_000, "b200": 50_000, "gb200": 41_700, "gb300": 52_000}
    for name, seen in traded.items():
        assert price[name] == pytest.approx(seen, rel=0.25)
    assert 52_000 < price["vr200"] < 108_000  # racks at 3.75 and 7.8 m


# --- the other worlds -----------------------------------------------------------------------------------------


def test_the_crisis_is_the_commentary_s_own() -> None:
    crisis = market("hash_credit_crisis")
    assert crisis.regimes.initial == "stress"
    assert log(1 - 0.40) < mean_log_rent_change(crisis) < log(1 - 0.20)  # "20 to 40 % a year"
    assert crisis.factors.convergence > 0.5 > market("base").factors.convergence
    assert crisis.btc.drift_annual.stress < -0.3


def test_replay_of_2021_ends_where_history_did() -> None:
    replay = market("replay_2021_2022").replay
    assert {len(replay.btc), len(replay.hashprice), len(replay.asic), len(replay.rent), len(replay.regime)} == {20}
    assert replay.asic[-1] == pytest.approx(15.71 / 119.25, abs=1e-4)  # -87 %
    assert replay.btc[-1] == pytest.approx(16_950 / 57_207, abs=1e-3)
    assert replay.hashprice[-1] == pytest.approx(60.7 / 308.7, abs=1e-3)


def test_replay_of_2025_ends_where_history_did() -> None:
    replay = market("replay_2025_2026").replay
    assert {len(replay.btc), len(replay.hashprice), len(replay.rent)} == {5}
    assert replay.btc[-1] == pytest.approx(69_478 / 114_085, abs=1e-3)  # -39 % on monthly means
    assert replay.rent[-1] == pytest.approx(2.35 / 1.70, abs=1e-3)  # +38 %


def test_a_replay_moves_prices_as_written() -> None:
    config = market("replay_2021_2022")
    paths = paths_of(config, months=20, scenarios=3)
    coin = -2  # the value channels end with coins and sites
    first_machine = len(config.generations)
    assert paths.price[:, 20, coin] == pytest.approx(config.btc.price_usd * config.replay.btc[-1])
    assert paths.price[:, 20, first_machine] == pytest.approx(7_500 * config.replay.asic[-1])
    assert paths.cash[:, 20, first_machine] == pytest.approx(36 * config.replay.hashprice[-1])


def test_nothing_moves_in_the_flat_world_but_the_age_of_gpus() -> None:
    config = market("flat")
    paths = paths_of(config, months=36, scenarios=3)
    gpus = len(config.generations)
    assert np.ptp(paths.cash, axis=(0, 1)) == pytest.approx(0, abs=1e-9)
    assert np.ptp(paths.price[:, :, gpus:], axis=(0, 1)) == pytest.approx(0, abs=1e-6)
    assert (np.diff(paths.price[:, :, :gpus], axis=1) <= 1e-9).all()
    assert (paths.death_month > 36).all()


def test_only_the_coin_moves_in_mertons_world_and_earns_the_short_rate() -> None:
    paths = paths_of(market("merton"), months=12, scenarios=20_000)
    moving = np.ptp(paths.price[:, 12], axis=0) > 1e-6
    assert moving.nonzero()[0].tolist() == [paths.price.shape[2] - 2]
    today = paths.price[:, 12, -2] * paths.discount[:, 12] / paths.price[0, 0, -2]
    assert abs(today.mean() - 1) < 4 * today.std() / np.sqrt(today.size)
    assert np.log(paths.price[:, 12, -2]).std() > 0.55


def test_frictionless_sales_bring_the_market_price_at_once() -> None:
    for sale in all_sales(recovery("frictionless")):
        assert (sale.impact, sale.lag_months, sale.haircut, sale.cost) == (0, 0, 0, 0)
    assert recovery("frictionless").unsecured_recovery == 0


def test_a_thin_market_is_worse_in_every_respect() -> None:
    for thin, base in zip(all_sales(recovery("thin")), all_sales(recovery("base")), strict=True):
        assert thin.haircut >= base.haircut
        assert thin.lag_months >= base.lag_months
        assert thin.floor <= base.floor
        assert thin.depth_units_month.stress <= base.depth_units_month.stress


def test_ten_thousand_gpus_cost_a_third_in_calm_and_less_than_the_floor_takes() -> None:
    sale = recovery("base").gpus["default"]
    left = np.exp(-sale.impact * 10_000 / sale.depth_units_month.calm)
    assert left == pytest.approx(0.65, abs=0.02)
    assert sale.floor < left
