"""The tables of docs/evidence.md from the shipped book: what the model says of each kind of loan, world and assumption.

    python -m bench.evidence            6,000 scenarios, 1,500 for each changed assumption; about three minutes
    python -m bench.evidence --quick    a fifth of them

Same seed everywhere, so that two rows differ by what was changed and by little else.
"""

import argparse
from collections.abc import Mapping, Sequence

import polars as pl

from rackrisk.config import structural_settings
from rackrisk.data import load_portfolio
from rackrisk.models.measures import measures_table
from rackrisk.models.mechanisms import Mechanisms
from rackrisk.models.results import PORTFOLIO_SCOPE, SimulationResult
from rackrisk.models.simulate import simulate

from .record import say, table

BP = 1e4
SCENARIOS, CHANGED_SCENARIOS = 6_000, 1_500
GENERATED = pl.col("source").str.strip_prefix("generated: ")
PUBLIC = ~pl.col("source").str.starts_with("generated: ")


def made_as(*archetypes: str) -> pl.Expr:
    """Generated rows of these archetypes of data/sector_mix.csv."""
    return GENERATED.is_in(archetypes)


KINDS: Mapping[str, pl.Expr] = {
    "GPU loan, hyperscaler's take-or-pay": made_as("gpu_hyperscaler"),
    "GPU loan, unrated tenants": made_as("gpu_unrated"),
    "GPU fleet let by the hour": made_as("gpu_merchant"),
    "vendor paper of neoclouds": made_as("gpu_equipment"),
    "public neoclouds": PUBLIC & (pl.col("segment") == "neoclouds"),
    "- of these, contracts with unrated tenants (PD from 2 %)": PUBLIC
    & (pl.col("segment") == "neoclouds")
    & (pl.col("seniority") == "senior_secured")
    & (pl.col("offtaker_pd_annual") >= 0.02),
    "- CoreWeave's unsecured notes": pl.col("facility_id").str.starts_with("crwv-notes"),
    "data-centre bonds and loans": pl.col("segment") == "data_centres",
    "loans on mining machines": made_as("asic_loan"),
    "loans on coins": made_as("btc_loan"),
    "miners' convertibles (generated)": made_as("miner_convert"),
    "miners' convertibles (public)": PUBLIC
    & pl.col("facility_id").str.contains("-convert-")
    & (pl.col("segment") == "miners"),
    "hybrid miners": made_as("hybrid_miner"),
}
WORLDS: Mapping[str, tuple[str, ...]] = {
    "base": (),
    "hash_credit_crisis": ("market=hash_credit_crisis",),
    "hash_credit_crisis with recovery=thin": ("market=hash_credit_crisis", "recovery=thin"),
    "replay_2021_2022": ("market=replay_2021_2022",),
    "replay_2025_2026": ("market=replay_2025_2026",),
    "flat": ("market=flat",),
}
CHANGES: Mapping[str, tuple[str, ...]] = {
    "base": (),
    "calm drift of rents -0.07 instead of -0.14": ("market.rent.drift_annual.calm=-0.07",),
    "realisation 0.50 instead of 0.60": ("market.rent.realisation=0.5",),
    "price floor of forced GPU sales 0.20 instead of 0.40": tuple(
        f"recovery.gpus.{name}.floor=0.2" for name in ("default", "gb200", "gb300", "vr200")
    ),
    "`mechanisms.offtake=false`": ("mechanisms.offtake=false",),
    "`mechanisms.convergence=false`": ("mechanisms.convergence=false",),
}


def run(scenarios: int, *overrides: str) -> tuple[SimulationResult, pl.DataFrame]:
    """Simulate the shipped book; also its tape."""
    settings = structural_settings(*overrides)
    book = load_portfolio(
        settings.portfolio,
        as_of=settings.as_of,
        generations=tuple(settings.market.generations),
        asic_classes=tuple(settings.market.asics),
    )
    result = simulate(
        book,
        market=settings.market,
        recovery=settings.recovery,
        mechanisms=Mechanisms(**settings.mechanisms.model_dump()),
        months=settings.months,
        scenarios=scenarios,
        seed=settings.seed,
        as_of=settings.as_of,
    )
    return result, book


