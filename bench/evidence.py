"""The tables of docs/evidence.md from the shipped book: what the model says of each kind of loan, world and assumption.

    python -m bench.evidence            the experiments evidence_* and change_*; about three minutes
    python -m bench.evidence --quick    with a fifth of their scenarios

Each row of a table is one experiment of conf/experiment/, and `rackrisk run experiment=NAME` gives it alone. Same seed
everywhere, so that two rows differ by what was changed and by little else.
"""

import argparse
from collections.abc import Mapping, Sequence

import polars as pl

from rackrisk._structural import Structural
from rackrisk.config import structural_settings
from rackrisk.models.measures import measures_table
from rackrisk.models.results import PORTFOLIO_SCOPE, SimulationResult
from rackrisk.models.stages import unheard

from .record import say, table

BP = 1e4
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
WORLDS: Mapping[str, str] = {
    "evidence_base": "base",
    "evidence_crisis": "hash_credit_crisis",
    "evidence_crisis_thin": "hash_credit_crisis with recovery=thin",
    "evidence_replay_2021_2022": "replay_2021_2022",
    "evidence_replay_2025_2026": "replay_2025_2026",
    "evidence_flat": "flat",
}
CHANGES: Mapping[str, str] = {
    "change_nothing": "base",
    "change_drift": "calm drift of rents -0.07 instead of -0.14",
    "change_realisation": "realisation 0.50 instead of 0.60",
    "change_floor": "price floor of forced GPU sales 0.20 instead of 0.40",
    "change_offtake": "`mechanisms.offtake=false`",
    "change_convergence": "`mechanisms.convergence=false`",
}


def run(experiment: str, share: int) -> tuple[SimulationResult, pl.DataFrame]:
    """Simulate an experiment with one in so many of its scenarios; also its tape."""
    scenarios = structural_settings(f"experiment={experiment}").scenarios // share
    model = Structural(structural_settings(f"experiment={experiment}", f"scenarios={scenarios}"))
    book = model.read_book()
    say(f"experiment={experiment}, {scenarios:,} scenarios")
    simulation = model.open(book, model.settings.engine.name)
    return model.result(simulation, simulation.tally(range(scenarios)), 0.0, unheard), book


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
    worlds: list[list[str]] = []
    segments: list[str] = []
    for name, world in WORLDS.items():
        result, book = run(name, share)
        worlds.append([world, *by_world(result)])
        if not segments:
            segments = result.segments
            header = ("kind", "rows", "PD", "LGD", "EL, bp", "quoted, bp")
            show(f"By kind of loan, {result.n_scenarios:,} scenarios", header, by_kind(result, book))
    header = ("market", *(f"{name} PD, EL bp" for name in segments), "portfolio EL, 99 %")
    show("Worlds", header, worlds)
    changed = []
    for name, change in CHANGES.items():
        result, _ = run(name, share)
        changed.append([change, f"{spread_bp(result, 'neoclouds'):.0f}", f"{portfolio(result)['EL']:.2f}"])
    show("Changes", ("change", "neoclouds EL, bp", "portfolio EL, %"), changed)


if __name__ == "__main__":
    main()