def total(column: pl.Series) -> float:
    """Sum without the missing."""
    return float(column.drop_nulls().to_numpy().sum())


def by_kind(result: SimulationResult, book: pl.DataFrame) -> list[list[str]]:
    """PD, LGD, expected loss and quoted spread of each kind; an error adds up those of the rows, so it is a bound."""
    rows = result.facilities.join(
        book.select("facility_id", "source", "seniority", "offtaker_pd_annual"), on="facility_id"
    )
    found = []
    for kind, chosen in KINDS.items():
        some = rows.filter(chosen)
        carried, loss = total(some["pv_balance_usd"]), total(some["el_usd"])
        exposure = total(some["expected_exposure_usd"])
        quoted = some.filter(pl.col("quoted_spread_annual").is_not_null())
        paid = total(quoted.select(pl.col("quoted_spread_annual") * pl.col("pv_balance_usd")).to_series())
        found.append(
            [
                kind,
                f"{some.height}",
                f"{total(some['pd']) / some.height:.3f}",
                f"{loss / exposure:.2f}" if exposure else "-",
                f"{BP * loss / carried:.1f} ± {BP * total(some['el_std_error_usd']) / carried:.1f}",
                f"{BP * paid / total(quoted['pv_balance_usd']):.0f}" if quoted.height else "-",
            ]
        )
    return found


def spread_bp(result: SimulationResult, segment: str) -> float:
    """Expected loss of a segment as a spread over its discounted balance."""
    rows = result.facilities.filter(pl.col("segment") == segment)
    return BP * total(rows["el_usd"]) / total(rows["pv_balance_usd"])


def portfolio(result: SimulationResult) -> dict[str, float]:
    """EL with its error and the 99 % quantile of the portfolio, % of its balance."""
    rows = measures_table(result, (0.99,), 0.95).filter(pl.col("scope") == PORTFOLIO_SCOPE)
    scale = 100 / result.exposure_usd[PORTFOLIO_SCOPE]
    found = {row["measure"]: row for row in rows.iter_rows(named=True)}
    el, var = found["EL"], found["VaR"]
    return {"EL": scale * el["value"], "error": scale * (el["std_error"] or 0), "VaR": scale * var["value"]}


def by_world(result: SimulationResult) -> list[str]:
    """PD by count and EL of every segment, EL and VaR of the portfolio."""
    last = result.pd_term.filter(pl.col("month") == result.months)
    pd = dict(last.select("scope", "pd_count").iter_rows())
    cells = [f"{pd[name]:.2f}, {spread_bp(result, name):,.0f}" for name in result.segments]
    whole = portfolio(result)
    return [*cells, f"{whole['EL']:.2f} ± {whole['error']:.2f}, {whole['VaR']:.1f}"]


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n{title}\n\n{table(header, rows)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the scenarios")
    share = 5 if parser.parse_args().quick else 1
    scenarios, fewer = SCENARIOS // share, CHANGED_SCENARIOS // share
    worlds: list[list[str]] = []
    segments: list[str] = []
    for name, overrides in WORLDS.items():
        say(f"{name}, {scenarios:,} scenarios")
        result, book = run(scenarios, *overrides)
        worlds.append([name, *by_world(result)])
        if name == "base":
            segments = result.segments
            header = ("kind", "rows", "PD", "LGD", "EL, bp", "quoted, bp")
            show(f"By kind of loan, {scenarios:,} scenarios", header, by_kind(result, book))
    header = ("market", *(f"{name} PD, EL bp" for name in segments), "portfolio EL, 99 %")
    show(f"Worlds, {scenarios:,} scenarios", header, worlds)
    changed = []
    for name, overrides in CHANGES.items():
        say(f"{name}, {fewer:,} scenarios")
        result, _ = run(fewer, *overrides)
        changed.append([name, f"{spread_bp(result, 'neoclouds'):.0f}", f"{portfolio(result)['EL']:.2f}"])
    show(f"Changes, {fewer:,} scenarios", ("change", "neoclouds EL, bp", "portfolio EL, %"), changed)


if __name__ == "__main__":
    main()
